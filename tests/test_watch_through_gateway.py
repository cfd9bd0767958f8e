"""Watching through a real Envoy: each form of REST, each refusal, whatever is killed meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import Any, NamedTuple, cast

import aiohttp
import grpc.aio
import pytest
from yarl import URL

from polydesk.api.v1 import ticket_pb2
from polydesk.api.v1.ticket_pb2_grpc import TicketServiceStub
from polydesk.server import Hub
from tests.stack import DEMO, Rest, Stack, await_answer

pytestmark = pytest.mark.envoy

ORG = 5
WATCH = f"/desk/v1/orgs/{ORG}/tickets:watch"
PATIENCE = 60.0
PUSHERS = 10
BATCHES = 40
ROWS = 25
Event = dict[str, Any]


class Form(NamedTuple):
    """One of the forms of a stream over REST: its content type, and what stands before an event."""

    content_type: str
    before: str


ARRAY = Form("application/json", r"[\[,]")
LINES = Form("application/x-ndjson", r"\n?")
EVENTS = Form("text/event-stream", r"(\n\n)?data: ")
FORMS = [
    pytest.param(ARRAY, id="array"),
    pytest.param(LINES, id="lines"),
    pytest.param(EVENTS, id="events"),
]
_decode = json.JSONDecoder().raw_decode


class Stream:
    """A watch over REST."""

    def __init__(self, form: Form, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self._form = form
        self._said = ""

    async def hear(self) -> Event:
        """Returns the next event, as soon as it is whole."""
        async with asyncio.timeout(PATIENCE):
            while True:
                with suppress(json.JSONDecodeError):
                    if before := re.match(self._form.before, self._said):
                        event, end = _decode(self._said, before.end())
                        self._said = self._said[end:]
                        return cast("Event", event)
                if not (more := await self.response.content.readany()):
                    raise EOFError
                self._said += more.decode()

    async def hear_change(self) -> Event:
        """Returns the next change."""
        while "changed" not in (event := await self.hear()):
            assert "heartbeat" in event
        return event


@asynccontextmanager
async def begin(rest: Rest, form: Form, *, cursor: str = "") -> AsyncIterator[Stream]:
    headers = {**DEMO, "Accept": form.content_type, "Accept-Encoding": "gzip"}
    url = f"{rest.base}{WATCH}?heartbeat_seconds=1&cursor={cursor}"
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        yield Stream(form, response)


async def save(rest: Rest, *numbers: str, text: str = "s") -> int:
    tickets = [
        {"kind": "KIND_INCIDENT", "number": number, "summary": "s", "description": text}
        for number in numbers
    ]
    answer = await rest.request(
        "POST", f"/desk/v1/orgs/{ORG}/tickets:save", json={"tickets": tickets}
    )
    return answer.status


@pytest.mark.parametrize("form", FORMS)
async def test_each_form_tells_each_event_when_it_happens(rest: Rest, form: Form) -> None:
    async with begin(rest, form) as stream:
        first = await stream.hear()
        heard = []
        for number in ("A", "B"):
            await save(rest, number, text="x" * 2_000)
            heard.append(await stream.hear_change())

    assert stream.response.status == 200
    assert stream.response.headers["content-type"] == form.content_type
    assert "content-encoding" not in stream.response.headers
    assert first["heartbeat"] == {}
    assert [event["changed"]["ticket"]["number"] for event in heard] == ["A", "B"]
    assert [event["changed"]["change"]["action"] for event in heard] == ["create", "create"]
    assert int(heard[0]["cursor"]) == int(first["cursor"]) + 1


async def test_silence_is_broken(rest: Rest) -> None:
    async with begin(rest, ARRAY) as stream:
        events = [await stream.hear() for _ in range(2)]

    assert all(event["heartbeat"] == {} for event in events)


@pytest.mark.parametrize("form", FORMS)
async def test_a_hub_that_stops_says_so_at_the_end(rest: Rest, hub: Hub, form: Form) -> None:
    async with begin(rest, form) as stream:
        first = await stream.hear()
        stopping = asyncio.create_task(hub.stop())
        last = await stream.hear()
        with pytest.raises(EOFError):
            await stream.hear()
    await stopping

    assert last["error"]["code"] == grpc.StatusCode.UNAVAILABLE.value[0]
    assert last["error"]["details"][0]["reason"] == "UNAVAILABLE"
    assert last["cursor"] == first["cursor"]


async def test_an_array_that_ends_is_whole(rest: Rest, hub: Hub) -> None:
    async with begin(rest, ARRAY, cursor="0") as stream:
        await hub.stop()
        events = json.loads(await stream.response.read())

    assert len(events) > 1
    assert all("changed" in event for event in events[:-1])
    assert "error" in events[-1]


REFUSED: list[tuple[str, dict[str, str], int, int, str]] = [
    (WATCH, {"Authorization": ""}, 401, 16, "CREDENTIALS_MISSING"),
    (WATCH, {"Authorization": "Bearer x"}, 401, 16, "CREDENTIALS_INVALID"),
    (WATCH + "?cursor=x", {}, 400, 3, "INVALID"),
    (WATCH + "?cursor=999999", {}, 400, 3, "INVALID"),
    (WATCH + "?heartbeat_seconds=301", {}, 400, 3, "INVALID"),
    (WATCH + "?heartbeat_seconds=x", {}, 400, 3, "INVALID"),
    (WATCH + "?parent=orgs/1", {}, 400, 3, "INVALID"),
    ("/desk/v1/orgs/77/tickets:watch", {}, 404, 5, "NOT_FOUND"),
]


@pytest.mark.parametrize("form", FORMS)
async def test_a_watch_that_cannot_begin_is_refused_like_any_call(rest: Rest, form: Form) -> None:
    for path, headers, *wanted in REFUSED:
        answer = await rest.request("GET", path, headers={"Accept": form.content_type, **headers})

        body = answer.json()
        assert [answer.status, body["code"], body["details"][0]["reason"]] == wanted
        assert answer.headers["content-type"] == "application/json"
        assert ("www-authenticate" in answer.headers) is (answer.status == 401)


async def test_another_verb_is_told_which_to_take(rest: Rest) -> None:
    answer = await rest.request("POST", WATCH, headers={"Accept": LINES.content_type}, json={})

    assert answer.status == 405
    assert answer.headers["allow"] == "GET"


def sit(port: int) -> socket.socket:
    """Begins a watch, and never reads a byte of it."""
    sitting = socket.socket()
    sitting.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    sitting.connect(("127.0.0.1", port))
    head = f"GET {WATCH} HTTP/1.1\r\nhost: x\r\nauthorization: {DEMO['Authorization']}\r\n\r\n"
    sitting.sendall(head.encode())
    return sitting


async def test_watchers_that_do_not_read_hold_nobody_up(rest: Rest) -> None:
    port = URL(rest.base).port or 0
    with ExitStack() as sitters:
        for _ in range(20):
            sitters.enter_context(sit(port))
        async with begin(rest, LINES) as stream:
            await stream.hear()
            for batch in range(10):
                await save(rest, *(f"{batch}-{row}" for row in range(10)), text="x" * 40_000)
            heard = [(await stream.hear_change())["cursor"] for _ in range(100)]

    assert len(set(heard)) == 100


class Watcher(ABC):
    """Follows the org over whatever happens, and remembers what it heard."""

    def __init__(self, cursor: str) -> None:
        self.heard: list[tuple[int, str]] = []
        self.begun = 0
        self._cursor = cursor

    async def follow_on(self) -> None:
        """Begins anew whenever a watch has ended."""
        while True:
            with suppress(aiohttp.ClientError, grpc.aio.AioRpcError, EOFError):
                await self.follow()
            await asyncio.sleep(0.05)

    @abstractmethod
    async def follow(self) -> None: ...


class RestWatcher(Watcher):
    def __init__(self, cursor: str, rest: Rest, form: Form) -> None:
        super().__init__(cursor)
        self._rest = rest
        self._form = form

    async def follow(self) -> None:
        async with begin(self._rest, self._form, cursor=self._cursor) as stream:
            if stream.response.status != 200:
                return
            self.begun += 1
            while "error" not in (event := await stream.hear()):
                if "changed" in event:
                    changed = event["changed"]
                    self.heard.append((changed["change"]["sequence"], changed["ticket"]["number"]))
                self._cursor = event["cursor"]


class NativeWatcher(Watcher):
    def __init__(self, cursor: str, port: int) -> None:
        super().__init__(cursor)
        self._address = f"127.0.0.1:{port}"

    async def follow(self) -> None:
        request = ticket_pb2.WatchTicketsRequest(
            parent=f"orgs/{ORG}", cursor=self._cursor, heartbeat_seconds=1
        )
        metadata = (("authorization", DEMO["Authorization"]),)
        self.begun += 1
        async with grpc.aio.insecure_channel(self._address) as channel:
            stream = TicketServiceStub(channel).WatchTickets(request, metadata=metadata)
            async for answer in stream:
                if answer.HasField("error"):
                    return
                if answer.HasField("changed"):
                    changed = answer.changed
                    self.heard.append((changed.change.sequence, changed.ticket.number))
                self._cursor = answer.cursor
        raise AssertionError("the watch ended without a word")


async def push(rest: Rest, name: int) -> None:
    """Saves batches, each until it is acknowledged: to say it again changes nothing."""
    for batch in range(BATCHES):
        status = 0
        while status != 200:
            with suppress(aiohttp.ClientError):
                status = await save(rest, *(f"{name}-{batch}-{row}" for row in range(ROWS)))
            await asyncio.sleep(0.1)


async def kill(pid: int, stack: Stack) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(await_answer, stack.port, b" 401 ")
    await asyncio.sleep(random.uniform(0.2, 0.6))  # noqa: S311 - no secret


async def test_whatever_is_killed_each_watcher_hears_each_change_once_and_in_one_order(
    stack: Stack,
) -> None:
    numbers = {f"{p}-{b}-{r}" for p in range(PUSHERS) for b in range(BATCHES) for r in range(ROWS)}
    async with aiohttp.ClientSession() as session:
        rest = Rest(session, stack.port)
        async with begin(rest, LINES) as stream:
            cursor = (await stream.hear())["cursor"]
        watchers: list[Watcher] = [
            NativeWatcher(cursor, stack.port),
            RestWatcher(cursor, rest, LINES),
            RestWatcher(cursor, rest, EVENTS),
        ]
        following = [asyncio.create_task(watcher.follow_on()) for watcher in watchers]
        pushing = asyncio.gather(*(push(rest, name) for name in range(PUSHERS)))
        await asyncio.sleep(0.5)
        for _ in range(2):
            await kill(stack.hubs()[0], stack)
            await kill(stack.envoy(), stack)
        await kill(stack.hubs()[0], stack)
        await pushing
        async with asyncio.timeout(PATIENCE):
            while any(len(watcher.heard) < len(numbers) for watcher in watchers):  # noqa: ASYNC110 - they are many
                await asyncio.sleep(0.05)
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)

    first = watchers[0].heard
    # What workers do meanwhile has sequences, too, and concerns no watcher.
    sequences = [sequence for sequence, _ in first]
    assert sequences == sorted(set(sequences))
    assert sequences[0] > int(cursor)
    assert sorted(number for _, number in first) == sorted(numbers)
    assert all(watcher.heard == first for watcher in watchers)
    assert all(watcher.begun > 1 for watcher in watchers)

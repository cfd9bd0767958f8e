"""The client while hubs and gateways are killed: what it watches, and what it writes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from contextlib import suppress

import grpc
import pytest

from polydesk.api.v1.incident_pb2 import CreateIncidentRequest
from polydesk.api.v1.ticket_pb2 import Ticket
from polydesk.client import Change, Client, HubError, Patience, Watch, errors
from polydesk.server import Hub
from tests.stack import Stack, await_answer

from .conftest import LOGIN, Scripted

ORG = 119
CREATORS = 12
EACH = 15
STUBBORN = Patience(attempts=60)


async def create(client: Client, summary: str) -> None:
    request = CreateIncidentRequest(parent=f"orgs/{ORG}", incident=Ticket(summary=summary))
    await client.incidents.CreateIncident(request)


async def kill(pid: int, stack: Stack) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(await_answer, stack.port, b" 401 ")
    await asyncio.sleep(0.3)


async def hear(watch: Watch, heard: list[Change], *, until: int) -> None:
    async for change in watch:
        heard.append(change)
        if len(heard) == until:
            return


@pytest.mark.envoy
async def test_whatever_is_killed_each_write_is_done_once_and_told_once(running: Stack) -> None:
    wanted = {f"{name}-{number}" for name in range(CREATORS) for number in range(EACH)}
    heard: list[Change] = []
    losses: list[HubError] = []
    address = f"127.0.0.1:{running.port}"
    async with Client(address, **LOGIN, timeout=90, patience=STUBBORN) as client:

        async def work(name: int) -> None:
            for number in range(EACH):
                await create(client, f"{name}-{number}")
                await asyncio.sleep(0.1)

        seeded = len([each async for each in client.list_tickets(ORG)])
        watch = client.watch(ORG, cursor="0", heartbeat_seconds=1, on_loss=losses.append)
        async with asyncio.timeout(120), watch, asyncio.TaskGroup() as group:
            group.create_task(hear(watch, heard, until=len(wanted) + seeded))
            for name in range(CREATORS):
                group.create_task(work(name))
            await asyncio.sleep(0.4)
            await kill(running.hubs()[0], running)
            await kill(running.envoy(), running)
            await kill(running.hubs()[0], running)
        found = Counter([each.summary async for each in client.list_incidents(ORG)])

    sequences = [change.change.sequence for change in heard]
    assert sequences == sorted(set(sequences))
    assert {name: count for name, count in found.items() if count > 1} == {}
    assert wanted <= set(found)
    told = Counter(change.ticket.summary for change in heard if change.ticket)
    assert {told[summary] for summary in wanted} == {1}
    assert losses


async def test_a_watch_begins_now_or_behind_a_cursor(client: Client) -> None:
    await create(client, "old")
    async with client.watch(ORG, cursor="0") as watch:
        async for told in watch:
            if told.ticket and told.ticket.summary == "old":
                break
    async with client.watch(ORG) as watch:
        asking = asyncio.ensure_future(anext(watch))
        await watch.begun.wait()
        await create(client, "new")
        change = await asking

    async with client.watch(ORG, cursor=told.cursor) as watch:
        again = await anext(watch)

    assert change.ticket is not None
    assert change.ticket.summary == "new"
    assert change.change.action == "create"
    assert again.cursor == change.cursor


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.UNAVAILABLE, errors.Unavailable),
        (grpc.StatusCode.INTERNAL, errors.Internal),
        (grpc.StatusCode.UNAUTHENTICATED, errors.Unauthenticated),
    ],
)
async def test_an_error_in_the_stream_begins_it_anew_behind_the_last_answer(
    scripted: Scripted, code: grpc.StatusCode, kind: type[HubError]
) -> None:
    losses: list[HubError] = []
    scripted.script.in_band = code

    async with (
        scripted.client() as client,
        client.watch(1, cursor="7", on_loss=losses.append) as watch,
    ):
        heard = [(await anext(watch)).cursor for _ in range(4)]

    assert heard == ["8", "9", "10", "11"]
    assert [type(error) for error in losses] == [kind] * 3


async def test_a_hub_that_is_slow_to_begin_is_asked_again(scripted: Scripted) -> None:
    scripted.script.refuse(grpc.StatusCode.DEADLINE_EXCEEDED)
    scripted.script.let_pass()
    scripted.script.refuse(grpc.StatusCode.INTERNAL, "a stream that breaks in the middle")

    async with scripted.client() as client, client.watch(1) as watch:
        heard = [(await anext(watch)).cursor for _ in range(2)]

    assert heard == ["1", "2"]


async def test_a_watch_ends_when_it_is_let_in_no_more(scripted: Scripted) -> None:
    scripted.script.let_pass()
    scripted.script.let_pass()
    scripted.script.refuse(grpc.StatusCode.UNAUTHENTICATED, "expired")

    async with scripted.client() as client, client.watch(1) as watch:
        await anext(watch)
        with pytest.raises(errors.Unauthenticated, match="expired"):
            await anext(watch)


async def test_a_hub_that_stops_is_found_again(hub: Hub, client: Client) -> None:
    watch = client.watch(ORG)

    waiting = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0.1)
    await hub.stop()
    await asyncio.sleep(0.5)

    assert not waiting.done()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.parametrize(
    ("org", "cursor", "secret", "kind"),
    [
        (77, "", "demo", errors.NotFound),
        (ORG, "x", "demo", errors.Invalid),
        (ORG, "", "wrong", errors.Unauthenticated),
    ],
)
async def test_a_watch_that_is_refused_for_good_ends(
    hub: Hub, org: int, cursor: str, secret: str, kind: type[HubError]
) -> None:
    async with Client(hub.address, login="demo@example.com", secret=secret) as client:
        with pytest.raises(kind):
            await anext(client.watch(org, cursor=cursor))

"""Watching, as a native client meets it: order, cursors, silence, and how a watch ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import asyncpg
import grpc
import grpc.aio
import pytest
from google.rpc import error_details_pb2

from polydesk.api.v1 import ticket_pb2
from polydesk.api.v1.ticket_pb2_grpc import TicketServiceStub
from polydesk.config import Settings
from polydesk.domain import watch
from polydesk.domain.identity import Role
from polydesk.domain.registry import Registry
from polydesk.domain.watch import Watches
from polydesk.server import Hub
from polydesk.store.history import SqlHistory
from tests.conftest import Native

if TYPE_CHECKING:
    from tests.postgres import Server

ORG = 5
PATIENCE = 60.0
Answer = ticket_pb2.WatchTicketsResponse
Stream = grpc.aio.UnaryStreamCall[Any, Any]


def begin(
    native: Native,
    cursor: str = "",
    *,
    org: int = ORG,
    heartbeat: int = 0,
    seconds: float | None = None,
    headers: Any = None,
) -> Stream:
    request = ticket_pb2.WatchTicketsRequest(
        parent=f"orgs/{org}", cursor=cursor, heartbeat_seconds=heartbeat
    )
    call: Stream = native.tickets.WatchTickets(
        request, metadata=native.headers() if headers is None else headers, timeout=seconds
    )
    return call


async def hear(stream: Stream) -> Answer:
    """Returns the next answer."""
    async with asyncio.timeout(PATIENCE):
        answer = await stream.read()
    assert isinstance(answer, Answer), "the stream has ended"
    return answer


async def hear_changes(stream: Stream, count: int) -> list[Answer]:
    """Returns the next changes."""
    heard: list[Answer] = []
    while len(heard) < count:
        answer = await hear(stream)
        if answer.WhichOneof("event") == "changed":
            heard.append(answer)
        else:
            assert not answer.HasField("error"), answer.error
    return heard


async def hear_end(stream: Stream) -> Answer:
    """Returns the error at the end, behind which nothing comes."""
    answer = await hear(stream)
    while not answer.HasField("error"):
        answer = await hear(stream)
    assert await stream.read() is grpc.aio.EOF
    assert await stream.code() is grpc.StatusCode.OK
    return answer


async def refusal(stream: Stream) -> grpc.aio.AioRpcError:
    """Returns how a watch is refused that never began."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await hear(stream)
    return caught.value


async def save(
    tickets: TicketServiceStub, *numbers: str, org: int = ORG, text: str = "s", **headers: str
) -> None:
    request = ticket_pb2.SaveTicketsRequest(parent=f"orgs/{org}")
    for number in numbers:
        request.tickets.add(
            kind=ticket_pb2.Ticket.KIND_INCIDENT, number=number, summary="s", description=text
        )
    await tickets.SaveTickets(request, metadata=Native.headers(**headers))


def numbers_of(answers: list[Answer]) -> list[str]:
    return [answer.changed.ticket.number for answer in answers]


@pytest.fixture
async def started(store_url: str) -> AsyncIterator[Native]:
    """A hub with the demo on either engine, and its client."""
    running = await Hub.start(Settings(database_url=store_url, demo=True))
    async with grpc.aio.insecure_channel(running.address) as channel:
        yield client(channel, running)
    await running.stop()


def client(channel: grpc.aio.Channel, hub: Hub) -> Native:
    stub: Any = None
    return Native(
        channel=channel,
        tickets=TicketServiceStub(channel),
        incidents=stub,
        identity=stub,
        registry=hub.desk.registry,
    )


async def test_a_watch_begins_with_a_sign_of_life_and_tells_what_comes_then(native: Native) -> None:
    await save(native.tickets, "before")
    stream = begin(native)
    first = await hear(stream)

    await save(native.tickets, "A", "B")
    await save(native.tickets, "C", org=1)
    await save(native.tickets, "D")

    assert first.WhichOneof("event") == "heartbeat"
    changes = await hear_changes(stream, 3)
    assert numbers_of(changes) == ["A", "B", "D"]
    assert all(int(each.cursor) == each.changed.change.sequence for each in changes)
    assert int(changes[0].cursor) == int(first.cursor) + 1


async def test_a_watch_from_the_beginning_tells_everything(started: Native) -> None:
    await started.registry.add_org(9, "Nine")
    await started.registry.set_role("demo@example.com", 9, Role.AGENT)
    for version in range(2):
        await save(
            started.tickets, *(f"T{index}" for index in range(250)), org=9, text=str(version)
        )

    changes = await hear_changes(begin(started, "0", org=9), 500)

    assert numbers_of(changes) == [f"T{index}" for index in range(250)] * 2
    assert {each.changed.change.action for each in changes[:250]} == {"create"}
    assert {each.changed.change.action for each in changes[250:]} == {"update"}


async def test_a_watch_goes_on_behind_a_cursor(native: Native) -> None:
    stream = begin(native)
    await hear(stream)
    await save(native.tickets, "A", "B", "C")
    first, second, _ = await hear_changes(stream, 3)
    stream.cancel()
    await save(native.tickets, "D")

    assert numbers_of(await hear_changes(begin(native, first.cursor), 3)) == ["B", "C", "D"]
    assert numbers_of(await hear_changes(begin(native, second.cursor), 2)) == ["C", "D"]


async def test_a_change_comes_with_the_ticket_as_it_is_now(native: Native) -> None:
    stream = begin(native)
    await hear(stream)
    await save(native.tickets, "A", text="before")
    await save(native.tickets, "A", text="after")

    changes = await hear_changes(begin(native, (await hear(stream)).cursor), 1)

    fields = {field.field: field for field in changes[0].changed.change.fields}
    assert (fields["description"].old_json, fields["description"].new_json) == (
        '"before"',
        '"after"',
    )
    assert changes[0].changed.ticket.description == "after"
    assert changes[0].changed.ticket.etag == "2"


async def test_three_watchers_hear_the_same_in_the_same_order(started: Native) -> None:
    streams = [begin(started) for _ in range(3)]
    for stream in streams:
        await hear(stream)

    async def push(name: int) -> None:
        for index in range(40):
            await save(started.tickets, *(f"{name}-{index}-{row}" for row in range(3)))

    pushing = asyncio.gather(*(push(name) for name in range(8)))
    heard = await asyncio.gather(*(hear_changes(stream, 960) for stream in streams))
    await pushing

    cursors = [int(each.cursor) for each in heard[0]]
    assert heard[0] == heard[1] == heard[2]
    assert cursors == list(range(cursors[0], cursors[0] + 960))
    assert len(set(numbers_of(heard[0]))) == 960


@pytest.mark.postgres
async def test_what_another_hub_writes_is_told_too(postgres_url: str) -> None:
    settings = Settings(database_url=postgres_url, demo=True)
    here, there = await Hub.start(settings), await Hub.start(settings)
    async with (
        grpc.aio.insecure_channel(here.address) as channel,
        grpc.aio.insecure_channel(there.address) as other,
    ):
        stream = begin(client(channel, here))
        await hear(stream)
        await save(TicketServiceStub(other), "A")

        assert numbers_of(await hear_changes(stream, 1)) == ["A"]
    await here.stop()
    await there.stop()


async def test_silence_is_broken_by_heartbeats_whatever_others_do(native: Native) -> None:
    stream = begin(native, heartbeat=1)
    first = await hear(stream)

    async def disturb() -> None:
        while True:
            await save(native.tickets, "A", org=1, text=str(object()))
            await asyncio.sleep(0.05)

    disturbing = asyncio.create_task(disturb())
    for _ in range(2):
        answer = await hear(stream)
        assert answer.WhichOneof("event") == "heartbeat"
        assert answer.cursor == first.cursor
    disturbing.cancel()


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "²", "999999", "9" * 30, " 1", "0x1"])
async def test_a_cursor_that_was_never_given_out_is_refused(native: Native, cursor: str) -> None:
    error = await refusal(begin(native, cursor))

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details() == "cursor is none that was given out"


@pytest.mark.parametrize("heartbeat", [-1, 301])
async def test_a_silence_has_limits(native: Native, heartbeat: int) -> None:
    error = await refusal(begin(native, heartbeat=heartbeat))

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_nobody_watches_without_credentials(native: Native) -> None:
    for headers in ((), native.headers(secret="wrong")):
        error = await refusal(begin(native, headers=headers))

        assert error.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_foreign_org_answers_like_a_missing_one(native: Native) -> None:
    await native.registry.add_org(77, "Foreign")

    errors = [await refusal(begin(native, org=org)) for org in (77, 78)]

    assert {error.code() for error in errors} == {grpc.StatusCode.NOT_FOUND}
    assert [error.details() for error in errors] == ["there is no org 77", "there is no org 78"]


async def revoke(registry: Registry) -> None:
    await registry.revoke_tokens("demo@example.com")


async def change_password(registry: Registry) -> None:
    await registry.set_secret("demo@example.com", "another")


async def take_role(registry: Registry) -> None:
    await registry.set_role("demo@example.com", ORG, None)


@pytest.mark.parametrize(
    ("scheme", "change", "code"),
    [
        ("bearer", revoke, grpc.StatusCode.UNAUTHENTICATED),
        ("bearer", change_password, grpc.StatusCode.UNAUTHENTICATED),
        ("basic", change_password, grpc.StatusCode.UNAUTHENTICATED),
        ("basic", take_role, grpc.StatusCode.NOT_FOUND),
    ],
)
@pytest.mark.parametrize("heartbeat", [1, 300])
async def test_a_watch_ends_with_what_gave_the_right_to_it(
    native: Native,
    scheme: str,
    change: Callable[[Registry], Any],
    code: grpc.StatusCode,
    heartbeat: int,
) -> None:
    headers: Any = native.headers()
    if scheme == "bearer":
        issued = await native.registry.token_for("demo@example.com")
        headers = [("authorization", f"Bearer {issued.access_token}")]
    stream = begin(native, heartbeat=heartbeat, headers=headers)
    first = await hear(stream)

    await change(native.registry)
    if heartbeat > 1:
        await save(native.tickets, "secret", login="demo-client", secret="demo-secret")

    answer = await hear_end(stream)
    assert answer.error.code == code.value[0]
    assert answer.cursor == first.cursor


async def test_a_hub_that_stops_ends_its_watches_and_takes_no_new_ones(
    started: Native, store_url: str
) -> None:
    hub = await Hub.start(Settings(database_url=store_url))
    async with grpc.aio.insecure_channel(hub.address) as channel:
        native = client(channel, hub)
        watching = begin(native)
        first = await hear(watching)
        hub.desk.watches.close()

        late = await refusal(begin(native))
        ended = await hear_end(watching)
    await hub.stop()

    assert late.code() is grpc.StatusCode.UNAVAILABLE
    assert (ended.error.code, ended.cursor) == (grpc.StatusCode.UNAVAILABLE.value[0], first.cursor)
    info = error_details_pb2.ErrorInfo()
    assert ended.error.details[0].Unpack(info)
    assert info.reason == "UNAVAILABLE"
    assert (await hear(begin(started, ended.cursor))).HasField("heartbeat")


async def test_a_stopping_hub_waits_for_no_watcher(native: Native, hub: Hub) -> None:
    stream = begin(native, heartbeat=300)
    await hear(stream)

    stopping = asyncio.create_task(hub.stop())

    assert (await hear_end(stream)).error.code == grpc.StatusCode.UNAVAILABLE.value[0]
    await stopping


@pytest.mark.postgres
async def test_a_database_that_goes_away_ends_watches(postgres_url: str, postgres: Server) -> None:
    hub = await Hub.start(Settings(database_url=postgres_url, demo=True))
    async with grpc.aio.insecure_channel(hub.address) as channel:
        stream = begin(client(channel, hub))
        await hear(stream)
        admin = await asyncpg.connect(postgres.url("postgres"))
        await admin.execute(f'drop database "{postgres_url.rpartition("/")[2]}" with (force)')
        await admin.close()

        assert (await hear_end(stream)).error.code == grpc.StatusCode.UNAVAILABLE.value[0]
    await hub.stop()


async def test_the_unexpected_ends_a_watch_with_nothing_but_the_id_of_the_request(
    native: Native, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    follow = Watches.follow

    async def fail(*args: Any, **more: Any) -> AsyncIterator[Any]:
        async for told in follow(*args, **more):
            yield told
            raise RuntimeError("the inner secret")

    monkeypatch.setattr(Watches, "follow", fail)
    answer = await hear_end(begin(native, headers=native.headers(**{"x-request-id": "r-1"})))

    assert answer.error.code == grpc.StatusCode.INTERNAL.value[0]
    assert answer.error.message == "internal error, request r-1"
    assert "the inner secret" in "".join(capsys.readouterr())


async def test_watches_that_end_in_any_way_make_room_for_others(
    native: Native, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "MOST_WATCHES", 1)

    async def take() -> Stream:
        async with asyncio.timeout(PATIENCE):
            while True:
                stream = begin(native, seconds=1)
                with suppress(grpc.aio.AioRpcError):
                    await hear(stream)
                    return stream
                assert await stream.code() is grpc.StatusCode.RESOURCE_EXHAUSTED

    late = await take()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await late.read()
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    (await take()).cancel()
    await refusal(begin(native, "x"))
    await take()


async def test_what_a_slow_watcher_has_not_asked_for_stays_in_the_database(
    native: Native, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = 0
    of_org = SqlHistory.of_org

    async def count(*args: Any, **more: Any) -> Any:
        nonlocal read
        rows = await of_org(*args, **more)
        read += len(rows)
        return rows

    monkeypatch.setattr(SqlHistory, "of_org", count)
    slow, quick = begin(native), begin(native)
    for stream in (slow, quick):
        await hear(stream)

    for batch in range(30):
        await save(native.tickets, *(f"{batch}-{row}" for row in range(20)), text="x" * 60_000)
        assert len(await hear_changes(quick, 20)) == 20

    assert read < 900
    assert len(await hear_changes(slow, 600)) == 600

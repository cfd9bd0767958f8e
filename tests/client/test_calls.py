"""What goes with a call, and when it is repeated: against a hub that answers as it is told."""

from __future__ import annotations

import base64
import time
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from polydesk.api.v1.ticket_pb2 import GetTicketRequest, SaveTicketsRequest, WatchTicketsRequest
from polydesk.client import Client, Patience, errors
from polydesk.client.contract import changes_something

from .conftest import Scripted

SAVE = SaveTicketsRequest(parent="orgs/1")
GET = GetTicketRequest(name="tickets/1")
AWAY = grpc.StatusCode.UNAVAILABLE
FULL = grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_repeated_write_keeps_its_key_and_its_request_id(scripted: Scripted) -> None:
    scripted.script.refuse(AWAY)
    scripted.script.refuse(AWAY)

    async with scripted.client() as client:
        await client.tickets.SaveTickets(SAVE)
        await client.tickets.SaveTickets(SAVE)

    calls = scripted.script.calls
    keys = [call["idempotency-key"] for call in calls]
    assert keys[0] == keys[1] == keys[2] != keys[3]
    ids = [call["x-request-id"] for call in calls]
    assert ids[0] == ids[1] == ids[2] != ids[3]


async def test_a_read_has_no_key(scripted: Scripted) -> None:
    async with scripted.client() as client:
        await client.tickets.GetTicket(GET)

    assert "idempotency-key" not in scripted.script.calls[0]


async def test_what_the_caller_gives_goes_before(scripted: Scripted) -> None:
    given = (("idempotency-key", "mine"), ("x-request-id", "r-1"), ("if-match", "7"))

    async with scripted.client() as client:
        await client.tickets.SaveTickets(SAVE, metadata=given)

    assert scripted.script.calls[0].items() >= dict(given).items()
    assert scripted.script.calls[0]["authorization"] == "Bearer t"


@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        (
            {"token": "", "login": "ann", "secret": "ö:1"},
            f"Basic {base64.b64encode('ann:ö:1'.encode()).decode()}",
        ),
        ({"token": "a.b.c"}, "Bearer a.b.c"),
        ({"token": "", "key": "k-1"}, "Apikey k-1"),
        ({"token": ""}, None),
    ],
)
async def test_each_kind_of_credentials_has_its_header(
    scripted: Scripted, credentials: dict[str, str], header: str | None
) -> None:
    async with scripted.client(**credentials) as client:
        await client.tickets.GetTicket(GET)

    assert scripted.script.calls[0].get("authorization") == header


@pytest.mark.parametrize(
    "credentials", [{"login": "a", "token": "t"}, {"token": "t", "key": "k"}, {"login": "a:b"}]
)
def test_credentials_that_contradict_are_refused(credentials: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"not with several|no colon"):
        Client("127.0.0.1:1", **credentials)


async def test_a_call_has_the_clients_deadline_or_its_own(scripted: Scripted) -> None:
    async with scripted.client(timeout=50) as client:
        await client.tickets.GetTicket(GET)
        await client.tickets.GetTicket(GET, timeout=500)

    first, second = scripted.script.left
    assert 20 < first <= 51
    assert 100 < second <= 501


async def test_the_deadline_goes_over_all_attempts(scripted: Scripted) -> None:
    scripted.script.refuse(AWAY)

    async with scripted.client(timeout=9, patience=Patience(shortest=1.0, longest=1.0)) as client:
        await client.tickets.GetTicket(GET)

    first, second = scripted.script.left
    assert second <= first - 0.5


async def test_nothing_is_repeated_beyond_the_deadline(scripted: Scripted) -> None:
    scripted.script.refuse(AWAY, retry_after="60")
    begin = time.monotonic()

    async with scripted.client() as client:
        with pytest.raises(errors.Unavailable) as raised:
            await client.tickets.GetTicket(GET, timeout=30)

    assert raised.value.retry_after == 60
    assert len(scripted.script.calls) == 1
    assert time.monotonic() - begin < 30


async def test_a_hub_that_asks_for_a_pause_gets_it(scripted: Scripted) -> None:
    scripted.script.refuse(FULL, "later", retry_after="1")
    begin = time.monotonic()

    async with scripted.client() as client:
        await client.tickets.GetTicket(GET)

    assert time.monotonic() - begin >= 1


async def test_patience_has_an_end(scripted: Scripted) -> None:
    for _ in range(9):
        scripted.script.refuse(AWAY, "down")

    async with scripted.client() as client:
        with pytest.raises(errors.Unavailable, match="down"):
            await client.tickets.SaveTickets(SAVE)

    assert len(scripted.script.calls) == 4


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "", errors.Invalid),
        (grpc.StatusCode.NOT_FOUND, "", errors.NotFound),
        (grpc.StatusCode.ABORTED, "", errors.Conflict),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "", errors.TimedOut),
        (grpc.StatusCode.INTERNAL, "a bug", errors.Internal),
        (FULL, "Received message larger than max (9 vs. 8)", errors.TooLarge),
        (grpc.StatusCode.OUT_OF_RANGE, "", errors.Invalid),
        (grpc.StatusCode.UNKNOWN, "", errors.HubError),
    ],
)
async def test_what_will_not_do_better_is_not_repeated(
    scripted: Scripted, code: grpc.StatusCode, message: str, kind: type[errors.HubError]
) -> None:
    scripted.script.refuse(code, message)

    async with scripted.client() as client:
        with pytest.raises(errors.HubError) as raised:
            await client.tickets.SaveTickets(SAVE)

    assert type(raised.value) is kind
    assert raised.value.code is code
    assert isinstance(raised.value.__cause__, grpc.aio.AioRpcError)
    assert len(scripted.script.calls) == 1


@pytest.mark.parametrize("code", [grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN])
async def test_a_torn_connection_is_repeated_whatever_it_is_called(
    scripted: Scripted, code: grpc.StatusCode
) -> None:
    scripted.script.refuse(code, "Received RST_STREAM with error code 2")
    scripted.script.refuse(grpc.StatusCode.CANCELLED)

    async with scripted.client() as client:
        await client.tickets.SaveTickets(SAVE)

    assert len(scripted.script.calls) == 3


async def test_a_message_that_is_too_large_is_not_sent_again(scripted: Scripted) -> None:
    info = error_details_pb2.ErrorInfo(reason="TOO_LARGE", metadata={"most": "8"})
    detail = any_pb2.Any()
    detail.Pack(info)
    status = status_pb2.Status(code=8, message="too large", details=[detail])
    scripted.script.refusals.append(
        (FULL, "too large", {"grpc_status_details_bin": status.SerializeToString()})
    )

    async with scripted.client() as client:
        with pytest.raises(errors.TooLarge) as raised:
            await client.tickets.SaveTickets(SAVE)

    assert raised.value.metadata == {"most": "8"}


async def test_a_stream_is_repeated_until_it_has_answered(scripted: Scripted) -> None:
    scripted.script.refuse(AWAY)
    scripted.script.refuse(AWAY)

    async with scripted.client() as client:
        call = aiter(client.tickets.WatchTickets(WatchTicketsRequest(parent="orgs/1")))
        first = await anext(call)

    assert first.cursor == "1"


async def test_a_stream_that_has_answered_is_not_repeated(scripted: Scripted) -> None:
    scripted.script.let_pass()
    scripted.script.refuse(AWAY, "gone")

    async with scripted.client() as client:
        call = aiter(client.tickets.WatchTickets(WatchTicketsRequest(parent="orgs/1")))
        await anext(call)
        with pytest.raises(errors.Unavailable):
            await anext(call)

    assert len(scripted.script.calls) == 2


async def test_nobody_there_is_told_as_unavailable() -> None:
    async with Client("127.0.0.1:1", patience=Patience(attempts=2)) as client:
        with pytest.raises(errors.Unavailable):
            await client.tickets.GetTicket(GET)


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("/polydesk.api.v1.TicketService/SaveTickets", True),
        ("/polydesk.api.v1.TicketService/GetTicket", False),
        ("/polydesk.api.v1.IdentityService/SetRole", True),
        ("/grpc.health.v1.Health/Check", False),
    ],
)
def test_the_contract_says_what_changes_something(path: str, changes: bool) -> None:  # noqa: FBT001 - a case
    assert changes_something(path) is changes


def test_pauses_grow_to_a_bound_and_are_never_the_same() -> None:
    patience = Patience(shortest=0.1, longest=2.0)

    pauses = [[patience.pause(attempt) for _ in range(50)] for attempt in range(1, 60)]

    assert all(0.05 <= pause <= 2.0 for row in pauses for pause in row)
    assert max(pauses[0]) < min(pauses[4])
    assert all(len(set(row)) > 1 for row in pauses)

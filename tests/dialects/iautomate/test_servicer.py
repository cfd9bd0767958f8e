"""The dialect by gRPC, as a native client meets it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest

from polydesk.api.iautomate.v1 import iautomate_pb2 as pb
from polydesk.api.iautomate.v1.iautomate_pb2_grpc import IAutomateServiceStub
from tests.dialects.iautomate.guide import NUMBER
from tests.dialects.iautomate.test_tickets import v2

if TYPE_CHECKING:
    from tests.conftest import Native


@pytest.fixture
def stub(native: Native) -> IAutomateServiceStub:
    return IAutomateServiceStub(native.channel)


@pytest.fixture
def metadata(native: Native) -> tuple[tuple[str, str], ...]:
    return native.headers()


def push(*tickets: pb.PushedIncidentV2, org: str = "1") -> pb.PushIncidentsV2Request:
    return pb.PushIncidentsV2Request(orgentityid=org, tickets=tickets)


async def test_a_push_is_read_back(stub: Any, metadata: Any) -> None:
    tickets = [v2(TicketNumber=number, Col20="x") for number in ("B", "A")]

    saved = await stub.PushIncidentsV2(push(*tickets, org="7"), metadata=metadata)
    asked = pb.GetIncidentsV1Request(orgentityid="7", raw_query="updated_date>2020-01-01 00:00:00")
    answer = await stub.GetIncidentsV1(asked, metadata=metadata)

    assert saved.message == "Incident data saved successfully"
    assert saved.id
    assert [ticket.ticket_number for ticket in answer.result] == [NUMBER, "A", "B"]


async def test_a_page_follows_the_page_before(stub: Any, metadata: Any) -> None:
    await stub.PushIncidentsV2(
        push(*[v2(TicketNumber=f"P{number}", AssignedGroup="paged") for number in range(5)]),
        metadata=metadata,
    )

    found = []
    for offset in (0, 2, 4, 6):
        query = f"assignment_group=paged&limit=2&offset={offset}"
        asked = pb.GetIncidentsV2Request(orgentityid="1", raw_query=query)
        answer = await stub.GetIncidentsV2(asked, metadata=metadata)
        found.append([ticket.ticket_number for ticket in answer.result])

    assert found == [["P0", "P1"], ["P2", "P3"], ["P4"], []]


async def test_one_wrong_ticket_keeps_all_out(stub: Any, metadata: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.PushIncidentsV2(push(v2(TicketNumber="N"), v2(IsEpoch="?")), metadata=metadata)

    asked = pb.GetIncidentsV2Request(orgentityid="1", raw_query="ticket_number=N")
    answer = await stub.GetIncidentsV2(asked, metadata=metadata)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == "IsEpoch is ?, it can be Y or N (item 1)"
    assert answer.count == 0


@pytest.mark.parametrize("org", ["2", "x", "9" * 30])
async def test_an_unknown_org_is_not_found(stub: Any, metadata: Any, org: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.GetIncidentsV2(pb.GetIncidentsV2Request(orgentityid=org), metadata=metadata)

    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert str(caught.value.details()).startswith("there is no org")


async def test_incidents_and_events_have_their_own_numbers(stub: Any, metadata: Any) -> None:
    await stub.PushIncidentsV2(push(v2(TicketNumber="EV1", ModuleId="9")), metadata=metadata)

    event = await stub.GetEventStatus(
        pb.GetEventStatusRequest(orgentityid="1", ticketnumber=f"EV1, {NUMBER},EV1"),
        metadata=metadata,
    )
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.GetIncidentStatus(
            pb.GetIncidentStatusRequest(orgentityid="1", ticketnumber="EV1"), metadata=metadata
        )

    assert [ticket.ticket_number for ticket in event.result] == ["EV1", NUMBER]
    assert caught.value.details() == "Ticket not found"


async def test_a_hundred_numbers_are_taken_and_no_more(stub: Any, metadata: Any) -> None:
    numbers = ",".join([NUMBER, *map(str, range(100))])

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.GetIncidentStatus(
            pb.GetIncidentStatusRequest(orgentityid="1", ticketnumber=numbers), metadata=metadata
        )
    answer = await stub.GetIncidentStatus(
        pb.GetIncidentStatusRequest(orgentityid="1", ticketnumber=numbers[:-3]), metadata=metadata
    )

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert answer.count == 1


async def test_more_than_ten_thousand_are_not_cut_off(stub: Any, metadata: Any) -> None:
    many = [v2(TicketNumber=f"M{number}", AssignedGroup="many") for number in range(10_000)]
    await stub.PushIncidentsV2(push(*many), metadata=metadata)
    fits_all = pb.GetIncidentsV2Request(orgentityid="1", raw_query="assignment_group=many")
    too_many = pb.GetIncidentsV2Request(orgentityid="1")

    answer = await stub.GetIncidentsV2(fits_all, metadata=metadata)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.GetIncidentsV2(too_many, metadata=metadata)

    assert answer.count == 10_000
    assert caught.value.details() == (
        "more than 10000 tickets fit: narrow the filter, or add limit and offset"
    )

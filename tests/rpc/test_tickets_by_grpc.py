"""The canonical ticket and incident services, as a native client meets them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc
import grpc.aio
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2, status_pb2

from polydesk.api.v1 import incident_pb2, ticket_pb2

if TYPE_CHECKING:
    from tests.conftest import Native

Ticket = ticket_pb2.Ticket


def incident(**said: object) -> Ticket:
    usual: dict[str, object] = {"kind": Ticket.KIND_INCIDENT, "number": "A1", "summary": "fire"}
    return Ticket(**(usual | said))  # type: ignore[arg-type]


async def save(
    native: Native, *tickets: Ticket, org: int = 1, **headers: str
) -> ticket_pb2.SaveTicketsResponse:
    request = ticket_pb2.SaveTicketsRequest(parent=f"orgs/{org}", tickets=tickets)
    return await native.tickets.SaveTickets(request, metadata=native.headers(**headers))


def details_of(error: grpc.aio.AioRpcError) -> dict[str, object]:
    found: dict[str, object] = {}
    status = status_pb2.Status()
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status.ParseFromString(value)
    for packed in status.details:
        for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest):
            detail = kind()
            if packed.Unpack(detail):
                found[kind.DESCRIPTOR.name] = detail
    return found


async def test_an_incident_is_created_read_and_listed(native: Native) -> None:
    created = await native.incidents.CreateIncident(
        incident_pb2.CreateIncidentRequest(
            parent="orgs/1",
            incident=Ticket(summary="printer on fire", assignee="ann", state=Ticket.STATE_ACTIVE),
        ),
        metadata=native.headers(),
    )

    got = await native.incidents.GetIncident(
        incident_pb2.GetIncidentRequest(name=created.name), metadata=native.headers()
    )
    listed = await native.incidents.ListIncidents(
        incident_pb2.ListIncidentsRequest(parent="orgs/1", filter=f'number = "{created.number}"'),
        metadata=native.headers(),
    )

    assert got == created
    assert list(listed.incidents) == [created]
    assert created.name.startswith("incidents/")
    assert created.number.startswith("INC")
    assert (created.kind, created.state) == (Ticket.KIND_INCIDENT, Ticket.STATE_ACTIVE)
    assert created.org == "orgs/1"
    assert created.execution_status == Ticket.EXECUTION_STATUS_DATA_COLLECTED


async def test_a_number_is_taken_once(native: Native) -> None:
    request = incident_pb2.CreateIncidentRequest(parent="orgs/1", incident=incident(number="X"))
    await native.incidents.CreateIncident(request, metadata=native.headers())

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await native.incidents.CreateIncident(request, metadata=native.headers())

    assert caught.value.code() is grpc.StatusCode.ALREADY_EXISTS


async def test_a_batch_answers_each_row(native: Native) -> None:
    old, new = Timestamp(seconds=1_000), Timestamp(seconds=2_000)
    await save(native, incident(modify_time=new))

    answer = await save(
        native,
        incident(number="B1"),
        incident(modify_time=old, summary="old news"),
        incident(modify_time=new),
        incident(modify_time=Timestamp(seconds=3_000), summary="newest"),
    )

    outcome = ticket_pb2.SaveTicketsResponse.Outcome
    assert [outcome.Name(row.outcome) for row in answer.results] == [
        "OUTCOME_CREATED",
        "OUTCOME_STALE",
        "OUTCOME_UNCHANGED",
        "OUTCOME_UPDATED",
    ]
    assert answer.results[1].name == answer.results[3].name
    assert answer.results[1].etag == "2"


async def test_a_bad_row_keeps_its_whole_batch_out_and_is_named(native: Native) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await save(native, incident(number="C1"), incident(number="C2"), incident(summary=""))

    details = details_of(caught.value)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert details["BadRequest"].field_violations[0].field == "tickets[2].summary"  # type: ignore[attr-defined]
    assert details["ErrorInfo"].reason == "MISSING"  # type: ignore[attr-defined]
    page = await native.tickets.ListTickets(
        ticket_pb2.ListTicketsRequest(parent="orgs/1", filter='number = "C1"'),
        metadata=native.headers(),
    )
    assert not page.tickets


async def test_an_etag_guards_a_save(native: Native) -> None:
    [row] = (await save(native, incident())).results
    await save(native, incident(summary="somebody was faster"))

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await save(native, incident(summary="too late", etag=row.etag))

    assert caught.value.code() is grpc.StatusCode.ABORTED
    assert "its etag is 2, not 1" in (caught.value.details() or "")


async def test_an_idempotency_key_makes_a_create_happen_once(native: Native) -> None:
    request = incident_pb2.CreateIncidentRequest(
        parent="orgs/1", incident=Ticket(summary="printer on fire")
    )
    create = native.incidents.CreateIncident
    keyed = native.headers(**{"idempotency-key": "k1"})

    first, second = [await create(request, metadata=keyed) for _ in range(2)]
    request.incident.summary = "another"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await create(request, metadata=keyed)

    assert first == second
    assert caught.value.code() is grpc.StatusCode.ABORTED


async def test_an_idempotency_key_may_come_from_sixteen_at_once(native: Native) -> None:
    request = incident_pb2.CreateIncidentRequest(
        parent="orgs/1", incident=Ticket(summary="printer on fire")
    )
    keyed = native.headers(**{"idempotency-key": "k2"})

    made = await asyncio.gather(
        *(native.incidents.CreateIncident(request, metadata=keyed) for _ in range(16))
    )

    assert len({ticket.name for ticket in made}) == 1


async def test_pages_go_through_all_tickets_in_either_direction(native: Native) -> None:
    await save(
        native,
        *(
            incident(number=f"P{i}", open_time=Timestamp(seconds=10_000 + i // 3))
            for i in range(20)
        ),
        org=5,
    )

    async def walk(order_by: str) -> list[str]:
        numbers: list[str] = []
        token = ""
        while True:
            page = await native.tickets.ListTickets(
                ticket_pb2.ListTicketsRequest(
                    parent="orgs/5",
                    filter="summary = fire",
                    page_size=6,
                    page_token=token,
                    order_by=order_by,
                ),
                metadata=native.headers(),
            )
            numbers += [ticket.number for ticket in page.tickets]
            token = page.next_page_token
            if not token:
                return numbers

    forward = await walk("open_time")
    assert forward == [f"P{i}" for i in range(20)]
    assert await walk("open_time desc") == forward[::-1]


async def test_the_history_tells_who_changed_what(native: Native) -> None:
    [row] = (await save(native, incident(number="H1", summary="before"))).results
    await save(native, incident(number="H1", summary="after"))

    answer = await native.tickets.ListTicketChanges(
        ticket_pb2.ListTicketChangesRequest(parent=row.name), metadata=native.headers()
    )

    created, updated = answer.changes
    assert (created.action, updated.action) == ("create", "update")
    assert (updated.actor, updated.via) == ("demo@example.com", "desk")
    assert updated.sequence > created.sequence
    [summary] = [field for field in updated.fields if field.field == "summary"]
    assert (summary.old_json, summary.new_json) == ('"before"', '"after"')


async def test_the_history_comes_in_pages(native: Native) -> None:
    for version in range(5):
        [row] = (await save(native, incident(number="H2", summary=str(version)))).results

    seen: list[int] = []
    token = ""
    while True:
        answer = await native.tickets.ListTicketChanges(
            ticket_pb2.ListTicketChangesRequest(parent=row.name, page_size=2, page_token=token),
            metadata=native.headers(),
        )
        seen += [change.sequence for change in answer.changes]
        token = answer.next_page_token
        if not token:
            break

    assert len(seen) == 5
    assert seen == sorted(set(seen))


async def test_the_execution_status_comes_in_the_order_asked_for(native: Native) -> None:
    await save(native, incident(number="S1"), incident(number="S2"))

    answer = await native.tickets.ListExecutionStatuses(
        ticket_pb2.ListExecutionStatusesRequest(
            parent="orgs/1", kind=Ticket.KIND_INCIDENT, numbers=["S2", "none", "S1"]
        ),
        metadata=native.headers(),
    )

    assert [status.number for status in answer.statuses] == ["S2", "S1"]


async def test_a_foreign_org_answers_like_a_missing_one(native: Native) -> None:
    await native.registry.add_org(77, "Foreign")
    answers = []
    for org in (77, 78):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await save(native, incident(), org=org)
        answers.append((caught.value.code(), (caught.value.details() or "").replace(str(org), "N")))

    assert answers[0] == answers[1]
    assert answers[0][0] is grpc.StatusCode.NOT_FOUND


async def test_a_foreign_ticket_answers_like_a_missing_one(native: Native) -> None:
    [row] = (await save(native, incident(number="F1"))).results
    await native.registry.add_org(77, "Foreign")
    await native.registry.add_user("eve@example.com", "evil", roles={77: native.agent})
    eve = native.headers(login="eve@example.com", secret="evil")

    answers = []
    for name in (row.name, "tickets/999999"):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await native.tickets.GetTicket(ticket_pb2.GetTicketRequest(name=name), metadata=eve)
        answers.append((caught.value.code(), (caught.value.details() or "").replace(name[8:], "N")))

    assert answers[0] == answers[1]


async def test_a_reader_reads_and_does_not_write(native: Native) -> None:
    await native.registry.add_user("rob@example.com", "robs", roles={1: native.reader})
    rob = {"login": "rob@example.com", "secret": "robs"}

    page = await native.tickets.ListTickets(
        ticket_pb2.ListTicketsRequest(parent="orgs/1"), metadata=native.headers(**rob)
    )
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await save(native, incident(), org=1, **rob)

    assert page.tickets
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize(
    ("request_", "complaint"),
    [
        (ticket_pb2.ListTicketsRequest(), "parent is required"),
        (ticket_pb2.ListTicketsRequest(parent="1"), "not of the form orgs/42"),
        (ticket_pb2.ListTicketsRequest(parent="orgs/1", filter="state ="), "at character 8"),
        (ticket_pb2.ListTicketsRequest(parent="orgs/1", page_token="zz"), "page_token"),
        (ticket_pb2.ListTicketsRequest(parent="orgs/1", page_size=-1), "page_size"),
        (ticket_pb2.ListTicketsRequest(parent="orgs/1", order_by="x"), "order_by"),
        (ticket_pb2.LookupTicketRequest(parent="orgs/1", number="x"), "kind is required"),
        (
            ticket_pb2.LookupTicketRequest(parent="orgs/1", kind=Ticket.KIND_EVENT),
            "either number or sys_id",
        ),
        (ticket_pb2.GetTicketRequest(name="tickets/x"), "not of the form tickets/42"),
        (ticket_pb2.SaveTicketsRequest(parent="orgs/1"), "at least one of tickets is required"),
        (
            ticket_pb2.SaveTicketsRequest(parent="orgs/1", tickets=[Ticket(summary="s")]),
            r"tickets\[0\].kind is required",
        ),
        (
            ticket_pb2.SaveTicketsRequest(
                parent="orgs/1", tickets=[incident(open_time=Timestamp(seconds=10**15))]
            ),
            r"tickets\[0\].open_time is no time",
        ),
        (
            ticket_pb2.SaveTicketsRequest(parent="orgs/1", tickets=[incident(summary="a\0")]),
            r"tickets\[0\].summary holds the character NUL",
        ),
        (
            ticket_pb2.SaveTicketsRequest(parent="orgs/1", tickets=[incident()] * 10_001),
            "10001 tickets came, at most 10000",
        ),
    ],
)
async def test_a_bad_request_says_what_to_mend(
    native: Native, request_: object, complaint: str
) -> None:
    method = type(request_).__name__.removesuffix("Request")

    with pytest.raises(grpc.aio.AioRpcError, match=complaint) as caught:
        await getattr(native.tickets, method)(request_, metadata=native.headers())

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT

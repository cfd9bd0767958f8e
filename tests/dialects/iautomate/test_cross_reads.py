"""One record: what is pushed through V1 or V2 is read through the other, and by gRPC."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

from polydesk.api.v1 import incident_pb2, note_pb2, ticket_pb2
from polydesk.api.v1.note_pb2_grpc import NoteServiceStub
from tests.dialects.iautomate.guide import (
    pushed,
    pushed_change,
    pushed_service_request,
    pushed_sub_task,
)

if TYPE_CHECKING:
    from tests.conftest import Native
    from tests.stack import Rest

pytestmark = pytest.mark.envoy

Ticket = ticket_pb2.Ticket
V1: Final = "/iAutomateAPI/Request"


class Door(NamedTuple):
    """The two ways to tickets of one kind, and what is pushed through each."""

    kind: Any
    push: tuple[str, str]
    read: tuple[str, str]
    body: tuple[dict[str, str], dict[str, str]]


DOORS: Final = {
    "incidents": Door(
        Ticket.KIND_INCIDENT,
        (f"{V1}/SaveIncidentData/1", "/v2/incident/orgentityid/1"),
        (f"{V1}/GetIncidentTicketData/1", "/v2/incident/orgentityid/1"),
        (pushed(5), pushed(20)),
    ),
    "events": Door(
        Ticket.KIND_EVENT,
        (f"{V1}/SaveIncidentData/1", "/v2/incident/orgentityid/1"),
        (f"{V1}/GetIncidentTicketData/1", "/v2/incident/orgentityid/1"),
        (pushed(5, ModuleId="9"), pushed(20, ModuleId="9")),
    ),
    "changes": Door(
        Ticket.KIND_CHANGE_TASK,
        (f"{V1}/SaveChangeRequestTaskData/1", "/v2/changeRequests/orgentityid/1"),
        (f"{V1}/GetChangeTicketData/1", "/v2/changeRequests/orgentityid/1"),
        (pushed_change(5), pushed_change(20)),
    ),
    "service requests": Door(
        Ticket.KIND_SERVICE_REQUEST_TASK,
        (f"{V1}/SaveServiceRequestTaskData/1", "/v2/serviceRequests/orgentityid/1"),
        (f"{V1}/GetSRTicketData/1", "/v2/serviceRequests/orgentityid/1"),
        (pushed_service_request(5), pushed_service_request(20)),
    ),
}
SAID: Final = {
    "TicketNumber": "X1",
    "Summary": "disk full",
    "StatusCode": "Work in Progress",
    "AssignedGroup": "linux",
    "Col5": "db01",
}


async def push(rest: Rest, path: str, body: dict[str, str]) -> None:
    answer = await rest.request("POST", path, data=json.dumps([body]))
    assert answer.status == 200, answer.body


async def read(rest: Rest, path: str, module: str = "") -> dict[str, Any]:
    query = f"?ModuleId={module}&ticket_number=X1" if module else "?ticket_number=X1"
    answer = (await rest.request("GET", path + query)).json()
    [ticket] = answer.get("result") or answer["Result"]
    return dict(ticket)


async def lookup(native: Native, kind: Any, number: str = "X1") -> Ticket:
    return await native.tickets.LookupTicket(
        ticket_pb2.LookupTicketRequest(parent="orgs/1", kind=kind, number=number),
        metadata=native.headers(),
    )


@pytest.mark.parametrize("version", ["V1", "V2"])
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
async def test_a_push_is_read_through_the_other_version_and_by_grpc(
    rest: Rest, native: Native, door: Door, version: str
) -> None:
    mine, other = (0, 1) if version == "V1" else (1, 0)
    await push(rest, door.push[mine], door.body[mine] | SAID)

    module = door.body[mine].get("ModuleId", "")
    there = await read(rest, door.read[other], module)
    here = await read(rest, door.read[mine], module)
    found = await lookup(native, door.kind)

    shared = there.keys() & here.keys()
    assert {name: there[name] for name in shared} == {name: here[name] for name in shared}
    assert {name: there[name] for name in SAID} == SAID
    assert (found.summary, found.assignment_group) == ("disk full", "linux")
    assert found.state == Ticket.STATE_ACTIVE
    assert found.parent_number == there.get("ChangeId", there.get("SRId", ""))


async def test_a_sub_task_is_read_by_grpc_with_its_priority(rest: Rest, native: Native) -> None:
    await push(rest, "/v2/sub-task/orgentityid/1", pushed_sub_task(TicketNumber="X1"))

    found = await lookup(native, Ticket.KIND_SUB_TASK)

    assert found.priority == Ticket.PRIORITY_HIGH
    assert found.sys_id == "4b535ab3dbc988506d7550d3dc96190e"


async def test_what_the_desk_does_is_read_through_both(rest: Rest, native: Native) -> None:
    made = await native.incidents.CreateIncident(
        incident_pb2.CreateIncidentRequest(
            parent="orgs/1",
            incident=Ticket(number="X1", summary="made inside", assignment_group="linux"),
        ),
        metadata=native.headers(),
    )
    await native.incidents.ResolveIncident(
        incident_pb2.ResolveIncidentRequest(name=made.name, resolution="rebooted"),
        metadata=native.headers(),
    )

    for path in DOORS["incidents"].read:
        ticket = await read(rest, path)
        assert (ticket["Summary"], ticket["StatusCode"]) == ("made inside", "6")
        assert ticket["ClosedDate"] is not None
        assert ticket["sys_id"] == made.sys_id
        assert ticket["Col1"] == ""


@pytest.mark.parametrize("module", ["2", "02cc"])
async def test_problems_are_read_by_their_module(rest: Rest, native: Native, module: str) -> None:
    problem = Ticket(kind=Ticket.KIND_PROBLEM, number="X1", summary="leaks", category="memory")
    await native.tickets.SaveTickets(
        ticket_pb2.SaveTicketsRequest(parent="orgs/1", tickets=[problem]),
        metadata=native.headers(),
    )

    answer = await rest.request("GET", f"/v2/incident/orgentityid/1?ModuleId={module}")

    if module == "2":
        assert "X1" in [ticket["TicketNumber"] for ticket in answer.json()["Result"]]
    else:
        assert answer.status == 400


async def test_a_push_leaves_the_journal_and_the_files_of_a_ticket(
    rest: Rest, native: Native
) -> None:
    door = DOORS["changes"]
    await push(rest, door.push[1], door.body[1] | SAID)
    found = await lookup(native, door.kind)
    notes = NoteServiceStub(native.channel)
    note = note_pb2.Note(kind=note_pb2.Note.KIND_WORK_NOTE, body="looked at it")
    await notes.CreateNote(
        note_pb2.CreateNoteRequest(parent=found.name, note=note), metadata=native.headers()
    )
    later = {"LastModifiedDate": "2026-01-01 00:00:00", "Summary": "still full"}
    await push(rest, door.push[0], door.body[0] | SAID | later)

    listed = await notes.ListNotes(
        note_pb2.ListNotesRequest(parent=found.name), metadata=native.headers()
    )

    assert [each.body for each in listed.notes] == ["looked at it"]
    assert (await lookup(native, door.kind)).summary == "still full"

"""Made in one API, read in another: SmartOps, iAutomate, ServiceOps, the experience API, ours."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dialects.iautomate.guide import pushed
from tests.dialects.sample import token_of
from tests.dialects.serviceops.guide import Ops
from tests.dialects.smartops.contract import Smart, new_number
from tests.stack import Rest
from tests.stories.way import RestWay

pytestmark = pytest.mark.envoy

V2 = "/v2/incident/orgentityid/1"
V1 = "/iAutomateAPI/Request/GetIncidentTicketData/1"
XAPI = "/v2/events/incidents"
STATES = [
    ("New", "1", "Open", "Logged", "STATE_LOGGED"),
    ("In Progress", "2", "In Progress", "Active", "STATE_ACTIVE"),
    ("On Hold", "3", "Pending", "Waiting for Customer", "STATE_WAITING"),
    ("Resolved", "6", "Resolved", "Resolved", "STATE_RESOLVED"),
    ("Closed", "7", "Closed", "Closed", "STATE_CLOSED"),
]


async def lookup(desk: RestWay, number: str) -> dict[str, Any]:
    sought = {"parent": "orgs/1", "kind": "KIND_INCIDENT", "number": number}
    return await desk.call("TicketService.LookupTicket", sought)


async def by_xapi(rest: Rest, method: str, path: str, body: Any = None) -> dict[str, Any]:
    headers = {
        "Authorization": f"Bearer {await token_of(rest)}",
        "Content-Type": "application/json",
    }
    answer = await rest.request(method, path, data=body and json.dumps(body), headers=headers)
    assert answer.status in (200, 201), answer
    read: dict[str, Any] = answer.json()
    return read


@pytest.mark.parametrize(("status", "code", "serviceops", "xapi", "state"), STATES)
async def test_what_is_made_here_is_read_everywhere(  # noqa: PLR0917 - each state's words
    smart: Smart, desk: RestWay, status: str, code: str, serviceops: str, xapi: str, state: str
) -> None:
    said = {
        "shortDescription": "made here",
        "longDescription": "all of it",
        "ticketStatus": status,
        "urgency": "High",
        "ticketSeverity": "Low",
        "callerId": "ann@example.com",
        "assignedGroup": "Unix",
        "category": "Hardware",
        "comments": "seen",
        "workNotes": "secret",
    }
    number, sys_id = await smart.made(**said)

    ticket = await lookup(desk, number)
    id_ = ticket["name"].partition("/")[2]
    v1 = (await smart.rest.request("GET", f"{V1}?ModuleId=1&ticket_number={number}")).json()
    filtered = f'{V2}?queryParams={{"filter":"ticket_number={number}"}}'
    v2 = (await smart.rest.request("GET", filtered)).json()
    ops = await Ops(smart.rest).read(int(id_))
    experienced = await by_xapi(smart.rest, "GET", f"{XAPI}/{id_}")

    assert ticket == ticket | {
        "summary": "made here",
        "description": "all of it",
        "state": state,
        "sysId": sys_id,
        "requester": "ann@example.com",
        "assignmentGroup": "Unix",
        "category": "Hardware",
        "urgency": "LEVEL_HIGH",
        "impact": "LEVEL_LOW",
        "priority": "PRIORITY_MEDIUM",
    }
    for row in (*v1["result"], *v2["Result"]):
        assert (row["TicketNumber"], row["sys_id"], row["Summary"]) == (number, sys_id, "made here")
        assert (row["StatusCode"], row["AssignedGroup"]) == (code, "Unix")
    assert (len(v1["result"]), v2["Count"]) == (1, 1)
    assert (ops["subject"], ops["status"], ops["urgency"]) == ("made here", serviceops, "HIGH")
    assert (ops["categoryName"], ops["requesterEmail"]) == ("Hardware", "ann@example.com")
    assert (experienced["subject"], experienced["status"]) == ("made here", xapi)
    assert [note["noteBody"] for note in experienced["notes"]] == ["seen"]


@pytest.mark.parametrize(
    ("code", "status"),
    [*((code, status) for status, code, *_ in STATES), ("8", "Cancelled")],
)
async def test_what_iautomate_pushes_is_read_and_changed_here(
    smart: Smart, code: str, status: str
) -> None:
    number = new_number()
    row = pushed(20, TicketNumber=number, sys_id=f"s{number}", StatusCode=code, ResolvedDate="")
    sent = await smart.rest.request(
        "POST", V2, data=json.dumps([row]), headers={"Content-Type": "application/json"}
    )
    names = ("sysId", "ticketStatus", "shortDescription", "longDescription", "createdTime")

    read = await smart.fetch(number, *names, "assignedGroup", "createdBy")
    await smart.update(f"s{number}", {"assignedTo": "ann", "ticketStatus": "In Progress"})
    after = (await smart.rest.request("GET", f"{V1}?ticket_number={number}")).json()["result"][0]

    assert sent.status == 200
    assert read == {
        "sysId": f"s{number}",
        "ticketStatus": status,
        "shortDescription": "testing",
        "longDescription": "testing data",
        "createdTime": "2019-11-18T00:54:52.000000",
        "assignedGroup": "02cc6a39376e4f00c72b2b2943990e68",
        "createdBy": "demo@example.com",
    }
    assert after["StatusCode"] == "2"


@pytest.mark.parametrize(("status", "there"), [(row[0], row[2]) for row in STATES])
async def test_what_serviceops_makes_is_read_and_changed_here(
    smart: Smart, desk: RestWay, status: str, there: str
) -> None:
    ops = Ops(smart.rest)
    id_ = await ops.create(subject="made there", description="all of it", urgency="URGENT")
    await ops.update(id_, status=there)
    ticket = await desk.call("TicketService.GetTicket", {"name": f"tickets/{id_}"})

    read = await smart.fetch(
        ticket["number"], "shortDescription", "ticketStatus", "callerId", "urgency", "createdBy"
    )
    await smart.update(ticket["sysId"], {"urgency": "2", "shortDescription": "changed here"})
    after = await ops.read(id_)

    assert read == {
        "shortDescription": "made there",
        "ticketStatus": status,
        "callerId": "tim@acme.com",
        "urgency": "High",
        "createdBy": "tim@acme.com",
    }
    assert (after["subject"], after["urgency"], after["status"]) == (
        "changed here",
        "MEDIUM",
        there,
    )
    assert after["tags"] == ["mouse"]


async def test_what_the_experience_api_makes_is_read_here(smart: Smart, desk: RestWay) -> None:
    body = {
        "customerEmail": "ann@example.com",
        "subject": "made there",
        "description": "all of it",
        "urgency": "High",
        "impact": "High",
    }
    made = await by_xapi(smart.rest, "POST", "/v1/create/incident", body)
    note = {"subject": "Called", "noteBody": "back"}
    await by_xapi(smart.rest, "POST", f"{XAPI}/{made['incidentId']}/comments", note)
    ticket = await desk.call("TicketService.GetTicket", {"name": f"tickets/{made['incidentId']}"})

    read = await smart.fetch(
        ticket["number"], "sysId", "ticketStatus", "ticketPriority", "comments", "callerId"
    )
    await smart.update(made["recId"], {"comments": "said here", "ticketStatus": "Pending"})
    after = await by_xapi(smart.rest, "GET", f"{XAPI}/{made['incidentId']}")

    [comment] = read["comments"]
    assert (comment["comment"], comment["commentBy"]) == ("Called\nback", "APIuser@hcl.com")
    assert (read["sysId"], read["ticketStatus"]) == (made["recId"], "New")
    assert (read["ticketPriority"], read["callerId"]) == ("Critical", "ann@example.com")
    assert after["status"] == "Waiting for Customer"
    assert [each["noteBody"] for each in after["notes"]] == ["back", "said here"]


async def test_what_the_canonical_api_makes_is_read_here(smart: Smart, desk: RestWay) -> None:
    incident = {
        "summary": "by grpc",
        "requester": "carol",
        "category": "Certificates",
        "assignee": "bob",
        "assignmentGroup": "Unix",
        "priority": "PRIORITY_PLANNING",
        "openTime": "2024-01-31T09:00:00.123456Z",
    }
    made = await desk.call(
        "IncidentService.CreateIncident", {"parent": "orgs/1", "incident": incident}
    )

    read = await smart.fetch(
        made["number"],
        *("shortDescription", "callerId", "category", "assignedTo", "assignedGroup"),
        *("ticketPriority", "createdTime", "subCategory"),
    )

    assert read == {
        "shortDescription": "by grpc",
        "callerId": "carol",
        "category": "Certificates",
        "assignedTo": "bob",
        "assignedGroup": "Unix",
        "ticketPriority": "Planning",
        "createdTime": "2024-01-31T09:00:00.123456",
        "subCategory": "",
    }


async def test_what_others_keep_survives_a_change_here(smart: Smart) -> None:
    number = new_number()
    row = pushed(20, TicketNumber=number, sys_id=number, Col7="kept", StatusCode="1")
    await smart.rest.request(
        "POST", V2, data=json.dumps([row]), headers={"Content-Type": "application/json"}
    )

    await smart.update(number, {"u_site": "Pune", "subCategory": "x"})
    filtered = f'{V2}?queryParams={{"filter":"ticket_number={number}"}}'
    [after] = (await smart.rest.request("GET", filtered)).json()["Result"]

    assert (after["Col7"], after["StatusCode"]) == ("kept", "1")
    assert "u_site" not in after

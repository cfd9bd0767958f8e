"""An incident's life by actions, seen through the other APIs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialects.iautomate.guide import pushed
from tests.dialects.insightconnect.page import EXAMPLES
from tests.dialects.ivanti_sm.page import KEY, ROOTS
from tests.stories.way import RestWay

from .conftest import Orchestrator

pytestmark = pytest.mark.envoy

V2 = "/v2/incident/orgentityid/1"


async def by_odata(orchestrator: Orchestrator, path: str) -> Any:
    answer = await orchestrator.rest.request(
        "GET", f"{ROOTS[0]}/{path}", headers={"Authorization": KEY}
    )
    assert answer.status == 200, answer
    return answer.json()


async def by_v2(orchestrator: Orchestrator, number: str) -> dict[str, Any]:
    query = f'queryParams={{"filter":"ticket_number={number}"}}'
    [row] = (await orchestrator.rest.request("GET", f"{V2}?{query}")).json()["Result"]
    return dict(row)


async def test_what_actions_do_is_seen_everywhere(
    orchestrator: Orchestrator, desk: RestWay
) -> None:
    made = await orchestrator.create(status="Active", category="how-to")
    number, rec_id = made["IncidentNumber"], made["RecId"]
    read = await by_odata(orchestrator, f"incidents('{rec_id}')")
    note = {"incident_number": number, "summary": "Called back", "category": "Called Customer"}
    noted = (await orchestrator.output("add_note", **note, notes="It works."))["journal_note"]
    ticket = await desk.call("TicketService.GetTicket", {"name": f"tickets/{number}"})
    notes = await desk.call("NoteService.ListNotes", {"parent": f"tickets/{number}"})
    listed = await by_odata(
        orchestrator, f"journal__Notess?$filter=ParentLink_RecID%20eq%20'{rec_id}'"
    )
    row = await by_v2(orchestrator, ticket["number"])
    solved = {"cause_code": "Software", "resolution": "rebooted"}
    resolved = await orchestrator.output(
        "update_incident", incident_number=number, status="Resolved", **solved
    )
    after = await desk.call("TicketService.GetTicket", {"name": f"tickets/{number}"})
    row_after = await by_v2(orchestrator, ticket["number"])

    assert read == made
    assert (made["Category"], made["Service"], made["CreatedByType"]) == (
        "How-To",
        "Service Desk",
        "insightconnect",
    )
    assert (noted["ParentLink_RecID"], noted["DisplayText"]) == (rec_id, "Called back It works.")
    assert ticket == ticket | {
        "summary": "Incident Created By InsightConnect",
        "description": "This incident was created using InsightConnect",
        "state": "STATE_ACTIVE",
        "requester": "user@example.com",
        "assignee": "jdoe",
        "category": "How-To",
        "impact": "LEVEL_MEDIUM",
        "urgency": "LEVEL_MEDIUM",
    }
    [kept] = notes["notes"]
    assert kept == kept | {
        "kind": "KIND_WORK_NOTE",
        "subject": "Called back",
        "body": "It works.",
        "category": "Called Customer",
        "author": "demo-client",
        "via": "insightconnect",
    }
    assert [each["RecId"] for each in listed["value"]] == [noted["RecId"]]
    assert (row["Summary"], row["StatusCode"]) == ("Incident Created By InsightConnect", "2")
    assert resolved["incident"] == resolved["incident"] | {
        "Status": "Resolved",
        "CauseCode": "Software",
        "Resolution": "rebooted",
        "ResolvedBy": "demo-client",
        "Source": "Network Monitor",
        "TypeOfIncident": "Failure",
    }
    assert (after["state"], after["resolution"]) == ("STATE_RESOLVED", "rebooted")
    assert row_after["StatusCode"] == "6"


async def test_actions_reach_what_others_have_made(
    orchestrator: Orchestrator, desk: RestWay
) -> None:
    number = "INSIGHT1"
    rest = orchestrator.rest
    body = [pushed(20, TicketNumber=number, sys_id=number, Summary="pushed")]
    assert (await rest.request("POST", V2, json=body)).status == 200
    sought = {"parent": "orgs/1", "kind": "KIND_INCIDENT", "number": number}
    ticket = await desk.call("TicketService.LookupTicket", sought)
    id_ = int(str(ticket["name"]).partition("/")[2])

    note = EXAMPLES["add_note"] | {"incident_number": id_}
    noted = (await orchestrator.output("add_note", **note))["journal_note"]
    said = {"incident_number": id_, "assignee": "jdoe@example.com", "customer": "USER@example.com"}
    changed = (await orchestrator.output("update_incident", **said))["incident"]
    deleted = await orchestrator.output("delete_incident", incident_number=id_)

    assert noted["ParentLink_RecID"] == number
    assert (changed["Subject"], changed["Owner"], changed["Email"]) == (
        "pushed",
        "jdoe",
        "user@example.com",
    )
    assert deleted == {"success": True}


async def test_no_action_reaches_a_ticket_that_is_no_incident(
    orchestrator: Orchestrator, desk: RestWay
) -> None:
    made = await orchestrator.create()
    body = [pushed(20, TicketNumber="CHG7", sys_id="CHG7", ChangeId="CHG7")]
    answer = await orchestrator.rest.request("POST", "/v2/changeRequests/orgentityid/1", json=body)
    assert answer.status == 200, answer
    sought = {"parent": "orgs/1", "kind": "KIND_CHANGE_TASK", "number": "CHG7"}
    ticket = await desk.call("TicketService.LookupTicket", sought)
    id_ = int(str(ticket["name"]).partition("/")[2])

    answers = [
        await orchestrator.start(action, EXAMPLES[action] | {"incident_number": id_})
        for action in ("add_note", "update_incident", "delete_incident")
    ]

    assert id_ > made["IncidentNumber"]
    assert [answer.status for answer in answers] == [400] * 3

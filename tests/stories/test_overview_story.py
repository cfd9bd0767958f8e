"""The stories of overviews: what an org counts, and through which dialects its tickets came."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.dialects.iautomate.guide import pushed
from tests.stack import Rest, Stack

from .way import Json, Refused, Way

pytestmark = pytest.mark.envoy


@pytest.fixture
async def rest(shared: Stack) -> AsyncIterator[Rest]:
    async with aiohttp.ClientSession() as session:
        yield Rest(session, shared.port)


async def push(rest: Rest, org: str, *numbers: str) -> None:
    """Pushes incidents by iAutomate's API."""
    tickets = [pushed(5, TicketNumber=number, sys_id=number, ModuleId="1") for number in numbers]
    path = f"/v2/incident/orgentityid/{org.partition('/')[2]}"
    headers = {"Content-Type": "application/json"}
    answer = await rest.request("POST", path, data=json.dumps(tickets), headers=headers)
    assert answer.json()["Status"] == "Success"


async def overview(way: Way, org: str, **said: object) -> Json:
    return await way.call("OverviewService.GetOverview", {"name": f"{org}/overview", **said})


def totals(found: Json, of: str) -> dict[str, int]:
    return {each["dialect"]: sum(each[of]) for each in found["activities"]}


async def test_what_came_through_each_dialect_is_counted(way: Way, own: str, rest: Rest) -> None:
    await push(rest, own, "INC1", "INC2")
    said = {"parent": own, "incident": {"summary": "the printer is on fire"}}
    made = await way.call("IncidentService.CreateIncident", said)
    await way.call("IncidentService.CancelIncident", {"name": made["name"]})

    found = await overview(way, own, period="3600s", buckets=6)

    tickets = {(each["kind"], each["state"]): each["count"] for each in found["tickets"]}
    assert tickets == {
        ("KIND_INCIDENT", "STATE_LOGGED"): 2,
        ("KIND_INCIDENT", "STATE_CANCELLED"): 1,
    }
    changes = totals(found, "changes")
    assert (changes["iautomate"], changes["desk"]) == (2, 2)
    assert found["bucketDuration"] == "600s"
    assert [len(each["changes"]) for each in found["activities"]] == [6] * len(changes)
    assert not any(totals(found, "failures").values())
    assert not found["truncated"]


async def test_runs_are_counted_by_how_they_stand_and_have_ended(way: Way, own: str) -> None:
    book = {"displayName": "outside", "tool": "TOOL_EXTERNAL"}
    saved = await way.call("RunbookService.SaveRunbook", {"parent": own, "runbook": book})
    runbook = int(saved["name"].rpartition("/")[2])
    runs = [
        await way.call("RunService.StartRun", {"parent": own, "runbook": runbook}) for _ in range(3)
    ]
    await way.call("RunService.ReportRun", {"name": runs[0]["name"], "code": 3})
    await way.call("RunService.ReportRun", {"name": runs[1]["name"], "code": 4})

    found = await overview(way, own)

    counted = {each["state"]: each["count"] for each in found["runs"]}
    assert counted == {"STATE_QUEUED": 1, "STATE_FAILED": 1, "STATE_SUCCEEDED": 1}
    ends = {each["state"]: sum(each["counts"]) for each in found["runEnds"]}
    assert ends == {"STATE_FAILED": 1, "STATE_SUCCEEDED": 1, "STATE_CANCELLED": 0}
    assert len(found["runEnds"][0]["counts"]) == 24
    assert sum(totals(found, "failures").values()) == 1


async def test_an_order_that_policy_refuses_counts_as_a_failure(way: Way, own: str) -> None:
    target = {
        "name": f"{own}/targets/here",
        "kind": "KIND_LOCAL",
        "allowedCommands": ["uname -a"],
    }
    await way.call("TargetService.SaveTarget", {"parent": own, "target": target})
    order = {"parent": own, "command": {"target": "here", "command": "rm -rf /"}}
    with pytest.raises(Refused):
        await way.call("RunService.StartRun", order)

    found = await overview(way, own)

    assert totals(found, "failures")["desk"] == 1


async def test_a_ticket_tells_through_which_dialects_it_has_come(
    way: Way, own: str, rest: Rest
) -> None:
    await push(rest, own, "INC1", "INC2")
    listed = await way.call("TicketService.ListTickets", {"parent": own})
    first, second = (ticket["name"] for ticket in listed["tickets"])
    note = {"kind": "KIND_COMMENT", "body": "we are on it"}
    await way.call("NoteService.CreateNote", {"parent": first, "note": note})

    asked = {"parent": own, "names": [second, first, "tickets/2147483647"]}
    found = await way.call("OverviewService.ListTicketDialects", asked)

    assert {each["name"]: each["dialects"] for each in found["tickets"]} == {
        first: ["iautomate", "desk"],
        second: ["iautomate"],
    }
    foreign = {"parent": "orgs/1", "names": [first]}
    assert await way.call("OverviewService.ListTicketDialects", foreign) == {"tickets": []}


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"period": "59s"}, "INVALID_ARGUMENT"),
        ({"period": "2678401s"}, "INVALID_ARGUMENT"),
        ({"buckets": 201}, "INVALID_ARGUMENT"),
        ({"name": "orgs/0x1/overview"}, "INVALID_ARGUMENT"),
        ({"name": "orgs/999999/overview"}, "NOT_FOUND"),
    ],
)
async def test_an_overview_that_cannot_be_is_refused(
    way: Way, org: str, said: Json, code: str
) -> None:
    with pytest.raises(Refused) as refused:
        await overview(way, org, **said)

    assert refused.value.code == code

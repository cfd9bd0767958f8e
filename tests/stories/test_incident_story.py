"""The story of an incident, from the call to the desk to its end, and what may not be."""

from __future__ import annotations

import pytest

from polydesk.domain.query import NAMES

from .way import Json, Refused, Way

pytestmark = pytest.mark.envoy
ALLOWED = "ACTIVE, CANCELLED, RESOLVED, WAITING"
FIELDS = ", ".join(NAMES)


async def do(way: Way, method: str, **request: object) -> Json:
    return await way.call(f"IncidentService.{method}", request)


async def test_an_incident_is_recorded_worked_on_solved_and_closed(way: Way, org: str) -> None:
    made = await do(
        way,
        "CreateIncident",
        parent=org,
        incident={"summary": "printer on fire", "impact": "LEVEL_HIGH", "urgency": "LEVEL_HIGH"},
    )
    name = made["name"]
    assigned = await do(way, "AssignIncident", name=name, assignee="ann", assignmentGroup="print")
    waiting = await do(
        way,
        "UpdateIncident",
        incident={"name": name, "state": "STATE_WAITING", "waitReason": "spare part"},
        updateMask="state,waitReason",
    )
    resolved = await do(way, "ResolveIncident", name=name, resolution="new fuser")
    closed = await do(way, "CloseIncident", name=name, etag=resolved["etag"])
    reopened = await do(way, "ReopenIncident", name=name)
    cancelled = await do(way, "CancelIncident", name=name)
    deleted = await do(way, "DeleteIncident", name=name)
    with pytest.raises(Refused) as gone:
        await do(way, "GetIncident", name=name)
    back = await do(way, "UndeleteIncident", name=name)

    lived = [made, assigned, waiting, resolved, closed, reopened, cancelled, back]
    assert [ticket["state"].removeprefix("STATE_") for ticket in lived] == [
        "LOGGED",
        "ACTIVE",
        "WAITING",
        "RESOLVED",
        "CLOSED",
        "ACTIVE",
        "CANCELLED",
        "CANCELLED",
    ]
    assert made["priority"] == "PRIORITY_CRITICAL"
    assert made["number"].startswith("INC")
    assert deleted["deleteTime"]
    assert gone.value.code == "NOT_FOUND"
    assert await do(way, "GetIncident", name=name) == back


async def test_what_may_not_be_is_refused_and_changes_nothing(way: Way, org: str) -> None:
    made = await do(way, "CreateIncident", parent=org, incident={"summary": "s", "number": "A1"})
    name = made["name"]

    async def refused(method: str, **request: object) -> str:
        with pytest.raises(Refused) as caught:
            await do(way, method, **request)
        return f"{caught.value.code} {caught.value.message}"

    told = [
        await refused("CloseIncident", name=name),
        await refused("ResolveIncident", name=name),
        await refused("AssignIncident", name=name, assignee="ann", etag="77"),
        await refused("CreateIncident", parent=org, incident={"summary": "t", "number": "A1"}),
        await refused("CreateIncident", parent=org, incident={"summary": ""}),
        await refused("GetIncident", name="incidents/2000000000"),
        await refused("ListIncidents", parent=org, filter="colour = red"),
    ]

    assert told == [
        f"FAILED_PRECONDITION A1 is LOGGED and cannot become CLOSED; it can become {ALLOWED}",
        "INVALID_ARGUMENT resolution is required",
        "ABORTED A1 was changed meanwhile: its etag is 1, not 77",
        f"ALREADY_EXISTS org {org.removeprefix('orgs/')} has INCIDENT A1 already",
        "INVALID_ARGUMENT incident.summary is required",
        "NOT_FOUND there is no ticket 2000000000",
        f"INVALID_ARGUMENT filter: there is no field colour (character 1); there are {FIELDS}",
    ]
    assert await do(way, "GetIncident", name=name) == made


async def test_incidents_are_found_by_what_they_say(way: Way, org: str) -> None:
    for number in range(5):
        state = "STATE_ACTIVE" if number % 2 else "STATE_LOGGED"
        await do(way, "CreateIncident", parent=org, incident={"summary": "s", "state": state})

    active = await do(
        way, "ListIncidents", parent=org, filter="state = ACTIVE", withTotal=True, pageSize=1
    )
    rest = await do(
        way,
        "ListIncidents",
        parent=org,
        filter="state = ACTIVE",
        pageSize=5,
        pageToken=active["nextPageToken"],
        readMask="name,state",
    )

    assert active["totalSize"] == 2
    assert len(active["incidents"]) == len(rest["incidents"]) == 1
    assert rest["incidents"][0]["name"] != active["incidents"][0]["name"]
    assert rest["nextPageToken"] == ""

"""Made in one API, read in another: this one, ServiceOps, iAutomate, the canonical one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polydesk.api.ivanti_xapi.v1 import ivanti_xapi_pb2 as pb
from polydesk.dialects.ivanti_xapi.incident import LEVELS, PRIORITIES, STATUSES, to_draft
from polydesk.domain.ticket import State
from tests.dialects.iautomate.guide import pushed
from tests.dialects.ivanti_xapi.document import commented, created, path_of, raised
from tests.dialects.serviceops.guide import Ops
from tests.stack import Rest
from tests.stories.way import RestWay

from .conftest import Api
from .test_refusals import told

V2 = "/v2/incident/orgentityid/1"
V1 = "/iAutomateAPI/Request/GetIncidentTicketData/1"


async def pushed_as(rest: Rest, number: str, **said: Any) -> None:
    body = json.dumps([pushed(20, TicketNumber=number, sys_id=number, **said)])
    answer = await rest.request("POST", V2, data=body, headers={"Content-Type": "application/json"})
    assert answer.status == 200, answer


async def id_of(desk: RestWay, number: str) -> str:
    sought = {"parent": "orgs/1", "kind": "KIND_INCIDENT", "number": number}
    ticket = await desk.call("TicketService.LookupTicket", sought)
    return str(ticket["name"]).partition("/")[2]


@pytest.mark.envoy
async def test_what_is_made_here_is_read_everywhere(api: Api, desk: RestWay) -> None:
    id_ = await api.incident(
        subject="made here",
        description="all of it",
        category="how-to",
        urgency="HIGH",
        impact="low",
    )

    ticket = await desk.call("TicketService.GetTicket", {"name": f"tickets/{id_}"})
    number = ticket["number"]
    by_v1 = (await api.rest.request("GET", f"{V1}?ModuleId=1&ticket_number={number}")).json()
    by_v2 = (
        await api.rest.request("GET", f'{V2}?queryParams={{"filter":"ticket_number={number}"}}')
    ).json()

    assert ticket == ticket | {
        "kind": "KIND_INCIDENT",
        "summary": "made here",
        "description": "all of it",
        "state": "STATE_LOGGED",
        "requester": "ann@example.com",
        "category": "How-To",
        "urgency": "LEVEL_HIGH",
        "impact": "LEVEL_LOW",
        "priority": "PRIORITY_MEDIUM",
        "org": "orgs/1",
    }
    for row in (*by_v1["result"], *by_v2["Result"]):
        assert (row["TicketNumber"], row["Summary"], row["Description"], row["StatusCode"]) == (
            number,
            "made here",
            "all of it",
            "1",
        )
    assert (by_v2["Count"], len(by_v1["result"])) == (1, 1)


@pytest.mark.envoy
@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("1", "Logged"),
        ("2", "Active"),
        ("3", "Waiting for Customer"),
        ("6", "Resolved"),
        ("7", "Closed"),
        ("8", "Cancelled"),
    ],
)
async def test_what_iautomate_pushes_is_read_here(
    api: Api, desk: RestWay, key: str, code: str, status: str
) -> None:
    await pushed_as(api.rest, f"X{key}", Summary="pushed", StatusCode=code)
    id_ = await id_of(desk, f"X{key}")

    read = await api.get(path_of("C04", id_=id_))

    assert read == read | {
        "incidentId": id_,
        "recId": f"X{key}",
        "subject": "pushed",
        "status": status,
        "customerEmail": "",
        "zendeskTicketId": "",
        "notes": [],
    }


@pytest.mark.envoy
async def test_what_is_said_here_does_not_hide_a_later_push(
    api: Api, desk: RestWay, key: str
) -> None:
    await pushed_as(api.rest, f"X{key}", StatusCode="1")
    id_ = await id_of(desk, f"X{key}")
    before = await api.rest.request("GET", f"{V1}?ticket_number=X{key}")
    await api.send("POST", path_of("C05", id_=id_), commented())
    await api.send("PATCH", path_of("C08", id_=id_), {"zendeskTicketId": key}, http=200)

    after = await api.rest.request("GET", f"{V1}?ticket_number=X{key}")
    await pushed_as(
        api.rest,
        f"X{key}",
        StatusCode="6",
        Summary="mended",
        LastModifiedDate="2020-01-01 00:00:00",
    )
    read = await api.get(path_of("C04", id_=id_))

    kept = "iAutomate_UpdatedDateInGMT"
    one, other = before.json()["result"][0], after.json()["result"][0]
    assert one | {kept: ""} == other | {kept: ""}
    assert (read["status"], read["subject"], read["zendeskTicketId"]) == ("Resolved", "mended", key)
    assert len(read["notes"]) == 1


@pytest.mark.envoy
async def test_the_canonical_api_makes_what_is_read_here(api: Api, desk: RestWay) -> None:
    incident = {"summary": "by grpc", "requester": "carol", "category": "Certificates"}
    made = await desk.call(
        "IncidentService.CreateIncident", {"parent": "orgs/1", "incident": incident}
    )
    id_ = made["name"].partition("/")[2]
    for kind in ("KIND_COMMENT", "KIND_WORK_NOTE", "KIND_CLOSURE_NOTE", "KIND_EMAIL"):
        note = {"kind": kind, "subject": kind, "body": "text", "author": "carol"}
        await desk.call("NoteService.CreateNote", {"parent": f"tickets/{id_}", "note": note})
    await desk.call(
        "IncidentService.UpdateIncident",
        {
            "incident": {
                "name": made["name"],
                "state": "STATE_WAITING",
                "waitReason": "Waiting for 3rd Party",
            },
            "updateMask": "state,waitReason",
        },
    )

    read = await api.get(path_of("C04", id_=id_))
    emails = await api.get(path_of("C06", id_=id_))

    assert (read["customerEmail"], read["status"]) == ("", "Waiting for 3rd Party")
    assert [note["subject"] for note in read["notes"]] == ["KIND_COMMENT", "KIND_CLOSURE_NOTE"]
    assert [email["subject"] for email in emails["emails"]] == ["KIND_EMAIL"]


@pytest.mark.envoy
async def test_a_comment_reaches_the_journal(api: Api, desk: RestWay) -> None:
    id_ = await api.incident()

    noted = await api.send("POST", path_of("C05", id_=id_), commented(category="Memo"))
    note = await desk.call(
        "NoteService.GetNote", {"name": f"tickets/{id_}/notes/{noted['noteId']}"}
    )

    assert note == note | {
        "kind": "KIND_COMMENT",
        "subject": "Called back",
        "body": "It works again.",
        "source": "Zendesk",
        "category": "Memo",
        "author": "APIuser@hcl.com",
        "via": "ivanti_xapi",
    }


@pytest.mark.envoy
async def test_notes_are_read_on_behind_one(api: Api) -> None:
    id_ = await api.incident()
    ids = [
        (await api.send("POST", path_of("C05", id_=id_), commented(subject=f"{n}")))["noteId"]
        for n in range(5)
    ]
    path = path_of("C04", id_=id_)

    async def subjects(query: str) -> list[str]:
        return [note["subject"] for note in (await api.get(f"{path}?{query}"))["notes"]]

    assert await subjects("") == ["0", "1", "2", "3", "4"]
    assert await subjects("limit=2") == ["0", "1"]
    assert await subjects(f"limit=2&after={ids[1]}") == ["2", "3"]
    assert await subjects(f"after={ids[4]}") == []


@pytest.mark.envoy
async def test_more_than_one_answer_holds_is_told(api: Api, desk: RestWay) -> None:
    id_ = await api.incident()
    note = {"kind": "KIND_COMMENT", "body": "x" * 65_536}
    for _ in range(123):
        await desk.call("NoteService.CreateNote", {"parent": f"tickets/{id_}", "note": note})

    whole = await api.ask("GET", path_of("C04", id_=id_))
    some = await api.ask("GET", f"{path_of('C04', id_=id_)}?limit=100")

    told(whole, "70400", "ask with limit and after")
    assert len(some.json()["notes"]) == 100


@pytest.mark.envoy
async def test_the_categories_are_those_of_the_catalog(api: Api, desk: RestWay) -> None:
    category = {"title": "Printers", "service": "Workplace"}
    made = await desk.call(
        "CatalogService.CreateCategory", {"parent": "orgs/1", "category": category}
    )

    listed = await api.get(path_of("C02"))
    number = int(made["name"].rpartition("/")[2])
    await desk.call("CatalogService.DeleteCategory", {"name": made["name"]})

    assert listed["categories"][-1] == {
        "recId": f"{number:032x}",
        "name": "Printers",
        "service": "Workplace",
    }


async def test_every_state_has_a_status_of_its_own() -> None:
    assert set(STATUSES) == set(State)
    assert len(set(STATUSES.values())) == len(State)


@given(
    email=st.emails(),
    subject=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=99),
    priority=st.sampled_from(sorted(PRIORITIES)),
    levels=st.tuples(*[st.sampled_from(sorted(LEVELS))] * 2),
)
def test_a_draft_says_what_was_said(
    email: str, subject: str, priority: str, levels: tuple[str, str]
) -> None:
    said = raised(subject=subject, priority=priority.title(), requesterEmail=email)
    zendesk = to_draft(
        pb.CreateZendeskIncidentRequest(
            requester_email=email,
            subject=said["subject"],
            description=said["description"],
            priority=said["priority"],
            tags=said["tags"],
        )
    )
    portal = to_draft(
        pb.CreateIncidentRequest(
            customer_network_username=email,
            subject=subject,
            description=created()["description"],
            urgency=levels[0].upper(),
            impact=levels[1],
        )
    )

    assert (zendesk.summary, zendesk.requester) == (subject, email)
    assert zendesk.priority is PRIORITIES[priority]
    assert zendesk.extra == {"ivanti_xapi": {"tags": ["certificate"]}}
    assert portal.requester == email
    assert (portal.urgency, portal.impact) == (LEVELS[levels[0]], LEVELS[levels[1]])
    assert portal.extra == {"ivanti_xapi": {"customerNetworkUsername": email}}


@pytest.mark.envoy
@pytest.mark.parametrize(
    ("there", "here"),
    [
        ("Open", "Logged"),
        ("In Progress", "Active"),
        ("Pending", "Waiting for Customer"),
        ("Resolved", "Resolved"),
        ("Closed", "Closed"),
    ],
)
async def test_what_serviceops_makes_is_read_here_with_its_status(
    api: Api, there: str, here: str
) -> None:
    ops = Ops(api.rest)
    id_ = await ops.create(subject=f"made there, {there}", description="all of it")
    await ops.update(id_, status=there)

    read = await api.get(path_of("C04", id_=str(id_)))

    assert (read["incidentId"], read["subject"]) == (str(id_), f"made there, {there}")
    assert (read["description"], read["status"]) == ("all of it", here)
    assert read["customerEmail"] == "tim@acme.com"
    assert (await ops.read(id_))["status"] == there


@pytest.mark.envoy
async def test_what_is_made_here_is_read_by_serviceops(api: Api) -> None:
    id_ = await api.incident(
        subject="made here", description="all of it", urgency="HIGH", impact="low"
    )

    read = await Ops(api.rest).read(int(id_))

    assert (read["subject"], read["description"], read["status"]) == (
        "made here",
        "all of it",
        "Open",
    )
    assert (read["requesterEmail"], read["impact"], read["urgency"]) == (
        "ann@example.com",
        "LOW",
        "HIGH",
    )

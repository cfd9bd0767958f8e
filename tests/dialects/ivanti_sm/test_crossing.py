"""Made in one API, read in another: here, ServiceOps, iAutomate, the experience API, our own."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polydesk.dialects.ivanti_sm.entity import Surroundings, from_incident
from polydesk.dialects.ivanti_sm.field import FIELDS
from polydesk.dialects.ivanti_sm.incident import read_said, to_changes, to_draft
from polydesk.dialects.ivanti_sm.person import People
from polydesk.dialects.ivanti_sm.value import CAUSES, LEVELS, SOURCES, STATUSES, TYPES, status_of
from polydesk.domain.catalog import Catalog
from polydesk.domain.category import Category
from polydesk.domain.identity import Org
from polydesk.domain.lifecycle import change
from polydesk.domain.person import Person
from polydesk.domain.saving import USUAL, Basis, settle
from polydesk.domain.ticket import Level, Priority, State, Ticket, merged_extra
from tests.dialects.iautomate.guide import pushed
from tests.dialects.ivanti_sm.page import CUSTOMER, NOTE
from tests.dialects.sample import token_of
from tests.dialects.serviceops.guide import Ops
from tests.store.records import NOW
from tests.stories.way import RestWay

from .conftest import Ism

V2: Final = "/v2/incident/orgentityid/1"
XAPI: Final = "/v2/events/incidents"


async def by_v2(ism: Ism, number: str) -> dict[str, Any]:
    query = f'queryParams={{"filter":"ticket_number={number}"}}'
    [row] = (await ism.rest.request("GET", f"{V2}?{query}")).json()["Result"]
    return dict(row)


async def by_xapi(ism: Ism, id_: int) -> dict[str, Any]:
    bearer = {"Authorization": f"Bearer {await token_of(ism.rest)}"}
    answer = await ism.rest.request("GET", f"{XAPI}/{id_}", headers=bearer)
    assert answer.status == 200, answer
    return dict(answer.json())


@pytest.mark.envoy
@pytest.mark.parametrize(
    ("status", "state", "code", "ops", "xapi"),
    [
        ("Logged", "STATE_LOGGED", "1", "Open", "Logged"),
        ("Active", "STATE_ACTIVE", "2", "In Progress", "Active"),
        ("Waiting for Customer", "STATE_WAITING", "3", "Pending", "Waiting for Customer"),
        ("Waiting for 3rd Party", "STATE_WAITING", "3", "Pending", "Waiting for 3rd Party"),
        ("Waiting for Resolution", "STATE_WAITING", "3", "Pending", "Waiting for Resolution"),
        ("Resolved", "STATE_RESOLVED", "6", "Resolved", "Resolved"),
        ("Closed", "STATE_CLOSED", "7", "Closed", "Closed"),
    ],
)
async def test_what_is_made_here_is_read_everywhere(
    ism: Ism, desk: RestWay, *, status: str, state: str, code: str, ops: str, xapi: str
) -> None:
    made = await ism.create(Subject="made here", Symptom="all of it", Category="how-to")
    solved = {"CauseCode": "Software", "Resolution": "rebooted"}
    changed = await ism.update(made["RecId"], Status=status, **solved)
    id_ = made["IncidentNumber"]

    ticket = await desk.call("TicketService.GetTicket", {"name": f"tickets/{id_}"})
    there = await Ops(ism.rest).read(id_)
    row = await by_v2(ism, ticket["number"])
    portal = await by_xapi(ism, id_)

    assert changed["Status"] == status
    assert ticket == ticket | {
        "kind": "KIND_INCIDENT",
        "summary": "made here",
        "description": "all of it",
        "state": state,
        "requester": "user@example.com",
        "assignee": "jdoe",
        "category": "How-To",
        "impact": "LEVEL_MEDIUM",
        "urgency": "LEVEL_MEDIUM",
        "priority": "PRIORITY_MEDIUM",
        "causeCode": "Software",
        "resolution": "rebooted",
    }
    assert (there["subject"], there["description"], there["status"]) == (
        "made here",
        "all of it",
        ops,
    )
    assert (there["requesterEmail"], there["requesterName"]) == ("user@example.com", "User")
    assert (row["Summary"], row["Description"], row["StatusCode"]) == (
        "made here",
        "all of it",
        code,
    )
    assert (portal["status"], portal["customerEmail"]) == (xapi, "user@example.com")
    assert portal["recId"].upper() == made["RecId"]


@pytest.mark.envoy
@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("1", "Logged"),
        ("2", "Active"),
        ("3", "Waiting for Customer"),
        ("6", "Resolved"),
        ("7", "Closed"),
        ("8", "Closed"),
    ],
)
async def test_what_iautomate_pushes_is_read_and_changed_here(
    ism: Ism, code: str, status: str
) -> None:
    number = f"ISM{(await ism.create())['IncidentNumber']}"
    said = pushed(20, TicketNumber=number, sys_id=f"{number}'s", StatusCode=code)
    body = json.dumps([said | {"LastModifiedDate": "2019-11-18 06:24:52"}])
    assert (await ism.rest.request("POST", V2, data=body)).status == 200

    [found] = (await ism.get("incidents", search=number))["value"]
    read = await ism.get(f"incidents('{number}''s')")
    changed = await ism.update(f"{number}''s", Symptom="looked at")
    row = await by_v2(ism, number)

    assert (found["RecId"], found["Status"]) == (f"{number}'s", status)
    assert {name: read[name] for name in found} == found
    assert read["CreatedByType"] == "iautomate"
    assert (changed["Symptom"], changed["Status"]) == ("looked at", status)
    assert (row["StatusCode"], row["Description"]) == (code, "looked at")


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
async def test_what_serviceops_makes_is_read_here(ism: Ism, there: str, here: str) -> None:
    ops = Ops(ism.rest)
    id_ = await ops.create(subject="made there", impact="ONUSER", urgency="URGENT")
    await ops.update(id_, status=there)

    [found] = (await ism.get("incidents", filter_=f"IncidentNumber eq {id_}"))["value"]

    assert (found["Subject"], found["Status"], found["Email"]) == (
        "made there",
        here,
        "tim@acme.com",
    )
    assert (found["Impact"], found["Urgency"], found["ProfileFullName"]) == ("Low", "High", "Tim")


@pytest.mark.envoy
async def test_what_is_deleted_here_is_gone_everywhere(ism: Ism) -> None:
    made = await ism.create()
    await ism.ask("DELETE", f"incidents('{made['RecId']}')")

    answer = await ism.rest.request("GET", f"/desk/v1/tickets/{made['IncidentNumber']}")

    assert answer.status == 404


@pytest.mark.envoy
async def test_a_published_note_is_for_the_requester_and_another_for_the_staff(
    ism: Ism, desk: RestWay
) -> None:
    made = await ism.create()
    name = f"tickets/{made['IncidentNumber']}"
    for published in (False, True):
        said = {"ParentLink_RecID": made["RecId"], "Subject": f"{published}"}
        await ism.ask("POST", "journal__Notess", NOTE | said | {"PublishToWeb": published})
    for kind in ("KIND_CLOSURE_NOTE", "KIND_EMAIL"):
        note = {"kind": kind, "subject": kind, "source": "Zendesk"}
        await desk.call("NoteService.CreateNote", {"parent": name, "note": note})

    notes = (await desk.call("NoteService.ListNotes", {"parent": name}))["notes"]
    portal = await by_xapi(ism, made["IncidentNumber"])
    here = await ism.get("journal__Notess", filter_=f"ParentLink_RecID eq '{made['RecId']}'")

    assert [note["kind"] for note in notes[:2]] == ["KIND_WORK_NOTE", "KIND_COMMENT"]
    assert [note["subject"] for note in portal["notes"]] == ["True", "KIND_CLOSURE_NOTE"]
    assert [note["Subject"] for note in here["value"]] == ["False", "True", "KIND_CLOSURE_NOTE"]
    assert here["value"][2]["Source"] == "Zendesk"


@pytest.mark.envoy
async def test_a_word_is_kept_until_somebody_else_moves_what_it_means(
    ism: Ism, desk: RestWay
) -> None:
    made = await ism.create(Status="Waiting for 3rd Party")
    name = f"incidents/{made['IncidentNumber']}"
    said = {"incident": {"name": name, "summary": "else"}, "updateMask": "summary"}
    await desk.call("IncidentService.UpdateIncident", said)
    kept = await ism.read(made["RecId"])
    said = {"incident": {"name": name, "state": "STATE_ACTIVE"}, "updateMask": "state"}
    await desk.call("IncidentService.UpdateIncident", said)
    moved = await ism.read(made["RecId"])

    assert (kept["Status"], kept["Source"]) == ("Waiting for 3rd Party", "Network Monitor")
    assert (moved["Status"], moved["LastModBy"]) == ("Active", "demo@example.com")


def person(email: str, **said: str) -> Person:
    return Person(id=1, org=7, email=email, created_at=NOW, updated_at=NOW, **said)


ANN: Final = person("ann@acme.com", name="Ann Lee", login="ann", sys_id=CUSTOMER.lower())
BOB: Final = person("bob@acme.com", sys_id="0" * 32)
AROUND: Final = Surroundings(
    org=Org(
        id=7,
        name="Seven",
        catalog=Catalog(categories=(Category(id=1, title="How-To", service="Desk"),)),
    ),
    people=People([ANN, BOB]),
)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)
said = st.fixed_dictionaries(
    {"Subject": texts.filter(str.strip)},
    optional={
        "Symptom": texts,
        "Resolution": texts,
        "OwnerTeam": texts,
        "Status": st.sampled_from([*STATUSES]),
        "Urgency": st.sampled_from([*LEVELS]),
        "Impact": st.sampled_from([*LEVELS]),
        "Source": st.sampled_from(SOURCES),
        "TypeOfIncident": st.sampled_from(TYPES),
        "CauseCode": st.sampled_from(CAUSES),
        "Owner": st.sampled_from(["ann", "bob@acme.com"]),
        "ProfileLink": st.sampled_from([CUSTOMER, "0" * 32]),
        "Category": st.sampled_from(["How-To", "Else"]),
        "Phone": texts,
        "IsVIP": st.booleans(),
        "TotalTimeSpent": st.integers(0, 9_999),
        "ivnt_Own": texts | st.integers(-9, 9) | st.booleans(),
    },
)


def made(entity: dict[str, Any]) -> Ticket:
    draft = to_draft(read_said(entity), AROUND)
    basis = Basis(org=7, at=NOW, terms=USUAL, known={}, replayed=lambda *_: False, new_ids=[42])
    return settle([draft], basis).created[0]


@given(said)
def test_an_incident_is_answered_as_it_was_said(entity: dict[str, Any]) -> None:
    answered = from_incident(made(entity), AROUND)

    assert {name: answered.get(name) for name in entity} == entity


@given(said)
def test_an_answer_that_is_sent_back_changes_nothing(entity: dict[str, Any]) -> None:
    ticket = made(entity)

    assert to_changes(read_said(from_incident(ticket, AROUND)), ticket, AROUND) == {}


tickets = st.builds(
    Ticket,
    id=st.just(42),
    org=st.just(7),
    kind=st.just(made({"Subject": "s"}).kind),
    number=st.just("INC42"),
    sys_id=st.sampled_from([CUSTOMER.lower(), "X'1"]),
    summary=texts,
    opened_at=st.just(NOW),
    modified_at=st.just(NOW),
    created_at=st.just(NOW),
    updated_at=st.just(NOW),
    description=texts,
    state=st.sampled_from(list(State)),
    wait_reason=st.sampled_from(["", "spares", "Waiting for 3rd Party"]),
    requester=st.sampled_from(["", "ann@acme.com", "carol", "dora@acme.com"]),
    assignee=st.sampled_from(["", "ann", "Ann Lee", "zoe"]),
    assignment_group=st.sampled_from(["", "linux"]),
    category=st.sampled_from(["", "How-To", "disk"]),
    impact=st.none() | st.sampled_from(list(Level)),
    urgency=st.none() | st.sampled_from(list(Level)),
    priority=st.none() | st.sampled_from(list(Priority)),
    cause_code=st.sampled_from(["", "Software", "rust"]),
)


@given(tickets)
def test_whatever_others_made_is_answered_in_order_and_may_be_sent_back(ticket: Ticket) -> None:
    entity = from_incident(ticket, AROUND)

    assert [name for name in FIELDS if name in entity] == list(entity)
    assert entity["Status"] == status_of(ticket) in STATUSES
    assert all(type(value) is FIELDS[name] for name, value in entity.items())
    assert to_changes(read_said(json.loads(json.dumps(entity))), ticket, AROUND) == {}


@given(tickets, said)
def test_what_is_changed_is_answered_as_it_was_said(ticket: Ticket, entity: dict[str, Any]) -> None:
    solved = {"CauseCode": "Software", "Resolution": "rebooted"}
    entity = solved | entity
    changes = to_changes(read_said(entity), ticket, AROUND)
    if "extra" in changes:
        changes["extra"] = merged_extra(ticket.extra, changes["extra"])
    changed = change(ticket, changes, NOW)

    answered = from_incident(changed, AROUND)

    assert {name: answered.get(name) for name in entity} == entity

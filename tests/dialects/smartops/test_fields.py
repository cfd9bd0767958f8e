"""What ticketJSON says and ticketDetails answer: all 25 names, words, notes, times, other names."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polydesk.api.smartops.v1 import smartops_pb2 as pb
from polydesk.dialects.smartops.field import TIME as FORMAT
from polydesk.dialects.smartops.field import read_offset
from polydesk.dialects.smartops.ticket import NAMES, Facts, from_ticket, read_ticket, to_draft
from polydesk.dialects.smartops.word import WORDS
from polydesk.domain.catalog import Catalog
from polydesk.domain.note import NoteDraft
from polydesk.domain.saving import Basis, settle
from polydesk.domain.ticket import LONGEST_NAME, State, Ticket
from polydesk.wire import write_time
from tests.dialects.smartops.contract import (
    CREATE,
    FETCH,
    FIELDS,
    NEW,
    NOTES,
    NUMBER,
    SYS_ID,
    TICKET,
    TIME,
    UPDATE,
    Smart,
    new_number,
)
from tests.store.records import at, stamp
from tests.stories.way import RestWay

envoy = pytest.mark.envoy


async def found(desk: RestWay, number: str) -> dict[str, Any]:
    """Returns an incident of org 1, as the canonical API has it."""
    sought = {"parent": "orgs/1", "kind": "KIND_INCIDENT", "number": number}
    return await desk.call("TicketService.LookupTicket", sought)


def test_the_dialect_knows_the_names_of_the_contract() -> None:
    assert {*FIELDS} == NAMES
    assert len(FIELDS) == 25


@envoy
async def test_all_that_can_be_written_is_read_again(smart: Smart) -> None:
    number = new_number()
    said = {
        "ticketNumber": number,
        "ticketStatus": "Work in progress",
        "ticketPriority": "2",
        "assignedTo": "ann",
        "assignedGroup": "Unix",
        "shortDescription": "disk full",
        "longDescription": "1 % left\nof 40 GB",
        "category": "Infrastructure",
        "subCategory": "Storage",
        "callerId": "monitoring",
        "urgency": "1",
        "ticketSeverity": "moderate",
        "createdTime": "2024-01-31T09:11:12.123456",
    }

    made = await smart.create(said, *said, offset="+05:30")
    read = await smart.fetch(number, *said)

    assert made == read == said | {"createdTime": "2024-01-31T03:41:12.123456"}


@envoy
async def test_every_name_that_is_asked_for_is_answered(smart: Smart) -> None:
    _, sys_id = await smart.made()

    read = await smart.update(sys_id, {}, *FIELDS, "unheardOf", "sysId")

    assert {*read} == {*FIELDS, "unheardOf"}
    assert all(read[name] == [] for name in NOTES)
    assert read == read | {
        "unheardOf": "",
        "ticketStatus": "New",
        "ticketPriority": "",
        "ticketBusinessTimeLeft": "",
        "urgency": "",
        "resolvedTime": "",
        "resolvedBy": "",
        "closedBy": "",
        "createdBy": "demo@example.com",
        "updatedBy": "demo@example.com",
    }
    assert re.fullmatch(TIME, read["createdTime"])
    assert re.fullmatch(TIME, read["updatedTime"])


@envoy
async def test_the_demo_has_a_ticket(smart: Smart) -> None:
    read = await smart.fetch(NUMBER, *FIELDS)

    assert read == read | {
        "sysId": SYS_ID,
        "shortDescription": "Disk /var is full on app01",
        "subCategory": "Storage",
        "ticketPriority": "High",
        "createdTime": "2024-01-31T03:41:12.123456",
        "comments": [
            {
                "commentBy": "monitoring@example.com",
                "commentTime": "2024-01-31T03:46:12.123456",
                "comment": "The service is slow since this morning.",
            }
        ],
        "workNotes": [
            {
                "workNoteBy": "ann@example.com",
                "workNoteTime": "2024-01-31T04:01:12.123456",
                "workNote": "Old logs are being compressed.",
            }
        ],
        "closureNotes": [],
    }


# Words.


@envoy
@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        ("OPEN", "Assign", "In Progress"),
        ("work In progress", "Cancel", "Cancelled"),
        ("Pending", "Resolve", "Resolved"),
        ("RESOLVED", "Close", "Closed"),
        ("closed", "Reopen", "In Progress"),
        ("canceled", "Reopen", "In Progress"),
    ],
)
async def test_a_status_is_answered_as_it_was_said_until_somebody_else_changes_it(
    smart: Smart, desk: RestWay, status: str, method: str, then: str
) -> None:
    number, sys_id = await smart.made()
    more = {"Assign": {"assignee": "bob"}, "Resolve": {"resolution": "mended"}}.get(method, {})

    said = await smart.update(sys_id, {"ticketStatus": status}, "ticketStatus")
    await smart.update(sys_id, {"longDescription": "other"})
    kept = await smart.fetch(number, "ticketStatus")
    name = (await found(desk, number))["name"].replace("tickets", "incidents")
    await desk.call(f"IncidentService.{method}Incident", {"name": name, **more})
    read = await smart.fetch(number, "ticketStatus")

    assert said == kept == {"ticketStatus": status}
    assert read == {"ticketStatus": then}


@envoy
async def test_what_is_awaited_is_kept(smart: Smart, desk: RestWay) -> None:
    number, sys_id = await smart.made()

    read = await smart.update(sys_id, {"ticketStatus": "Awaiting Vendor"}, "ticketStatus")
    ticket = await found(desk, number)

    assert read == {"ticketStatus": "Awaiting Vendor"}
    assert (ticket["state"], ticket["waitReason"]) == ("STATE_WAITING", "Awaiting Vendor")


@envoy
async def test_a_priority_follows_from_severity_and_urgency_unless_it_is_said(
    smart: Smart,
) -> None:
    names = ("ticketPriority", "urgency", "ticketSeverity")
    _, sys_id = await smart.made(urgency="1", ticketSeverity="1", ticketPriority="Low")

    said = await smart.update(sys_id, {}, *names)
    follows = await smart.update(sys_id, {"ticketSeverity": "3"}, *names)

    assert said == {"ticketPriority": "Low", "urgency": "1", "ticketSeverity": "1"}
    assert follows == {"ticketPriority": "Medium", "urgency": "1", "ticketSeverity": "3"}


def test_every_meaning_has_a_word_that_means_it() -> None:
    for words in WORDS.values():
        assert {*words.answers} == {*words.meant.values()}
        assert all(words.meant[word.casefold()] is each for each, word in words.answers.items())
    assert {*WORDS["ticketStatus"].answers} == {*State}


# Notes.


@envoy
@pytest.mark.parametrize(
    ("name", "text"),
    [("comments", "comment"), ("workNotes", "workNote"), ("closureNotes", "closureNote")],
)
async def test_notes_are_written_as_objects_texts_and_lists_of_both(
    smart: Smart, name: str, text: str
) -> None:
    _, sys_id = await smart.made(**{name: "first"})
    second = {text: "second", f"{text}By": "carol", f"{text}Time": "2024-01-31T09:00:00"}

    await smart.update(sys_id, {name: second}, offset="-05:00")
    await smart.update(sys_id, {name: ["third", {text: "fourth"}, ""]})
    await smart.update(sys_id, {name: []})
    read = await smart.update(sys_id, {name: ""}, *NOTES)

    assert [note[text] for note in read[name]] == ["first", "second", "third", "fourth"]
    assert read[name][1] == second | {f"{text}Time": "2024-01-31T14:00:00.000000"}
    assert all({*note} == {text, f"{text}By", f"{text}Time"} for note in read[name])
    assert {note[f"{text}By"] for note in read[name]} == {"carol", "demo@example.com"}
    assert all(read[other] == [] for other in NOTES if other != name)


@envoy
async def test_notes_that_are_repeated_are_not_added_again(smart: Smart) -> None:
    _, sys_id = await smart.made(comments=["one", "two"])
    read = await smart.update(sys_id, {}, "comments")

    again = await smart.update(sys_id, read, "comments")
    more = await smart.update(sys_id, {"comments": [*read["comments"], "one"]}, "comments")

    assert again == read
    assert [note["comment"] for note in more["comments"]] == ["one", "two", "one"]


@envoy
async def test_the_notes_of_others_are_read(smart: Smart, desk: RestWay) -> None:
    number, _ = await smart.made()
    name = (await found(desk, number))["name"]
    for kind in ("COMMENT", "WORK_NOTE", "CLOSURE_NOTE", "EMAIL"):
        note = {"kind": f"KIND_{kind}", "subject": kind, "body": "text", "author": "bob"}
        await desk.call("NoteService.CreateNote", {"parent": name, "note": note})

    read = await smart.fetch(number, *NOTES)

    assert [note["comment"] for note in read["comments"]] == ["COMMENT\ntext"]
    assert [note["workNote"] for note in read["workNotes"]] == ["WORK_NOTE\ntext"]
    assert [note["closureNote"] for note in read["closureNotes"]] == ["CLOSURE_NOTE\ntext"]


@envoy
async def test_a_resolution_of_others_is_a_closure_note_and_a_closure_note_the_resolution(
    smart: Smart, desk: RestWay
) -> None:
    numbers = [(await smart.made())[0] for _ in range(2)]
    names = [
        (await found(desk, number))["name"].replace("tickets", "incidents") for number in numbers
    ]
    sys_id = (await smart.fetch(numbers[0], "sysId"))["sysId"]

    await smart.update(sys_id, {"ticketStatus": "Resolved", "closureNotes": "logs deleted"})
    await desk.call(
        "IncidentService.ResolveIncident", {"name": names[1], "resolution": "disk bought"}
    )
    ours = await desk.call("IncidentService.GetIncident", {"name": names[0]})
    theirs = await smart.fetch(numbers[1], "closureNotes", "resolvedBy", "resolvedTime")

    assert ours["resolution"] == "logs deleted"
    assert theirs["resolvedBy"] == "demo@example.com"
    assert theirs["closureNotes"] == [
        {
            "closureNoteBy": "demo@example.com",
            "closureNoteTime": theirs["resolvedTime"],
            "closureNote": "disk bought",
        }
    ]


@envoy
async def test_a_ticket_and_its_notes_are_made_together_or_not_at_all(smart: Smart) -> None:
    number, sys_id = await smart.made()
    body = {"sysId": sys_id, "ticketFields": [], "ticketJSON": {"comments": "x"}}

    refused = await smart.ask("POST", UPDATE, body, If_Match='"ff"')
    new = {"ticketNumber": number, "comments": "x", **NEW}
    taken = await smart.ask("POST", CREATE, {"ticketJSON": new})
    read = await smart.fetch(number, "comments")

    assert (refused.status, taken.status) == (412, 409)
    assert refused.json()["statusCode"] == "412"
    assert "has INCIDENT" in taken.json()["statusMessage"]
    assert read == {"comments": []}


@envoy
async def test_a_request_that_is_repeated_under_its_key_does_nothing_twice(smart: Smart) -> None:
    fields = ["ticketNumber", "sysId", "comments"]
    new = {"ticketJSON": {**NEW, "comments": "x"}, "ticketFields": fields}
    key = new_number()

    made = [await smart.ask("POST", CREATE, new, Idempotency_Key=key) for _ in range(2)]
    details = made[0].json()["ticketDetails"]
    change = {
        "sysId": details["sysId"],
        "ticketJSON": {"workNotes": "y", "assignedTo": "z"},
        "ticketFields": ["workNotes"],
    }
    changed = [
        await smart.ask("POST", UPDATE, change, Idempotency_Key=f"{key} change") for _ in range(2)
    ]
    elsewhere = await smart.ask("POST", CREATE, new, Idempotency_Key=key, organization_key="7")

    assert made[0].json() == made[1].json()
    assert len(details["comments"]) == 1
    assert [len(each.json()["ticketDetails"]["workNotes"]) for each in changed] == [1, 1]
    assert elsewhere.status == 409
    assert "was used for another request" in elsewhere.json()["statusMessage"]


# Times and people.


OFFSETS = [
    ("", "09:00:00"),
    ("Z", "09:00:00"),
    ("utc", "09:00:00"),
    ("+05:30", "03:30:00"),
    ("-05:00", "14:00:00"),
    ("+0530", "03:30:00"),
    ("+05", "04:00:00"),
    ("UTC+05:30", "03:30:00"),
    ("GMT-03:30", "12:30:00"),
    (" +12:45 ", "20:15:00"),
]


@envoy
@pytest.mark.parametrize(("offset", "utc"), OFFSETS)
async def test_an_offset_is_that_of_times_without_one(smart: Smart, offset: str, utc: str) -> None:
    note = {"comment": "x", "commentTime": "2024-02-01T09:00:00.5"}
    said = {**NEW, "createdTime": "2024-02-01 09:00:00", "comments": note}

    made = await smart.create(said, "createdTime", "comments", offset=offset)

    day = "2024-01-31" if utc.startswith("20") else "2024-02-01"
    assert made["createdTime"] == f"{day}T{utc}.000000"
    assert made["comments"][0]["commentTime"] == f"{day}T{utc}.500000"


@envoy
@pytest.mark.parametrize("own", ["Z", "+01:00", "-0930"])
async def test_a_time_with_an_offset_of_its_own_keeps_it(smart: Smart, own: str) -> None:
    written = {"Z": "09:00", "+01:00": "08:00", "-0930": "18:30"}[own]

    made = await smart.create(
        {**NEW, "createdTime": f"2024-02-01T09:00:00{own}"}, "createdTime", offset="+05:30"
    )

    assert made["createdTime"] == f"2024-02-01T{written}:00.000000"


@given(
    moment=st.datetimes(min_value=at(0).replace(year=1970, tzinfo=None)),
    minutes=st.integers(-14 * 60, 14 * 60),
    colon=st.sampled_from(["", ":"]),
    prefix=st.sampled_from(["", "UTC", "GMT"]),
)
def test_times_come_back_whatever_the_offset(
    moment: Any, minutes: int, colon: str, prefix: str
) -> None:
    sign = "-" if minutes < 0 else "+"
    offset = f"{prefix}{sign}{abs(minutes) // 60:02}{colon}{abs(minutes) % 60:02}"
    zone = read_offset(offset)
    local = moment.replace(tzinfo=zone)
    try:
        utc = local.astimezone(at(0).tzinfo)
    except OverflowError:
        return
    said = pb.CreateTicketRequest()
    said.ticket_json.update(
        {"shortDescription": "x", "createdTime": moment.isoformat(timespec="microseconds")}
    )

    draft = to_draft(read_ticket(said.ticket_json, zone=zone, catalog=Catalog()))

    assert draft.opened_at == utc
    assert write_time(utc, FORMAT) == utc.replace(tzinfo=None).isoformat(timespec="microseconds")


@envoy
async def test_who_did_what_and_when_is_told(smart: Smart, desk: RestWay) -> None:
    login = f"{new_number()}@example.com".casefold()
    member = {"org": "orgs/1", "role": "ROLE_AGENT"}
    account = {"kind": "KIND_USER", "login": login, "memberships": [member]}
    await desk.call("IdentityService.CreateAccount", {"account": account, "secret": "sesame"})
    basic = "Basic " + base64.b64encode(f"{login}:sesame".encode()).decode()
    other = Smart(smart.rest, Authorization=basic)
    names = ("createdBy", "updatedBy", "resolvedBy", "closedBy", "resolvedTime")
    _, sys_id = await smart.made()

    resolved = await other.update(
        sys_id, {"ticketStatus": "Resolved", "resolvedTime": "2024-02-01T09:00:00"}, *names
    )
    closed = await smart.update(sys_id, {"ticketStatus": "Closed"}, *names)
    reopened = await other.update(sys_id, {"ticketStatus": "In Progress"}, *names)

    me = "demo@example.com"
    time = "2024-02-01T09:00:00.000000"
    assert [resolved[name] for name in names] == [me, login, login, "", time]
    assert [closed[name] for name in names] == [me, me, login, me, time]
    assert [reopened[name] for name in names] == [me, login, "", "", ""]


@envoy
async def test_what_is_left_of_a_service_level_is_told(smart: Smart, desk: RestWay) -> None:
    policy = {
        "name": "orgs/19/servicePolicy",
        "timeZone": "Europe/London",
        "hours": [{"weekday": day, "startMinute": 540, "endMinute": 1020} for day in range(1, 6)],
        "targets": [{"priority": "PRIORITY_CRITICAL", "duration": "14400s"}],
    }
    await desk.call("ServiceLevelService.UpdateServicePolicy", {"servicePolicy": policy})
    late = {
        **NEW,
        "ticketPriority": "1",
        "ticketStatus": "Resolved",
        "createdTime": "2026-01-02T16:00:00",  # a Friday, an hour before the end
        "resolvedTime": "2026-01-05T13:00:00",
    }
    names = ["ticketBusinessDuration", "ticketBusinessTimeLeft"]

    answers = [
        await smart.ask(
            "POST", CREATE, {"ticketJSON": said, "ticketFields": names}, organization_key="19"
        )
        for said in (late, late | {"ticketPriority": "2"})
    ]

    assert [answer.json()["ticketDetails"] for answer in answers] == [
        {"ticketBusinessDuration": "18000", "ticketBusinessTimeLeft": "-3600"},
        {"ticketBusinessDuration": "18000", "ticketBusinessTimeLeft": ""},
    ]


# Other names.


@envoy
async def test_names_beyond_the_contract_are_kept_and_answered(smart: Smart) -> None:
    said = {
        "u_site": "Pune",
        "tags": ["a", {"b": None}],
        "count": 3,
        "share": 0.5,
        "billed": True,
        "nothing": None,
        "Ünïcode name": "ü",
    }
    number, sys_id = await smart.made(**said)

    read = await smart.fetch(number, *said)
    changed = await smart.update(sys_id, {"u_site": "", "count": None, "more": "x"}, *said, "more")

    assert read == said | {"nothing": ""}
    assert changed == said | {"nothing": "", "u_site": "", "count": "", "more": "x"}


@envoy
async def test_a_custom_field_of_the_org_is_written_by_its_name(
    smart: Smart, desk: RestWay
) -> None:
    number, sys_id = await smart.made(stage="dev", building="HQ")

    read = await smart.fetch(number, "stage", "Stage", "Building", "office_building")
    ticket = await found(desk, number)
    gone = await smart.update(sys_id, {"Stage": None}, "stage")

    assert read == {"stage": "dev", "Stage": "dev", "Building": "HQ", "office_building": "HQ"}
    assert {*ticket["customFields"]} == {"stage", "office_building"}
    assert gone == {"stage": ""}


# Which org.


@envoy
async def test_the_org_may_be_chosen(smart: Smart) -> None:
    body = {"ticketJSON": NEW, "ticketFields": ["ticketNumber"]}
    ways: list[tuple[dict[str, str], dict[str, str]]] = [
        ({"organization_key": "7"}, {}),
        ({"organization_name": "Demo 7"}, {}),
        ({}, {"organization": "7"}),
        ({}, {"organization": base64.b64encode(b"Demo 7").decode()}),
        ({"organization_key": "7", "organization_name": "Demo 7"}, {"organization": "Demo 7"}),
    ]
    for headers, details in ways:
        made = await smart.ask("POST", CREATE, body | {"connectionDetails": details}, **headers)
        number = made.json()["ticketDetails"]["ticketNumber"]
        asked = {"ticketNumber": number, "connectionDetails": details}
        there = await smart.ask("GET", TICKET, asked, **headers)
        here = await smart.ask("GET", TICKET, {"ticketNumber": number})

        assert (made.status, there.status, here.status) == (200, 200, 404), (headers, details)


@envoy
async def test_tickets_of_every_kind_are_fetched_and_incidents_changed(
    smart: Smart, desk: RestWay
) -> None:
    for kind in ("SERVICE_REQUEST_TASK", "CHANGE_TASK", "EVENT", "SUB_TASK", "PROBLEM"):
        number = new_number()
        row = {"kind": f"KIND_{kind}", "number": number, "summary": kind, "sysId": number}
        await desk.call("TicketService.SaveTickets", {"parent": "orgs/1", "tickets": [row]})

        read = await smart.fetch(number, "shortDescription", "sysId")
        refused = await smart.ask("POST", UPDATE, {"sysId": number, "ticketJSON": {}})

        assert read == {"shortDescription": kind, "sysId": number}
        assert refused.status == 404


@envoy
async def test_the_three_forms_of_a_fetch_answer_alike(smart: Smart) -> None:
    number, _ = await smart.made(longDescription="1 % left")
    names = ["longDescription", "ticketStatus", "unheard of"]
    body = {"ticketNumber": number, "ticketFields": names, "itsmTimeZoneOffset": "+05:30"}
    listed = quote(",".join(names))

    answers = [
        await smart.ask("GET", TICKET, body),
        await smart.ask("POST", FETCH, body),
        *[
            await smart.ask("GET", f"{TICKET}?ticketNumber={number}&ticketFields={listed}{more}")
            for more in ("", "&itsmTimeZoneOffset=+05:30", "&itsmTimeZoneOffset=%2B05:30&")
        ],
        await smart.ask("GET", f"/{TICKET}?ticketFields={listed}", {"ticketNumber": number}),
        await smart.ask("GET", f"{TICKET}/", json.dumps(body).replace(number, f" {number} ")),
    ]

    for answer in answers:
        assert answer.json() == answers[0].json(), answer
        assert answer.json()["ticketDetails"]["longDescription"] == "1 % left"


# The translation itself.

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
FILLED = TEXT.filter(str.strip)
WORDED = {name: st.sampled_from(sorted(words.meant)) for name, words in WORDS.items()}
WRITTEN = {
    "longDescription": TEXT,
    "assignedTo": TEXT,
    "assignedGroup": TEXT,
    "category": TEXT,
    "subCategory": TEXT,
    "callerId": TEXT,
    **WORDED,
}
OTHERS = st.dictionaries(
    st.text(st.characters(codec="ascii", min_codepoint=97, max_codepoint=122), min_size=12),
    st.recursive(
        st.booleans() | TEXT | st.integers(-(2**50), 2**50),
        lambda each: st.lists(each, max_size=3) | st.dictionaries(FILLED, each, max_size=3),
        max_leaves=5,
    ),
    max_size=5,
)


def kept(draft: Any) -> Ticket:
    basis = Basis(org=1, at=stamp(1).at, known={}, replayed=lambda *_: False, new_ids=[1])
    ticket: Ticket = settle([draft], basis).created[0]
    return ticket


@given(said=st.fixed_dictionaries({"shortDescription": FILLED}, optional=WRITTEN), others=OTHERS)
def test_what_is_said_is_what_is_told(said: dict[str, str], others: dict[str, Any]) -> None:
    request = pb.CreateTicketRequest()
    request.ticket_json.update(said | others)

    read = read_ticket(request.ticket_json, zone=read_offset(""), catalog=Catalog())
    ticket = kept(to_draft(read))

    assert from_ticket(ticket, [*said, *others], Facts()) == said | others


@given(text=FILLED, by=TEXT, name=st.sampled_from(NOTES))
def test_a_note_says_what_was_said(text: str, by: str, name: str) -> None:
    stem = name.removesuffix("s")
    request = pb.CreateTicketRequest()
    request.ticket_json.update(
        {"shortDescription": "x", name: [{stem: text, f"{stem}By": by, f"{stem}Time": ""}]}
    )

    [note] = read_ticket(request.ticket_json, zone=read_offset(""), catalog=Catalog()).notes

    assert (note.body, note.author) == (text, by)
    assert isinstance(note, NoteDraft)
    assert len(note.author) <= LONGEST_NAME


@envoy
async def test_two_updates_at_once_both_count(smart: Smart) -> None:
    number, sys_id = await smart.made()

    await asyncio.gather(
        *(smart.update(sys_id, {"comments": f"{index}", f"n{index}": "x"}) for index in range(8))
    )
    read = await smart.fetch(number, "comments", *(f"n{index}" for index in range(8)))

    assert {note["comment"] for note in read.pop("comments")} == {f"{index}" for index in range(8)}
    assert {*read.values()} == {"x"}

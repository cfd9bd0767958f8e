"""What a push means, and how a ticket is printed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from polydesk.api.iautomate.v1 import iautomate_pb2 as pb
from polydesk.dialects.iautomate.ticket import (
    CODES,
    from_ticket,
    state_of,
    to_drafts,
)
from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.saving import Basis, settle
from polydesk.domain.ticket import Kind, State, Ticket
from tests.dialects.iautomate.guide import pushed, read
from tests.dialects.sample import fits

AT: Final = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def v2(**fields: str) -> pb.PushedIncidentV2:
    return json_format.ParseDict(pushed(20, **fields), pb.PushedIncidentV2())


def v1(**fields: str) -> pb.PushedIncidentV1:
    return json_format.ParseDict(pushed(5, **fields), pb.PushedIncidentV1())


def save(*tickets: pb.PushedIncidentV1 | pb.PushedIncidentV2) -> Ticket:
    """What the desk makes of pushes of one ticket, one after another."""
    drafts = to_drafts(tickets)
    settled = settle(
        drafts,
        Basis(org=1, at=AT, known={}, replayed=lambda _, __: False, new_ids=range(len(drafts))),
    )
    return settled.created[0]


def printed(ticket: Ticket, message: type[pb.IncidentV1 | pb.IncidentV2]) -> dict[str, Any]:
    answer = from_ticket(ticket, message)
    return json_format.MessageToDict(answer, always_print_fields_with_no_presence=True)


def refused(**fields: str) -> Invalid:
    with pytest.raises(Invalid) as caught:
        to_drafts([v2(), v2(**fields)])
    return caught.value


def test_a_push_through_v2_is_read_through_both() -> None:
    ticket = save(v2())

    assert fits(printed(ticket, pb.IncidentV2), read(20))
    assert fits(printed(ticket, pb.IncidentV1), read(5))
    assert ticket.kind is Kind.INCIDENT


def test_a_push_through_v1_leaves_the_other_cols() -> None:
    ticket = save(v2(Col5="5", Col6="6", Col20="20"), v1(Col5="five", StatusCode="2"))

    answer = printed(ticket, pb.IncidentV2)
    assert [answer[f"Col{number}"] for number in (5, 6, 20)] == ["five", "6", "20"]
    assert answer["StatusCode"] == "2"


def test_a_push_says_the_whole_ticket() -> None:
    later = v2(LastModifiedDate="2019-11-19 00:00:00", ResolvedDate=" ", AssignedGroup="")
    later.col20 = ""

    answer = printed(save(v2(Col20="x"), later), pb.IncidentV2)

    assert answer["ClosedDate"] is None
    assert answer["AssignedGroup"] == answer["Col20"] == ""


def test_an_older_push_changes_nothing() -> None:
    older = v2(LastModifiedDate="2019-11-18 06:24:51.999", Summary="older")

    assert save(v2(), older).summary == "testing"


def test_ids_are_trimmed_and_texts_are_not() -> None:
    ticket = save(
        v2(TicketNumber=" INC1 ", sys_id="\tx\n", AssignedGroup="g ", Summary=" s ", Col1="\n1 ")
    )

    assert (ticket.number, ticket.sys_id, ticket.assignment_group) == ("INC1", "x", "g")
    assert (ticket.summary, ticket.extra["iautomate"]["Col1"]) == (" s ", "\n1 ")


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
words = texts.filter(str.strip)
dates = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001 - hypothesis takes naive bounds
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001 - the same
)


@given(
    st.fixed_dictionaries(
        {
            "TicketNumber": words,
            "sys_id": words,
            "Summary": words,
            "Description": words,
            "StatusCode": words,
            "AssignedGroup": texts,
            **{f"Col{number}": texts for number in range(1, 21)},
        }
    ),
    st.fixed_dictionaries(
        dict.fromkeys(("CreationDate", "LastModifiedDate", "ResolvedDate"), dates)
    ),
    st.integers(-840, 840),
)
def test_what_is_pushed_is_read(
    fields: dict[str, str], times: dict[str, datetime], offset: int
) -> None:
    local = {
        name: (moment - timedelta(minutes=offset)).isoformat(" ", "milliseconds")
        for name, moment in times.items()
    }
    ticket = save(v2(**fields, **local, IsTimeZoneOrOffset="OFFSET", TimeZoneOffset=str(offset)))

    answer = printed(ticket, pb.IncidentV2)

    trimmed = {name: fields[name].strip() for name in ("TicketNumber", "sys_id", "AssignedGroup")}
    gmt = {name: moment.isoformat(" ", "milliseconds") for name, moment in times.items()}
    assert answer == answer | fields | trimmed | {
        "CreationDate": gmt["CreationDate"],
        "LastModifiedDate": gmt["LastModifiedDate"],
        "ClosedDate": gmt["ResolvedDate"],
    }


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("1", State.LOGGED),
        ("New", State.LOGGED),
        ("2", State.ACTIVE),
        ("ACTIVE", State.ACTIVE),
        (" Work in Progress ", State.ACTIVE),
        ("3", State.WAITING),
        ("Awaiting User Info", State.WAITING),
        ("6", State.RESOLVED),
        ("Resolved", State.RESOLVED),
        ("7", State.CLOSED),
        ("closed", State.CLOSED),
        ("8", State.CANCELLED),
        ("Cancelled", State.CANCELLED),
        ("Canceled", State.CANCELLED),
        ("Waiting at the station", State.LOGGED),
    ],
)
def test_a_status_code_places_the_ticket(code: str, state: State) -> None:
    ticket = save(v2(StatusCode=code, ResolvedDate=""))

    assert ticket.state is state
    assert printed(ticket, pb.IncidentV1)["StatusCode"] == code


def test_an_unknown_status_code_with_a_resolved_date_is_resolved() -> None:
    assert save(v2(StatusCode="Fixed!")).state is State.RESOLVED


@pytest.mark.parametrize("state", State)
def test_a_ticket_that_others_moved_has_the_code_of_its_state(state: State) -> None:
    ticket = save(v2(StatusCode="Fixed!"))

    moved = printed(msgspec.structs.replace(ticket, state=state), pb.IncidentV2)

    assert moved["StatusCode"] == ("Fixed!" if state is State.RESOLVED else CODES[state])
    assert state_of(CODES[state], resolved=False) is state


def test_a_ticket_of_another_dialect_is_read_too() -> None:
    ticket = msgspec.structs.replace(save(v2()), extra={}, state=State.CLOSED, resolved_at=None)

    answer = printed(ticket, pb.IncidentV1)

    assert answer["StatusCode"] == "7"
    assert answer["ClosedDate"] is None
    assert answer["Col5"] == ""


@pytest.mark.parametrize(
    ("fields", "gmt"),
    [
        ({}, "2019-11-18 00:54:52.000"),
        ({"IsTimeZoneOrOffset": "offset", "TimeZone": ""}, "2019-11-18 00:54:52.000"),
        ({"IsTimeZoneOrOffset": "GMT", "TimeZone": "?"}, "2019-11-18 06:24:52.000"),
        ({"TimeZone": "India Standard Time"}, "2019-11-18 00:54:52.000"),
        ({"TimeZone": "America/New_York"}, "2019-11-18 11:24:52.000"),
        ({"IsEpoch": "Y"}, "2019-11-18 00:54:52.000"),
        ({"IsEpoch": "y", "CreationDate": "1574038492"}, "2019-11-18 00:54:52.000"),
        ({"IsEpoch": "Y", "CreationDate": "1574038492607"}, "2019-11-18 00:54:52.607"),
        ({"CreationDate": "2019-11-18T06:24:52.6"}, "2019-11-18 00:54:52.600"),
        ({"CreationDate": "2019-11-1806:24:52.607"}, "2019-11-18 00:54:52.607"),
        ({"CreationDate": "2019-11-18T06:24:52Z"}, "2019-11-18 06:24:52.000"),
        ({"CreationDate": "2019-11-18 06:24:52.607999"}, "2019-11-18 00:54:52.607"),
    ],
)
def test_dates_come_out_in_gmt(fields: dict[str, str], gmt: str) -> None:
    assert printed(save(v2(**fields)), pb.IncidentV2)["CreationDate"] == gmt


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"TicketNumber": " "}, "TicketNumber is required"),
        ({"sys_id": "\t"}, "sys_id is required"),
        ({"StatusCode": " "}, "StatusCode is required"),
        ({"CreationDate": " "}, "CreationDate is required"),
        ({"LastModifiedDate": "yesterday"}, "LastModifiedDate: yesterday is no time"),
        ({"ResolvedDate": "2019-13-01 00:00:00"}, "ResolvedDate: 2019-13-01 00:00:00 is no time"),
        ({"CreationDate": "1574038492"}, "CreationDate: 1574038492 is no time"),
        ({"IsEpoch": "yes"}, "IsEpoch is yes, it can be Y or N"),
        ({"ModuleId": "2"}, "ModuleId is 2, it can be 1 or 9"),
        (
            {"IsTimeZoneOrOffset": "TIMEZONE/OFFSET/GMT"},
            "IsTimeZoneOrOffset is TIMEZONE/OFFSET/GMT, it can be one of TIMEZONE, OFFSET, GMT",
        ),
        ({"TimeZone": ""}, "TimeZone is required by IsTimeZoneOrOffset"),
        ({"TimeZone": "Mars"}, "TimeZone: Mars is no time zone"),
        (
            {"IsTimeZoneOrOffset": "OFFSET", "TimeZoneOffset": " "},
            "TimeZoneOffset is required by IsTimeZoneOrOffset",
        ),
        (
            {"IsTimeZoneOrOffset": "OFFSET", "TimeZoneOffset": "+05:30"},
            "TimeZoneOffset is +05:30, it can be minutes such as -330",
        ),
        (
            {"IsTimeZoneOrOffset": "OFFSET", "TimeZoneOffset": "9999"},
            "TimeZoneOffset: 9999 is no time zone offset",
        ),
        ({"TicketNumber": "x" * 256}, "TicketNumber has 256 characters, at most 255 are taken"),
        ({"AssignedGroup": "x" * 256}, "AssignedGroup has 256 characters"),
        ({"Summary": "x" * 1001}, "Summary has 1001 characters"),
        ({"Description": "\0"}, "Description holds the character NUL"),
        ({"Col20": "\0"}, "Col20 holds the character NUL"),
        ({"StatusCode": "x\0"}, "StatusCode holds the character NUL"),
    ],
)
def test_a_wrong_field_is_named_with_its_item(fields: dict[str, str], message: str) -> None:
    error = refused(**fields)

    name = message.split(maxsplit=1)[0].rstrip(":")
    assert error.message.startswith(message)
    assert error.message.endswith(" (item 1)")
    assert error.field == f"tickets[1].{name}"
    assert isinstance(error, Missing) == ("required" in message)

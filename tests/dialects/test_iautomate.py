from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, quote_plus

import grpc
import grpc.aio
import msgspec
import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from polydesk.api.iautomate.v1 import iautomate_pb2 as pb
from polydesk.api.iautomate.v1.iautomate_pb2_grpc import IAutomateServiceStub
from polydesk.dialects import iautomate
from polydesk.domain import errors
from polydesk.domain.errors import Invalid, Missing, NotFound, PolydeskError
from polydesk.domain.query import All, Comparison
from polydesk.domain.saving import Basis, settle
from polydesk.domain.ticket import Execution, Kind, State, Ticket

if TYPE_CHECKING:
    from tests.conftest import Native

NUMBER: Final = "INC0303863"
FORM: Final = "application/x-www-form-urlencoded"
SAVED_V2: Final = {
    "Id": "<text>",
    "Status": "Success",
    "Message": "Incident data saved successfully",
}
SAVED_V1: Final = {"statusCode": 200, "status": "Success", "message": "Success", "result": "<text>"}


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A documented call as it goes on the wire, and its answer.

    `<text>` in the answer stands for any text, `<time>` for any date.
    """

    id: str
    method: str
    path: str
    answer: dict[str, Any]
    body: str = ""
    content_type: str = "application/json"
    note: str = field(default="")


def pushed(many: int, **fields: str) -> dict[str, str]:
    """The ticket of tables 2 and 4."""
    ticket = {
        "TicketNumber": NUMBER,
        "Summary": "testing",
        "sys_id": "2b535ab3dbc988506d7550d3dc96190e",
        "ResolvedDate": "2019-11-18 06:24:52",
        "AssignedGroup": "02cc6a39376e4f00c72b2b2943990e68",
        "StatusCode": "1",
        "CreationDate": "2019-11-18 06:24:52",
        "Description": "testing data",
        "LastModifiedDate": "2019-11-18 06:24:52",
        **{f"Col{number}": " " for number in range(1, many + 1)},
        "TimeZone": "IST",
        "TimeZoneOffset": "-330",
        "IsTimeZoneOrOffset": "TIMEZONE",
        "IsEpoch": "N",
        "ModuleId": "1",
    }
    return ticket | fields


def read(many: int, **fields: Any) -> dict[str, Any]:
    """The ticket of tables 25 and 28: what was pushed, its dates in GMT."""
    ticket = {
        "TicketNumber": NUMBER,
        "Summary": "testing",
        "Description": "testing data",
        "AssignedGroup": "02cc6a39376e4f00c72b2b2943990e68",
        "StatusCode": "1",
        "CreationDate": "2019-11-18 00:54:52.000",
        "LastModifiedDate": "2019-11-18 00:54:52.000",
        "ClosedDate": "2019-11-18 00:54:52.000",
        "sys_id": "2b535ab3dbc988506d7550d3dc96190e",
        **{f"Col{number}": " " for number in range(1, many + 1)},
        "iAutomate_CreatedDateInGMT": "<time>",
        "iAutomate_UpdatedDateInGMT": "<time>",
    }
    return ticket | fields


def read_v2(*tickets: dict[str, Any]) -> dict[str, Any]:
    return {
        "Count": len(tickets),
        "Result": list(tickets),
        "Status": "Success",
        "Message": "Success",
    }


def read_v1(*tickets: dict[str, Any]) -> dict[str, Any]:
    return {"statusCode": 200, "status": "Success", "message": None, "result": list(tickets)}


def status(number: str = NUMBER) -> dict[str, str]:
    return {"TicketNumber": number, "TicketStatus": "Data Collected"}


V2: Final = "/v2/incident/orgentityid"
V1: Final = "/iAutomateAPI/Request"
# The guide's example range of table 27. Nothing lies in it: it begins after its end.
EMPTY_RANGE: Final = "start_date>=2020-01-29 07:12:23.607&end_date<=2019-11-18 06:24:52"
# Every documented call, on the tickets that the demo has. Written from the guide, seed 004.
SAMPLES: Final = (
    Sample(
        id="H01",
        note="as printed",
        method="POST",
        path=f"/{V2}/1",
        body=json.dumps([pushed(20)]),
        answer=SAVED_V2,
    ),
    Sample(
        id="H01",
        note="one slash, an event",
        method="POST",
        path=f"{V2}/1",
        body=json.dumps([pushed(20, ModuleId="9")]),
        answer=SAVED_V2,
    ),
    Sample(
        id="H01",
        note="an object for an array of one",
        method="POST",
        path=f"{V2}/1",
        body=json.dumps(pushed(20)),
        answer=SAVED_V2,
    ),
    Sample(
        id="H02",
        note="as printed",
        method="POST",
        path=f"/{V1}/SaveIncidentData/1",
        # "IsEpoch": "Y" beside dates is the guide's own; of its "TIMEZONE/OFFSET/GMT" one is meant.
        body=json.dumps([pushed(5, IsEpoch="Y", IsTimeZoneOrOffset="OFFSET")]),
        answer=SAVED_V1,
    ),
    Sample(
        id="H02",
        note="one slash",
        method="POST",
        path=f"{V1}/SaveIncidentData/1",
        body=json.dumps([pushed(5)]),
        answer=SAVED_V1,
    ),
    Sample(
        id="H08",
        note="curl -g",
        method="GET",
        path=f'{V2}/7?queryParams={{"filter":"ticket_number={NUMBER}"}}',
        answer=read_v2(read(20)),
    ),
    Sample(
        id="H08",
        note="two filters, as requests sends them",
        method="GET",
        path=f"{V2}/7?queryParams=%7B%22filter%22:%22start_date%3E=2019-11-1800:00:00"
        "&end_date%3C=2019-11-18%2006:24:52%22%7D",
        answer=read_v2(read(20)),
    ),
    Sample(
        id="H08",
        note="events, wholly encoded",
        method="GET",
        path=f"{V2}/7?queryParams="
        + quote_plus('{"filter": "ModuleId=9&Ticket_number=INC0303863"}'),
        answer=read_v2(read(20)),
    ),
    Sample(
        id="H08",
        note="no filter",
        method="GET",
        path=f"/{V2}/7",
        answer=read_v2(read(20)),
    ),
    Sample(
        id="H09",
        note="as httpx sends the printed URL",
        method="GET",
        path=f"{V1}/GetIncidentTicketData/7?ModuleId=1&%20start_date%3E=2020-01-29%2007:12:23.607"
        "&end_date%3C=2019-11-18%2006:24:52&",
        answer=read_v1(),
    ),
    Sample(
        id="H09",
        note="as aiohttp sends it, with a range that holds something",
        method="GET",
        path=f"{V1}/GetIncidentTicketData/7?ModuleId=1&+start_date>=2019-01-29+07:12:23.607"
        "&end_date<=2019-11-18+06:24:52&",
        answer=read_v1(read(5)),
    ),
    Sample(
        id="H09",
        note="section 5",
        method="GET",
        path=f"{V1}/GetIncidentTicketData/19",
        answer=read_v1(read(5)),
    ),
    Sample(
        id="H18",
        method="POST",
        path="/token",
        content_type=FORM,
        body="grant_type=password&username=APIuser%40hcl.com&password=User+password",
        answer={"access_token": "<text>", "token_type": "bearer", "expires_in": 86399},
    ),
    Sample(
        id="H25",
        note="one",
        method="GET",
        path=f"/v2/incident/TicketStatus/{NUMBER}/1",
        answer=read_v2(status()),
    ),
    Sample(
        id="H25",
        note="several, one of them unknown",
        method="GET",
        path=f"/v2/incident/TicketStatus/INC0303864,{NUMBER},%20{NUMBER}/1",
        answer=read_v2(status()),
    ),
    Sample(
        id="H28",
        method="GET",
        path=f"/v2/event/TicketStatus/{NUMBER}/1",
        answer=read_v2(status()),
    ),
)
PLACEHOLDERS: Final = {"<text>": ".+", "<time>": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}"}


def fits(actual: Any, expected: Any) -> bool:
    """Tells whether an answer is as expected, the order of its members included."""
    if isinstance(expected, dict):
        return (
            isinstance(actual, dict)
            and list(actual) == list(expected)
            and all(fits(actual[name], value) for name, value in expected.items())
        )
    if isinstance(expected, list):
        return (
            isinstance(actual, list)
            and len(actual) == len(expected)
            and all(map(fits, actual, expected))
        )
    if isinstance(expected, str) and expected in PLACEHOLDERS:
        return isinstance(actual, str) and bool(re.fullmatch(PLACEHOLDERS[expected], actual))
    return bool(actual == expected) and type(actual) is type(expected)


# What a push means.

AT: Final = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def v2(**fields: str) -> pb.PushedIncidentV2:
    return json_format.ParseDict(pushed(20, **fields), pb.PushedIncidentV2())


def v1(**fields: str) -> pb.PushedIncidentV1:
    return json_format.ParseDict(pushed(5, **fields), pb.PushedIncidentV1())


def save(*tickets: pb.PushedIncidentV1 | pb.PushedIncidentV2) -> Ticket:
    """What the desk makes of pushes of one ticket, one after another."""
    drafts = iautomate.to_drafts(tickets)
    settled = settle(
        drafts,
        Basis(org=1, at=AT, known={}, replayed=lambda _, __: False, new_ids=range(len(drafts))),
    )
    return settled.created[0]


def printed(ticket: Ticket, message: type[pb.IncidentV1 | pb.IncidentV2]) -> dict[str, Any]:
    answer = iautomate.from_ticket(ticket, message)
    return json_format.MessageToDict(answer, always_print_fields_with_no_presence=True)


def refused(**fields: str) -> Invalid:
    with pytest.raises(Invalid) as caught:
        iautomate.to_drafts([v2(), v2(**fields)])
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

    assert moved["StatusCode"] == ("Fixed!" if state is State.RESOLVED else iautomate.CODES[state])
    assert iautomate.state_of(iautomate.CODES[state], resolved=False) is state


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


# Filters.

INCIDENT: Final = Comparison("kind", "=", Kind.INCIDENT)
EVENT: Final = Comparison("kind", "=", Kind.EVENT)


def since(moment: datetime, name: str = "opened_at") -> Comparison:
    return Comparison(name, ">=", moment)


def until(moment: datetime, name: str = "opened_at") -> Comparison:
    return Comparison(name, "<=", moment)


START: Final = since(datetime(2020, 1, 29, 7, 12, 23, 607000, tzinfo=UTC))
END: Final = until(datetime(2019, 11, 18, 6, 24, 52, tzinfo=UTC))
JSON: Final = json.dumps({"filter": EMPTY_RANGE}, separators=(",", ":"))


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        ("", [INCIDENT]),
        ("&&", [INCIDENT]),
        ("ModuleId=9", [EVENT]),
        ("moduleid=1", [INCIDENT]),
        (f"ModuleId=1& {EMPTY_RANGE}&", [INCIDENT, START, END]),
        (f"ModuleId=1&{quote(' ' + EMPTY_RANGE, safe='&=')}&", [INCIDENT, START, END]),
        (f"ModuleId=1&{quote_plus(' ' + EMPTY_RANGE, safe='&=<>:')}&", [INCIDENT, START, END]),
        ("start_date%3E%3D2020-01-2907:12:23.607", [START, INCIDENT]),
        ("start_date >= 2020-01-29T07:12:23.607Z", [START, INCIDENT]),
        (f"queryParams={JSON}", [START, END, INCIDENT]),
        (f"queryParams={quote(JSON)}", [START, END, INCIDENT]),
        (f"queryParams={quote_plus(JSON)}", [START, END, INCIDENT]),
        (f"queryParams={quote(JSON, safe='&=')}", [START, END, INCIDENT]),
        (f"queryParams={quote(JSON, safe='{}&=:,')}&ModuleId=9", [START, END, EVENT]),
        (f"ModuleId=9&%20queryparams={JSON}&", [EVENT, START, END]),
        ("queryParams=", [INCIDENT]),
        ("queryParams=&ModuleId=9", [EVENT]),
        ('queryParams={"filter":""}', [INCIDENT]),
        ("queryParams={}", [INCIDENT]),
        ('queryParams={"filter":" ModuleId=9& "}', [EVENT]),
        ("ticket_number=INC%261", [Comparison("number", "=", "INC&1"), INCIDENT]),
        ("Ticket_number= INC=1 ", [Comparison("number", "=", "INC=1"), INCIDENT]),
        (
            "assignment_group=R%C3%A9seau+1",
            [Comparison("assignment_group", "=", "Réseau 1"), INCIDENT],
        ),
        ("assignment_group=", [Comparison("assignment_group", "=", ""), INCIDENT]),
        (
            'queryParams={"filter":"sys_id=a}b\\u00e9"}',
            [Comparison("sys_id", "=", "a}bé"), INCIDENT],
        ),
        (
            "modified_date>2020-01-29 07:12:23&updated_date<2020-01-29 07:12:23",
            [
                Comparison("modified_at", ">", datetime(2020, 1, 29, 7, 12, 23, tzinfo=UTC)),
                Comparison("updated_at", "<", datetime(2020, 1, 29, 7, 12, 23, tzinfo=UTC)),
                INCIDENT,
            ],
        ),
    ],
)
def test_every_form_of_a_filter_is_read(raw: str, where: list[Comparison]) -> None:
    query = iautomate.read_query(raw)

    assert query.where == All(tuple(where))
    assert query.order == ("updated_at", "number")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("status=1", "there is no filter status; there are start_date, end_date,"),
        ("orgentityid=8", "there is no filter orgentityid"),
        ("raw_query=x", "there is no filter raw_query"),
        ("start_date!=2020-01-29 07:12:23", "start_date takes >=, <=, >, <, =, and not !="),
        ("ticket_number>=INC1", "ticket_number takes =, and not >="),
        ("ModuleId<9", "ModuleId takes =, and not <"),
        ("ModuleId=2", "ModuleId is 2, it can be 1 or 9"),
        ("start_date>=2020-01-29", "start_date: 2020-01-29 is no time"),
        ("start_date>", "start_date: the empty text is no time"),
        ("start_date", "start_date is no filter"),
        ("=1", "=1 is no filter"),
        ("sys_id=%FF", "the query is no UTF-8"),
        ("sys_id=%00", "sys_id holds the character NUL"),
        ("limit=0", "limit is 0, it can be 1 to 10000"),
        ("limit=10001", "limit is 10001"),
        ("offset=-1", "offset is -1, it can be 0 to 1000000000"),
        ("offset=٣", "offset is ٣"),
        ("limit>1", "limit takes =, and not >"),
        ("queryParams=ticket_number=INC1", 'it takes {"filter":"ticket_number=..."}'),
        ('queryParams={"filter":"ModuleId=9"', "queryParams cannot be read"),
        ('queryParams={"filters":"ModuleId=9"}', "queryParams cannot be read"),
        ('queryParams={"filter":9}', "queryParams cannot be read"),
        ('queryParams={"filter":' + "[" * 9000 + "]" * 5000 + "}", "queryParams cannot be read"),
        ('queryParams={"filter":""}x', "x is no filter"),
        ("&ModuleId=1" * 21, "there are 21 filters, at most 20 are taken"),
        ("x" * 16_385, "the query has 16385 characters, at most 16384 are taken"),
    ],
)
def test_what_is_no_filter_is_refused(raw: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        iautomate.read_query(raw)

    assert message in caught.value.message
    assert len(caught.value.message) < 500


def test_pages_are_asked_by_limit_and_offset() -> None:
    query = iautomate.read_query('limit=50&queryParams={"filter":"offset=100"}')

    assert (query.limit, query.offset) == (50, 100)


def test_without_a_limit_one_more_is_asked_than_is_answered() -> None:
    assert iautomate.read_query("offset=5").limit == 10_001


pieces = st.sampled_from(
    [
        "queryParams=",
        '{"filter":"',
        '"}',
        "start_date",
        "ticket_number",
        "ModuleId",
        "limit",
        ">=",
        "<",
        "!",
        "=",
        "&",
        "%26",
        "%3E",
        "%",
        "%FF",
        "%00",
        "+",
        " ",
        "1",
        "2020-01-29 07:12:23",
        "\\",
        "\\ud800",
        "[",
        "{",
    ]
)


@given(st.one_of(st.text(), st.lists(pieces).map("".join)))
def test_nothing_but_invalid_comes_of_any_query(raw: str) -> None:
    try:
        query = iautomate.read_query(raw)
    except Invalid:
        return
    assert isinstance(query.where, All)
    assert any(getattr(term, "field", "") == "kind" for term in query.where.parts)


@pytest.mark.parametrize(
    "piece",
    ["&", " ", "+", "%20", "a", "&+", "= ", ">=", "{", "}", '"', "\\", "&queryParams=", "%"],
)
@pytest.mark.parametrize("start", ["", "a", "queryParams=", 'queryParams={"filter":"'])
def test_no_query_takes_long(start: str, piece: str) -> None:
    raw = (start + piece * 16_384)[:16_384]
    began = time.perf_counter()

    with suppress(Invalid):
        iautomate.read_query(raw)

    assert time.perf_counter() - began < 0.5


# The other inputs.


@pytest.mark.parametrize("text", ["", "x", "-1", "+1", "1.0", " 1", "٣", "9" * 19, "1" * 70_000])
def test_an_org_that_is_no_number_is_unknown(text: str) -> None:
    with pytest.raises(NotFound, match="there is no org"):
        iautomate.org_of(text)


def test_an_org_is_a_number() -> None:
    assert iautomate.org_of("119") == 119


def test_numbers_are_asked_once_and_in_order() -> None:
    assert iautomate.read_numbers(" B,A ,,B, C") == ["B", "A", "C"]


def test_a_number_with_nul_is_refused() -> None:
    with pytest.raises(Invalid, match="NUL"):
        iautomate.read_numbers("A,\0")


@pytest.mark.parametrize(
    ("body", "oauth"),
    [
        (b"", "invalid_request"),
        (b"username=a&password=b", "invalid_request"),
        (b"grant_type=password&username=a", "invalid_request"),
        (b"grant_type=password&username=a&password=", "invalid_request"),
        (b"grant_type=password&username=a%00&password=b", "invalid_request"),
        (b"grant_type=password&username=a&username=b&password=b", "invalid_request"),
        (b"grant_type=client_credentials", "unsupported_grant_type"),
        (b"grant_type=refresh_token&username=a&password=b", "unsupported_grant_type"),
    ],
)
def test_an_unsound_grant_is_told_as_oauth_has_it(body: bytes, oauth: str) -> None:
    with pytest.raises(Invalid) as caught:
        iautomate.read_grant(FORM, body)

    refusal = iautomate.refuse(caught.value, "IssueToken")
    assert refusal.http == 400
    assert refusal.body == {"error": oauth, "error_description": caught.value.message}


def test_a_password_is_taken_as_it_is() -> None:
    body = "grant_type=password&username=ann%40x.org&password=" + quote_plus(" ä&=+% ")

    assert iautomate.read_grant(FORM, body.encode()) == ("ann@x.org", " ä&=+% ")


# Refusals.

CODES: Final = {
    errors.Invalid: (400, 400),
    errors.Missing: (400, 400),
    errors.Unauthenticated: (401, 401),
    errors.CredentialsMissing: (401, 401),
    errors.CredentialsExpired: (401, 401),
    errors.Denied: (403, 403),
    errors.NotFound: (404, 404),
    errors.UnknownRoute: (404, 404),
    errors.WrongMethod: (405, 405),
    errors.Conflict: (409, 300),
    errors.Outdated: (409, 300),
    errors.Exists: (409, 300),
    errors.WrongState: (409, 300),
    errors.TooLarge: (413, 413),
    errors.Overloaded: (429, 429),
    errors.Internal: (500, 500),
    errors.Damaged: (500, 500),
    errors.Unavailable: (503, 503),
    errors.TimedOut: (504, 504),
}


@pytest.mark.parametrize(("kind", "codes"), CODES.items(), ids=[kind.__name__ for kind in CODES])
def test_each_error_has_the_envelope_of_its_route(
    kind: type[PolydeskError], codes: tuple[int, int]
) -> None:
    http, code = codes

    bodies = {rpc: iautomate.refuse(kind("why"), rpc) for rpc in ROUTES}

    v1 = {"statusCode": code, "status": "Fail", "message": "why", "result": None}
    v2 = {"Count": 0, "Result": [], "Status": "Fail", "Message": "why"}
    assert {refusal.http for rpc, refusal in bodies.items() if rpc != "IssueToken"} == {http}
    assert bodies["PushIncidentsV1"].body == bodies["GetIncidentsV1"].body == v1
    assert bodies["PushIncidentsV2"].body == {"Id": None, "Status": "Fail", "Message": "why"}
    assert bodies["GetIncidentsV2"].body == v2
    assert bodies["GetIncidentStatus"].body == bodies["GetEventStatus"].body == v2
    assert list(bodies["GetIncidentsV2"].body) == list(v2)
    assert bodies["IssueToken"].body.keys() == {"error", "error_description"}


ROUTES: Final = [
    method.name for method in pb.DESCRIPTOR.services_by_name["IAutomateService"].methods
]


def test_wrong_credentials_are_an_invalid_grant() -> None:
    refusal = iautomate.refuse(errors.Unauthenticated("whatever"), "IssueToken")

    assert refusal.http == 400
    assert refusal.body == {
        "error": "invalid_grant",
        "error_description": "The user name or password is incorrect.",
    }


def test_every_error_of_the_desk_has_a_status() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]

    assert {kind for kind in kinds if issubclass(kind, PolydeskError)} == CODES.keys() | {
        PolydeskError
    }


def test_the_prefixes_speak_with_known_voices() -> None:
    assert set(iautomate.PREFIXES.values()) <= set(ROUTES)


def test_every_execution_has_its_text() -> None:
    assert iautomate.EXECUTIONS.keys() == set(Execution)
    assert len(set(iautomate.EXECUTIONS.values())) == len(Execution)


# The servicer, by gRPC.


@pytest.fixture
def stub(native: Native) -> IAutomateServiceStub:
    return IAutomateServiceStub(native.channel)


@pytest.fixture
def metadata(native: Native) -> tuple[tuple[str, str], ...]:
    return native.headers()


def push(*tickets: pb.PushedIncidentV2, org: str = "1") -> pb.PushIncidentsV2Request:
    return pb.PushIncidentsV2Request(orgentityid=org, tickets=tickets)


async def test_a_push_is_read_back(stub: Any, metadata: Any) -> None:
    tickets = [v2(TicketNumber=number, Col20="x") for number in ("B", "A")]

    saved = await stub.PushIncidentsV2(push(*tickets), metadata=metadata)
    asked = pb.GetIncidentsV1Request(orgentityid="1", raw_query="updated_date>2020-01-01 00:00:00")
    answer = await stub.GetIncidentsV1(asked, metadata=metadata)

    assert saved.message == "Incident data saved successfully"
    assert saved.id
    assert [ticket.ticket_number for ticket in answer.result] == [NUMBER, "A", "B"]


async def test_a_page_follows_the_page_before(stub: Any, metadata: Any) -> None:
    await stub.PushIncidentsV2(
        push(*[v2(TicketNumber=f"P{number}", AssignedGroup="paged") for number in range(5)]),
        metadata=metadata,
    )

    found = []
    for offset in (0, 2, 4, 6):
        query = f"assignment_group=paged&limit=2&offset={offset}"
        asked = pb.GetIncidentsV2Request(orgentityid="1", raw_query=query)
        answer = await stub.GetIncidentsV2(asked, metadata=metadata)
        found.append([ticket.ticket_number for ticket in answer.result])

    assert found == [["P0", "P1"], ["P2", "P3"], ["P4"], []]


async def test_one_wrong_ticket_keeps_all_out(stub: Any, metadata: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.PushIncidentsV2(push(v2(TicketNumber="N"), v2(IsEpoch="?")), metadata=metadata)

    asked = pb.GetIncidentsV2Request(orgentityid="1", raw_query="ticket_number=N")
    answer = await stub.GetIncidentsV2(asked, metadata=metadata)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == "IsEpoch is ?, it can be Y or N (item 1)"
    assert answer.count == 0


@pytest.mark.parametrize("org", ["2", "x", "9" * 30])
async def test_an_unknown_org_is_not_found(stub: Any, metadata: Any, org: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.GetIncidentsV2(pb.GetIncidentsV2Request(orgentityid=org), metadata=metadata)

    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert str(caught.value.details()).startswith("there is no org")


async def test_incidents_and_events_have_their_own_numbers(stub: Any, metadata: Any) -> None:
    await stub.PushIncidentsV2(push(v2(TicketNumber="EV1", ModuleId="9")), metadata=metadata)

    event = await stub.GetEventStatus(
        pb.GetEventStatusRequest(orgentityid="1", ticketnumber=f"EV1, {NUMBER},EV1"),
        metadata=metadata,
    )
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.GetIncidentStatus(
            pb.GetIncidentStatusRequest(orgentityid="1", ticketnumber="EV1"), metadata=metadata
        )

    assert [ticket.ticket_number for ticket in event.result] == ["EV1", NUMBER]
    assert caught.value.details() == "Ticket not found"


async def test_a_hundred_numbers_are_taken_and_no_more(stub: Any, metadata: Any) -> None:
    numbers = ",".join([NUMBER, *map(str, range(100))])

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.GetIncidentStatus(
            pb.GetIncidentStatusRequest(orgentityid="1", ticketnumber=numbers), metadata=metadata
        )
    answer = await stub.GetIncidentStatus(
        pb.GetIncidentStatusRequest(orgentityid="1", ticketnumber=numbers[:-3]), metadata=metadata
    )

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert answer.count == 1


async def test_more_than_ten_thousand_are_not_cut_off(stub: Any, metadata: Any) -> None:
    many = [v2(TicketNumber=f"M{number}", AssignedGroup="many") for number in range(10_000)]
    await stub.PushIncidentsV2(push(*many), metadata=metadata)
    fits_all = pb.GetIncidentsV2Request(orgentityid="1", raw_query="assignment_group=many")
    too_many = pb.GetIncidentsV2Request(orgentityid="1")

    answer = await stub.GetIncidentsV2(fits_all, metadata=metadata)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.GetIncidentsV2(too_many, metadata=metadata)

    assert answer.count == 10_000
    assert caught.value.details() == (
        "more than 10000 tickets fit: narrow the filter, or add limit and offset"
    )


# Through the gateway.


async def ask(rest: Any, sample: Sample, **headers: str) -> tuple[int, Any]:
    """Plays a sample."""
    sent = {"Content-Type": sample.content_type} if sample.body else {}
    answer = await rest.request(
        sample.method, sample.path, data=sample.body or None, headers=sent | headers
    )
    return answer.status, answer.json()


def posted(body: str, path: str = f"{V2}/1") -> Sample:
    return Sample(id="", method="POST", path=path, body=body, answer={})


def got(path: str) -> Sample:
    return Sample(id="", method="GET", path=path, answer={})


@pytest.mark.envoy
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.id} {sample.note}".strip())
async def test_a_sample_is_answered_as_documented(rest: Any, sample: Sample) -> None:
    status, answer = await ask(rest, sample)

    assert status == 200
    assert fits(answer, sample.answer), answer


FAIL_V2: Final = {"Id": None, "Status": "Fail", "Message": "<text>"}
FAIL_READ: Final = {"Count": 0, "Result": [], "Status": "Fail", "Message": "<text>"}


def fail_v1(code: int) -> dict[str, Any]:
    return {"statusCode": code, "status": "Fail", "message": "<text>", "result": None}


@pytest.mark.envoy
@pytest.mark.parametrize(
    ("sample", "http", "body"),
    [
        pytest.param(posted("[]"), 400, FAIL_V2, id="no ticket"),
        pytest.param(posted(""), 400, FAIL_V2, id="no body"),
        pytest.param(posted("[{]"), 400, FAIL_V2, id="no JSON"),
        pytest.param(posted('[{"Summary":{}}]'), 400, FAIL_V2, id="an object for a text"),
        pytest.param(posted('[{"StatusCode":1}]'), 400, FAIL_V2, id="a number for a text"),
        pytest.param(
            posted(json.dumps([pushed(20), pushed(20, TicketNumber="")])),
            400,
            FAIL_V2 | {"Message": "TicketNumber is required (item 1)"},
            id="no number",
        ),
        pytest.param(
            posted(json.dumps([pushed(5, ModuleId="3")]), f"{V1}/SaveIncidentData/1"),
            400,
            fail_v1(400) | {"message": "ModuleId is 3, it can be 1 or 9 (item 0)"},
            id="V1, no such module",
        ),
        pytest.param(
            posted(json.dumps([pushed(20)]), f"{V2}/1?orgentityid=7"),
            400,
            FAIL_V2,
            id="the query overrides the path",
        ),
        pytest.param(got(f"{V2}/1?orgentityid=7"), 400, FAIL_READ, id="no such filter"),
        pytest.param(got(f"{V2}/2"), 404, FAIL_READ, id="no such org"),
        pytest.param(got(f"{V1}/GetIncidentTicketData/2"), 404, fail_v1(404), id="V1, no such org"),
        pytest.param(
            got("/v2/incident/TicketStatus/INC9,INC8/1"),
            404,
            FAIL_READ | {"Message": "Ticket not found"},
            id="no such ticket",
        ),
        pytest.param(got("/v2/incident/nothing"), 404, FAIL_READ, id="no such path"),
        pytest.param(got(f"{V1}/Nothing/1"), 404, fail_v1(404), id="V1, no such path"),
        pytest.param(got(f"{V1}/SaveIncidentData/1"), 405, fail_v1(405), id="V1, wrong verb"),
        pytest.param(got("/v2/event/TicketStatus/%00/1"), 400, FAIL_READ, id="NUL"),
    ],
)
async def test_a_refusal_has_the_envelope_of_its_route(
    rest: Any, sample: Sample, http: int, body: dict[str, Any]
) -> None:
    status, answer = await ask(rest, sample)

    assert status == http
    assert fits(answer, body), answer


@pytest.mark.envoy
@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"{V2}/1", FAIL_READ),
        ("/v2/event/TicketStatus/X/1", FAIL_READ),
        (f"{V1}/GetIncidentTicketData/1", fail_v1(401)),
    ],
)
async def test_wrong_credentials_are_told_in_the_envelope(
    rest: Any, path: str, body: dict[str, Any]
) -> None:
    status, answer = await ask(rest, got(path), Authorization="Bearer x.y.z")

    assert status == 401
    assert fits(answer, body), answer


@pytest.mark.envoy
async def test_a_token_opens_v1_and_v2(rest: Any) -> None:
    token = next(sample for sample in SAMPLES if sample.id == "H18")

    _, issued = await ask(rest, token)
    bearer = f"Bearer {issued['access_token']}"

    for path in (f"{V1}/GetIncidentTicketData/1", f"{V2}/1"):
        status, _ = await ask(rest, got(path), Authorization=bearer)
        assert status == 200


@pytest.mark.envoy
async def test_a_wrong_password_gets_no_token(rest: Any) -> None:
    body = "grant_type=password&username=APIuser%40hcl.com&password=wrong"
    sample = Sample(
        id="",
        method="POST",
        path="/token",
        body=body,
        content_type=f"{FORM}; charset=UTF-8",
        answer={},
    )

    status, answer = await ask(rest, sample)

    assert status == 400
    assert answer == {
        "error": "invalid_grant",
        "error_description": "The user name or password is incorrect.",
    }


@pytest.mark.envoy
async def test_a_token_is_kept_in_no_cache(rest: Any) -> None:
    token = next(sample for sample in SAMPLES if sample.id == "H18")

    answer = await rest.request(
        "POST", token.path, data=token.body, headers={"Content-Type": token.content_type}
    )

    assert answer.headers["Cache-Control"] == "no-store"

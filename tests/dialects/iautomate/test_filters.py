"""The filters of the guide, in every form in which clients send them."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polydesk.dialects.iautomate.query import read_query
from polydesk.domain.errors import Invalid
from polydesk.domain.query import All, Comparison
from polydesk.domain.ticket import Kind
from tests.dialects.iautomate.guide import EMPTY_RANGE

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
        ("ModuleId=2", [Comparison("kind", "=", Kind.PROBLEM)]),
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
    query = read_query(raw)

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
        ("ModuleId=3", "ModuleId is 3, it can be 1, 2 or 9"),
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
        read_query(raw)

    assert message in caught.value.message
    assert len(caught.value.message) < 500


def test_a_route_of_one_kind_has_no_module() -> None:
    query = read_query("ticket_number=C1", Kind.CHANGE_TASK)

    with pytest.raises(Invalid, match="there is no filter ModuleId") as caught:
        read_query("ModuleId=1", Kind.CHANGE_TASK)

    change = Comparison("kind", "=", Kind.CHANGE_TASK)
    assert query.where == All((Comparison("number", "=", "C1"), change))
    assert "ModuleId" not in caught.value.message.partition("there are")[2]


def test_pages_are_asked_by_limit_and_offset() -> None:
    query = read_query('limit=50&queryParams={"filter":"offset=100"}')

    assert (query.limit, query.offset) == (50, 100)


def test_without_a_limit_one_more_is_asked_than_is_answered() -> None:
    assert read_query("offset=5").limit == 10_001


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
        query = read_query(raw)
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
        read_query(raw)

    assert time.perf_counter() - began < 0.5

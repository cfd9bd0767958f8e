"""Orders and page tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polydesk.domain.errors import Invalid
from polydesk.domain.query import (
    All,
    AnyOf,
    Comparison,
    Condition,
    Not,
    Query,
    page_size,
    parse_order,
    read_token,
    write_token,
)
from polydesk.domain.ticket import Kind, Ticket

NOON = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
TICKET = Ticket(
    id=42,
    org=7,
    kind=Kind.INCIDENT,
    number="INC1",
    sys_id="x",
    summary="s",
    opened_at=NOON,
    modified_at=NOON,
    created_at=NOON,
    updated_at=NOON,
)


def test_an_order_has_a_field_and_a_direction() -> None:
    assert parse_order("") == ((), False)
    assert parse_order("open_time") == (("opened_at",), False)
    assert parse_order("update_time desc") == (("updated_at",), True)
    with pytest.raises(Invalid, match="it takes one of open_time"):
        parse_order("summary")


def test_a_page_has_limits() -> None:
    assert [page_size(0), page_size(7), page_size(9_999)] == [50, 7, 1_000]
    with pytest.raises(Invalid):
        page_size(-1)


def test_a_token_goes_on_behind_the_last_ticket() -> None:
    query = Query(order=("updated_at",), descending=True)

    resumed = read_token(query, write_token(query, TICKET))

    assert resumed.after == (NOON, 42)


@pytest.mark.parametrize("token", ["x", "ä", "AAAA", "W10", "e30", "bnVsbA"])
def test_a_token_that_was_never_given_out_is_refused(token: str) -> None:
    with pytest.raises(Invalid, match="page_token"):
        read_token(Query(), token)


EVENTS = Comparison("kind", "=", Kind.EVENT)


@pytest.mark.parametrize(
    "others",
    [
        Query(where=EVENTS),
        Query(where=Not(EVENTS)),
        Query(where=All((EVENTS, EVENTS))),
        Query(where=AnyOf((EVENTS, EVENTS))),
        Query(show_deleted=True),
        Query(descending=True),
    ],
)
def test_a_token_of_another_filter_is_refused(others: Query) -> None:
    token = write_token(Query(where=Not(Not(EVENTS))), TICKET)

    with pytest.raises(Invalid, match="another filter or order"):
        read_token(others, token)


def test_conditions_that_differ_have_tokens_that_differ() -> None:
    conditions: list[Condition] = [
        EVENTS,
        Comparison("kind", "!=", Kind.EVENT),
        Comparison("number", "=", "EVENT"),
        Comparison("number", ":", None),
        All((EVENTS,)),
        AnyOf((EVENTS,)),
        Not(EVENTS),
    ]

    assert len({write_token(Query(where=where), TICKET) for where in conditions}) == len(conditions)


@given(st.datetimes(timezones=st.just(UTC)), st.integers(1, 2**31 - 1))
def test_tokens_are_exact_to_the_microsecond(moment: datetime, id_: int) -> None:
    query = Query(order=("created_at",))
    ticket = Ticket(
        id=id_,
        org=1,
        kind=Kind.EVENT,
        number="n",
        sys_id="s",
        summary="s",
        opened_at=NOON,
        modified_at=NOON,
        created_at=moment,
        updated_at=NOON + timedelta(1),
    )

    assert read_token(query, write_token(query, ticket)).after == (moment, id_)

"""Filters, orders and page tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polydesk.domain.errors import Invalid
from polydesk.domain.query import (
    Comparison,
    Query,
    page_size,
    parse_filter,
    parse_order,
    read_token,
    write_token,
)
from polydesk.domain.ticket import Kind, State, Ticket

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


def test_comparisons_joined_by_and_are_read() -> None:
    where = parse_filter('state = ACTIVE AND open_time>="2026-01-31T12:00:00.123456Z"')

    assert where == (
        Comparison("state", "=", State.ACTIVE),
        Comparison("opened_at", ">=", NOON),
    )


def test_a_quoted_text_may_hold_quotes_and_words_of_the_grammar() -> None:
    [comparison] = parse_filter(r'number = "a \"b\" AND c"')

    assert comparison.value == 'a "b" AND c'


def test_no_filter_asks_for_everything() -> None:
    assert parse_filter("  ") == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("colour = red", "there is no field colour"),
        ("state = LOST", "state cannot be LOST; it takes LOGGED, ACTIVE"),
        ("open_time > yesterday", "it takes a time such as"),
        ("state = ACTIVE OR state = CLOSED", "AND is expected at character 15"),
        ("state = ACTIVE AND", "AND is expected at character 15"),
        ("state = ACTIVE AND ", "a comparison .* is expected at character 18"),
        ("state", "a comparison .* is expected at character 0"),
        ('number = "open', "a comparison .* is expected at character 0"),
        ("number = x" + " " * 2_000, "more than 2000 characters"),
        ("number = a\0b", "NUL"),
    ],
)
def test_a_bad_filter_says_what_was_expected_where(text: str, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint) as caught:
        parse_filter(text)

    assert caught.value.field == "filter"


@given(st.text(max_size=300) | st.from_regex(r'([a-z_]+ ?[=<>!]+ ?"?[A-Z0-9"\\ ]*)( AND )?.*'))
def test_no_text_breaks_the_filter(text: str) -> None:
    try:
        parse_filter(text)
    except Invalid:
        return


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


def test_a_token_of_another_filter_is_refused() -> None:
    token = write_token(Query(), TICKET)

    with pytest.raises(Invalid, match="another filter or order"):
        read_token(Query(where=(Comparison("kind", "=", Kind.EVENT),)), token)


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

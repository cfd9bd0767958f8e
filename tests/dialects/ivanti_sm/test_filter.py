"""`$filter` as a language: what it means, what it refuses, and that reading it is quick."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polydesk.dialects.ivanti_sm import journal, person
from polydesk.dialects.ivanti_sm.filter import parse_filter, tokens
from polydesk.dialects.ivanti_sm.listing import FILTERS
from polydesk.dialects.ivanti_sm.term import holds
from polydesk.domain.errors import Invalid
from polydesk.domain.query import All, AnyOf, Comparison, Condition, Not

from .conftest import Ism

NAMES = [*FILTERS, "Nope", "status", "@odata"]
SIGNS = ["eq", "ne", "lt", "le", "gt", "ge", "EQ", "has", "="]
VALUES = [
    "'a'", "'it''s'", "''", "'Active'", "5", "-5", "5.5", "1e99", "9" * 60, "true", "false", "null",
    "2026-01-31", "2026-01-31T10:00:00Z", "2026-13-31", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999999-14:00", "'", "'\0'", "'😀%_\\'", "2026-01-31T10:00:00 02:00",
]  # fmt: skip
PIECES = [
    *NAMES, *SIGNS, *VALUES, "and", "or", "not", "(", ")", ",", "contains", "startswith(",
    "endswith(Subject,'a')", "tolower(", " ", "\n", "é", "$", "/", ".",
]  # fmt: skip

terms = st.builds(
    "{} {} {}".format, st.sampled_from(NAMES), st.sampled_from(SIGNS), st.sampled_from(VALUES)
) | st.builds(
    "{}({},{})".format,
    st.sampled_from(["contains", "startswith", "endswith", "length"]),
    st.sampled_from(NAMES),
    st.sampled_from(VALUES),
)
whole = st.recursive(
    terms,
    lambda below: (
        st.builds("({})".format, below)
        | st.builds("not {}".format, below)
        | st.builds("{} {} {}".format, below, st.sampled_from(["and", "or"]), below)
    ),
    max_leaves=8,
)
anything = (
    st.text(max_size=200)
    | st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join)
    | st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
    | whole
)


@given(anything)
@settings(max_examples=1_000)
def test_nothing_but_invalid_comes_of_any_text(text: str) -> None:
    for fields in (FILTERS, person.FILTERS, journal.FILTERS):
        said = "$filter"
        try:
            parse_filter(text, fields)
        except Invalid as error:
            said = error.message
        assert said.startswith("$filter")


@given(anything)
def test_each_character_is_looked_at_once(text: str) -> None:
    pieces = list(tokens(text))

    assert [piece.kind for piece in pieces].count("end") == 1
    ends = [piece.at + len(piece.text) for piece in pieces]
    assert all(end <= later.at for end, later in zip(ends, pieces[1:], strict=False))
    assert len("".join(piece.text for piece in pieces)) <= len(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", None),
        ("Subject eq 'it''s'", Comparison("summary", "=", "it's")),
        ("SUBJECT Ne 'a'", Comparison("summary", "!=", "a")),
        (
            "Subject eq 'a' or Subject eq 'b' and not Owner eq null",
            AnyOf(
                (
                    Comparison("summary", "=", "a"),
                    All(
                        (
                            Comparison("summary", "=", "b"),
                            Not(Not(Comparison("assignee", ":", None))),
                        )
                    ),
                )
            ),
        ),
        ("IncidentNumber ge 5", Comparison("id", ">=", 5)),
        ("IncidentNumber eq '5'", Comparison("id", "=", 5)),
        ("IncidentNumber lt 99999999999999", Comparison("id", "<", 2**31)),
        ("contains(Subject,'a')", Comparison("summary", ":", "a")),
        ("StartsWith( subject , 'a' )", Comparison("summary", "starts", "a")),
        (
            "LastModDateTime gt 2026-01-31T10:00:00.1+02:00",
            Comparison("updated_at", ">", datetime(2026, 1, 31, 8, 0, 0, 100_000, tzinfo=UTC)),
        ),
        (
            "LastModDateTime gt 2026-01-31T10:00:00 02:00",
            Comparison("updated_at", ">", datetime(2026, 1, 31, 8, tzinfo=UTC)),
        ),
        (
            "LastModDateTime ge 2026-01-31",
            Comparison("updated_at", ">=", datetime(2026, 1, 31, tzinfo=UTC)),
        ),
        ("Urgency eq null", Not(Comparison("urgency", ":", None))),
        ("Status eq 'nothing'", AnyOf(())),
    ],
)
def test_a_filter_is_read_as_a_condition(text: str, meant: Condition | None) -> None:
    assert parse_filter(text, FILTERS) == meant


def test_a_condition_holds_for_what_is_not_in_the_database() -> None:
    ann = {"DisplayName": "Ann Élan", "LoginID": "ann", "PrimaryEmail": "Ann@example.com"}
    fitting = (
        "contains(DisplayName, 'éLAN')",
        "startswith(LoginID, 'AN') and endswith(PrimaryEmail, '.com')",
        "LoginID ge 'ann' and LoginID lt 'b'",
        "Team eq null and LoginID ne null",
        "Team ne 'x' and not (Team eq 'x')",
        "LoginID eq 'bob' or LoginID eq 'ann'",
    )
    for text in fitting:
        assert holds(parse_filter(text, person.FILTERS), ann), text
        assert not holds(parse_filter(f"not ({text})", person.FILTERS), ann), text


@pytest.mark.envoy
@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(set_=st.sampled_from(["incidents", "employees", "journal__Notess"]), text=anything)
async def test_no_filter_makes_the_hub_fail(ism: Ism, set_: str, text: str) -> None:
    answer = await ism.ask("GET", set_, query={"$filter": text})

    assert answer.status in (200, 400), answer
    said: dict[str, Any] = json.loads(answer.body)
    assert ("value" in said) == (answer.status == 200)

"""The words of the dialect: what they mean, and that they come back as they were said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from polydesk.api.serviceops.v1 import serviceops_pb2 as pb
from polydesk.dialects.serviceops.custom import TYPES, read_values, write_values
from polydesk.dialects.serviceops.incident import (
    IMPACTS,
    PRIORITIES,
    STATUSES,
    URGENCIES,
    WORDS,
    status_of,
    to_changes,
    word_of,
)
from polydesk.domain.catalog import Catalog
from polydesk.domain.custom_field import CustomField, FieldType
from polydesk.domain.lifecycle import change, way
from polydesk.domain.ticket import Kind, Level, Priority, State, Ticket, merged_extra

NOW = datetime(2026, 1, 31, tzinfo=UTC)
TICKET = Ticket(
    id=1,
    org=1,
    kind=Kind.INCIDENT,
    number="INC1",
    sys_id="x",
    summary="s",
    opened_at=NOW,
    modified_at=NOW,
    created_at=NOW,
    updated_at=NOW,
)
FIELDS = tuple(
    CustomField(id=number, key=type_.value.lower(), type=type_)
    for type_, (number, _, _) in TYPES.items()
)
CATALOG = Catalog(fields=FIELDS)
LETTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
TEXTS = st.text(LETTERS, max_size=255)
VALUES: dict[FieldType, st.SearchStrategy[Any]] = {
    FieldType.TEXT: TEXTS,
    FieldType.LONG_TEXT: st.text(LETTERS),
    FieldType.INTEGER: st.integers(-(2**31), 2**31 - 1),
    FieldType.LONG: st.integers(-(2**63), 2**63 - 1),
    FieldType.NUMBER: st.floats(allow_nan=False, allow_infinity=False),
    FieldType.BOOLEAN: st.booleans(),
    FieldType.INTEGER_LIST: st.lists(st.integers(-(2**53), 2**53), max_size=100),
    FieldType.TEXT_LIST: st.lists(TEXTS, max_size=100),
}


def updated(ticket: Ticket, **said: Any) -> Ticket:
    """Does what M04 does, without a hub."""
    changes = to_changes(pb.IncidentChange(**said), location=None, catalog=CATALOG)
    state = changes.pop("state", ticket.state)
    for step in way(ticket.state, state):
        ticket = change(ticket, {"state": step}, NOW)
    if "extra" in changes:
        changes["extra"] = merged_extra(ticket.extra, changes["extra"])
    return change(ticket, changes, NOW)


@given(st.lists(st.sampled_from(list(STATUSES)), min_size=1))
def test_the_last_status_that_was_said_is_answered(statuses: list[str]) -> None:
    ticket = TICKET
    for status in statuses:
        ticket = updated(ticket, status=status)

    assert status_of(ticket.state) == statuses[-1]


@given(
    st.sampled_from(list(IMPACTS)),
    st.sampled_from(list(URGENCIES)),
    st.sampled_from(list(PRIORITIES)),
)
def test_levels_come_back_as_they_were_said(impact: str, urgency: str, priority: str) -> None:
    ticket = updated(TICKET, impact=impact, urgency=urgency, priority=priority)

    assert [word_of(ticket, name) for name in WORDS] == [impact, urgency, priority]


@given(st.sampled_from(list(IMPACTS)), st.sampled_from(Level))
def test_a_level_that_somebody_else_set_is_answered(word: str, level: Level) -> None:
    ticket = replace(updated(TICKET, impact=word), impact=level)

    assert IMPACTS[word_of(ticket, "impact")] is level


@pytest.mark.parametrize("priority", Priority)
def test_every_priority_has_a_word(priority: Priority) -> None:
    word = word_of(replace(TICKET, priority=priority), "priority")

    assert PRIORITIES[word] is (Priority.LOW if priority is Priority.PLANNING else priority)


def test_every_state_has_a_status() -> None:
    assert {status_of(state) for state in State} == STATUSES.keys()
    assert status_of(State.CANCELLED) == "Closed"


def test_a_level_that_nobody_set_is_low() -> None:
    assert {word_of(TICKET, name) for name in WORDS} == {"LOW"}


@given(st.fixed_dictionaries({}, optional={type_.value.lower(): VALUES[type_] for type_ in VALUES}))
def test_custom_values_of_every_type_come_back(values: dict[str, Any]) -> None:
    assert read_values(write_values(values, CATALOG), CATALOG) == values


def test_a_value_of_another_type_than_the_field_has_now_is_not_told() -> None:
    assert write_values({"integer": "five"}, CATALOG) == {}

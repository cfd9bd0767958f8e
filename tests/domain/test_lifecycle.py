"""The life cycle: which state may follow which, and what follows from a state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from polydesk.domain.errors import WrongState
from polydesk.domain.lifecycle import MOVES, OPEN, PRIORITIES, change, move, way
from polydesk.domain.ticket import Kind, Level, Priority, State, Ticket

START = datetime(2026, 1, 31, 9, tzinfo=UTC)


def ticket(**said: Any) -> Ticket:
    usual: dict[str, Any] = {
        "id": 1,
        "org": 1,
        "kind": Kind.INCIDENT,
        "number": "INC1",
        "sys_id": "x",
        "summary": "printer on fire",
        "opened_at": START,
        "modified_at": START,
        "created_at": START,
        "updated_at": START,
    }
    return Ticket(**(usual | said))


@pytest.mark.parametrize("state", State)
def test_a_refused_move_names_the_states_that_may_follow(state: State) -> None:
    for to in set(State) - MOVES[state] - {state}:
        with pytest.raises(WrongState) as caught:
            move(ticket(state=state), to)
        for allowed in MOVES[state]:
            assert allowed.value in caught.value.message


@pytest.mark.parametrize("start", State)
@pytest.mark.parametrize("to", State)
def test_there_is_a_way_of_legal_moves_between_any_two_states(start: State, to: State) -> None:
    passed = (start, *way(start, to))

    assert passed[-1] is to
    for before, after in pairwise(passed):
        assert after in MOVES[before]


def test_the_way_is_the_shortest() -> None:
    assert way(State.LOGGED, State.LOGGED) == ()
    assert way(State.LOGGED, State.CLOSED) == (State.RESOLVED, State.CLOSED)
    assert way(State.CLOSED, State.LOGGED) == (State.ACTIVE, State.LOGGED)


def test_every_combination_of_impact_and_urgency_has_a_priority() -> None:
    assert PRIORITIES.keys() == {(impact, urgency) for impact in Level for urgency in Level}


@given(st.sampled_from(Level), st.sampled_from(Level))
def test_more_impact_or_urgency_never_lowers_the_priority(impact: Level, urgency: Level) -> None:
    order = list(Priority)
    levels = list(Level)
    here = order.index(PRIORITIES[impact, urgency])

    for higher in levels[levels.index(impact) :]:
        assert order.index(PRIORITIES[higher, urgency]) >= here
    for higher in levels[levels.index(urgency) :]:
        assert order.index(PRIORITIES[impact, higher]) >= here


def test_the_priority_follows_from_impact_and_urgency() -> None:
    assessed = change(ticket(), {"impact": Level.HIGH, "urgency": Level.MEDIUM}, START)

    assert assessed.priority is Priority.HIGH


def test_a_priority_that_is_said_stands_until_impact_or_urgency_changes() -> None:
    said = change(
        ticket(),
        {"impact": Level.LOW, "urgency": Level.LOW, "priority": Priority.CRITICAL},
        START,
    )

    renamed = change(said, {"summary": "fire"}, START)
    reassessed = change(renamed, {"urgency": Level.MEDIUM}, START)

    assert renamed.priority is Priority.CRITICAL
    assert reassessed.priority is Priority.LOW


def test_a_change_that_says_nothing_new_leaves_the_mark() -> None:
    before = ticket()

    assert change(before, {"summary": before.summary}, START + timedelta(1)) is before


class LifeCycle(RuleBasedStateMachine):
    """Moves a ticket about, and looks whether its times tell the truth."""

    def __init__(self) -> None:
        super().__init__()
        self.ticket = ticket()
        self.now = START

    @rule(to=st.sampled_from(State))
    def move(self, to: State) -> None:
        self.now += timedelta(minutes=1)
        before = self.ticket
        try:
            move(before, to)
        except WrongState:
            assert to not in MOVES[before.state]
            return
        self.ticket = change(before, {"state": to}, self.now)
        assert self.ticket.state is to
        assert to is before.state or self.ticket.revision == before.revision + 1

    @rule(reason=st.text(st.characters(exclude_characters="\0"), max_size=20))
    def wait(self, reason: str) -> None:
        if self.ticket.state in OPEN:
            said = {"state": State.WAITING, "wait_reason": reason}
            self.ticket = change(self.ticket, said, self.now)

    @rule(name=st.sampled_from(["assignee", "summary", "category"]), text=st.sampled_from("abc"))
    def write(self, name: str, text: str) -> None:
        before = self.ticket.revision
        self.ticket = change(self.ticket, {name: text}, self.now)
        assert self.ticket.revision in (before, before + 1)

    @invariant()
    def times_fit_the_state(self) -> None:
        over = self.ticket.state in (State.CLOSED, State.CANCELLED)
        assert (self.ticket.closed_at is not None) == over
        if self.ticket.state in OPEN:
            assert self.ticket.resolved_at is None
        if self.ticket.state in (State.RESOLVED, State.CLOSED):
            assert self.ticket.resolved_at is not None

    @invariant()
    def only_waiting_work_has_a_reason_to_wait(self) -> None:
        assert self.ticket.state is State.WAITING or self.ticket.wait_reason == ""

    @invariant()
    def time_goes_on(self) -> None:
        assert START <= self.ticket.updated_at <= self.now


TestLifeCycle = LifeCycle.TestCase

"""The life cycle of a ticket: which state may follow which, and what else moves with it.

A push from another system goes past the rules of moves, for it tells what has happened there; what
follows from a state (when it was closed, which priority it has) holds for every write.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from msgspec.structs import replace

from polydesk.domain.errors import WrongState
from polydesk.domain.ticket import Level, Priority, State, Ticket, Wait, check_fields

OPEN: Final = frozenset({State.LOGGED, State.ACTIVE, State.WAITING})
OVER: Final = frozenset({State.CLOSED, State.CANCELLED})
MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.LOGGED: frozenset({State.ACTIVE, State.WAITING, State.RESOLVED, State.CANCELLED}),
    State.ACTIVE: frozenset({State.LOGGED, State.WAITING, State.RESOLVED, State.CANCELLED}),
    State.WAITING: frozenset({State.LOGGED, State.ACTIVE, State.RESOLVED, State.CANCELLED}),
    State.RESOLVED: frozenset({State.CLOSED, State.ACTIVE}),
    State.CLOSED: frozenset({State.ACTIVE}),
    State.CANCELLED: frozenset({State.ACTIVE}),
}
Priorities = Mapping[tuple[Level, Level], Priority]
# ITIL: impact, then urgency.
PRIORITIES: Final[Priorities] = MappingProxyType(
    {
        (Level.HIGH, Level.HIGH): Priority.CRITICAL,
        (Level.HIGH, Level.MEDIUM): Priority.HIGH,
        (Level.HIGH, Level.LOW): Priority.MEDIUM,
        (Level.MEDIUM, Level.HIGH): Priority.HIGH,
        (Level.MEDIUM, Level.MEDIUM): Priority.MEDIUM,
        (Level.MEDIUM, Level.LOW): Priority.LOW,
        (Level.LOW, Level.HIGH): Priority.MEDIUM,
        (Level.LOW, Level.MEDIUM): Priority.LOW,
        (Level.LOW, Level.LOW): Priority.PLANNING,
    }
)


def move(ticket: Ticket, to: State) -> None:
    """Refuses a state that may not follow the ticket's; the same state may."""
    if to is ticket.state or to in MOVES[ticket.state]:
        return
    allowed = ", ".join(sorted(state.value for state in MOVES[ticket.state]))
    raise WrongState(
        f"{ticket.number} is {ticket.state.value} and cannot become {to.value}; "
        f"it can become {allowed}",
        state=ticket.state.value,
        allowed=allowed,
    )


def way(start: State, to: State) -> tuple[State, ...]:
    """Returns the states that a ticket passes on the shortest legal way, the last one included."""
    ways: dict[State, tuple[State, ...]] = {start: ()}
    ahead = [start]
    for state in ahead:
        for following in sorted(MOVES[state], key=list(State).index):
            if following not in ways:
                ways[following] = (*ways[state], following)
                ahead.append(following)
    return ways[to]


def settle_fields(
    said: dict[str, Any], old: Ticket | None, at: datetime, *, priorities: Priorities
) -> dict[str, Any]:
    """Adds to what is said of a ticket what follows from it."""
    return _priority(said, old, priorities) | _state(said, old, at) | said


def change(
    ticket: Ticket, said: dict[str, Any], at: datetime, *, priorities: Priorities = PRIORITIES
) -> Ticket:
    """Returns the ticket with what is said of it, and a new mark if that is anything new."""
    check_fields(said)
    fields = settle_fields(said, ticket, at, priorities=priorities)
    if all(getattr(ticket, name) == value for name, value in fields.items()):
        return ticket
    fields |= {"updated_at": at, "modified_at": max(at, ticket.modified_at)}
    return replace(ticket, revision=ticket.revision + 1, **fields)


def _priority(
    said: Mapping[str, Any], old: Ticket | None, priorities: Priorities
) -> dict[str, Any]:
    if "impact" not in said and "urgency" not in said:
        return {}
    impact = said.get("impact", old and old.impact)
    urgency = said.get("urgency", old and old.urgency)
    if impact is None or urgency is None:
        return {}
    return {"priority": priorities[impact, urgency]}


def _state(said: Mapping[str, Any], old: Ticket | None, at: datetime) -> dict[str, Any]:
    state = said.get("state", State.LOGGED)
    before = old.state if old else State.LOGGED
    if "state" not in said or state is before:
        return {}
    fields: dict[str, Any] = {"closed_at": at if state in OVER else None}
    if state is State.RESOLVED:
        fields["resolved_at"] = at
    if state in OPEN and before not in OPEN:
        fields["resolved_at"] = None
    if state is not State.WAITING:
        fields["wait_reason"] = ""
    waits = _waits(old, state, said.get("modified_at", at))
    return fields | ({} if waits is None else {"waits": waits})


def _waits(old: Ticket | None, state: State, moment: datetime) -> tuple[Wait, ...] | None:
    """Returns the times of waiting where a move to a state begins or ends one."""
    waits = old.waits if old else ()
    if state is State.WAITING:
        return (*waits, Wait(start=moment))
    if old and old.state is State.WAITING and waits:
        return (*waits[:-1], replace(waits[-1], end=max(moment, waits[-1].start)))
    return None

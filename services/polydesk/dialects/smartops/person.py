"""Who did what to a ticket, as its history tells."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from polydesk.domain.history import Entry
from polydesk.domain.ticket import State

_RESOLVED: Final = State.RESOLVED.value
_CLOSED: Final = State.CLOSED.value
_OVER: Final = (_CLOSED, State.CANCELLED.value)


class People(msgspec.Struct, frozen=True, kw_only=True):
    """Who created, last changed, resolved and closed a ticket."""

    created_by: str = ""
    updated_by: str = ""
    resolved_by: str = ""
    closed_by: str = ""


class _Fields(msgspec.Struct, frozen=True):
    state: Any = None


class _Change(msgspec.Struct, frozen=True):
    old: _Fields = _Fields()
    new: _Fields = _Fields()


_decode: Final = msgspec.json.Decoder(_Change).decode


def told_by(entries: Iterable[Entry]) -> People:
    """Reads a history, the oldest entry first."""
    people = People()
    for entry in entries:
        change = _decode(entry.fields)
        done = {"updated_by": entry.actor}
        if entry.action == "create":
            done["created_by"] = entry.actor
        old, new = change.old.state, change.new.state
        if new == _RESOLVED or (new == _CLOSED and old != _RESOLVED):
            done["resolved_by"] = entry.actor
        if new in _OVER:
            done["closed_by"] = entry.actor
        people = msgspec.structs.replace(people, **done)
    return people

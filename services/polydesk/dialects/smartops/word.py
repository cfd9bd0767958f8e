"""Words for states and levels. The document prints none; these are those of ServiceNow, and usual.

A word is kept as it was written, and answered as long as it still means what the ticket is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from polydesk.dialects.smartops.field import read_word
from polydesk.domain.ticket import Level, Priority, State, Ticket

EXTRA: Final = "smartops"
STATUS: Final = "ticketStatus"
_AWAITED: Final = ("awaiting ", "waiting for ")


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """A field of ticketJSON that takes words: which field of the desk it is, and what they mean.

    `meant` has them in lower case; `answers` has the one that is answered for each meaning.
    """

    field: str
    meant: Mapping[str, Any]
    answers: Mapping[Any, str]


_LEVELS: Final = {
    "high": Level.HIGH,
    "medium": Level.MEDIUM,
    "low": Level.LOW,
    "moderate": Level.MEDIUM,
    "critical": Level.HIGH,
    "1": Level.HIGH,
    "2": Level.MEDIUM,
    "3": Level.LOW,
}
_LEVEL_ANSWERS: Final = {Level.HIGH: "High", Level.MEDIUM: "Medium", Level.LOW: "Low"}
WORDS: Final[Mapping[str, Words]] = {
    STATUS: Words(
        field="state",
        meant={
            "new": State.LOGGED,
            "in progress": State.ACTIVE,
            "on hold": State.WAITING,
            "resolved": State.RESOLVED,
            "closed": State.CLOSED,
            "cancelled": State.CANCELLED,
            "open": State.LOGGED,
            "logged": State.LOGGED,
            "assigned": State.ACTIVE,
            "active": State.ACTIVE,
            "work in progress": State.ACTIVE,
            "pending": State.WAITING,
            "waiting": State.WAITING,
            "canceled": State.CANCELLED,
        },
        answers={
            State.LOGGED: "New",
            State.ACTIVE: "In Progress",
            State.WAITING: "On Hold",
            State.RESOLVED: "Resolved",
            State.CLOSED: "Closed",
            State.CANCELLED: "Cancelled",
        },
    ),
    "ticketPriority": Words(
        field="priority",
        meant={
            "critical": Priority.CRITICAL,
            "high": Priority.HIGH,
            "medium": Priority.MEDIUM,
            "low": Priority.LOW,
            "planning": Priority.PLANNING,
            "moderate": Priority.MEDIUM,
            "1": Priority.CRITICAL,
            "2": Priority.HIGH,
            "3": Priority.MEDIUM,
            "4": Priority.LOW,
            "5": Priority.PLANNING,
        },
        answers={
            Priority.CRITICAL: "Critical",
            Priority.HIGH: "High",
            Priority.MEDIUM: "Medium",
            Priority.LOW: "Low",
            Priority.PLANNING: "Planning",
        },
    ),
    "urgency": Words(field="urgency", meant=_LEVELS, answers=_LEVEL_ANSWERS),
    # How bad it is for how many: the desk's impact.
    "ticketSeverity": Words(field="impact", meant=_LEVELS, answers=_LEVEL_ANSWERS),
}


def read_words(said: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Returns what words mean, by the desk's fields, and the words to keep; "" says nothing."""
    given = {name: said[name] for name in WORDS if said.get(name, "").strip()}
    fields: dict[str, Any] = {}
    for name, word in given.items():
        fields[WORDS[name].field] = _meaning(name, word) or read_word(name, word, WORDS[name].meant)
        if name == STATUS and _is_awaited(word):
            fields["wait_reason"] = word.strip()
    return fields, given


def word_of(ticket: Ticket, name: str) -> str:
    """Returns the word that was said, if it still means the same, else the usual one."""
    words = WORDS[name]
    meaning = getattr(ticket, words.field)
    kept: str = ticket.extra.get(EXTRA, {}).get(name, "")
    if kept and _meaning(name, kept) is meaning:
        return kept
    return words.answers.get(meaning, "")


def _meaning(name: str, word: str) -> Any:
    if name == STATUS and _is_awaited(word):
        return State.WAITING
    return WORDS[name].meant.get(word.strip().casefold())


def _is_awaited(status: str) -> bool:
    """Tells whether a status says what is waited for: "Awaiting Vendor"."""
    return status.strip().casefold().startswith(_AWAITED)

"""The values that fields can have, as seed 002 lists them, and how they are written."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

from polydesk import wire
from polydesk.domain.errors import Invalid
from polydesk.domain.ticket import Level, Priority, State, Ticket

T = TypeVar("T")

WAITING: Final = ("Waiting for Customer", "Waiting for 3rd Party", "Waiting for Resolution")
# Of several for a state the first is answered, unless the record says which waiting it is. What is
# cancelled is closed.
STATUSES: Final[Mapping[str, State]] = {
    "Logged": State.LOGGED,
    "Active": State.ACTIVE,
    **dict.fromkeys(WAITING, State.WAITING),
    "Resolved": State.RESOLVED,
    "Closed": State.CLOSED,
}
LEVELS: Final = {"Low": Level.LOW, "Medium": Level.MEDIUM, "High": Level.HIGH}
# The seed prints "5" for low urgency; it follows from impact and urgency.
PRIORITIES: Final = {
    "1": Priority.CRITICAL,
    "2": Priority.HIGH,
    "3": Priority.MEDIUM,
    "4": Priority.LOW,
    "5": Priority.PLANNING,
}
SOURCES: Final = (
    "AutoTicket",
    "Chat",
    "Email",
    "Fax",
    "FrontRange Voice",
    "Instant Message",
    "Network Monitor",
    "Phone",
    "Self Service",
    "Voice Mail",
    "Walk-In",
)
TYPES: Final = ("Request", "Failure")
CAUSES: Final = (
    "Configuration",
    "Documentation Request",
    "Hardware",
    "Install Request",
    "Installation",
    "Linked Problem",
    "Other",
    "Reference Request",
    "Session Reset",
    "Software",
    "Training",
)
NOTE_CATEGORIES: Final = (
    "Called Customer",
    "Customer Complaint",
    "Customer Feedback",
    "Customer Follow-up",
    "Customer Notes",
    "E-mailed Customer",
    "Left Voice Mail",
    "Memo",
    "Resolution Communication",
    "Status Update",
)
NOTE_SOURCES: Final = ("E-mail", "Other", "Phone/Fax", "Self Service", "Voice Mail")
# Printed as exact as it is kept: a client asks for what is later than the last time it has read.
TIME: Final = wire.TimeFormat("T", "microseconds", "Z")
_HEX: Final = re.compile(r"[0-9a-fA-F]{32}")
_IDS: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:polydesk:ivanti_sm")


def status_of(ticket: Ticket) -> str:
    """Returns the status of an incident."""
    if ticket.state is State.WAITING and ticket.wait_reason in WAITING:
        return ticket.wait_reason
    return word_of(STATUSES, ticket.state) or "Closed"


def word_of(words: Mapping[str, Any], meant: object) -> str:
    """Returns the first word for what is meant; empty where there is none."""
    return next((word for word, each in words.items() if each is meant), "")


def one_of(words: Iterable[str], name: str, said: str) -> str:
    """Finds a value among those that there are; the letter case does not count."""
    known = list(words)
    for word in known:
        if word.casefold() == said.strip().casefold():
            return word
    *others, last = known
    raise Invalid(
        f"{name} is {wire.clip(said)}, it can be {', '.join(others)} or {last}", field=name
    )


def id_of(sys_id: str) -> str:
    """Returns the RecId for the id by which the desk's record is known to other systems."""
    return sys_id.upper() if _HEX.fullmatch(sys_id) else sys_id


def valid_id(field: str, value: str) -> str:
    """Returns the id of a value, as a `_Valid` twin has it: the same for the same, everywhere."""
    return uuid.uuid5(_IDS, f"{field}={value}").hex.upper()


def write_time(moment: datetime) -> str:
    """Writes a time in UTC."""
    return wire.write_time(moment, TIME)

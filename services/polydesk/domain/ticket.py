"""The one record of a piece of work.

All times are aware and in UTC. A `Draft` is what a caller says; a `Ticket` is what the desk holds.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from polydesk.domain.errors import Invalid, Missing

TicketId = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
MOST_ROWS: Final = 10_000
MOST_NUMBERS: Final = 100
LONGEST_NAME: Final = 255
LONGEST_TEXT: Final = 65_536
LONGEST_FIELD: Final = {"summary": 1_000, "description": LONGEST_TEXT}
TEXTS: Final = (
    "number",
    "summary",
    "description",
    "sys_id",
    "requester",
    "assignee",
    "assignment_group",
)
# What a draft may change of a record.
CHANGEABLE: Final = (
    *TEXTS[1:],
    "state",
    "opened_at",
    "modified_at",
    "resolved_at",
)


class Kind(Enum):
    """Sorts work."""

    INCIDENT = "INCIDENT"
    SERVICE_REQUEST_TASK = "SERVICE_REQUEST_TASK"
    CHANGE_TASK = "CHANGE_TASK"
    EVENT = "EVENT"
    SUB_TASK = "SUB_TASK"
    PROBLEM = "PROBLEM"


class State(Enum):
    """Places work in its life cycle."""

    LOGGED = "LOGGED"
    ACTIVE = "ACTIVE"
    WAITING = "WAITING"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"


class Execution(Enum):
    """Tells how far automation has got with a ticket."""

    DATA_COLLECTED = "DATA_COLLECTED"
    PICKED_FOR_RECOMMENDATION = "PICKED_FOR_RECOMMENDATION"
    MOVE_TO_PARSING = "MOVE_TO_PARSING"
    PICKED_FOR_PARSING = "PICKED_FOR_PARSING"
    PICKED_FOR_IN_PROGRESS = "PICKED_FOR_IN_PROGRESS"
    MOVE_TO_ASSIGNATION_DECISION = "MOVE_TO_ASSIGNATION_DECISION"
    MARKED_FOR_EXECUTION = "MARKED_FOR_EXECUTION"
    SUCCESSFUL_AND_MARKED_FOR_CLOSURE = "SUCCESSFUL_AND_MARKED_FOR_CLOSURE"
    MARKED_FOR_RELEASE = "MARKED_FOR_RELEASE"


class Draft(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a caller says of a ticket; a field that is UNSET stays as the record has it."""

    kind: Kind
    number: str
    summary: str
    opened_at: datetime | UnsetType = UNSET
    modified_at: datetime | UnsetType = UNSET
    description: str | UnsetType = UNSET
    sys_id: str | UnsetType = UNSET
    state: State | UnsetType = UNSET
    requester: str | UnsetType = UNSET
    assignee: str | UnsetType = UNSET
    assignment_group: str | UnsetType = UNSET
    resolved_at: datetime | UnsetType | None = UNSET
    extra: dict[str, dict[str, Any]] = {}
    etag: str = ""

    def __post_init__(self) -> None:
        if not self.summary:
            raise Missing("summary is required", field="summary")
        for name in TEXTS:
            text = getattr(self, name)
            if text is not UNSET:
                check_text(name, text, most=LONGEST_FIELD.get(name, LONGEST_NAME))
        for fields in self.extra.values():
            for name, text in fields.items():
                check_text(name, text, most=LONGEST_TEXT)
        for name in ("opened_at", "modified_at", "resolved_at"):
            moment = getattr(self, name)
            if moment and moment.tzinfo is None:
                raise Invalid(f"{name} has no time zone", field=name)

    @property
    def digest(self) -> str:
        """Tells two contents apart, whatever the record was when they came."""
        return hashlib.blake2b(msgspec.json.encode(self), digest_size=16).hexdigest()


class Ticket(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The record; `id` is unique in the hub and grows, `number` is unique in its org and kind."""

    id: TicketId
    org: int
    kind: Kind
    number: str
    sys_id: str
    summary: str
    opened_at: datetime
    modified_at: datetime
    created_at: datetime
    updated_at: datetime
    revision: int = 1
    description: str = ""
    state: State = State.LOGGED
    requester: str = ""
    assignee: str = ""
    assignment_group: str = ""
    resolved_at: datetime | None = None
    execution: Execution = Execution.DATA_COLLECTED
    extra: dict[str, dict[str, Any]] = {}

    @property
    def etag(self) -> str:
        """Marks this state of the record."""
        return format(self.revision, "x")


def check_text(name: str, text: object, *, most: int) -> None:
    """Refuses a text that is too long or holds NUL, which PostgreSQL cannot keep."""
    if not isinstance(text, str):
        return
    if len(text) > most:
        raise Invalid(f"{name} has {len(text)} characters, at most {most} are taken", field=name)
    if "\0" in text:
        raise Invalid(f"{name} holds the character NUL", field=name)

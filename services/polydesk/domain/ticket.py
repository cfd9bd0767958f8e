"""The one record of a piece of work.

All times are aware and in UTC. A `Draft` is what a caller says; a `Ticket` is what the desk holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
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
LONGEST_FIELD: Final = {
    "summary": 1_000,
    "description": LONGEST_TEXT,
    "resolution": LONGEST_TEXT,
}
TEXTS: Final = (
    "number",
    "summary",
    "description",
    "sys_id",
    "wait_reason",
    "requester",
    "assignee",
    "assignment_group",
    "category",
    "resolution",
    "cause_code",
    "parent_number",
)
TIMES: Final = ("opened_at", "modified_at", "resolved_at")
# What a draft may change of a record.
CHANGEABLE: Final = (*TEXTS[1:], *TIMES, "state", "impact", "urgency", "priority")


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


class Level(Enum):
    """Measures impact and urgency."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


class Priority(Enum):
    """Orders work by what it matters."""

    PLANNING = "PLANNING"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


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


# The value of a custom field.
CustomValue = str | bool | int | float | list[str | int]


class Draft(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a caller says of a ticket; a field that is UNSET stays as the record has it.

    So does a custom field that is not named; one that is None is taken away.
    """

    kind: Kind
    number: str
    summary: str
    opened_at: datetime | UnsetType = UNSET
    modified_at: datetime | UnsetType = UNSET
    description: str | UnsetType = UNSET
    sys_id: str | UnsetType = UNSET
    state: State | UnsetType = UNSET
    wait_reason: str | UnsetType = UNSET
    requester: str | UnsetType = UNSET
    assignee: str | UnsetType = UNSET
    assignment_group: str | UnsetType = UNSET
    category: str | UnsetType = UNSET
    impact: Level | UnsetType | None = UNSET
    urgency: Level | UnsetType | None = UNSET
    priority: Priority | UnsetType | None = UNSET
    resolution: str | UnsetType = UNSET
    cause_code: str | UnsetType = UNSET
    parent_number: str | UnsetType = UNSET
    resolved_at: datetime | UnsetType | None = UNSET
    custom: dict[str, CustomValue | None] = {}
    extra: dict[str, dict[str, Any]] = {}
    etag: str = ""

    def __post_init__(self) -> None:
        check_fields({name: getattr(self, name) for name in (*TEXTS, *TIMES)})
        check_extra(self.extra)

    @property
    def digest(self) -> str:
        """Tells two contents apart, whatever the record was when they came."""
        return hashlib.blake2b(msgspec.json.encode(self), digest_size=16).hexdigest()


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which a ticket was WAITING; `end` is None while it still is."""

    start: datetime
    end: datetime | None = None


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
    wait_reason: str = ""
    requester: str = ""
    assignee: str = ""
    assignment_group: str = ""
    category: str = ""
    impact: Level | None = None
    urgency: Level | None = None
    priority: Priority | None = None
    resolution: str = ""
    cause_code: str = ""
    parent_number: str = ""
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    deleted_at: datetime | None = None
    waits: tuple[Wait, ...] = ()
    execution: Execution = Execution.DATA_COLLECTED
    custom: dict[str, CustomValue] = {}
    extra: dict[str, dict[str, Any]] = {}

    @property
    def etag(self) -> str:
        """Marks this state of the record."""
        return format(self.revision, "x")


def check_extra(extra: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuses texts that no dialect may keep beside a ticket."""
    for fields in extra.values():
        for name, text in fields.items():
            check_text(name, text, most=LONGEST_TEXT)


def merged_extra(
    old: Mapping[str, dict[str, Any]], said: Mapping[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Returns what dialects keep beside a ticket, with what is said of it."""
    return {**old, **{name: old.get(name, {}) | fields for name, fields in said.items()}}


def check_fields(fields: Mapping[str, Any]) -> None:
    """Refuses values that no ticket may have; what is not said, or UNSET, passes."""
    if fields.get("summary") == "":
        raise Missing("summary is required", field="summary")
    for name, value in fields.items():
        if isinstance(value, str):
            check_text(name, value, most=LONGEST_FIELD.get(name, LONGEST_NAME))
        elif isinstance(value, datetime) and value.tzinfo is None:
            raise Invalid(f"{name} has no time zone", field=name)


def check_text(name: str, text: object, *, most: int) -> None:
    """Refuses a text that is too long or holds NUL, which PostgreSQL cannot keep."""
    if not isinstance(text, str):
        return
    if len(text) > most:
        raise Invalid(f"{name} has {len(text)} characters, at most {most} are taken", field=name)
    if "\0" in text:
        raise Invalid(f"{name} holds the character NUL", field=name)

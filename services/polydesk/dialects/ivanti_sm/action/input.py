"""The actions: what they take and answer, as seed 002's tables have it, and how input is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from polydesk import wire
from polydesk.dialects.ivanti_sm.value import (
    CAUSES,
    LEVELS,
    NOTE_CATEGORIES,
    NOTE_SOURCES,
    SOURCES,
    STATUSES,
    TYPES,
    one_of,
)
from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.ticket import LONGEST_NAME, LONGEST_TEXT, check_text

LONGEST_SUMMARY: Final = 1_000
RESOLVED: Final = "Resolved"


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a table of inputs; `field` is Ivanti's name for it, if it is passed on as it is."""

    description: str
    field: str = ""
    type: type[str] | type[int] = str
    required: bool = False
    default: str = ""
    enum: tuple[str, ...] = ()
    example: str | int | None = None
    most: int = LONGEST_NAME


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """An action; `output` is the name, the type and the description of what it answers."""

    title: str
    description: str
    inputs: Mapping[str, Input]
    output: tuple[str, str, str]


_STATUS: Final = Input(
    description="Status of the incident",
    field="Status",
    enum=tuple(STATUSES),
    example="Waiting for Resolution",
)
_CATEGORY: Final = Input(description="Category of the incident", field="Category", example="How-To")
_CUSTOMER: Final = Input(description="Email address of the customer", example="user@example.com")


def _number(description: str) -> Input:
    return Input(description=description, type=int, required=True, example=12345)


def _level(name: str) -> Input:
    return Input(
        description=f"{name} of the incident", field=name, enum=tuple(LEVELS), example="Medium"
    )


_CREATE: Final = {
    "assignee": Input(
        description="Name of the assignee as it appears in Ivanti Service Manager",
        example="John Doe",
    ),
    "category": msgspec.structs.replace(_CATEGORY, example=None),
    "customer": msgspec.structs.replace(_CUSTOMER, required=True),
    "description": Input(
        description="Description of the incident",
        field="Symptom",
        required=True,
        example="This incident was created using InsightConnect",
        most=LONGEST_TEXT,
    ),
    "impact": _level("Impact"),
    "source": Input(
        description="Source of incident report",
        field="Source",
        enum=SOURCES,
        example="Network Monitor",
    ),
    "status": msgspec.structs.replace(_STATUS, required=True, default="Logged", example="Logged"),
    "summary": Input(
        description="Summary of the incident",
        field="Subject",
        required=True,
        example="Incident Created By InsightConnect",
        most=LONGEST_SUMMARY,
    ),
    "type": Input(
        description="Type of the incident",
        field="TypeOfIncident",
        required=True,
        enum=TYPES,
        example="Failure",
    ),
    "urgency": _level("Urgency"),
}
_UPDATE: Final = {
    "assignee": Input(
        description="User name or the email address on the new assignee", example="John Doe"
    ),
    "category": _CATEGORY,
    "cause_code": Input(
        description="Cause code of the incident (required when setting status to Resolved)",
        field="CauseCode",
        enum=CAUSES,
        example="Software",
    ),
    "customer": _CUSTOMER,
    "incident_number": _number("Number of the incident to be updated"),
    "resolution": Input(
        description="Resolution of the incident (required when setting status to Resolved)",
        field="Resolution",
        example="This incident was resolved by InsightConnect",
        most=LONGEST_TEXT,
    ),
    "status": _STATUS,
}
_NOTE: Final = {
    "category": Input(
        description="Category of the note",
        field="Category",
        enum=NOTE_CATEGORIES,
        example="Memo",
    ),
    "incident_number": _number("Number of the incident to which the note will be added"),
    "notes": Input(
        description="Body of the note",
        field="NotesBody",
        example="Example note body created from InsightConnect",
        most=LONGEST_TEXT,
    ),
    "source": Input(
        description="Source of the note", field="Source", enum=NOTE_SOURCES, example="Other"
    ),
    "summary": Input(
        description="Summary of the note",
        field="Subject",
        required=True,
        example="Example note summary created from InsightConnect",
        most=LONGEST_SUMMARY,
    ),
}

ACTIONS: Final[Mapping[str, Action]] = {
    "create_incident": Action(
        title="Create Incident",
        description=("This action is used to create a new Ivanti Service Manager Incident record"),
        inputs=_CREATE,
        output=("incident", "incident", "Newly created incident"),
    ),
    "update_incident": Action(
        title="Update Incident",
        description=(
            "This action is used to update an existing incident in Ivanti Service Manager"
        ),
        inputs=_UPDATE,
        output=("incident", "incident", "The incident as it is now"),
    ),
    "delete_incident": Action(
        title="Delete Incident",
        description="This action is used to delete an incident",
        inputs={"incident_number": _number("Number of the incident to be deleted")},
        output=("success", "boolean", "Return true if the incident was deleted"),
    ),
    "add_note": Action(
        title="Add Note",
        description="This action adds a journal note to an incident",
        inputs=_NOTE,
        output=("journal_note", "journal_note", "Journal note details"),
    ),
}


def action_of(name: str, said: str) -> Action:
    """Returns the action of a name, which the body has to say, too."""
    if name not in ACTIONS:
        raise Invalid(
            f"there is no action {wire.clip(name)}; there are {', '.join(ACTIONS)}", field="action"
        )
    if not said:
        raise Missing("body.action is required", field="action")
    if said != name:
        raise Invalid(f"body.action is {wire.clip(said)}, in the path it is {name}", field="action")
    return ACTIONS[name]


def read_input(action: Action, said: Mapping[str, Any]) -> dict[str, Any]:
    """Reads the input of an action; what it does not know is refused, for it may be misspelt."""
    for name in said:
        if name not in action.inputs:
            raise Invalid(
                f"there is no input {wire.clip(name)}; there are {', '.join(action.inputs)}",
                field=wire.clip(name),
            )
    read: dict[str, Any] = {}
    for name, row in action.inputs.items():
        value = _value(name, row, said.get(name))
        if value is not None or row.default:
            read[name] = row.default if value is None else value
        elif row.required:
            raise Missing(f"{name} is required", field=name)
    if action is ACTIONS["update_incident"] and read.get("status") == RESOLVED:
        for name in ("cause_code", "resolution"):
            if name not in read:
                raise Missing(f"{name} is required for the status {RESOLVED}", field=name)
    return read


def to_fields(action: Action, read: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what was read by Ivanti's names, but for people and numbers, which are looked up."""
    return {
        row.field: read[name] for name, row in action.inputs.items() if row.field and name in read
    }


def _value(name: str, row: Input, value: object) -> str | int | None:
    """Checks a value; null and a text without letters are nothing."""
    if value is None:
        return None
    if row.type is int:
        if type(value) is not int:
            raise Invalid(f"{name} is a whole number", field=name)
        return value
    if not isinstance(value, str):
        raise Invalid(f"{name} is a text", field=name)
    check_text(name, value, most=row.most)
    if not value.strip():
        return None
    return one_of(row.enum, name, value) if row.enum else value

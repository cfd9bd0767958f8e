"""Tickets of all kinds: what a push says becomes drafts, records become what V1 and V2 answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from google.protobuf import struct_pb2
from google.protobuf.message import Message

from polydesk import wire
from polydesk.api.iautomate.v1 import iautomate_pb2 as pb
from polydesk.dialects.iautomate.field import read_flag, read_module, read_time, read_zone
from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.ticket import (
    LONGEST_NAME,
    Draft,
    Execution,
    Kind,
    Priority,
    State,
    Ticket,
    check_text,
)

Incident = pb.PushedIncidentV1 | pb.PushedIncidentV2
Change = pb.PushedChangeV1 | pb.PushedChangeV2
ServiceRequest = pb.PushedServiceRequestV1 | pb.PushedServiceRequestV2
Pushed = Incident | Change | ServiceRequest | pb.PushedSubTask
Read = TypeVar(
    "Read",
    bound=pb.IncidentV1
    | pb.IncidentV2
    | pb.ChangeV1
    | pb.ChangeV2
    | pb.ServiceRequestV1
    | pb.ServiceRequestV2,
)

EXTRA: Final = "iautomate"
GMT: Final = wire.TimeFormat(" ", "milliseconds")
_NULL: Final = struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)

# StatusCode is "status of ticket", sample "1", and no more is said of it. The guide's tickets come
# from ServiceNow (sys_id), so its numbers and labels are known here; 4 and 5 are its older ones.
STATES: Final = {
    "1": State.LOGGED,
    "new": State.LOGGED,
    "open": State.LOGGED,
    "2": State.ACTIVE,
    "active": State.ACTIVE,
    "in progress": State.ACTIVE,
    "work in progress": State.ACTIVE,
    "3": State.WAITING,
    "4": State.WAITING,
    "5": State.WAITING,
    "on hold": State.WAITING,
    "pending": State.WAITING,
    "6": State.RESOLVED,
    "resolved": State.RESOLVED,
    "7": State.CLOSED,
    "closed": State.CLOSED,
    "8": State.CANCELLED,
    "canceled": State.CANCELLED,
    "cancelled": State.CANCELLED,
}
_WAITING: Final = "awaiting "  # "Awaiting User Info", "Awaiting Vendor" and so on
CODES: Final = {
    State.LOGGED: "1",
    State.ACTIVE: "2",
    State.WAITING: "3",
    State.RESOLVED: "6",
    State.CLOSED: "7",
    State.CANCELLED: "8",
}

# The guide prints "Data Collected" and "Move to Parsing" (tables 72 to 75); the others are those of
# table 5 of the product's user guide 6.5.1.
EXECUTIONS: Final = {
    Execution.DATA_COLLECTED: "Data Collected",
    Execution.PICKED_FOR_RECOMMENDATION: "Picked for Recommendation",
    Execution.MOVE_TO_PARSING: "Move to Parsing",
    Execution.PICKED_FOR_PARSING: "Picked for Parsing",
    Execution.PICKED_FOR_IN_PROGRESS: "Picked for InProgress",
    Execution.MOVE_TO_ASSIGNATION_DECISION: "Move to Assignation Decision",
    Execution.MARKED_FOR_EXECUTION: "Marked for Execution",
    Execution.SUCCESSFUL_AND_MARKED_FOR_CLOSURE: "Execution Successful and Marked for Closure",
    Execution.MARKED_FOR_RELEASE: "Marked for Release",
}

# "Priority" of sub-tasks has no table; these are ServiceNow's numbers and labels, too.
PRIORITIES: Final = {
    "1": Priority.CRITICAL,
    "critical": Priority.CRITICAL,
    "2": Priority.HIGH,
    "high": Priority.HIGH,
    "3": Priority.MEDIUM,
    "medium": Priority.MEDIUM,
    "moderate": Priority.MEDIUM,
    "4": Priority.LOW,
    "low": Priority.LOW,
    "5": Priority.PLANNING,
    "planning": Priority.PLANNING,
}

# Fields of the record, and of the contract. The contract has the vendor's names as JSON names.
TEXTS: Final = {
    "number": "ticket_number",
    "summary": "summary",
    "description": "description",
    "sys_id": "sys_id",
    "assignment_group": "assigned_group",
}
TIMES: Final = {"opened_at": "creation_date", "modified_at": "last_modified_date"}
# What a task is a part of: its change, its service request.
PARENTS: Final = ("changeid", "sr_id")
# Fields that the guide spells in two ways.
SPELLINGS: Final = {"sys_id": "sys_id_capital", "sr_id": "srid"}
# Blanks around these are masking residue of the guide ("XXXXXXXX "); other texts stay as they came.
TRIMMED: Final = frozenset({"number", "sys_id", "assignment_group"})
# Here a blank says as little as nothing.
CODED: Final = (
    "ticket_number",
    "sys_id",
    *PARENTS,
    "request_item_id",
    "status_code",
    *TIMES.values(),
    "is_time_zone_or_offset",
    "is_epoch",
    "module_id",
)
VERBATIM: Final = ("summary", "description")
PUSHABLE: Final = ("1", "9")
_PUSHED: Final = (
    pb.PushedIncidentV1,
    pb.PushedIncidentV2,
    pb.PushedChangeV1,
    pb.PushedChangeV2,
    pb.PushedServiceRequestV1,
    pb.PushedServiceRequestV2,
    pb.PushedSubTask,
)
LABELS: Final = {
    field.name: field.json_name for message in _PUSHED for field in message.DESCRIPTOR.fields
}
VENDOR_NAMES: Final = {name: LABELS[field] for name, field in (TEXTS | TIMES).items()}
# The fields that a message has; those of a schedule are none of a task.
_SCHEDULED: Final = frozenset({"org_id", "module_id"})


def fields_of(message: type[Message]) -> frozenset[str]:
    """Returns the names of the fields of a message that are those of a ticket."""
    names = frozenset(field.name for field in message.DESCRIPTOR.fields)
    return names - _SCHEDULED if message is pb.PushedServiceRequestV2 else names


FIELDS: Final[Mapping[type[Message], frozenset[str]]] = {
    message: fields_of(message)
    for message in (
        *_PUSHED,
        pb.IncidentV1,
        pb.IncidentV2,
        pb.ChangeV1,
        pb.ChangeV2,
        pb.ServiceRequestV1,
        pb.ServiceRequestV2,
    )
}
COLS: Final[Mapping[type[Message], Mapping[str, str]]] = {
    message: {LABELS[name]: name for name in sorted(fields) if name.startswith("col")}
    for message, fields in FIELDS.items()
}


def to_drafts(tickets: Sequence[Pushed], kind: Kind | None = None) -> list[Draft]:
    """Reads a push, in which the kind stands where it is None.

    An error says in which item of the array it is, counted from 0.
    """
    return [_to_draft_at(index, ticket, kind) for index, ticket in enumerate(tickets)]


def _to_draft_at(index: int, ticket: Pushed, kind: Kind | None) -> Draft:
    try:
        return to_draft(ticket, kind)
    except Invalid as error:
        name = VENDOR_NAMES.get(error.field, error.field)
        message = name + error.message.removeprefix(error.field)
        raise type(error)(f"{message} (item {index})", field=f"tickets[{index}].{name}") from error


def to_draft(ticket: Pushed, kind: Kind | None = None) -> Draft:
    """Reads one pushed ticket; an error begins with the name of its field."""
    _check_given(ticket)
    said: dict[str, Any] = {name: _said(ticket, field) for name, field in TEXTS.items()}
    said |= {name: said[name].strip() for name in TRIMMED}
    read = partial(
        read_time,
        zone=read_zone(ticket.is_time_zone_or_offset, ticket.time_zone, ticket.time_zone_offset),
        epoch=read_flag(ticket.is_epoch),
    )
    said |= {name: read(LABELS[field], getattr(ticket, field)) for name, field in TIMES.items()}
    resolved = _said(ticket, "resolved_date").strip()
    state = state_of(ticket.status_code, resolved=bool(resolved))
    if priority := PRIORITIES.get(_said(ticket, "priority").strip().casefold()):
        said["priority"] = priority
    return Draft(
        kind=kind or read_module(_said(ticket, "module_id"), PUSHABLE),
        state=state,
        resolved_at=read("ResolvedDate", resolved) if resolved else None,
        parent_number=_parent(ticket),
        extra={EXTRA: _extra(ticket, state)},
        **said,
    )


def _said(ticket: Pushed, field: str) -> str:
    """Returns a field, however it is spelt; nothing where tickets of the kind have none."""
    if field not in FIELDS[type(ticket)]:
        return ""
    said: str = getattr(ticket, field)
    return said or _said(ticket, SPELLINGS.get(field, ""))


def _check_given(ticket: Pushed) -> None:
    fields = FIELDS[type(ticket)]
    for field in CODED:
        if field in fields and not _said(ticket, field).strip():
            raise Missing(f"{LABELS[field]} is required", field=LABELS[field])
    for field in VERBATIM:
        if not _said(ticket, field):
            raise Missing(f"{LABELS[field]} is required", field=LABELS[field])


def _parent(ticket: Pushed) -> str:
    for field in PARENTS:
        if said := _said(ticket, field).strip():
            check_text(LABELS[field], said, most=LONGEST_NAME)
            return said
    return ""


def _extra(ticket: Pushed, state: State) -> dict[str, str]:
    """Keeps what only this dialect has; `State` is what StatusCode meant when it was pushed."""
    cols = {name: getattr(ticket, field) for name, field in COLS[type(ticket)].items()}
    kept = {"StatusCode": ticket.status_code, "State": state.value, **cols}
    if item := _said(ticket, "request_item_id").strip():
        kept["RequestItemId"] = item
    if priority := _said(ticket, "priority"):
        kept["Priority"] = priority
    return kept


def state_of(status_code: str, *, resolved: bool) -> State:
    """Places a StatusCode; one that nobody knows is told by whether there is a ResolvedDate."""
    code = status_code.strip().casefold()
    if code.startswith(_WAITING):
        return State.WAITING
    return STATES.get(code, State.RESOLVED if resolved else State.LOGGED)


def from_ticket(ticket: Ticket, message: type[Read]) -> Read:
    """Writes a ticket as V1 or V2 answers it."""
    extra = ticket.extra.get(EXTRA, {})
    resolved = ticket.resolved_at
    answer: dict[str, Any] = {
        "status_code": _status_code(ticket, extra),
        "closed_date": (
            struct_pb2.Value(string_value=wire.write_time(resolved, GMT)) if resolved else _NULL
        ),
        "changeid": ticket.parent_number,
        "sr_id": ticket.parent_number,
        "request_item_id": extra.get("RequestItemId", ""),
        "created_date_in_gmt": wire.write_time(ticket.created_at, GMT),
        "updated_date_in_gmt": wire.write_time(ticket.updated_at, GMT),
    }
    answer |= {field: getattr(ticket, name) for name, field in TEXTS.items()}
    answer |= {field: wire.write_time(getattr(ticket, name), GMT) for name, field in TIMES.items()}
    answer |= {field: extra.get(name, "") for name, field in COLS[message].items()}
    return message(**{field: value for field, value in answer.items() if field in FIELDS[message]})


def _status_code(ticket: Ticket, extra: Mapping[str, str]) -> str:
    code = extra.get("StatusCode", "")
    meant = extra.get("State") or state_of(code, resolved=ticket.resolved_at is not None).value
    return code if code and meant == ticket.state.value else CODES[ticket.state]

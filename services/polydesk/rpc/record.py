"""Tickets on the wire: what a caller says becomes drafts and changes, records become messages."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from google.protobuf.field_mask_pb2 import FieldMask

from polydesk.api.v1 import incident_pb2, ticket_pb2
from polydesk.domain.errors import Conflict, Invalid, Missing, Outdated, PolydeskError
from polydesk.domain.filter import parse_filter
from polydesk.domain.history import Entry
from polydesk.domain.query import Query, page_size, parse_order
from polydesk.domain.saving import Refused, Saved
from polydesk.domain.ticket import Draft, Execution, Kind, Level, Priority, State, Ticket
from polydesk.rpc.custom_value import from_values, to_values
from polydesk.rpc.errors import status_of
from polydesk.rpc.mask import RECORD, Mask
from polydesk.rpc.moment import moment, timestamp

_TEXTS: Final = (
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
# The times of the contract that a caller may say, and their names in the record.
_RECORD: Final = {
    "open_time": "opened_at",
    "modify_time": "modified_at",
    "resolve_time": "resolved_at",
}
_KINDS: Final = {ticket_pb2.Ticket.Kind.Value(f"KIND_{kind.name}"): kind for kind in Kind}
_STATES: Final = {ticket_pb2.Ticket.State.Value(f"STATE_{state.name}"): state for state in State}
_LEVELS: Final = {ticket_pb2.Ticket.Level.Value(f"LEVEL_{level.name}"): level for level in Level}
_PRIORITIES: Final = {
    ticket_pb2.Ticket.Priority.Value(f"PRIORITY_{priority.name}"): priority for priority in Priority
}
_ENUMS: Final[dict[str, dict[int, Any]]] = {
    "state": _STATES,
    "impact": _LEVELS,
    "urgency": _LEVELS,
    "priority": _PRIORITIES,
}
_SAID: Final = ("summary", *_TEXTS, *_RECORD, *_ENUMS)
_CONTRACT: Final = {field: name for name, field in RECORD.items()}
_CUSTOM: Final = "custom_fields"
_UPDATABLE: Final = frozenset({*_SAID, _CUSTOM}) - {"sys_id", "modify_time", "resolve_time"}
_LEVEL_NUMBERS: Final[dict[Level | None, Any]] = {level: n for n, level in _LEVELS.items()}
_PRIORITY_NUMBERS: Final[dict[Priority | None, Any]] = {p: n for n, p in _PRIORITIES.items()}
_KIND_NUMBERS: Final[dict[Kind, Any]] = {kind: number for number, kind in _KINDS.items()}
_STATE_NUMBERS: Final[dict[State, Any]] = {state: number for number, state in _STATES.items()}
# What can be wrong with a row of a batch.
_REFUSALS: Final = {kind.reason: kind for kind in (Invalid, Missing, Conflict, Outdated)}
EXECUTION_NUMBERS: Final[dict[Execution, Any]] = {
    execution: ticket_pb2.Ticket.ExecutionStatus.Value(f"EXECUTION_STATUS_{execution.name}")
    for execution in Execution
}


def to_draft(ticket: ticket_pb2.Ticket, path: str, *, kind: Kind | None = None) -> Draft:
    """Reads what a caller says of a ticket; what is empty is not said."""
    if kind is None or ticket.kind:
        named = kind_of(ticket.kind, f"{path}kind")
        if kind not in (None, named):
            raise Invalid(f"{path}kind is {named.value}, not {kind.value}", field=f"{path}kind")
        kind = named
    read = {_RECORD.get(name, name): _read(ticket, name, path) for name in _SAID}
    said = {name: value for name, value in read.items() if value is not None}
    said["custom"] = to_values(ticket.custom_fields)
    try:
        return Draft(kind=kind, number=ticket.number, etag=ticket.etag, **({"summary": ""} | said))
    except Invalid as error:
        raise type(error)(f"{path}{error.message}", field=path + error.field) from error


def read_draft(ticket: ticket_pb2.Ticket, path: str) -> Draft | Invalid:
    """Reads a row of a batch, or tells what is wrong with it."""
    try:
        return to_draft(ticket, path)
    except Invalid as error:
        return error


def to_changes(ticket: ticket_pb2.Ticket, mask: FieldMask, path: str) -> dict[str, Any]:
    """Reads what an update changes: the fields of the mask, or those that are not empty."""
    if unknown := set(mask.paths) - _UPDATABLE:
        raise Invalid(
            f"update_mask: {min(unknown)} cannot be changed here; these can: "
            f"{', '.join(sorted(_UPDATABLE))}",
            field="update_mask",
        )
    named = set(mask.paths or _UPDATABLE)
    said: dict[str, Any] = {}
    if _CUSTOM in named and ticket.custom_fields:
        said["custom"] = to_values(ticket.custom_fields)
    for name in sorted(named - {_CUSTOM}):
        value = _read(ticket, name, path)
        if value is None and mask.paths:
            said[_RECORD.get(name, name)] = _cleared(name, path)
        elif value is not None:
            said[_RECORD.get(name, name)] = value
    return said


def _read(ticket: ticket_pb2.Ticket, name: str, path: str) -> Any:
    """Returns a field as the record has it; None where it is empty."""
    if name in _RECORD:
        return moment(getattr(ticket, name), path + name) if ticket.HasField(name) else None
    value = getattr(ticket, name)
    if name not in _ENUMS or not value:
        return value or None
    if value not in _ENUMS[name]:
        raise Invalid(f"{path}{name} cannot be {value}", field=path + name)
    return _ENUMS[name][value]


def _cleared(name: str, path: str) -> str | None:
    if name in ("summary", "state", "open_time"):
        raise Missing(f"{path}{name} cannot be empty", field=path + name)
    return None if name in _ENUMS else ""


def from_ticket(
    ticket: Ticket, *, collection: str = "tickets", mask: Mask | None = None
) -> ticket_pb2.Ticket:
    """Writes a record as the contract has it, or some of its fields."""
    if mask is not None:
        return mask.write(ticket, collection)
    return ticket_pb2.Ticket(
        name=f"{collection}/{ticket.id}",
        kind=_KIND_NUMBERS[ticket.kind],
        number=ticket.number,
        summary=ticket.summary,
        description=ticket.description,
        sys_id=ticket.sys_id,
        state=_STATE_NUMBERS[ticket.state],
        wait_reason=ticket.wait_reason,
        requester=ticket.requester,
        assignee=ticket.assignee,
        assignment_group=ticket.assignment_group,
        category=ticket.category,
        impact=_LEVEL_NUMBERS.get(ticket.impact),
        urgency=_LEVEL_NUMBERS.get(ticket.urgency),
        priority=_PRIORITY_NUMBERS.get(ticket.priority),
        resolution=ticket.resolution,
        cause_code=ticket.cause_code,
        parent_number=ticket.parent_number,
        open_time=timestamp(ticket.opened_at),
        modify_time=timestamp(ticket.modified_at),
        resolve_time=ticket.resolved_at and timestamp(ticket.resolved_at),
        close_time=ticket.closed_at and timestamp(ticket.closed_at),
        delete_time=ticket.deleted_at and timestamp(ticket.deleted_at),
        org=f"orgs/{ticket.org}",
        execution_status=EXECUTION_NUMBERS[ticket.execution],
        create_time=timestamp(ticket.created_at),
        update_time=timestamp(ticket.updated_at),
        etag=ticket.etag,
        custom_fields=from_values(ticket.custom),
    )


def from_saved(saved: Saved) -> ticket_pb2.SaveTicketsResponse:
    """Writes what became of a batch."""
    answer = ticket_pb2.SaveTicketsResponse(batch=str(saved.batch))
    for row in saved.rows:
        answer.results.add(
            name=f"tickets/{row.id}" if row.id else "",
            outcome=ticket_pb2.SaveTicketsResponse.Outcome.Value(f"OUTCOME_{row.outcome.name}"),
            etag=row.etag,
            error=status_of(_error(row.refused)) if row.refused else None,
        )
    return answer


def _error(refused: Refused) -> PolydeskError:
    kind = _REFUSALS[refused.reason]
    if issubclass(kind, Invalid):
        return kind(refused.message, field=refused.field)
    return kind(refused.message)


def from_entry(entry: Entry) -> ticket_pb2.TicketChange:
    """Writes one entry of the history."""
    fields = msgspec.json.decode(entry.fields, type=dict[str, dict[str, msgspec.Raw]])
    answer = ticket_pb2.TicketChange(
        sequence=entry.sequence,
        change_time=timestamp(entry.at),
        actor=entry.actor,
        via=entry.via,
        action=entry.action,
    )
    for name in sorted(fields["new"], key=_contract):
        old, new = fields["old"].get(name), fields["new"][name]
        answer.fields.add(
            field=_contract(name),
            old_json=bytes(old).decode() if old is not None else "",
            new_json=bytes(new).decode(),
        )
    return answer


def _contract(name: str) -> str:
    return _CONTRACT.get(name, name)


def to_query(
    request: ticket_pb2.ListTicketsRequest | incident_pb2.ListIncidentsRequest,
) -> Query:
    """Reads what a list is to hold."""
    order, descending = parse_order(request.order_by)
    return Query(
        where=parse_filter(request.filter),
        show_deleted=request.show_deleted,
        order=order,
        descending=descending,
        limit=page_size(request.page_size),
    )


def kind_of(number: int, field: str) -> Kind:
    """Reads the kind of a ticket, which has to be said."""
    if number == 0:
        raise Missing(f"{field} is required", field=field)
    if number not in _KINDS:
        raise Invalid(f"{field} cannot be {number}", field=field)
    return _KINDS[number]

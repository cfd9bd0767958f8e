"""The canonical service of tickets: messages to the desk's records and back."""

from __future__ import annotations

import re
from typing import Any, Final

import grpc.aio
import msgspec
from google.protobuf.field_mask_pb2 import FieldMask

from polydesk.api.v1 import incident_pb2, ticket_pb2, ticket_pb2_grpc
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.filter import parse_filter
from polydesk.domain.history import Entry
from polydesk.domain.query import Query, page_size, parse_order
from polydesk.domain.saving import Saved
from polydesk.domain.ticket import Draft, Execution, Kind, Level, Priority, State, Ticket
from polydesk.rpc.mask import Mask, read_mask
from polydesk.rpc.moment import moment, timestamp
from polydesk.rpc.name import id_of, org_of
from polydesk.wire import caller_of

Context = grpc.aio.ServicerContext[Any, Any]

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
_UPDATABLE: Final = frozenset(_SAID) - {"sys_id", "modify_time", "resolve_time"}
_LEVEL_NUMBERS: Final[dict[Level | None, Any]] = {level: n for n, level in _LEVELS.items()}
_PRIORITY_NUMBERS: Final[dict[Priority | None, Any]] = {p: n for n, p in _PRIORITIES.items()}
_KIND_NUMBERS: Final[dict[Kind, Any]] = {kind: number for number, kind in _KINDS.items()}
_STATE_NUMBERS: Final[dict[State, Any]] = {state: number for number, state in _STATES.items()}
_EXECUTION_NUMBERS: Final[dict[Execution, Any]] = {
    execution: ticket_pb2.Ticket.ExecutionStatus.Value(f"EXECUTION_STATUS_{execution.name}")
    for execution in Execution
}


class TicketServicer(ticket_pb2_grpc.TicketServiceServicer):
    """Serves tickets of all kinds."""

    def __init__(self, desk: Desk) -> None:
        self._tickets = desk.tickets

    async def SaveTickets(
        self, request: ticket_pb2.SaveTicketsRequest, _: Context
    ) -> ticket_pb2.SaveTicketsResponse:
        """Saves a batch."""
        org = org_of(request.parent)
        drafts = [
            to_draft(ticket, f"tickets[{index}].") for index, ticket in enumerate(request.tickets)
        ]
        return from_saved(await self._tickets.save(caller_of(), org, drafts))

    async def GetTicket(
        self, request: ticket_pb2.GetTicketRequest, _: Context
    ) -> ticket_pb2.Ticket:
        """Returns one ticket."""
        mask = read_mask(request.read_mask)
        ticket = await self._tickets.get(caller_of(), id_of(request.name, "tickets"))
        return from_ticket(ticket, mask=mask)

    async def LookupTicket(
        self, request: ticket_pb2.LookupTicketRequest, _: Context
    ) -> ticket_pb2.Ticket:
        """Returns the ticket of a number or a sys_id."""
        ticket = await self._tickets.find(
            caller_of(),
            org_of(request.parent),
            _kind(request.kind, "kind"),
            number=request.number,
            sys_id=request.sys_id,
        )
        return from_ticket(ticket)

    async def ListTickets(
        self, request: ticket_pb2.ListTicketsRequest, _: Context
    ) -> ticket_pb2.ListTicketsResponse:
        """Returns a page."""
        mask = read_mask(request.read_mask)
        page = await self._tickets.page(
            caller_of(),
            org_of(request.parent),
            to_query(request),
            request.page_token,
            with_total=request.with_total,
        )
        return ticket_pb2.ListTicketsResponse(
            tickets=[from_ticket(ticket, mask=mask) for ticket in page.tickets],
            next_page_token=page.next_token,
            total_size=page.total,
        )

    async def BatchGetTickets(
        self, request: ticket_pb2.BatchGetTicketsRequest, _: Context
    ) -> ticket_pb2.BatchGetTicketsResponse:
        """Returns some tickets."""
        ids = [
            id_of(name, "tickets", field=f"names[{index}]")
            for index, name in enumerate(request.names)
        ]
        tickets = await self._tickets.batch(caller_of(), ids)
        return ticket_pb2.BatchGetTicketsResponse(tickets=map(from_ticket, tickets))

    async def ListExecutionStatuses(
        self, request: ticket_pb2.ListExecutionStatusesRequest, _: Context
    ) -> ticket_pb2.ListExecutionStatusesResponse:
        """Returns how far automation has got."""
        known = await self._tickets.executions(
            caller_of(), org_of(request.parent), _kind(request.kind, "kind"), request.numbers
        )
        answer = ticket_pb2.ListExecutionStatusesResponse()
        for number, execution in known:
            answer.statuses.add(number=number, execution_status=_EXECUTION_NUMBERS[execution])
        return answer

    async def ListTicketChanges(
        self, request: ticket_pb2.ListTicketChangesRequest, _: Context
    ) -> ticket_pb2.ListTicketChangesResponse:
        """Returns a page of a ticket's history."""
        most = page_size(request.page_size)
        entries = await self._tickets.history(
            caller_of(),
            id_of(request.parent, "tickets"),
            after=_sequence(request.page_token),
            limit=most + 1,
        )
        return ticket_pb2.ListTicketChangesResponse(
            changes=[from_entry(entry) for entry in entries[:most]],
            next_page_token=str(entries[most - 1].sequence) if len(entries) > most else "",
        )


def to_draft(ticket: ticket_pb2.Ticket, path: str, *, kind: Kind | None = None) -> Draft:
    """Reads what a caller says of a ticket; what is empty is not said."""
    if kind is None or ticket.kind:
        named = _kind(ticket.kind, f"{path}kind")
        if kind not in (None, named):
            raise Invalid(f"{path}kind is {named.value}, not {kind.value}", field=f"{path}kind")
        kind = named
    read = {_RECORD.get(name, name): _read(ticket, name, path) for name in _SAID}
    said = {name: value for name, value in read.items() if value is not None}
    try:
        return Draft(kind=kind, number=ticket.number, etag=ticket.etag, **({"summary": ""} | said))
    except Invalid as error:
        raise type(error)(f"{path}{error.message}", field=path + error.field) from error


def to_changes(ticket: ticket_pb2.Ticket, mask: FieldMask, path: str) -> dict[str, Any]:
    """Reads what an update changes: the fields of the mask, or those that are not empty."""
    if unknown := set(mask.paths) - _UPDATABLE:
        raise Invalid(
            f"update_mask: {min(unknown)} cannot be changed here; these can: "
            f"{', '.join(sorted(_UPDATABLE))}",
            field="update_mask",
        )
    said: dict[str, Any] = {}
    for name in mask.paths or sorted(_UPDATABLE):
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
        open_time=timestamp(ticket.opened_at),
        modify_time=timestamp(ticket.modified_at),
        resolve_time=ticket.resolved_at and timestamp(ticket.resolved_at),
        close_time=ticket.closed_at and timestamp(ticket.closed_at),
        delete_time=ticket.deleted_at and timestamp(ticket.deleted_at),
        org=f"orgs/{ticket.org}",
        execution_status=_EXECUTION_NUMBERS[ticket.execution],
        create_time=timestamp(ticket.created_at),
        update_time=timestamp(ticket.updated_at),
        etag=ticket.etag,
    )


def from_saved(saved: Saved) -> ticket_pb2.SaveTicketsResponse:
    """Writes what became of a batch."""
    answer = ticket_pb2.SaveTicketsResponse(batch=str(saved.batch))
    for row in saved.rows:
        answer.results.add(
            name=f"tickets/{row.id}",
            outcome=ticket_pb2.SaveTicketsResponse.Outcome.Value(f"OUTCOME_{row.outcome.name}"),
            etag=row.etag,
        )
    return answer


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
    for name in sorted(fields["new"]):
        old, new = fields["old"].get(name), fields["new"][name]
        answer.fields.add(
            field=name,
            old_json=bytes(old).decode() if old is not None else "",
            new_json=bytes(new).decode(),
        )
    return answer


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


def _kind(number: int, field: str) -> Kind:
    if number == 0:
        raise Missing(f"{field} is required", field=field)
    if number not in _KINDS:
        raise Invalid(f"{field} cannot be {number}", field=field)
    return _KINDS[number]


def _sequence(token: str) -> int:
    if not token:
        return 0
    if not re.fullmatch(r"[0-9]{1,9}", token):
        raise Invalid("page_token is none that was given out", field="page_token")
    return int(token)

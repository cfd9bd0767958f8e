"""The canonical service of tickets: messages to the desk's records and back."""

from __future__ import annotations

import re
from typing import Any

import grpc.aio

from polydesk.api.v1 import ticket_pb2, ticket_pb2_grpc
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid
from polydesk.domain.query import page_size
from polydesk.rpc.mask import read_mask
from polydesk.rpc.name import id_of, org_of
from polydesk.rpc.record import (
    EXECUTION_NUMBERS,
    from_entry,
    from_saved,
    from_ticket,
    kind_of,
    read_draft,
    to_query,
)
from polydesk.wire import caller_of

Context = grpc.aio.ServicerContext[Any, Any]


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
            read_draft(ticket, f"tickets[{index}].") for index, ticket in enumerate(request.tickets)
        ]
        saved = await self._tickets.save(caller_of(), org, drafts, partial=request.allow_partial)
        return from_saved(saved)

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
            kind_of(request.kind, "kind"),
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
            caller_of(), org_of(request.parent), kind_of(request.kind, "kind"), request.numbers
        )
        answer = ticket_pb2.ListExecutionStatusesResponse()
        for number, execution in known:
            answer.statuses.add(number=number, execution_status=EXECUTION_NUMBERS[execution])
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


def _sequence(token: str) -> int:
    if not token:
        return 0
    if not re.fullmatch(r"[0-9]{1,9}", token):
        raise Invalid("page_token is none that was given out", field="page_token")
    return int(token)

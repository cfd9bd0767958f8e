"""The canonical service of incidents: tickets of that kind, under names of their own."""

from __future__ import annotations

from typing import Any, Final, Protocol

import grpc.aio
import msgspec

from polydesk.api.v1 import incident_pb2, incident_pb2_grpc, ticket_pb2
from polydesk.domain.desk import Desk
from polydesk.domain.errors import NotFound
from polydesk.domain.identity import Caller
from polydesk.domain.query import All, Comparison
from polydesk.domain.ticket import Kind, Ticket
from polydesk.rpc.mask import read_mask
from polydesk.rpc.name import id_of, org_of
from polydesk.rpc.record import from_ticket, to_changes, to_draft, to_query
from polydesk.wire import caller_of

Context = grpc.aio.ServicerContext[Any, Any]
INCIDENTS: Final = Comparison("kind", "=", Kind.INCIDENT)


class Move(Protocol):
    """A change of an incident that needs no more than to know which."""

    async def __call__(self, caller: Caller, id_: int, *, etag: str) -> Ticket:
        """Changes it."""


class IncidentServicer(incident_pb2_grpc.IncidentServiceServicer):
    """Serves tickets of kind incident."""

    def __init__(self, desk: Desk) -> None:
        self._tickets = desk.tickets
        self._incidents = desk.incidents

    async def CreateIncident(
        self, request: incident_pb2.CreateIncidentRequest, _: Context
    ) -> ticket_pb2.Ticket:
        """Records an incident."""
        draft = to_draft(request.incident, "incident.", kind=Kind.INCIDENT)
        ticket = await self._tickets.record(caller_of(), org_of(request.parent), draft)
        return from_ticket(ticket, collection="incidents")

    async def GetIncident(
        self, request: incident_pb2.GetIncidentRequest, _: Context
    ) -> ticket_pb2.Ticket:
        """Returns one incident."""
        mask = read_mask(request.read_mask)
        ticket = await self._tickets.get(caller_of(), id_of(request.name, "incidents"))
        if ticket.kind is not Kind.INCIDENT:
            raise NotFound(f"there is no incident {ticket.id}")
        return from_ticket(ticket, collection="incidents", mask=mask)

    async def ListIncidents(
        self, request: incident_pb2.ListIncidentsRequest, _: Context
    ) -> incident_pb2.ListIncidentsResponse:
        """Returns a page of incidents."""
        mask = read_mask(request.read_mask)
        query = to_query(request)
        only = (INCIDENTS,) if query.where is None else (INCIDENTS, query.where)
        page = await self._tickets.page(
            caller_of(),
            org_of(request.parent),
            msgspec.structs.replace(query, where=All(only)),
            request.page_token,
            with_total=request.with_total,
        )
        return incident_pb2.ListIncidentsResponse(
            incidents=[
                from_ticket(ticket, collection="incidents", mask=mask) for ticket in page.tickets
            ],
            next_page_token=page.next_token,
            total_size=page.total,
        )

    async def UpdateIncident(
        self, request: incident_pb2.UpdateIncidentRequest, _: Context
    ) -> ticket_pb2.Ticket:
        """Changes fields."""
        said = to_changes(request.incident, request.update_mask, "incident.")
        ticket = await self._incidents.update(
            caller_of(), id_of(request.incident.name, "incidents"), said, etag=request.incident.etag
        )
        return from_ticket(ticket, collection="incidents")

    async def DeleteIncident(
        self, request: incident_pb2.DeleteIncidentRequest, _: Context
    ) -> ticket_pb2.Ticket:
        """Deletes an incident."""
        return await self._moved(request, self._incidents.delete)

    async def UndeleteIncident(
        self, request: incident_pb2.UndeleteIncidentRequest, _: Context
    ) -> ticket_pb2.Ticket:
        """Takes a deletion back."""
        return await self._moved(request, self._incidents.undelete)

    async def AssignIncident(
        self, request: incident_pb2.AssignIncidentRequest, _: Context
    ) -> ticket_pb2.Ticket:
        """Hands an incident over."""
        ticket = await self._incidents.assign(
            caller_of(),
            id_of(request.name, "incidents"),
            assignee=request.assignee,
            group=request.assignment_group,
            etag=request.etag,
        )
        return from_ticket(ticket, collection="incidents")

    async def ResolveIncident(
        self, request: incident_pb2.ResolveIncidentRequest, _: Context
    ) -> ticket_pb2.Ticket:
        """Resolves an incident."""
        ticket = await self._incidents.resolve(
            caller_of(),
            id_of(request.name, "incidents"),
            resolution=request.resolution,
            cause_code=request.cause_code,
            etag=request.etag,
        )
        return from_ticket(ticket, collection="incidents")

    async def CloseIncident(
        self, request: incident_pb2.CloseIncidentRequest, _: Context
    ) -> ticket_pb2.Ticket:
        """Closes an incident."""
        return await self._moved(request, self._incidents.close)

    async def CancelIncident(
        self, request: incident_pb2.CancelIncidentRequest, _: Context
    ) -> ticket_pb2.Ticket:
        """Withdraws an incident."""
        return await self._moved(request, self._incidents.cancel)

    async def ReopenIncident(
        self, request: incident_pb2.ReopenIncidentRequest, _: Context
    ) -> ticket_pb2.Ticket:
        """Takes an incident up again."""
        return await self._moved(request, self._incidents.reopen)

    async def _moved(self, request: Any, move: Move) -> ticket_pb2.Ticket:
        ticket = await move(caller_of(), id_of(request.name, "incidents"), etag=request.etag)
        return from_ticket(ticket, collection="incidents")

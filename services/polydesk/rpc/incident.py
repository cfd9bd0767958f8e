"""The canonical service of incidents: tickets of that kind, under names of their own."""

from __future__ import annotations

from typing import Any

import grpc.aio
import msgspec

from polydesk.api.v1 import incident_pb2, incident_pb2_grpc, ticket_pb2
from polydesk.domain.desk import Desk
from polydesk.domain.errors import NotFound
from polydesk.domain.query import Comparison
from polydesk.domain.ticket import Kind
from polydesk.rpc.name import id_of, org_of
from polydesk.rpc.ticket import from_ticket, to_draft, to_query
from polydesk.wire import caller_of

Context = grpc.aio.ServicerContext[Any, Any]


class IncidentServicer(incident_pb2_grpc.IncidentServiceServicer):
    """Serves tickets of kind incident."""

    def __init__(self, desk: Desk) -> None:
        self._tickets = desk.tickets

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
        ticket = await self._tickets.get(caller_of(), id_of(request.name, "incidents"))
        if ticket.kind is not Kind.INCIDENT:
            raise NotFound(f"there is no incident {ticket.id}")
        return from_ticket(ticket, collection="incidents")

    async def ListIncidents(
        self, request: incident_pb2.ListIncidentsRequest, _: Context
    ) -> incident_pb2.ListIncidentsResponse:
        """Returns a page of incidents."""
        query = to_query(request)
        only = (Comparison("kind", "=", Kind.INCIDENT), *query.where)
        page = await self._tickets.page(
            caller_of(),
            org_of(request.parent),
            msgspec.structs.replace(query, where=only),
            request.page_token,
        )
        return incident_pb2.ListIncidentsResponse(
            incidents=[from_ticket(ticket, collection="incidents") for ticket in page.tickets],
            next_page_token=page.next_token,
        )

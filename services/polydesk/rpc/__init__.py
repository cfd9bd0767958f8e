"""The canonical gRPC services, and what every call passes on its way to a servicer."""

from __future__ import annotations

from typing import Final

import grpc.aio

from polydesk.api.v1 import (
    identity_pb2,
    identity_pb2_grpc,
    incident_pb2,
    incident_pb2_grpc,
    ticket_pb2,
    ticket_pb2_grpc,
)
from polydesk.domain.desk import Desk
from polydesk.rpc.identity import IdentityServicer
from polydesk.rpc.incident import IncidentServicer
from polydesk.rpc.ticket import TicketServicer

SERVICES: Final = tuple(
    service.full_name
    for contract in (ticket_pb2, incident_pb2, identity_pb2)
    for service in contract.DESCRIPTOR.services_by_name.values()
)


def register(server: grpc.aio.Server, desk: Desk) -> None:
    """Adds the canonical servicers."""
    ticket_pb2_grpc.add_TicketServiceServicer_to_server(TicketServicer(desk), server)
    incident_pb2_grpc.add_IncidentServiceServicer_to_server(IncidentServicer(desk), server)
    identity_pb2_grpc.add_IdentityServiceServicer_to_server(IdentityServicer(desk), server)

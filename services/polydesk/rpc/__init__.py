"""The canonical gRPC services, and what every call passes on its way to a servicer."""

from __future__ import annotations

from typing import Final

import grpc.aio

from polydesk.api.v1 import (
    attachment_pb2,
    attachment_pb2_grpc,
    catalog_pb2,
    catalog_pb2_grpc,
    directory_pb2,
    directory_pb2_grpc,
    identity_pb2,
    identity_pb2_grpc,
    incident_pb2,
    incident_pb2_grpc,
    inventory_pb2,
    inventory_pb2_grpc,
    link_pb2,
    link_pb2_grpc,
    note_pb2,
    note_pb2_grpc,
    overview_pb2,
    overview_pb2_grpc,
    page_pb2,
    page_pb2_grpc,
    rule_pb2,
    rule_pb2_grpc,
    run_pb2,
    run_pb2_grpc,
    runbook_pb2,
    runbook_pb2_grpc,
    schedule_pb2,
    schedule_pb2_grpc,
    script_pb2,
    script_pb2_grpc,
    secret_pb2,
    secret_pb2_grpc,
    service_level_pb2,
    service_level_pb2_grpc,
    target_pb2,
    target_pb2_grpc,
    ticket_pb2,
    ticket_pb2_grpc,
)
from polydesk.domain.desk import Desk
from polydesk.rpc.attachment import AttachmentServicer
from polydesk.rpc.catalog import CatalogServicer
from polydesk.rpc.directory import DirectoryServicer
from polydesk.rpc.identity import IdentityServicer
from polydesk.rpc.incident import IncidentServicer
from polydesk.rpc.inventory import InventoryServicer
from polydesk.rpc.link import LinkServicer
from polydesk.rpc.note import NoteServicer
from polydesk.rpc.overview import OverviewServicer
from polydesk.rpc.page import PageServicer
from polydesk.rpc.rule import RuleServicer
from polydesk.rpc.run import RunServicer
from polydesk.rpc.runbook import RunbookServicer
from polydesk.rpc.schedule import ScheduleServicer
from polydesk.rpc.script import ScriptServicer
from polydesk.rpc.secret import SecretServicer
from polydesk.rpc.service_level import ServiceLevelServicer
from polydesk.rpc.target import TargetServicer
from polydesk.rpc.watch import WatchServicer

SERVICES: Final = tuple(
    service.full_name
    for contract in (
        ticket_pb2,
        incident_pb2,
        note_pb2,
        link_pb2,
        attachment_pb2,
        secret_pb2,
        inventory_pb2,
        schedule_pb2,
        service_level_pb2,
        catalog_pb2,
        directory_pb2,
        run_pb2,
        runbook_pb2,
        rule_pb2,
        script_pb2,
        target_pb2,
        overview_pb2,
        identity_pb2,
        page_pb2,
    )
    for service in contract.DESCRIPTOR.services_by_name.values()
)


def register(server: grpc.aio.Server, desk: Desk, pages: PageServicer) -> None:
    """Adds the canonical servicers."""
    ticket_pb2_grpc.add_TicketServiceServicer_to_server(WatchServicer(desk), server)
    incident_pb2_grpc.add_IncidentServiceServicer_to_server(IncidentServicer(desk), server)
    note_pb2_grpc.add_NoteServiceServicer_to_server(NoteServicer(desk), server)
    link_pb2_grpc.add_LinkServiceServicer_to_server(LinkServicer(desk), server)
    attachment_pb2_grpc.add_AttachmentServiceServicer_to_server(AttachmentServicer(desk), server)
    secret_pb2_grpc.add_SecretServiceServicer_to_server(SecretServicer(desk), server)
    inventory_pb2_grpc.add_InventoryServiceServicer_to_server(InventoryServicer(desk), server)
    schedule_pb2_grpc.add_ScheduleServiceServicer_to_server(ScheduleServicer(desk), server)
    service_level_pb2_grpc.add_ServiceLevelServiceServicer_to_server(
        ServiceLevelServicer(desk), server
    )
    catalog_pb2_grpc.add_CatalogServiceServicer_to_server(CatalogServicer(desk), server)
    directory_pb2_grpc.add_DirectoryServiceServicer_to_server(DirectoryServicer(desk), server)
    script_pb2_grpc.add_ScriptServiceServicer_to_server(ScriptServicer(desk), server)
    target_pb2_grpc.add_TargetServiceServicer_to_server(TargetServicer(desk), server)
    runbook_pb2_grpc.add_RunbookServiceServicer_to_server(RunbookServicer(desk), server)
    rule_pb2_grpc.add_RuleServiceServicer_to_server(RuleServicer(desk), server)
    run_pb2_grpc.add_RunServiceServicer_to_server(RunServicer(desk), server)
    overview_pb2_grpc.add_OverviewServiceServicer_to_server(OverviewServicer(desk), server)
    identity_pb2_grpc.add_IdentityServiceServicer_to_server(IdentityServicer(desk), server)
    page_pb2_grpc.add_PageServiceServicer_to_server(pages, server)

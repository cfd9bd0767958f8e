"""The messages of the canonical contracts, so that a program needs to import one package only."""

from __future__ import annotations

from polydesk.api.v1 import (
    attachment_pb2,
    catalog_pb2,
    directory_pb2,
    identity_pb2,
    incident_pb2,
    inventory_pb2,
    link_pb2,
    note_pb2,
    overview_pb2,
    reported_state_pb2,
    rule_pb2,
    run_pb2,
    runbook_pb2,
    schedule_pb2,
    script_pb2,
    secret_pb2,
    service_level_pb2,
    target_pb2,
    ticket_pb2,
)

__all__ = [
    "attachment_pb2",
    "catalog_pb2",
    "directory_pb2",
    "identity_pb2",
    "incident_pb2",
    "inventory_pb2",
    "link_pb2",
    "note_pb2",
    "overview_pb2",
    "reported_state_pb2",
    "rule_pb2",
    "run_pb2",
    "runbook_pb2",
    "schedule_pb2",
    "script_pb2",
    "secret_pb2",
    "service_level_pb2",
    "target_pb2",
    "ticket_pb2",
]

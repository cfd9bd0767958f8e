"""Motadata ServiceOps (once Flotomate), seed 001: incidents, their files, custom fields, tokens.

The vendor's newer pages call incidents requests and write some words otherwise (`On User`); their
routes are answered, too.

Paths are printed with and without `/v1`. An update is a POST. `status` is a number in what a write
answers and a text in what a read answers. What an incident has not is null, but for lists, which
are empty, but for fileAttachments, which is null. Requesters and locations must be registered: they
are those of the org's directory, and the org is the caller's own. Impacts and urgencies are four
words for three levels: the word is kept, and answered as long as nobody else moved the level.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import grpc.aio

from polydesk.api.serviceops.v1 import serviceops_pb2_grpc
from polydesk.dialects.serviceops.refusal import refuse
from polydesk.dialects.serviceops.servicer import ServiceOps
from polydesk.domain.desk import Desk

__all__ = ["PREFIXES", "SERVICE", "refuse", "register"]

SERVICE: Final = "polydesk.api.serviceops.v1.ServiceOpsService"
PREFIXES: Final[Mapping[str, str]] = {
    "/api/oauth/": "IssueToken",
    "/api/v1/incident/": "GetIncident",
    "/api/incident/": "GetIncident",
    "/api/oprfile/": "UploadFile",
    "/api/ususer/": "GetForm",
    "/api/v1/request/": "UpdateRequest",
    "/api/v1/service_catalog/": "CreateServiceRequest",
}


def register(server: grpc.aio.Server, desk: Desk) -> None:
    """Adds the servicer."""
    serviceops_pb2_grpc.add_ServiceOpsServiceServicer_to_server(ServiceOps(desk), server)

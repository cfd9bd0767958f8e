"""HCL iAutomate (BigFix Runbook AI), seed 004: tickets, files, secrets, CIs, schedules, tokens.

V1 (`/iAutomateAPI`) and V2 (`/v2`) differ in their envelopes and in how many Cols they have; a
push through V1 says nothing of Col6 to Col20. A push states a whole ticket: what it leaves out is
empty afterwards. Offsets are GMT minus local time (-330 is India), all dates come out in GMT.
Filters carry their operators in the keys of the query (`start_date>=...`), so that the query is
read as the client wrote it. start_date and end_date are two names for bounds on CreationDate.
StatusCode is free text: it is kept verbatim and answered as long as nobody else moved the ticket.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import grpc.aio

from polydesk.api.iautomate.v1 import iautomate_pb2_grpc
from polydesk.dialects.iautomate.refusal import refuse
from polydesk.dialects.iautomate.servicer import IAutomate
from polydesk.domain.desk import Desk

__all__ = ["PREFIXES", "SERVICE", "refuse", "register"]

SERVICE: Final = "polydesk.api.iautomate.v1.IAutomateService"
PREFIXES: Final[Mapping[str, str]] = {
    "/v2/incident/": "GetIncidentsV2",
    "/v2/changeRequests/": "GetChangesV2",
    "/v2/serviceRequests/": "GetServiceRequestsV2",
    "/v2/event/": "GetEventStatus",
    "/v2/sub-task/": "GetSubTaskStatus",
    "/v2/secret/": "GetSecret",
    "/v2/inventory/": "GetCiDetails",
    "/v2/runbook/": "PushSchedulesV2",
    "/v3/runbook/": "PushSchedulesV3",
    "/v2/itsmattachment/": "DownloadAttachment",
    "/iAutomateAPI/": "GetIncidentsV1",
    "/v2/runbooks/": "UpdateRunbookStatusV2",
    "/api/v1/Execute/": "ExecuteCommand",
    "/api/v1/status/": "GetRunResults",
    "/token": "IssueToken",
}


def register(server: grpc.aio.Server, desk: Desk) -> None:
    """Adds the servicer."""
    iautomate_pb2_grpc.add_IAutomateServiceServicer_to_server(IAutomate(desk), server)

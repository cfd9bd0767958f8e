"""The InsightConnect plugin "Ivanti Service Manager" (seed 002): its actions, as the seed has them.

An orchestrator starts an action by an envelope and gets an event. The seed tells the inputs and
outputs, the published plugin the rest: an action is a few calls of the OData API, so this door
stands in the package of that one and shares what it says of incidents. Both have a contract of
their own, and so a name of their own in the history.

The API key stands in the body, where the gate looks for it (`key_in_body` in the contract). All
that is refused is a 400, but for callers, paths and what is not the caller's fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import grpc.aio

from polydesk.api.insightconnect.v1 import insightconnect_pb2_grpc as pb_grpc
from polydesk.dialects.ivanti_sm.action.refusal import refuse
from polydesk.dialects.ivanti_sm.action.servicer import InsightConnect
from polydesk.domain.desk import Desk

__all__ = ["PREFIXES", "SERVICE", "refuse", "register"]

SERVICE: Final = "polydesk.api.insightconnect.v1.InsightConnectService"
# What lies below /api/v1/status is iAutomate's.
PREFIXES: Final[Mapping[str, str]] = {
    "/actions": "RunAction",
    "/api/v1/actions": "RunAction",
    "/api/v1/connection": "TestConnection",
    "/api/v1/info": "GetInfo",
    "/api/v1/spec": "GetSpec",
}


def register(server: grpc.aio.Server, desk: Desk) -> None:
    """Adds the servicer."""
    pb_grpc.add_InsightConnectServiceServicer_to_server(InsightConnect(desk), server)

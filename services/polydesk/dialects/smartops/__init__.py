"""SmartOps, the "API contracts for ITSM Integration" of seed 003: it calls, the desk answers.

No URL is printed, so the paths are ours. The fetch is a GET with a JSON body. An update goes by
sysId, a fetch by ticketNumber. statusCode is a text and equals the HTTP status. Whatever is asked
for is answered, with an empty value where there is none; the page's prose calls the object of the
answer "results", its contract ticketDetails. Times have six decimals and no Z, and are UTC.
connectionDetails are for whoever connects to a desk; the hub reads but the name of an org there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import grpc.aio

from polydesk.api.smartops.v1 import smartops_pb2_grpc as pb_grpc
from polydesk.dialects.smartops.refusal import refuse
from polydesk.dialects.smartops.servicer import SmartOps
from polydesk.domain.desk import Desk

__all__ = ["PREFIXES", "SERVICE", "refuse", "register"]

SERVICE: Final = "polydesk.api.smartops.v1.SmartOpsService"
PREFIXES: Final[Mapping[str, str]] = {"/smartops/": "FetchTicket"}


def register(server: grpc.aio.Server, desk: Desk) -> None:
    """Adds the servicer."""
    pb_grpc.add_SmartOpsServiceServicer_to_server(SmartOps(desk), server)

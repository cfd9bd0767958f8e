"""Ivanti Service Manager (once HEAT), seed 002: the OData API that its clients use.

The seed is the page of an InsightConnect plugin; the routes are those that the plugin calls, and
what other clients of OData need besides. A key stands behind the name of a set, in its segment:
`incidents('RecId')`. PUT changes what it says and no more. An unknown key is a 400, for clients
take that for a deleted object; nothing found is an empty list. IncidentNumber is the id by which
the whole hub knows the ticket, a RecId its sys_id. The org is the caller's own.

The plugin's own actions are a second door, `action`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import grpc.aio

from polydesk.api.ivanti_sm.v1 import ivanti_sm_pb2_grpc as pb_grpc
from polydesk.dialects.ivanti_sm import action
from polydesk.dialects.ivanti_sm.refusal import refuse
from polydesk.dialects.ivanti_sm.servicer import IvantiSm
from polydesk.domain.desk import Desk

__all__ = ["DOORS", "PREFIXES", "SERVICE", "refuse", "register"]

DOORS: Final = (action,)
SERVICE: Final = "polydesk.api.ivanti_sm.v1.IvantiSmService"
PREFIXES: Final[Mapping[str, str]] = {
    "/HEAT/api": "ReadObjects",
    "/api/odata": "ReadObjects",
    "/api/rest": "ReadObjects",
}


def register(server: grpc.aio.Server, desk: Desk) -> None:
    """Adds the servicer."""
    pb_grpc.add_IvantiSmServiceServicer_to_server(IvantiSm(desk), server)

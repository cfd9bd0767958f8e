"""The "Ivanti API" of seed 000, an experience API (`ca-ivanti-xapi`) for Zendesk and a portal.

Each route has three spellings, and `v1` and `v2` answer alike. A bearer token comes first, and no
other credentials count. The document prints no fields but in its errors, so names and answers are
ours; its table of errors is answered verbatim, with the transaction id of the request. "ISM_5000"
is a 400 with the text of an internal error; "70400" has two texts of its own, and else ours. What
the table has no row for (405, 409, 412, 413, 429) has the nearest code, with its own HTTP status.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import grpc.aio

from polydesk.api.ivanti_xapi.v1 import ivanti_xapi_pb2_grpc as pb_grpc
from polydesk.dialects.ivanti_xapi.refusal import refuse
from polydesk.dialects.ivanti_xapi.servicer import IvantiXapi
from polydesk.domain.desk import Desk

__all__ = ["PREFIXES", "SERVICE", "refuse", "register"]

SERVICE: Final = "polydesk.api.ivanti_xapi.v1.IvantiXapiService"
_OPERATIONS: Final = ("create", "categories", "events", "incidents")
# Other dialects have paths below /v2 and /api, too; of what is below /v1, this one alone.
PREFIXES: Final[Mapping[str, str]] = {
    "/v1": "GetIncident",
    **{
        f"{before}/{version}/{after}": "GetIncident"
        for version in ("v1", "v2")
        for before, after in (
            *(("", operation) for operation in _OPERATIONS),
            *(("/api", operation) for operation in _OPERATIONS),
            ("", "ivanti"),
            ("/*", "ivanti"),
        )
    },
}


def register(server: grpc.aio.Server, desk: Desk) -> None:
    """Adds the servicer."""
    pb_grpc.add_IvantiXapiServiceServicer_to_server(IvantiXapi(desk), server)

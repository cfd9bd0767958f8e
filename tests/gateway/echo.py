"""A hub of its own process that does what a test's path tells it: `python -m tests.gateway.echo`.

It serves the real stubs of one dialect and tells what reached it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from polydesk.api.iautomate.v1 import iautomate_pb2 as pb
from polydesk.api.iautomate.v1 import iautomate_pb2_grpc as pb_grpc

Context = grpc.aio.ServicerContext[Any, Any]
SERVICE = "polydesk.api.iautomate.v1.IAutomateService"
OPTIONS = [
    ("grpc.max_receive_message_length", 32 * 1024 * 1024),
    ("grpc.max_metadata_size", 128 * 1024),
    ("grpc.absolute_max_metadata_size", 160 * 1024),
]


class Echo(pb_grpc.IAutomateServiceServicer):
    async def PushIncidentsV2(self, request: Any, context: Context) -> Any:  # noqa: N802 - the contract's name
        del context
        return pb.PushIncidentsV2Response(id=str(len(request.tickets)), status=request.orgentityid)

    async def GetIncidentsV2(self, request: Any, context: Context) -> Any:  # noqa: N802 - the contract's name
        match request.orgentityid:
            case "sleep":
                await asyncio.sleep(3600)
            case "headers":
                return pb.GetIncidentsV2Response(message=json.dumps(_metadata(context)))
            case "refuse":
                await _refuse(context, "ü" * int(request.raw_query or 1))
            case "created":
                await context.send_initial_metadata((("x-polydesk-status", "201"),))
        return pb.GetIncidentsV2Response(message=request.raw_query, status=request.orgentityid)

    async def GetIncidentsV1(self, request: Any, context: Context) -> Any:  # noqa: N802 - the contract's name
        del context
        return pb.GetIncidentsV1Response(status=request.orgentityid, status_code=200)

    async def GetIncidentStatus(self, request: Any, context: Context) -> Any:  # noqa: N802 - the contract's name
        del context
        return pb.GetIncidentStatusResponse(
            message=request.ticketnumber, status=request.orgentityid
        )

    async def IssueToken(self, request: Any, context: Context) -> Any:  # noqa: N802 - the contract's name
        del context
        form = request.form
        return pb.IssueTokenResponse(access_token=form.data.decode(), token_type=form.content_type)


def _metadata(context: Context) -> dict[str, str]:
    pairs = context.invocation_metadata() or ()
    return {key: value if isinstance(value, str) else value.hex() for key, value in pairs}


async def _refuse(context: Context, text: str) -> None:
    body = json.dumps({"Status": "Fail", "Message": text, "Count": 0})
    metadata = (
        ("x-polydesk-status", "422"),
        ("x-polydesk-body", body),
        ("x-polydesk-content-type", "application/problem+json"),
        ("www-authenticate", "Basic"),
    )
    through_gateway = "x-envoy-original-path" in _metadata(context)
    await context.abort(
        grpc.StatusCode.INVALID_ARGUMENT, "refused", metadata if through_gateway else ()
    )


async def serve(address: str) -> None:
    server = grpc.aio.server(options=OPTIONS)
    pb_grpc.add_IAutomateServiceServicer_to_server(Echo(), server)
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    reflection.enable_server_reflection((SERVICE, reflection.SERVICE_NAME), server)
    server.add_insecure_port(address)
    await server.start()
    await checks.set("", health_pb2.HealthCheckResponse.SERVING)
    sys.stdout.write("serving\n")
    sys.stdout.flush()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))

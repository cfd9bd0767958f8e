"""Errors on their way out: the one table from the desk's words to gRPC and HTTP."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

import grpc
import grpc.aio
from google.api import httpbody_pb2
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from polydesk.domain import errors
from polydesk.domain.errors import PolydeskError
from polydesk.wire import Refusal

UNAUTHORIZED: Final = 401
# Is sent as bytes that are no message, over which the gateway cuts the connection.
SPOILT: Final = object()
_CODES: Final[dict[type[PolydeskError], tuple[grpc.StatusCode, int]]] = {
    errors.Invalid: (grpc.StatusCode.INVALID_ARGUMENT, 400),
    errors.Unauthenticated: (grpc.StatusCode.UNAUTHENTICATED, 401),
    errors.Denied: (grpc.StatusCode.PERMISSION_DENIED, 403),
    errors.NotFound: (grpc.StatusCode.NOT_FOUND, 404),
    errors.WrongMethod: (grpc.StatusCode.UNIMPLEMENTED, 405),
    errors.Exists: (grpc.StatusCode.ALREADY_EXISTS, 409),
    errors.Conflict: (grpc.StatusCode.ABORTED, 409),
    errors.Outdated: (grpc.StatusCode.ABORTED, 412),
    errors.WrongState: (grpc.StatusCode.FAILED_PRECONDITION, 409),
    errors.TooLarge: (grpc.StatusCode.RESOURCE_EXHAUSTED, 413),
    errors.Overloaded: (grpc.StatusCode.RESOURCE_EXHAUSTED, 429),
    errors.Unavailable: (grpc.StatusCode.UNAVAILABLE, 503),
    errors.TimedOut: (grpc.StatusCode.DEADLINE_EXCEEDED, 504),
    errors.Damaged: (grpc.StatusCode.DATA_LOSS, 500),
    errors.PolydeskError: (grpc.StatusCode.INTERNAL, 500),
}


def codes_of(error: PolydeskError) -> tuple[grpc.StatusCode, int]:
    """Returns the gRPC status and the HTTP status of an error."""
    return next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)


def canonical(error: PolydeskError) -> Refusal:
    """Words an error for REST callers of the canonical API: google.rpc.Status as JSON."""
    code, http = codes_of(error)
    info: dict[str, Any] = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": error.reason,
        "domain": "polydesk",
        "metadata": error.metadata,
    }
    details = [info]
    if field := getattr(error, "field", ""):
        details.append(
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{"field": field, "description": error.message}],
            }
        )
    return Refusal(
        http=http, body={"code": code.value[0], "message": error.message, "details": details}
    )


async def abort(
    context: grpc.aio.ServicerContext[Any, Any], error: PolydeskError, refusal: Refusal | None
) -> NoReturn:
    """Ends a call: with the body of a refusal for REST, with rich details for gRPC."""
    code, http = codes_of(error)
    metadata: list[tuple[str, str | bytes]] = []
    challenged = refusal is not None and "www-authenticate" in refusal.headers
    if (refusal.http if refusal else http) == UNAUTHORIZED and not challenged:
        metadata.append(("www-authenticate", 'Basic realm="polydesk", Bearer'))
    if isinstance(error, errors.Overloaded | errors.Unavailable):
        metadata.append(("retry-after", "1"))
    if refusal is None:
        metadata.append(("grpc-status-details-bin", status_of(error).SerializeToString()))
    else:
        metadata.extend((name, str(value)) for name, value in refusal.headers.items())
        metadata.append(("x-polydesk-status", str(refusal.http)))
        metadata.append(("x-polydesk-body", json.dumps(refusal.body, separators=(",", ":"))))
    await context.abort(code, error.message, tuple(metadata))


def last_answer(answer: Any, error: PolydeskError) -> Any:
    """Ends a stream behind an answer of it: REST callers see no status any more.

    Answers of a stream have a `cursor`, from which it can be begun anew, and may be an `error`. A
    file has neither: it is cut off, lest somebody takes it for whole.
    """
    if isinstance(answer, httpbody_pb2.HttpBody):
        return SPOILT
    return type(answer)(cursor=answer.cursor, error=status_of(error))


def status_of(error: PolydeskError) -> status_pb2.Status:
    """Returns an error as google.rpc.Status, with its details."""
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=error.reason, domain="polydesk", metadata=error.metadata)
    ]
    if field := getattr(error, "field", ""):
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=field, description=error.message
        )
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if isinstance(error, errors.WrongState):
        failure = error_details_pb2.PreconditionFailure.Violation(
            type=error.reason, description=error.message
        )
        details.append(error_details_pb2.PreconditionFailure(violations=[failure]))
    packed = []
    for detail in details:
        packed.append(any_pb2.Any())
        packed[-1].Pack(detail)
    number = code_pb2.Code.Value(codes_of(error)[0].name)
    return status_pb2.Status(code=number, message=error.message, details=packed)

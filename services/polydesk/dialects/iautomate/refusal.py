"""Errors in the envelopes of the guide, which shows none of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from polydesk import wire
from polydesk.domain import errors
from polydesk.domain.errors import Invalid, Missing, PolydeskError

# HTTP statuses of errors. V1 writes them into statusCode, but for its own 300, "Error" (table 6):
# a sound request that cannot be done, which travels with HTTP 409.
STATUSES: Final[Mapping[type[PolydeskError], int]] = {
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Denied: 403,
    errors.NotFound: 404,
    errors.WrongMethod: 405,
    errors.Conflict: 409,
    errors.Exists: 409,
    errors.WrongState: 409,
    errors.TooLarge: 413,
    errors.Overloaded: 429,
    errors.PolydeskError: 500,
    errors.Unavailable: 503,
    errors.TimedOut: 504,
}
V1_CODES: Final = {409: 300}
OAUTH: Final = {
    429: "temporarily_unavailable",
    500: "server_error",
    503: "temporarily_unavailable",
    504: "temporarily_unavailable",
}


def refuse(error: PolydeskError, rpc: str) -> wire.Refusal:
    """Words an error in the envelope of the RPC's answer; the guide shows none of them."""
    http = next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    if rpc == "IssueToken":
        return _refuse_grant(error, http)
    return wire.Refusal(http=http, body=_body(error, rpc, V1_CODES.get(http, http)))


def _body(error: PolydeskError, rpc: str, code: int) -> dict[str, Any]:
    if rpc.endswith("V1"):
        body = {"statusCode": code, "status": "Fail", "message": error.message, "result": None}
        return body | {"data": None} if rpc.startswith("Execute") else body
    outcome = {"Status": "Fail", "Message": error.message}
    match rpc:
        case "UploadAttachment":
            return {"StatusCode": code} | outcome
        case "ExecuteCommand":
            return {"id": None} | outcome
        case "GetRunResults":
            # "results" alone is what a poller of an unknown run reads.
            return {"results": []} | ({} if isinstance(error, errors.NotFound) else outcome)
    writes = rpc.startswith(("Push", "Update"))
    return ({"Id": None} if writes else {"Count": 0, "Result": []}) | outcome


def _refuse_grant(error: PolydeskError, http: int) -> wire.Refusal:
    """Words an error of H18 as RFC 6749 has it in section 5.2."""
    code, description = OAUTH.get(http, "invalid_request"), error.message
    if isinstance(error, errors.Unauthenticated):
        http, code = 400, "invalid_grant"
        description = "The user name or password is incorrect."
    elif isinstance(error, Invalid) and not isinstance(error, Missing):
        code = "unsupported_grant_type" if error.field == "grant_type" else code
    return wire.Refusal(http=http, body={"error": code, "error_description": description})

"""Errors: the envelope of M02's answer, or for 401, 403 and the token route that of OAuth 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from polydesk import wire
from polydesk.domain import errors
from polydesk.domain.errors import PolydeskError

# HTTP status, returnCode, status. The seed shows SUCCESS and 0 alone.
CODES: Final[Mapping[type[PolydeskError], tuple[int, str, int]]] = {
    errors.Invalid: (400, "VALIDATION_ERROR", 1),
    errors.NotFound: (404, "NOT_FOUND", 2),
    errors.WrongMethod: (405, "METHOD_NOT_ALLOWED", 3),
    errors.Conflict: (409, "CONFLICT", 4),
    errors.Exists: (409, "CONFLICT", 4),
    errors.WrongState: (409, "CONFLICT", 4),
    errors.Outdated: (412, "CONFLICT", 4),
    errors.TooLarge: (413, "TOO_LARGE", 5),
    errors.Overloaded: (429, "TOO_MANY_REQUESTS", 6),
    errors.Unavailable: (503, "UNAVAILABLE", 7),
    errors.TimedOut: (504, "TIMED_OUT", 8),
    errors.PolydeskError: (500, "INTERNAL_ERROR", 9),
}
# The metadata by which the token route says whose credentials are wrong.
WHOSE: Final = "whose"
CLIENT, USER, REFRESH = "client", "user", "refresh_token"
_WHO: Final = "Full authentication is required to access this resource"


def refuse(error: PolydeskError, rpc: str) -> wire.Refusal:
    """Words an error; the seed shows none."""
    http, code, status = next(CODES[kind] for kind in type(error).__mro__ if kind in CODES)
    if isinstance(error, errors.Unauthenticated):
        return _refuse_caller(error)
    if isinstance(error, errors.Denied):
        return _oauth(403, "access_denied", error.message)
    if rpc == "IssueToken":
        return _oauth(http, _grant_error(error, http), error.message)
    body: dict[str, Any] = {
        "returnCode": code,
        "status": status,
        "userMessage": error.message,
        "id": 0,
    }
    return wire.Refusal(http=http, body=body)


def _refuse_caller(error: errors.Unauthenticated) -> wire.Refusal:
    match error.metadata.get(WHOSE):
        case "client":
            return _oauth(401, "unauthorized", _WHO)
        case "user":
            return _oauth(401, "unauthorized", "Bad credentials")
        case "refresh_token":
            return _oauth(400, "invalid_grant", f"Invalid refresh token: {error.message}")
    if isinstance(error, errors.CredentialsMissing):
        return _oauth(401, "unauthorized", _WHO)
    if isinstance(error, errors.CredentialsExpired):
        return _oauth(401, "invalid_token", f"Access token expired: {error.message}")
    return _oauth(401, "invalid_token", f"Invalid access token: {error.message}")


def _grant_error(error: PolydeskError, http: int) -> str:
    """Returns the code that RFC 6749 has for an error."""
    if isinstance(error, errors.Invalid) and not isinstance(error, errors.Missing):
        return "unsupported_grant_type" if error.field == "grant_type" else "invalid_request"
    if http in (429, 503, 504):
        return "temporarily_unavailable"
    return "server_error" if http == CODES[PolydeskError][0] else "invalid_request"


def _oauth(http: int, error: str, description: str) -> wire.Refusal:
    return wire.Refusal(http=http, body={"error": error, "error_description": description})

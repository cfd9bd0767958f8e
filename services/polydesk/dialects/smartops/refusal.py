"""Errors: the envelope of every answer, with nothing in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from polydesk import wire
from polydesk.domain import errors
from polydesk.domain.errors import PolydeskError

# "statusCode": "200" is success; the document says no more, so the others are those of HTTP.
CODES: Final[Mapping[type[PolydeskError], int]] = {
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Denied: 403,
    errors.NotFound: 404,
    errors.WrongMethod: 405,
    errors.Conflict: 409,
    errors.Exists: 409,
    errors.WrongState: 409,
    errors.Outdated: 412,
    errors.TooLarge: 413,
    errors.Overloaded: 429,
    errors.PolydeskError: 500,
    errors.Unavailable: 503,
    errors.TimedOut: 504,
}


def refuse(error: PolydeskError, _: str) -> wire.Refusal:
    """Words an error: statusMessage says what to mend."""
    http = next(CODES[kind] for kind in type(error).__mro__ if kind in CODES)
    message = error.message
    if isinstance(error, errors.Unauthenticated):
        message = f"Invalid or expired token: {message}"
    if isinstance(error, errors.CredentialsMissing):
        message = (
            "Missing token: send an access token or an offline token as Bearer in Authorization,"
            " or an offline token in offline-token"
        )
    body: dict[str, Any] = {
        "statusCode": str(http),
        "statusMessage": message,
        "ticketDetails": {},
    }
    return wire.Refusal(http=http, body=body)

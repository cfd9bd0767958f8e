"""Errors: Ivanti's body, with a code for each HTTP status and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from polydesk import wire
from polydesk.domain import errors
from polydesk.domain.errors import PolydeskError


class Fault(msgspec.Struct, frozen=True):
    """How a kind of error is told."""

    http: int
    code: str
    description: str
    help: str


_BAD: Final = Fault(
    400, "ISM_4000", "Bad request", "Mend what the message names and send the request again."
)
FAULTS: Final[Mapping[type[PolydeskError], Fault]] = {
    errors.PolydeskError: Fault(
        500, "ISM_5000", "Internal server error", "Tell the operator the id in the message."
    ),
    errors.Invalid: _BAD,
    # Clients take a 400 for a key that is not there any more.
    errors.NotFound: _BAD,
    errors.UnknownRoute: Fault(
        404, "ISM_4004", "Not found", "Compare the path with the documented routes."
    ),
    errors.Unauthenticated: Fault(
        401, "ISM_4001", "Unauthorized", "Send the header Authorization: rest_api_key=<your key>."
    ),
    errors.Denied: Fault(
        403, "ISM_4003", "Forbidden", "Ask the operator for a role that may do this."
    ),
    errors.WrongMethod: Fault(
        405, "ISM_4005", "Method not allowed", "Use the method that the message names."
    ),
    errors.Conflict: Fault(
        409, "ISM_4009", "Conflict", "Read the object again before you change it."
    ),
    errors.Exists: Fault(
        409, "ISM_4009", "Conflict", "Read the object again before you change it."
    ),
    errors.WrongState: Fault(
        409, "ISM_4009", "Conflict", "Read the object again before you change it."
    ),
    errors.Outdated: Fault(
        412, "ISM_4012", "Precondition failed", "Read the object again before you change it."
    ),
    errors.TooLarge: Fault(413, "ISM_4013", "Request too large", "Send less at once."),
    errors.Overloaded: Fault(429, "ISM_4029", "Too many requests", "Try again after a second."),
    errors.Unavailable: Fault(503, "ISM_5003", "Service unavailable", "Try again later."),
    errors.TimedOut: Fault(
        504, "ISM_5004", "Gateway timeout", "Look whether the request had an effect."
    ),
}


def refuse(error: PolydeskError, rpc: str) -> wire.Refusal:
    """Words an error; the seed shows none. Ivanti's own help has a 400 for who cannot log in."""
    fault = next(FAULTS[kind] for kind in type(error).__mro__ if kind in FAULTS)
    if rpc == "LogIn" and isinstance(error, errors.Unauthenticated):
        fault = _BAD
    return wire.Refusal(
        http=fault.http,
        body={
            "code": fault.code,
            "description": fault.description,
            "message": [error.message],
            "help": fault.help,
        },
    )

"""Errors: an event with the plugin's cause, and the hub's words on what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from polydesk import wire
from polydesk.dialects.ivanti_sm.action.envelope import (
    ACTION_EVENT,
    CONNECTION_TEST,
    META,
    failure,
)
from polydesk.domain import errors
from polydesk.domain.errors import PolydeskError

# The metadata by which an action says its cause, where the plugin has one of its own.
CAUSE: Final = "cause"
# HTTP status and cause. An action that is refused is a 400, whatever it is refused for.
FAULTS: Final[Mapping[type[PolydeskError], tuple[int, str]]] = {
    errors.Invalid: (400, "Wrong input."),
    errors.NotFound: (400, "Nothing found."),
    errors.Conflict: (400, "The action is refused."),
    errors.Exists: (400, "The action is refused."),
    errors.WrongState: (400, "The action is refused."),
    errors.Unauthenticated: (401, "Invalid API key provided."),
    errors.Denied: (403, "The account of this connection may not do this."),
    errors.UnknownRoute: (404, "There is no such endpoint."),
    errors.WrongMethod: (405, "The endpoint takes another method."),
    errors.TooLarge: (413, "The request is too large."),
    errors.Overloaded: (429, "The connection is rate-limited."),
    errors.PolydeskError: (500, "The hub failed."),
    errors.Unavailable: (503, "The hub is unavailable."),
    errors.TimedOut: (504, "The action took too long."),
}


def refuse(error: PolydeskError, rpc: str) -> wire.Refusal:
    """Words an error; `data` is the name of what is wrong, if it is a part of the request."""
    http, cause = next(FAULTS[kind] for kind in type(error).__mro__ if kind in FAULTS)
    meta: dict[str, Any] = msgspec.json.decode(error.metadata.get(META, "{}"))
    body = failure(
        CONNECTION_TEST if rpc == "TestConnection" else ACTION_EVENT,
        meta,
        cause=error.metadata.get(CAUSE, cause),
        assistance=error.message,
        data=getattr(error, "field", "") or None,
    )
    return wire.Refusal(http=http, body=body)

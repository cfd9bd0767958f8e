"""The errors of a method, in the words of who answers it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from polydesk.domain import errors
from polydesk.domain.errors import PolydeskError
from polydesk.rpc.interceptor import Refuse
from polydesk.wire import Blank

_KINDS: Final[tuple[tuple[type[PolydeskError], str], ...]] = (
    (errors.Missing, "summary is required"),
    (errors.Invalid, "the body is not what this route takes"),
    (errors.Unauthenticated, "the user name or password is incorrect"),
    (errors.Denied, "the account may not do this"),
    (errors.NotFound, "there is no such record"),
    (errors.UnknownRoute, "there is no such path"),
    (errors.WrongMethod, "this path takes POST only"),
    (errors.Exists, "there is one already"),
    (errors.Conflict, "the idempotency key was used for another request"),
    (errors.Outdated, "the record was changed meanwhile"),
    (errors.WrongState, "the record is closed"),
    (errors.TooLarge, "the body is larger than 16 MiB"),
    (errors.Overloaded, "too many requests: try again after a second"),
    (errors.Internal, "the hub failed; its log tells how"),
    (errors.Unavailable, "the hub cannot be reached: try again later"),
    (errors.TimedOut, "the answer took too long"),
)


def failures(refuse: Refuse, rpc: str) -> dict[str, Any]:
    """Returns the responses to what may go wrong, each with an example."""
    found: dict[int, Any] = {}
    for kind, message in _KINDS:
        refusal = refuse(kind(message), rpc)
        blanks = {blank: blank.value for blank in Blank}
        found.setdefault(refusal.http, refusal.filled(blanks).body)
    return {
        str(http): {
            "description": HTTPStatus(http).phrase,
            "content": {"application/json": {"schema": _shape(body), "example": body}},
        }
        for http, body in sorted(found.items())
    }


def _shape(value: Any) -> dict[str, Any]:
    """Returns a schema that the example fits, and others like it."""
    match value:
        case dict():
            return {
                "type": "object",
                "properties": {name: _shape(each) for name, each in value.items()},
            }
        case list():
            return {"type": "array"}
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case str():
            return {"type": "string"}
        case _:
            return {}

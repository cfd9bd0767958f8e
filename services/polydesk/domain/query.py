"""What may be asked of a list of tickets, and the cursor by which its pages go on.

The store turns a `Query` into SQL with bound parameters; nothing a caller wrote becomes SQL text.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import datetime
from enum import Enum
from typing import Any, Final, Literal

import msgspec

from polydesk.domain.errors import Invalid
from polydesk.domain.ticket import Kind, Level, Priority, State, Ticket, TicketId

MOST_PER_PAGE: Final = 1_000
USUAL_PER_PAGE: Final = 50

Operator = Literal["=", "!=", "<", "<=", ">", ">=", ":", "starts", "ends"]
FIELDS: Final[dict[str, type]] = {
    "id": int,
    "kind": Kind,
    "number": str,
    "sys_id": str,
    "summary": str,
    "description": str,
    "state": State,
    "wait_reason": str,
    "requester": str,
    "assignee": str,
    "assignment_group": str,
    "category": str,
    "cause_code": str,
    "parent_number": str,
    "impact": Level,
    "urgency": Level,
    "priority": Priority,
    "opened_at": datetime,
    "modified_at": datetime,
    "resolved_at": datetime,
    "closed_at": datetime,
    "created_at": datetime,
    "updated_at": datetime,
}
ORDERS: Final = ("opened_at", "modified_at", "updated_at", "created_at")
# The names of the contract where they are not those of the record.
_RECORD: Final = {
    "open_time": "opened_at",
    "modify_time": "modified_at",
    "resolve_time": "resolved_at",
    "close_time": "closed_at",
    "create_time": "created_at",
    "update_time": "updated_at",
}
_CONTRACT: Final = {field: name for name, field in _RECORD.items()}
# An id is no field of the contract, which has names of resources.
NAMES: Final = {_CONTRACT.get(field, field): field for field in FIELDS if field != "id"}


class Comparison(msgspec.Struct, frozen=True, tag=True):
    """Compares one field of a ticket with a value of the field's type.

    Texts compare by their bytes, enums in the order of their members. A time, level or priority
    that is not set fits nothing but `!=` of a level or priority. `:` finds a text in another, the
    case of A to Z aside; with None it asks whether there is a value at all. `starts` and `ends`
    find a text, in the same way, where another begins and where it ends.
    """

    field: str
    operator: Operator
    value: str | int | datetime | Enum | None


class All(msgspec.Struct, frozen=True, tag=True):
    """Holds where all parts hold."""

    parts: tuple[Condition, ...]


class AnyOf(msgspec.Struct, frozen=True, tag=True):
    """Holds where at least one part holds."""

    parts: tuple[Condition, ...]


class Not(msgspec.Struct, frozen=True, tag=True):
    """Holds where its part does not."""

    part: Condition


Condition = Comparison | All | AnyOf | Not


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Asks for the tickets of an org that fit a condition.

    They come in the order of `order`, then of their ids. `after` holds the values of these fields
    and the id of the last ticket of the page before.
    """

    where: Condition | None = None
    show_deleted: bool = False
    order: tuple[str, ...] = ()
    descending: bool = False
    limit: int = USUAL_PER_PAGE
    offset: int = 0
    after: tuple[Any, ...] | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Answers a query; `next_token` is empty on the last page, `total` counts if it was asked."""

    tickets: list[Ticket]
    next_token: str = ""
    total: int = 0


def parse_order(text: str) -> tuple[tuple[str, ...], bool]:
    """Reads `open_time` or `open_time desc` into the fields of the record and the direction."""
    words = text.split()
    if not words:
        return (), False
    field = NAMES.get(words[0], "")
    if field not in ORDERS or words[1:] not in ([], ["asc"], ["desc"]):
        names = ", ".join(name for name, field in NAMES.items() if field in ORDERS)
        raise Invalid(
            f"order_by cannot be {text}; it takes one of {names}, and desc behind it",
            field="order_by",
        )
    return (field,), words[1:] == ["desc"]


def page_size(asked: int) -> int:
    """Applies the limits of a page."""
    if asked < 0:
        raise Invalid("page_size is negative", field="page_size")
    return min(asked or USUAL_PER_PAGE, MOST_PER_PAGE)


def write_token(query: Query, last: Ticket) -> str:
    """Makes the token by which `query` goes on behind `last`."""
    values = [getattr(last, name) for name in query.order]
    token = msgspec.json.encode([_fingerprint(query), *values, last.id])
    return base64.urlsafe_b64encode(token).decode().rstrip("=")


def read_token(query: Query, token: str) -> Query:
    """Makes the query go on where `token` was written."""
    if not token:
        return query
    types = [str, *(FIELDS[name] for name in query.order), TicketId]
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        fingerprint, *after = msgspec.convert(msgspec.json.decode(raw), tuple[tuple(types)])  # type: ignore[misc]  # built as it is read
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise Invalid("page_token is none that was given out", field="page_token") from error
    if fingerprint != _fingerprint(query):
        raise Invalid("page_token belongs to another filter or order", field="page_token")
    return msgspec.structs.replace(query, after=tuple(after))


def _fingerprint(query: Query) -> str:
    asked = msgspec.json.encode([query.where, query.show_deleted, query.order, query.descending])
    return hashlib.blake2b(asked, digest_size=6).hexdigest()

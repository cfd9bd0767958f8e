"""What may be asked of a list of tickets, and the cursor by which its pages go on.

The store turns a `Query` into SQL with bound parameters; nothing a caller wrote becomes SQL text.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, Literal

import msgspec

from polydesk.domain.errors import Invalid
from polydesk.domain.ticket import Kind, State, Ticket, TicketId, check_text

LONGEST_FILTER: Final = 2_000
MOST_PER_PAGE: Final = 1_000
USUAL_PER_PAGE: Final = 50

Operator = Literal["=", "!=", "<", "<=", ">", ">="]
FIELDS: Final[dict[str, type]] = {
    "kind": Kind,
    "number": str,
    "sys_id": str,
    "state": State,
    "assignment_group": str,
    "opened_at": datetime,
    "modified_at": datetime,
    "resolved_at": datetime,
    "created_at": datetime,
    "updated_at": datetime,
}
ORDERS: Final = ("opened_at", "modified_at", "updated_at", "created_at")


class Comparison(msgspec.Struct, frozen=True):
    """Compares one field of a ticket with a value of the field's type."""

    field: str
    operator: Operator
    value: str | datetime | Enum


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Asks for the tickets of an org that fit all comparisons.

    They come in the order of `order`, then of their ids. `after` holds the values of these fields
    and the id of the last ticket of the page before.
    """

    where: tuple[Comparison, ...] = ()
    order: tuple[str, ...] = ()
    descending: bool = False
    limit: int = USUAL_PER_PAGE
    offset: int = 0
    after: tuple[Any, ...] | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Answers a query; `next_token` is empty on the last page."""

    tickets: list[Ticket]
    next_token: str = ""


# The names of the contract, and those of the record.
NAMES: Final = {
    "kind": "kind",
    "number": "number",
    "sys_id": "sys_id",
    "state": "state",
    "assignment_group": "assignment_group",
    "open_time": "opened_at",
    "modify_time": "modified_at",
    "resolve_time": "resolved_at",
    "create_time": "created_at",
    "update_time": "updated_at",
}
_TERM: Final = re.compile(
    r"""\s*(?P<field>[A-Za-z_]+)\s*(?P<operator>!=|<=|>=|=|<|>)\s*"""
    r"""(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s"()]+))\s*""",
)
_AND: Final = re.compile(r"AND(?=\s)")


def parse_filter(text: str) -> tuple[Comparison, ...]:
    """Reads comparisons joined by AND, as in `state = "ACTIVE" AND number = "INC1"`."""
    if len(text) > LONGEST_FILTER:
        raise Invalid(f"filter has more than {LONGEST_FILTER} characters", field="filter")
    check_text("filter", text, most=LONGEST_FILTER)
    where: list[Comparison] = []
    at = 0
    while text.strip():
        term = _TERM.match(text, at)
        if term is None:
            raise Invalid(
                f'filter: a comparison such as state = "ACTIVE" is expected at character {at}',
                field="filter",
            )
        where.append(_comparison(term))
        at = term.end()
        if at == len(text):
            break
        joint = _AND.match(text, at)
        if joint is None:
            raise Invalid(f"filter: AND is expected at character {at}", field="filter")
        at = joint.end()
    return tuple(where)


def _comparison(term: re.Match[str]) -> Comparison:
    name = term["field"]
    if name not in NAMES:
        raise Invalid(
            f"filter: there is no field {name} (character {term.start('field')}); there are "
            f"{', '.join(NAMES)}",
            field="filter",
        )
    quoted = term["quoted"]
    text = term["bare"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    field = NAMES[name]
    return Comparison(field, term["operator"], _value(name, text, FIELDS[field]))  # type: ignore[arg-type]  # the pattern admits no other operator


def _value(name: str, text: str, type_: type) -> str | datetime | Enum:
    try:
        if type_ is datetime:
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        return type_(text)  # type: ignore[no-any-return]  # str or an Enum
    except (ValueError, OverflowError) as error:
        allowed = (
            ", ".join(member.value for member in type_)
            if issubclass(type_, Enum)
            else "a time such as 2026-01-31T10:00:00Z"
        )
        raise Invalid(
            f"filter: {name} cannot be {text}; it takes {allowed}", field="filter"
        ) from error


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
    asked = msgspec.json.encode([query.where, query.order, query.descending])
    return hashlib.blake2b(asked, digest_size=6).hexdigest()

"""Turns a domain query into one statement; what a caller wrote is only ever a bound value.

A condition holds where its SQL is true: null is as good as false until `is not true` turns it, so
that exactly one of a condition and its opposite holds for every ticket.
"""

from __future__ import annotations

import operator
import string
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

from polydesk.domain.errors import Invalid
from polydesk.domain.query import FIELDS, All, AnyOf, Comparison, Condition, Not, Query
from polydesk.store.moment import micros
from polydesk.store.script import Read

_COLUMNS: Final = frozenset(
    {
        "id",
        "kind",
        "number",
        "sys_id",
        "state",
        "assignment_group",
        "opened_at",
        "modified_at",
        "resolved_at",
        "created_at",
        "updated_at",
    }
)
_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
# How a part of a text lies in it.
_PARTS: Final = {":": "%{}%", "starts": "{}%", "ends": "%{}"}
_SIGNS: Final = frozenset({"=", "!=", *_PARTS, *_COMPARE})
# SQLite knows no other letters, and PostgreSQL's C collation none either.
_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_LITERAL: Final = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})


def read(org: int, query: Query) -> Read:
    """Asks for the tickets of an org that fit."""
    where = _Where(org, query)
    order = [*map(_column, query.order), "id"]
    if query.after is not None:
        last = ", ".join(map(where.bound, query.after))
        where.terms.append(f"({', '.join(order)}) {'<' if query.descending else '>'} ({last})")
    ways = ", ".join(f"{column} desc" if query.descending else column for column in order)
    # Columns, signs and ways are our own words.
    sql = f"select document from tickets where {where} order by {ways}"  # noqa: S608  # see above
    sql += f" limit {where.bound(query.limit)}"
    if query.offset:
        sql += f" offset {where.bound(query.offset)}"
    return Read(sql, tuple(where.values))


def count(org: int, query: Query) -> Read:
    """Counts the tickets of an org that fit, on whatever page they are."""
    where = _Where(org, query)
    return Read(f"select count(*) from tickets where {where}", tuple(where.values))  # noqa: S608  # as above


class _Where:
    """The terms of one statement, and the values bound in it."""

    def __init__(self, org: int, query: Query) -> None:
        self.values: list[Any] = [org]
        self.terms = ["org = $1"]
        if not query.show_deleted:
            self.terms.append("deleted_at is null")
        for term in _terms(query.where):
            if not _implied(term, query):
                self.terms.append(self._sql(term))

    def __str__(self) -> str:
        return " and ".join(self.terms)

    def bound(self, value: Any) -> str:
        self.values.append(_plain(value))
        return f"${len(self.values)}"

    def _sql(self, condition: Condition) -> str:
        match condition:
            case Comparison():
                return self._comparison(condition)
            case Not():
                return f"({self._sql(condition.part)}) is not true"
            case All():
                return f"({' and '.join(map(self._sql, condition.parts)) or '1 = 1'})"
            case AnyOf():
                return f"({' or '.join(map(self._sql, condition.parts)) or '1 = 0'})"

    def _comparison(self, term: Comparison) -> str:
        type_ = FIELDS.get(term.field)
        if type_ is None:
            raise Invalid(f"there is no field {term.field}", field="filter")
        if term.operator not in _SIGNS:
            raise Invalid(f"there is no operator {term.operator}", field="filter")
        if type_ is str:
            return self._text(term)
        if term.operator == ":":
            return f"{_stored(term.field)} is not null"
        if term.operator in _PARTS:
            raise Invalid(f"{term.field} takes no {term.operator}", field="filter")
        if type_ is int:
            return f"{term.field} {term.operator} {self.bound(term.value)}"
        return self._time(term) if type_ is datetime else self._member(term, type_)

    def _text(self, term: Comparison) -> str:
        stored = _stored(term.field)
        if term.field not in _COLUMNS:
            stored = f"coalesce({stored}, '') collate \"C\""
        if term.operator not in _PARTS:
            return f"{stored} {term.operator} {self.bound(term.value)}"
        if term.value is None:
            return f"{stored} <> ''"
        part = str(term.value).translate(_LOWER).translate(_LITERAL)
        pattern = self.bound(_PARTS[term.operator].format(part))
        return rf"lower({stored}) like {pattern} escape '\'"

    def _time(self, term: Comparison) -> str:
        if term.field in _COLUMNS:
            return f"{term.field} {term.operator} {self.bound(term.value)}"
        # Without its Z, a time with a fraction is greater than the one without, as texts go.
        stored = f"rtrim({_stored(term.field)}, 'Z') collate \"C\""
        return f"{stored} {term.operator} {self.bound(_written(term.value))}"

    def _member(self, term: Comparison, type_: Any) -> str:
        stored = _stored(term.field)
        if term.operator == "=":
            return f"{stored} = {self.bound(term.value)}"
        if term.operator == "!=":
            return f"coalesce({stored}, '') <> {self.bound(term.value)}"
        members: list[Any] = list(type_)
        place, compare = members.index(term.value), _COMPARE[term.operator]
        fitting = [member.value for at, member in enumerate(members) if compare(at, place)]
        return f"{stored} = any({self.bound(fitting)})"


def _terms(condition: Condition | None) -> Iterator[Condition]:
    """Yields what has to hold, so that bounds on the order are seen."""
    if isinstance(condition, All):
        for part in condition.parts:
            yield from _terms(part)
    elif condition is not None:
        yield condition


def _implied(term: Condition, query: Query) -> bool:
    """Tells whether the cursor says it too: SQLite would start at the bound, not at the cursor."""
    if query.after is None or not query.order or not isinstance(term, Comparison):
        return False
    bounds = ("<", "<=") if query.descending else (">", ">=")
    if term.field != query.order[0] or term.operator not in bounds:
        return False
    return _COMPARE[term.operator](query.after[0], term.value)


def _column(field: str) -> str:
    if field not in _COLUMNS:
        raise Invalid(f"there is no order by {field}", field="order_by")
    return field


def _stored(field: str) -> str:
    return field if field in _COLUMNS else f"document->>'{field}'"


def _written(moment: Any) -> str:
    """Writes a time as the documents do, but for the Z."""
    text: str = moment.astimezone(UTC).isoformat()
    return text.removesuffix("+00:00")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return micros(value)
    return value.value if isinstance(value, Enum) else value

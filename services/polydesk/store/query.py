"""Turns a domain query into one statement; what a caller wrote is only ever a bound value."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Final

from polydesk.domain.errors import Invalid
from polydesk.domain.query import FIELDS, Comparison, Query
from polydesk.store.moment import micros
from polydesk.store.script import Read

_OPERATORS: Final = frozenset({"=", "!=", "<", "<=", ">", ">="})
_BEHIND: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def read(org: int, query: Query) -> Read:
    """Asks for the tickets of an org that fit."""
    values: list[Any] = [org]

    def bound(value: Any) -> str:
        values.append(_plain(value))
        return f"${len(values)}"

    order = [*map(_column, query.order), "id"]
    terms = ["org = $1"]
    for term in query.where:
        sign = _sign(term)
        if not _implied(term, query):
            terms.append(f"{_column(term.field)} {sign} {bound(term.value)}")
    if query.after is not None:
        last = ", ".join(map(bound, query.after))
        terms.append(f"({', '.join(order)}) {'<' if query.descending else '>'} ({last})")
    ways = ", ".join(f"{column} desc" if query.descending else column for column in order)
    # Columns, signs and ways are our own words.
    sql = f"select document from tickets where {' and '.join(terms)} order by {ways}"  # noqa: S608  # see above
    sql += f" limit {bound(query.limit)}"
    if query.offset:
        sql += f" offset {bound(query.offset)}"
    return Read(sql, tuple(values))


def _sign(term: Comparison) -> str:
    if term.operator not in _OPERATORS:
        raise Invalid(f"there is no operator {term.operator}", field="filter")
    return term.operator


def _implied(term: Comparison, query: Query) -> bool:
    """Tells whether the cursor says it too: SQLite would start at the bound, not at the cursor."""
    if query.after is None or not query.order or term.field != query.order[0]:
        return False
    bounds = ("<", "<=") if query.descending else (">", ">=")
    return term.operator in bounds and _BEHIND[term.operator](query.after[0], term.value)


def _column(field: str) -> str:
    if field not in FIELDS:
        raise Invalid(f"there is no field {field}", field="filter")
    return field


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return micros(value)
    return value.value if isinstance(value, Enum) else value

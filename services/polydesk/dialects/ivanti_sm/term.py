"""What comparisons mean: for fields of tickets, and for fields of what is looked through here."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from polydesk import wire
from polydesk.dialects.ivanti_sm.filter import Field, Value, read_moment
from polydesk.domain.errors import Invalid
from polydesk.domain.query import All, AnyOf, Comparison, Condition, Not, Operator

NOTHING: Final = AnyOf(())
_SIGNS: Final[Mapping[str, Operator]] = {
    "eq": "=",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "contains": ":",
    "startswith": "starts",
    "endswith": "ends",
}
_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    ":": operator.contains,
    "starts": str.startswith,
    "ends": str.endswith,
}
_BY_ORDER: Final = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})
# No id is outside of these, and a database need not be asked for what no column holds.
_LOWEST, _HIGHEST = -1, 2**31


def text(field: str) -> Field:
    """A text; an empty one is null."""
    return partial(_text, field)


def number(field: str) -> Field:
    """A whole number, which is always there."""
    return partial(_number, field)


def moment(field: str) -> Field:
    """A time."""
    return partial(_moment, field)


def truth(condition: Condition) -> Field:
    """Something that holds or does not."""
    return partial(_truth, condition)


def words(meant: Mapping[str, Condition], absent: Condition = NOTHING) -> Field:
    """One of a few words, each with what it means; `absent` is what null means."""
    return partial(_words, meant, absent)


def holds(condition: Condition | None, record: Mapping[str, Any]) -> bool:
    """Tells whether a condition holds for what is not looked for in the database."""
    match condition:
        case None:
            return True
        case Comparison():
            return _fits(condition, record.get(condition.field))
        case Not(part):
            return not holds(part, record)
        case All(parts):
            return all(holds(part, record) for part in parts)
        case AnyOf(parts):
            return any(holds(part, record) for part in parts)


def _fits(term: Comparison, found: Any) -> bool:
    if term.value is None:
        return found not in (None, "")
    if found is None:
        return term.operator == "!="
    if term.operator in (":", "starts", "ends"):
        return _COMPARE[term.operator](found.casefold(), str(term.value).casefold())
    return _COMPARE[term.operator](found, term.value)


def _text(field: str, name: str, sign: str, value: Value) -> Condition:
    if value is None:
        return _null(field, name, sign)
    if not isinstance(value, str):
        raise _no(name, "a text in quotes")
    if "\0" in value:
        raise Invalid(f"$filter: {name} is compared with the character NUL", field="$filter")
    return Comparison(field, _SIGNS[sign], value)


def _number(field: str, name: str, sign: str, value: Value) -> Condition:
    if sign not in _BY_ORDER:
        raise _no(name, "eq, ne, lt, le, gt and ge")
    if value is None:
        return _null(field, name, sign)
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value[:20])
    if isinstance(value, bool) or not isinstance(value, int):
        raise _no(name, "a whole number")
    return Comparison(field, _SIGNS[sign], max(_LOWEST, min(value, _HIGHEST)))


def _moment(field: str, name: str, sign: str, value: Value) -> Condition:
    if sign not in _BY_ORDER:
        raise _no(name, "eq, ne, lt, le, gt and ge")
    if value is None:
        return _null(field, name, sign)
    if isinstance(value, str):
        try:
            value = read_moment(value)
        except ValueError as error:
            raise _no(name, "a time such as 2026-01-31T10:00:00Z") from error
    if not isinstance(value, datetime):
        raise _no(name, "a time such as 2026-01-31T10:00:00Z")
    return Comparison(field, _SIGNS[sign], value)


def _truth(condition: Condition, name: str, sign: str, value: Value) -> Condition:
    if sign not in ("eq", "ne") or not isinstance(value, bool):
        raise _no(name, "eq or ne, and true or false")
    return condition if value is (sign == "eq") else Not(condition)


def _words(
    meant: Mapping[str, Condition], absent: Condition, name: str, sign: str, value: Value
) -> Condition:
    if value is None and sign in ("eq", "ne"):
        return absent if sign == "eq" else Not(absent)
    if not isinstance(value, str):
        raise _no(name, "a text in quotes")
    if sign == "ne":
        return Not(_words(meant, absent, name, "eq", value))
    said, compare = value.casefold(), _COMPARE[_SIGNS[sign]]
    return AnyOf(tuple(each for word, each in meant.items() if compare(word.casefold(), said)))


def _null(field: str, name: str, sign: str) -> Condition:
    there = Comparison(field, ":", None)
    if sign not in ("eq", "ne"):
        raise _no(name, "eq or ne with null")
    return there if sign == "ne" else Not(there)


def _no(name: str, takes: str) -> Invalid:
    return Invalid(f"$filter: {wire.clip(name)} takes {takes}", field="$filter")

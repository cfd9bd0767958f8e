"""The filters of H08 to H13, read from a query string as the client wrote it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote_plus

import msgspec

from polydesk import wire
from polydesk.dialects.iautomate.field import read_module, read_time
from polydesk.domain.errors import Invalid
from polydesk.domain.query import FIELDS, All, Comparison, Operator, Query
from polydesk.domain.ticket import LONGEST_NAME, MOST_ROWS, Kind, check_text

LONGEST_QUERY: Final = 16_384
MOST_TERMS: Final = 20

# Filters, table 23. limit, offset, modified_date and updated_date are the hub's own.
MODULE: Final = "moduleid"
EQUAL: Final[tuple[Operator, ...]] = ("=",)
ORDERED: Final[tuple[Operator, ...]] = (">=", "<=", ">", "<", "=")
FILTERS: Final[Mapping[str, tuple[str, tuple[Operator, ...]]]] = {
    "start_date": ("opened_at", ORDERED),
    "end_date": ("opened_at", ORDERED),
    "modified_date": ("modified_at", ORDERED),
    "updated_date": ("updated_at", ORDERED),
    "ticket_number": ("number", EQUAL),
    "assignment_group": ("assignment_group", EQUAL),
    "sys_id": ("sys_id", EQUAL),
    MODULE: ("kind", EQUAL),
    "limit": ("limit", EQUAL),
    "offset": ("offset", EQUAL),
}
# Tickets of other modules have routes of their own.
READABLE: Final = ("1", "2", "9")
PAGING: Final = {"limit": (1, MOST_ROWS), "offset": (0, 10**9)}
ORDER: Final = ("updated_at", "number")
_TERM: Final = re.compile(r"([A-Za-z_]++)\s*+(!=|>=|<=|>|<|=)(.*)", re.DOTALL)
_QUERY_PARAMS: Final = re.compile(r"(?:^|&)(?: |\+|%20)*+queryParams=", re.IGNORECASE)
_FORM: Final = 'it takes {"filter":"ticket_number=..."}'


class Term(msgspec.Struct, frozen=True):
    """One filter: the field of the record it is about, and its name as the client said it."""

    field: str
    operator: Operator
    value: str
    said: str


class QueryParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON of V2's query: {"filter": "..."}."""

    filter: str = ""


def read_query(raw: str, kind: Kind | None = None) -> Query:
    """Reads a query; without a kind, `ModuleId` tells it."""
    if len(raw) > LONGEST_QUERY:
        raise Invalid(f"the query has {len(raw)} characters, at most {LONGEST_QUERY} are taken")
    names = FILTERS if kind is None else FILTERS.keys() - {MODULE}
    terms = [_term(piece, names) for piece in _pieces(raw) if piece]
    if len(terms) > MOST_TERMS:
        raise Invalid(f"there are {len(terms)} filters, at most {MOST_TERMS} are taken")
    paging = {term.field: _number(term) for term in terms if term.field in PAGING}
    where = [
        Comparison(term.field, term.operator, _value(term))
        for term in terms
        if term.field not in PAGING
    ]
    if not any(comparison.field == "kind" for comparison in where):
        where.append(Comparison("kind", "=", kind or Kind.INCIDENT))
    # One more than is answered tells that there are more.
    limit = paging.get("limit", MOST_ROWS + 1)
    return Query(where=All(tuple(where)), order=ORDER, limit=limit, offset=paging.get("offset", 0))


def _pieces(raw: str) -> Iterator[str]:
    """Yields the filters of a query, decoded and without blanks around them."""
    params = _QUERY_PARAMS.search(raw)
    before = raw if params is None else raw[: params.start()]
    pieces = [_decode(piece) for piece in before.split("&")]
    if params is not None:
        pieces += _params(raw[params.end() :])
    return (piece.strip() for piece in pieces)


def _params(raw: str) -> list[str]:
    """Reads what stands behind `queryParams=`, up to the end of the query.

    No client encodes the `&` between the filters in the JSON, so that the query cannot be cut there
    before; what follows the last brace is outside it again.
    """
    text = _decode(raw).strip()
    if not text.startswith("{"):
        first, *others = raw.split("&")
        if _decode(first).strip():
            raise Invalid(f"queryParams is {wire.clip(text)}, {_FORM}")
        return [_decode(piece) for piece in others]
    json, brace, behind = text.rpartition("}")
    try:
        params = msgspec.json.decode(json + brace, type=QueryParams)
    except msgspec.DecodeError as error:
        raise Invalid(f"queryParams cannot be read ({wire.clip(str(error))}), {_FORM}") from error
    return [*params.filter.split("&"), *behind.split("&")]


def _decode(text: str) -> str:
    try:
        return unquote_plus(text, errors="strict")
    except UnicodeDecodeError as error:
        raise Invalid("the query is no UTF-8") from error


def _term(text: str, among: Collection[str]) -> Term:
    """Reads `start_date>=2020-01-29 07:12:23.607`; the letter case of names does not count."""
    match = _TERM.fullmatch(text)
    if match is None:
        raise Invalid(f"{wire.clip(text)} is no filter: one is written name, operator, value")
    name, operator, value = match.groups()
    known = FILTERS.get(name.casefold())
    if known is None or name.casefold() not in among:
        names = ", ".join(name for name in FILTERS if name in among).replace(MODULE, "ModuleId")
        raise Invalid(
            f"there is no filter {wire.clip(name)}; there are {names}", field=wire.clip(name)
        )
    field, operators = known
    for allowed in operators:
        if operator == allowed:
            return Term(field, allowed, value.strip(), said=name)
    raise Invalid(f"{name} takes {', '.join(operators)}, and not {operator}", field=name)


def _value(term: Term) -> str | datetime | Kind:
    kind = FIELDS[term.field]
    if kind is datetime:
        return read_time(term.said, term.value, zone=UTC)
    if kind is Kind:
        return read_module(term.value, READABLE)
    check_text(term.said, term.value, most=LONGEST_NAME)
    return term.value


def _number(term: Term) -> int:
    least, most = PAGING[term.field]
    digits = re.fullmatch(r"[0-9]{1,10}", term.value)
    if digits is None or not least <= int(term.value) <= most:
        raise Invalid(
            f"{term.said} is {wire.clip(term.value)}, it can be {least} to {most}", field=term.said
        )
    return int(term.value)

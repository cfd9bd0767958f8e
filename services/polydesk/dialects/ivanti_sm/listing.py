"""Lists of incidents: what may be asked of them, put as a query of the desk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from polydesk import wire
from polydesk.dialects.ivanti_sm import term
from polydesk.dialects.ivanti_sm.filter import Field, Value, parse_filter
from polydesk.dialects.ivanti_sm.option import Options, no_order
from polydesk.dialects.ivanti_sm.value import LEVELS, PRIORITIES, STATUSES, WAITING
from polydesk.domain.errors import Invalid
from polydesk.domain.query import All, AnyOf, Comparison, Condition, Not, Query
from polydesk.domain.ticket import Kind, State

ORDERS: Final = {
    "IncidentNumber": "",
    "CreatedDateTime": "opened_at",
    "LastModDateTime": "updated_at",
}
_OVER: Final = (State.CLOSED, State.CANCELLED)


def _status(word: str) -> Condition:
    """Says what a status means; waiting for the customer is whatever else is waited for, too."""
    if STATUSES[word] is State.CLOSED:
        return AnyOf(tuple(Comparison("state", "=", state) for state in _OVER))
    is_so = Comparison("state", "=", STATUSES[word])
    if word not in WAITING:
        return is_so
    reasons = [Comparison("wait_reason", "=", reason) for reason in WAITING]
    if word != WAITING[0]:
        return All((is_so, reasons[WAITING.index(word)]))
    return All((is_so, *(Not(reason) for reason in reasons[1:])))


def _levels(field: str) -> Field:
    words = {word: Comparison(field, "=", level) for word, level in LEVELS.items()}
    return term.words(words, absent=Not(Comparison(field, ":", None)))


def _rec_id(name: str, sign: str, value: Value) -> Condition:
    """Finds a RecId however the record spells it."""
    if sign not in ("eq", "ne") or not isinstance(value, str):
        raise Invalid(f"$filter: {wire.clip(name)} takes eq or ne, and a text", field="$filter")
    found = rec_id_is(value)
    return found if sign == "eq" else Not(found)


def rec_id_is(rec_id: str) -> Condition:
    """Says that an incident is the one of a RecId."""
    spelt = dict.fromkeys((rec_id.lower(), rec_id, rec_id.upper()))
    terms = [term.text("sys_id")("RecId", "eq", each) for each in spelt]
    return AnyOf(tuple(terms))


FILTERS: Final[Mapping[str, Field]] = {
    "IncidentNumber": term.number("id"),
    "RecId": _rec_id,
    "Status": term.words({word: _status(word) for word in STATUSES}),
    "Subject": term.text("summary"),
    "Symptom": term.text("description"),
    "Category": term.text("category"),
    "CauseCode": term.text("cause_code"),
    "Email": term.text("requester"),
    "Owner": term.text("assignee"),
    "OwnerTeam": term.text("assignment_group"),
    "Urgency": _levels("urgency"),
    "Impact": _levels("impact"),
    "Priority": term.words(
        {word: Comparison("priority", "=", each) for word, each in PRIORITIES.items()},
        absent=Not(Comparison("priority", ":", None)),
    ),
    "CreatedDateTime": term.moment("opened_at"),
    "LastModDateTime": term.moment("updated_at"),
    "ResolvedDateTime": term.moment("resolved_at"),
    "ClosedDateTime": term.moment("closed_at"),
    "IsInFinalState": term.truth(AnyOf(tuple(Comparison("state", "=", s) for s in _OVER))),
}
INCIDENTS: Final = Comparison("kind", "=", Kind.INCIDENT)


def to_query(filter_: str, options: Options) -> Query:
    """Reads what is asked for."""
    parts: list[Condition] = [INCIDENTS]
    if condition := parse_filter(filter_, FILTERS):
        parts.append(condition)
    parts += map(_word, options.words)
    order, descending = _order(options.order)
    return Query(
        where=All(tuple(parts)),
        order=order,
        descending=descending,
        limit=max(options.top, 1),  # who wants none wants to know how many there are
        offset=options.skip,
    )


def _word(word: str) -> Condition:
    """Says that a word of `$search` is somewhere in what is written, or is the number."""
    places = ("summary", "description", "number", "requester", "assignee", "category")
    found: list[Condition] = [Comparison(place, ":", word) for place in places]
    if word.isascii() and word.isdecimal():
        found.append(FILTERS["IncidentNumber"]("IncidentNumber", "eq", word))
    return AnyOf(tuple(found))


def _order(order: tuple[tuple[str, bool], ...]) -> tuple[tuple[str, ...], bool]:
    """Returns the fields of the record to order by; behind them the desk orders by the number."""
    spelt = {name.casefold(): field for name, field in ORDERS.items()}
    fields: list[str] = []
    ways: list[bool] = []
    for name, descends in order:
        if name.casefold() not in spelt:
            raise no_order(name, ORDERS)
        ways.append(descends)
        field = spelt[name.casefold()]
        if not field:
            break
        fields.append(field)
    if len(set(ways)) > 1:
        raise Invalid("$orderby goes one way: all asc, or all desc", field="$orderby")
    return tuple(dict.fromkeys(fields)), any(ways)

from __future__ import annotations

import asyncio
import operator
import string
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from itertools import count as count_up
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polydesk.domain.errors import Invalid
from polydesk.domain.query import (
    FIELDS,
    ORDERS,
    All,
    AnyOf,
    Comparison,
    Condition,
    Not,
    Query,
)
from polydesk.domain.ticket import TEXTS, Draft, Kind, Level, Priority, State, Ticket
from polydesk.store import SqlStore
from polydesk.store.query import count, read
from tests.store.records import NOW, ORG, at, draft, stamp

COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
PARTS: dict[str, Callable[[str, str], bool]] = {
    ":": str.__contains__,
    "starts": str.startswith,
    "ends": str.endswith,
}
LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
WORDS = ["", "a", "A", "aB", "É", "é", "ß", "100%", "a_b", "a\\b", 'say "b"', "b\n a", "😀", "a'b"]
MOMENTS = [at(seconds) for seconds in (-2, -1, -0.891011, -0.391011, 0, 0.000001, 1, 20)]


def word(chance: Random) -> str:
    return chance.choice(WORDS)


def some(chance: Random, *values: Any) -> Any:
    return chance.choice([*values, None])


def anything(chance: Random, number: str) -> Draft:
    """Says any of what there is to say, in few values, so that filters hit."""
    return draft(
        number,
        kind=chance.choice(list(Kind)),
        summary=word(chance) or "-",
        state=chance.choice(list(State)),
        opened_at=chance.choice(MOMENTS),
        modified_at=chance.choice(MOMENTS),
        resolved_at=some(chance, *MOMENTS),
        impact=some(chance, *Level),
        urgency=some(chance, *Level),
        priority=some(chance, *Priority),
        **{
            name: word(chance)
            for name in TEXTS
            if name not in ("number", "summary", "resolution") and chance.random() < 0.8
        },
    )


async def fill(store: SqlStore, *, size: int = 40) -> list[Ticket]:
    """Saves tickets of all sorts, a foreign one and a deleted one; returns those that count."""
    chance = Random(size)  # noqa: S311  # to be repeated
    for index in range(size):
        said = anything(chance, f"{word(chance)}{index % 29}")
        seconds = chance.choice([0, 0.1, 0.108989, 1, 2, 3])
        await store.tickets.save(ORG, [said], stamp=stamp(seconds), once=None)
    await store.tickets.save(ORG + 1, [draft("foreign")], stamp=stamp(), once=None)
    await delete(store, await store.tickets.create(ORG, draft("x"), stamp=stamp(), once=None))
    return await store.tickets.select(ORG, Query(limit=1_000))


async def delete(store: SqlStore, ticket: Ticket) -> None:
    await store.tickets.change(
        ticket.id,
        lambda old: msgspec.structs.replace(old, deleted_at=NOW),
        action="delete",
        stamp=stamp(),
        once=None,
    )


def holds(condition: Condition | None, ticket: Ticket) -> bool:
    """Says in Python what the SQL has to say."""
    match condition:
        case None:
            return True
        case All(parts):
            return all(holds(part, ticket) for part in parts)
        case AnyOf(parts):
            return any(holds(part, ticket) for part in parts)
        case Not(part):
            return not holds(part, ticket)
        case Comparison():
            return fits(condition, getattr(ticket, condition.field))


def fits(term: Comparison, value: Any) -> bool:
    asked: Any = term.value
    if value is None:
        return term.operator == "!=" and isinstance(asked, Enum)
    if term.operator in PARTS:
        if asked is None:
            return bool(value)
        return PARTS[term.operator](str(value).translate(LOWER), str(asked).translate(LOWER))
    fitting: bool = COMPARE[term.operator](ranked(value), ranked(asked))
    return fitting


def ranked(value: Any) -> Any:
    if isinstance(value, Enum):
        return list(type(value)).index(value)
    return value.encode() if isinstance(value, str) else value


def values_of(field: str) -> st.SearchStrategy[Any]:
    type_ = FIELDS[field]
    if type_ is int:
        return st.integers(-1, 60) | st.sampled_from([2**31 - 1, 2**31])
    if type_ is datetime:
        return st.sampled_from([*MOMENTS, at(0.1), at(0.108989)])
    return st.sampled_from(list(type_) if issubclass(type_, Enum) else [*WORDS, "B", "%", "_"])


def terms_of(field: str) -> st.SearchStrategy[Condition]:
    compared = st.builds(
        Comparison, st.just(field), st.sampled_from(list(COMPARE)), values_of(field)
    )
    if FIELDS[field] is not str:
        return compared | st.just(Comparison(field, ":", None))
    part = st.builds(Comparison, st.just(field), st.sampled_from(list(PARTS)), values_of(field))
    return compared | part | st.just(Comparison(field, ":", None))


conditions: st.SearchStrategy[Condition] = st.recursive(
    st.sampled_from(sorted(FIELDS)).flatmap(terms_of),
    lambda below: (
        st.builds(Not, below)
        | st.lists(below, max_size=3).map(lambda parts: All(tuple(parts)))
        | st.lists(below, max_size=3).map(lambda parts: AnyOf(tuple(parts)))
    ),
    max_leaves=8,
)


async def pages(store: SqlStore, query: Query) -> list[Ticket]:
    seen: list[Ticket] = []
    while page := await store.tickets.select(ORG, query):
        seen += page
        assert len(seen) < 10_000, "the pages have no end"
        after = (*(getattr(page[-1], name) for name in query.order), page[-1].id)
        query = msgspec.structs.replace(query, after=after)
    return seen


@pytest.fixture
async def filled(store: SqlStore) -> list[Ticket]:
    return await fill(store)


@pytest.mark.parametrize("field", FIELDS)
async def test_each_operator_compares_as_python_does(
    store: SqlStore, filled: list[Ticket], field: str
) -> None:
    type_: Any = FIELDS[field]
    few: dict[type, list[Any]] = {datetime: MOMENTS, str: WORDS, int: [0, 1, 7, 2**31]}
    values = few.get(type_) or list(type_)
    for sign in COMPARE:
        for value in values:
            term = Comparison(field, sign, value)  # type: ignore[arg-type]  # one of the operators
            found = await store.tickets.select(ORG, Query(where=term, limit=99))
            assert found == [ticket for ticket in filled if holds(term, ticket)], term


@pytest.mark.parametrize("field", FIELDS)
async def test_a_field_has_a_value_or_not(
    store: SqlStore, filled: list[Ticket], field: str
) -> None:
    parts = [None, *WORDS] if FIELDS[field] is str else [None]
    for part in parts:
        term = Comparison(field, ":", part)
        for condition in (term, Not(term)):
            found = await store.tickets.select(ORG, Query(where=condition, limit=99))
            assert found == [ticket for ticket in filled if holds(condition, ticket)], condition


@pytest.mark.parametrize("sign", ["starts", "ends"])
async def test_a_text_begins_and_ends_as_python_says(
    store: SqlStore, filled: list[Ticket], sign: Any
) -> None:
    for field in ("number", "summary", "category"):
        for part in (*WORDS, "B", "1", "%", "_", "\\"):
            term = Comparison(field, sign, part)
            found = await store.tickets.select(ORG, Query(where=term, limit=99))
            assert found == [ticket for ticket in filled if holds(term, ticket)], term
    with pytest.raises(Invalid, match="id takes no"):
        await store.tickets.count(ORG, Query(where=Comparison("id", sign, "1")))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(condition=conditions)
async def test_any_condition_selects_and_counts_what_it_means(
    store: SqlStore, filled: list[Ticket], condition: Condition
) -> None:
    query = Query(where=condition, limit=99)
    meant = [ticket for ticket in filled if holds(condition, ticket)]

    assert await store.tickets.select(ORG, query) == meant
    assert await store.tickets.count(ORG, query) == len(meant)


async def test_an_unresolved_ticket_fits_no_comparison_of_its_resolution(store: SqlStore) -> None:
    for state in (State.ACTIVE, State.CLOSED):
        await store.tickets.save(ORG, [draft(state.value, state=state)], stamp=stamp(), once=None)
    for field, fitting in (("resolved_at", 0), ("closed_at", 1)):
        for sign in COMPARE:
            term = Comparison(field, sign, NOW)  # type: ignore[arg-type]  # one of the operators
            unset = All((Not(term), Not(Comparison(field, ":", None))))
            assert await store.tickets.count(ORG, Query(where=term)) <= fitting
            assert await store.tickets.count(ORG, Query(where=unset)) == 2 - fitting


async def test_a_text_is_found_in_another_letter_for_letter(store: SqlStore) -> None:
    said = draft("1", summary=r"50% of C:\temp_x is ÉTÉ")
    await store.tickets.save(ORG, [said], stamp=stamp(), once=None)

    async def found(part: str) -> bool:
        return bool(await store.tickets.count(ORG, Query(where=Comparison("summary", ":", part))))

    for part in ("", "50% O", r"c:\TEMP_X", "ÉTÉ", "%", "_", "\\"):
        assert await found(part), part
    for part in ("50_", "50%%", "%50", "temp%x", "été", r"\_", "50%  o"):
        assert not await found(part), part


async def test_a_deleted_ticket_is_selected_where_it_is_asked_for(store: SqlStore) -> None:
    kept = await store.tickets.create(ORG, draft("kept"), stamp=stamp(), once=None)
    gone = await store.tickets.create(ORG, draft("gone"), stamp=stamp(), once=None)
    await delete(store, gone)

    for query, ids in ((Query(), [kept.id]), (Query(show_deleted=True), [kept.id, gone.id])):
        assert [ticket.id for ticket in await store.tickets.select(ORG, query)] == ids
        assert await store.tickets.count(ORG, query) == len(ids)


async def test_many_are_read_at_once(store: SqlStore) -> None:
    filled = await fill(store, size=9)
    ids = [filled[-1].id, filled[0].id, 2**31 - 1]

    assert await store.tickets.many(ids) == {t.id: t for t in (filled[0], filled[-1])}
    assert await store.tickets.many([]) == {}


@pytest.mark.parametrize("way", ["asc", "desc"])
@pytest.mark.parametrize("order", [(), *((name,) for name in ORDERS), ("updated_at", "number")])
async def test_pages_hold_everything_once_and_in_order(
    store: SqlStore, order: tuple[str, ...], way: str
) -> None:
    tickets = await fill(store)

    seen = await pages(store, Query(order=order, descending=way == "desc", limit=5))

    def key(ticket: Ticket) -> tuple[Any, ...]:
        return (*(getattr(ticket, name) for name in order), ticket.id)

    assert seen == sorted(tickets, key=key, reverse=way == "desc")


@pytest.mark.parametrize("way", ["asc", "desc"])
@pytest.mark.parametrize("sign", [">", ">=", "<", "<="])
async def test_a_bound_on_the_order_holds_on_every_page(
    store: SqlStore, sign: Any, way: str
) -> None:
    tickets = await fill(store)
    term = Comparison("opened_at", sign, at(-1))

    query = Query(where=All((All((term,)),)), order=("opened_at",), descending=way == "desc")
    query = msgspec.structs.replace(query, limit=2)
    seen = await pages(store, query)

    assert {ticket.id for ticket in seen} == {t.id for t in tickets if holds(term, t)}
    outside = msgspec.structs.replace(query, after=(at(-9 if sign[0] == ">" else 99), 0))
    for ticket in await store.tickets.select(ORG, outside):
        assert holds(term, ticket)


async def test_offset_skips(store: SqlStore) -> None:
    tickets = await fill(store)

    assert await store.tickets.select(ORG, Query(limit=3, offset=4)) == tickets[4:7]


numbers = count_up(1_000)
orders = st.sampled_from([(), *((name,) for name in ORDERS), ("updated_at", "number")])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(condition=st.none() | conditions, order=orders, descending=st.booleans())
async def test_paging_while_others_write_neither_skips_nor_repeats(
    store: SqlStore, filled: list[Ticket], condition: Condition, order: Any, *, descending: bool
) -> None:
    query = Query(where=condition, order=order, descending=descending, limit=7)

    async def write(name: str) -> None:
        chance = Random(name)  # noqa: S311  # to be repeated
        for index in range(4):
            said = [anything(chance, f"{name}{number}") for number in (index, next(numbers))]
            await store.tickets.save(ORG, said, stamp=stamp(chance.random()), once=None)

    async with asyncio.TaskGroup() as group:
        for name in "ab":
            group.create_task(write(name))
        seen = [ticket.id for ticket in await pages(store, query)]

    assert len(seen) == len(set(seen))
    meant = {ticket.id for ticket in filled if holds(condition, ticket)}
    assert meant == set(seen) & {ticket.id for ticket in filled}


async def test_a_caller_can_name_no_column(store: SqlStore) -> None:
    terms = [
        Comparison("1=1 or org", "=", "x"),
        Comparison("document", "=", "x"),
        Comparison("number", "or 1 =", "x"),  # type: ignore[arg-type]  # what is tried
        Comparison("priority", "or 1 =", Priority.HIGH),  # type: ignore[arg-type]  # what is tried
    ]
    for term in terms:
        for where in (term, Not(term), All((AnyOf((term,)),))):
            with pytest.raises(Invalid):
                await store.tickets.select(ORG, Query(where=where))
    for order in ("id; drop table tickets", "summary"):
        with pytest.raises(Invalid):
            await store.tickets.select(ORG, Query(order=(order,)))


async def test_a_forged_cursor_is_refused(store: SqlStore) -> None:
    with pytest.raises(Invalid):
        await store.tickets.select(ORG, Query(after=(2**80,)))


@pytest.mark.parametrize("field", [name for name, type_ in FIELDS.items() if type_ is str])
def test_a_caller_can_write_no_sql(field: str) -> None:
    term = Comparison(field, "=", "'; drop table tickets --")

    for asked in (read(ORG, Query(where=Not(term))), count(ORG, Query(where=term))):
        assert "drop" not in asked.sql
        assert asked.args[1] == term.value


def test_behind_a_cursor_the_lower_bound_is_left_to_it() -> None:
    term = Comparison("opened_at", ">=", NOW)
    query = Query(where=All((All((term,)),)), order=("opened_at",))

    assert "opened_at >=" in read(ORG, query).sql
    assert "opened_at >=" not in read(ORG, msgspec.structs.replace(query, after=(at(1), 1))).sql


FIRST: dict[type, Enum] = {
    Kind: Kind.INCIDENT,
    State: State.LOGGED,
    Level: Level.LOW,
    Priority: Priority.PLANNING,
}


@pytest.mark.parametrize("field", FIELDS)
def test_what_a_document_says_compares_by_bytes_in_any_database(field: str) -> None:
    type_ = FIELDS[field]
    value: Any = {datetime: NOW, str: "x", int: 1}.get(type_) or FIRST[type_]
    sql = count(ORG, Query(where=Comparison(field, "<", value))).sql

    by_text = type_ in (str, datetime) and "document" in sql
    assert by_text == (' collate "C" < $2' in sql)

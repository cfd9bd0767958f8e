from __future__ import annotations

import asyncio
import operator
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from polydesk.domain.errors import Invalid
from polydesk.domain.query import FIELDS, ORDERS, Comparison, Query
from polydesk.domain.ticket import Kind, State, Ticket
from polydesk.store import SqlStore
from polydesk.store.query import read
from tests.store.records import NOW, ORG, at, draft, stamp

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
VALUES = {
    "kind": Kind.EVENT,
    "number": "n-2",
    "sys_id": "Z1",
    "state": State.RESOLVED,
    "assignment_group": "Network",
    "opened_at": at(-2),
    "modified_at": at(2),
    "resolved_at": at(20),
    "created_at": at(4),
    "updated_at": at(4),
}


async def fill(store: SqlStore) -> list[Ticket]:
    """Saves twelve tickets, whose texts sort otherwise by letter than by byte."""
    for index in range(12):
        said = draft(
            f"n-{index % 5}",
            kind=[Kind.INCIDENT, Kind.EVENT, Kind.PROBLEM][index % 3],
            sys_id=["Z1", "a1", "É1", "z1"][index % 4],
            state=[State.ACTIVE, State.RESOLVED][index % 2],
            assignment_group=["Network", "database", "Ärzte"][index % 3],
            opened_at=at(-index % 5),
            modified_at=at(index % 6),
            resolved_at=at(index * 10) if index % 2 else None,
        )
        await store.tickets.save(ORG, [said], stamp=stamp(index), once=None)
    await store.tickets.save(ORG + 1, [draft("foreign")], stamp=stamp(), once=None)
    return await store.tickets.select(ORG, Query(limit=1_000))


def fits(ticket: Ticket, term: Comparison) -> bool:
    value: Any = getattr(ticket, term.field)
    asked: Any = term.value
    if value is None:
        return False
    if isinstance(asked, Kind | State):
        value, asked = value.value, asked.value
    if isinstance(asked, str):
        value, asked = value.encode(), asked.encode()
    return COMPARE[term.operator](value, asked)


async def pages(store: SqlStore, query: Query) -> list[Ticket]:
    seen: list[Ticket] = []
    while page := await store.tickets.select(ORG, query):
        seen += page
        after = (*(getattr(page[-1], name) for name in query.order), page[-1].id)
        query = msgspec.structs.replace(query, after=after)
    return seen


def test_every_field_is_tried() -> None:
    assert VALUES.keys() == FIELDS.keys()


@pytest.mark.parametrize("field", VALUES)
async def test_each_operator_compares_as_python_does(store: SqlStore, field: str) -> None:
    tickets = await fill(store)

    for sign in COMPARE:
        term = Comparison(field, sign, VALUES[field])  # type: ignore[arg-type]  # one of the operators
        found = await store.tickets.select(ORG, Query(where=(term,)))
        assert found == [ticket for ticket in tickets if fits(ticket, term)], sign


async def test_comparisons_are_joined_by_and(store: SqlStore) -> None:
    tickets = await fill(store)
    where = (Comparison("state", "=", State.ACTIVE), Comparison("opened_at", ">", at(1)))

    found = await store.tickets.select(ORG, Query(where=where))

    assert found
    assert found == [ticket for ticket in tickets if all(fits(ticket, term) for term in where)]


async def test_an_unresolved_ticket_fits_no_comparison_of_its_resolution(store: SqlStore) -> None:
    await store.tickets.save(ORG, [draft()], stamp=stamp(), once=None)

    for sign in COMPARE:
        where = (Comparison("resolved_at", sign, NOW),)  # type: ignore[arg-type]  # one of the operators
        assert await store.tickets.select(ORG, Query(where=where)) == []


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
    term = Comparison("opened_at", sign, at(2))

    query = Query(where=(term,), order=("opened_at",), descending=way == "desc", limit=2)
    seen = await pages(store, query)

    assert {ticket.id for ticket in seen} == {t.id for t in tickets if fits(t, term)}
    outside = msgspec.structs.replace(query, after=(at(-9 if sign[0] == ">" else 9), 0))
    for ticket in await store.tickets.select(ORG, outside):
        assert fits(ticket, term)


async def test_offset_skips(store: SqlStore) -> None:
    tickets = await fill(store)

    assert await store.tickets.select(ORG, Query(limit=3, offset=4)) == tickets[4:7]


async def test_paging_while_others_write_neither_skips_nor_repeats(store: SqlStore) -> None:
    await fill(store)
    ended = asyncio.Event()

    async def write(name: str) -> None:
        index = 0
        while not ended.is_set():
            index += 1
            known = draft("n-1", modified_at=at(index), summary=f"{name} {index}")
            said = [draft(f"{name}-{index}", opened_at=at(index % 7)), known]
            await store.tickets.save(ORG, said, stamp=stamp(100), once=None)

    async with asyncio.TaskGroup() as group:
        for name in "abc":
            group.create_task(write(name))
        await asyncio.sleep(0.1)
        for order in ((), ("opened_at",)):
            before = {ticket.id for ticket in await store.tickets.select(ORG, Query(limit=99_999))}
            seen = [ticket.id for ticket in await pages(store, Query(order=order, limit=3))]
            assert len(seen) == len(set(seen))
            assert before <= set(seen)
        ended.set()


async def test_a_caller_can_name_no_column(store: SqlStore) -> None:
    term = Comparison("1=1 or org", "=", "x")

    with pytest.raises(Invalid):
        await store.tickets.select(ORG, Query(where=(term,)))
    term = Comparison("number", "or 1 =", "x")  # type: ignore[arg-type]  # what is tried
    with pytest.raises(Invalid):
        await store.tickets.select(ORG, Query(where=(term,)))
    with pytest.raises(Invalid):
        await store.tickets.select(ORG, Query(order=("id; drop table tickets",)))


async def test_a_forged_cursor_is_refused(store: SqlStore) -> None:
    with pytest.raises(Invalid):
        await store.tickets.select(ORG, Query(after=(2**80,)))


def test_a_caller_can_write_no_sql() -> None:
    term = Comparison("number", "=", "'; drop table tickets --")

    asked = read(ORG, Query(where=(term,)))

    assert "drop" not in asked.sql
    assert asked.args[1] == term.value


def test_behind_a_cursor_the_lower_bound_is_left_to_it() -> None:
    term = Comparison("opened_at", ">=", NOW)
    query = Query(where=(term,), order=("opened_at",))

    assert "opened_at >=" in read(ORG, query).sql
    assert "opened_at >=" not in read(ORG, msgspec.structs.replace(query, after=(at(1), 1))).sql

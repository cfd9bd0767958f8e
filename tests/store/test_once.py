from __future__ import annotations

import asyncio

import pytest

from polydesk.domain.errors import Conflict, Exists
from polydesk.domain.query import Query
from polydesk.domain.saving import Outcome
from polydesk.store import SqlStore
from polydesk.store.once import KEPT
from polydesk.store.script import Read
from tests.store.records import ORG, draft, drafts, once, stamp

DAY = KEPT.total_seconds()


async def test_a_repeated_create_answers_the_same_ticket(store: SqlStore) -> None:
    first = await store.tickets.create(ORG, draft(""), stamp=stamp(), once=once())
    again = await store.tickets.create(ORG, draft(""), stamp=stamp(9), once=once())

    assert again == first
    assert await store.tickets.select(ORG, Query()) == [first]


async def test_a_repeated_save_answers_the_same_batch(store: SqlStore) -> None:
    first = await store.tickets.save(ORG, drafts("n", 3), stamp=stamp(), once=once())
    again = await store.tickets.save(ORG, drafts("n", 3), stamp=stamp(9), once=once())

    assert again == first
    assert {row.outcome for row in again.rows} == {Outcome.CREATED}


async def test_a_save_that_changes_nothing_is_kept_too(store: SqlStore) -> None:
    await store.tickets.save(ORG, [draft()], stamp=stamp(), once=None)

    first = await store.tickets.save(ORG, [draft()], stamp=stamp(), once=once())

    assert await store.tickets.save(ORG, [draft()], stamp=stamp(), once=once()) == first


async def test_a_key_of_another_request_is_refused(store: SqlStore) -> None:
    await store.tickets.create(ORG, draft(""), stamp=stamp(), once=once())

    with pytest.raises(Conflict, match="Idempotency-Key k-1"):
        await store.tickets.create(ORG, draft(""), stamp=stamp(), once=once(digest=b"other"))


async def test_a_key_is_the_actors_own(store: SqlStore) -> None:
    first = await store.tickets.create(ORG, draft(""), stamp=stamp(), once=once())
    other = await store.tickets.create(ORG, draft(""), stamp=stamp(actor="bob"), once=once())

    assert other.id != first.id


async def test_a_key_is_free_again_after_a_day(store: SqlStore) -> None:
    first = await store.tickets.create(ORG, draft(""), stamp=stamp(), once=once())

    within = await store.tickets.create(ORG, draft(""), stamp=stamp(DAY - 1), once=once())
    after = await store.tickets.create(ORG, draft(""), stamp=stamp(DAY), once=once(digest=b"new"))
    again = await store.tickets.create(ORG, draft(""), stamp=stamp(DAY), once=once(digest=b"new"))

    assert within == first
    assert after.id != first.id
    assert again == after


async def test_a_refused_write_leaves_its_key_free(store: SqlStore) -> None:
    await store.tickets.create(ORG, draft(), stamp=stamp(), once=None)
    with pytest.raises(Exists):
        await store.tickets.create(ORG, draft(), stamp=stamp(), once=once())

    made = await store.tickets.create(ORG, draft("INC2"), stamp=stamp(), once=once(digest=b"new"))

    assert made.number == "INC2"


async def test_of_fifty_at_once_under_one_key_one_writes(store: SqlStore) -> None:
    made = await asyncio.gather(
        *(store.tickets.create(ORG, draft(""), stamp=stamp(), once=once()) for _ in range(50))
    )

    assert {ticket.id for ticket in made} == {1}
    assert len(await store.tickets.select(ORG, Query(limit=99))) == 1


async def test_what_has_expired_is_forgotten_as_new_keys_come(store: SqlStore) -> None:
    for index in range(12):
        await store.tickets.create(ORG, draft(""), stamp=stamp(), once=once(f"old-{index}"))

    for index in range(5):
        await store.tickets.create(ORG, draft(""), stamp=stamp(DAY), once=once(f"new-{index}"))

    rows = await store.engine.rows(Read("select key from once order by key"))
    assert [row[0] for row in rows] == [f"new-{index}" for index in range(5)]

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from msgspec import UNSET

from polydesk.domain.errors import Conflict, Exists
from polydesk.domain.query import Query
from polydesk.domain.saving import Outcome
from polydesk.domain.ticket import Draft, Execution, Kind, State
from polydesk.store import SqlStore
from tests.store.records import NOW, ORG, at, draft, drafts, stamp

MOMENTS = [
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 2, 3, 4, 5, 6, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
]


async def outcomes(store: SqlStore, *said: Draft, seconds: float = 0) -> list[Outcome]:
    saved = await store.tickets.save(ORG, said, stamp=stamp(seconds), once=None)
    return [row.outcome for row in saved.rows]


async def numbers(store: SqlStore) -> list[str]:
    return [ticket.number for ticket in await store.tickets.select(ORG, Query(limit=1_000))]


async def test_a_saved_ticket_comes_back_as_it_was_said(store: SqlStore) -> None:
    said = draft(
        description='Ünïcode "quotes" \\ $1 ?1 %s 🔥',
        sys_id="a1b2",
        requester="bob",
        assignee="eve",
        assignment_group="Network",
        resolved_at=at(5),
        extra={"iautomate": {"Col1": "x", "Col2": None, "deep": {"a": [1, 2.5]}}},
    )

    saved = await store.tickets.save(ORG, [said], stamp=stamp(9), once=None)

    ticket = await store.tickets.get(saved.rows[0].id)
    assert ticket is not None
    for name in Draft.__struct_fields__:
        if name != "etag" and getattr(said, name) is not UNSET:
            assert getattr(ticket, name) == getattr(said, name)
    assert (ticket.org, ticket.created_at, ticket.updated_at) == (ORG, at(9), at(9))
    assert ticket.etag == saved.rows[0].etag


@pytest.mark.parametrize("moment", MOMENTS)
async def test_times_are_kept_to_the_microsecond(store: SqlStore, moment: datetime) -> None:
    await outcomes(store, draft(opened_at=moment, modified_at=moment, resolved_at=moment))

    ticket = await store.tickets.find(ORG, Kind.INCIDENT, number="INC1", sys_id="")

    assert ticket is not None
    assert {ticket.opened_at, ticket.modified_at, ticket.resolved_at} == {moment}


async def test_a_later_modification_updates(store: SqlStore) -> None:
    await outcomes(store, draft())

    done = await outcomes(store, draft(modified_at=at(1), summary="It is out"), seconds=3)

    ticket = await store.tickets.find(ORG, Kind.INCIDENT, number="INC1", sys_id="")
    assert done == [Outcome.UPDATED]
    assert ticket is not None
    assert (ticket.summary, ticket.created_at, ticket.updated_at) == ("It is out", NOW, at(3))


async def test_an_older_modification_is_left_aside(store: SqlStore) -> None:
    await outcomes(store, draft())

    assert await outcomes(store, draft(modified_at=at(-1), summary="Old")) == [Outcome.STALE]


async def test_the_same_content_again_writes_nothing(store: SqlStore) -> None:
    await outcomes(store, draft())

    assert await outcomes(store, draft(), seconds=9) == [Outcome.UNCHANGED]
    assert len(await store.tickets.history(1, after=0, limit=10)) == 1


async def test_a_replay_at_an_equal_modification_time_changes_nothing(store: SqlStore) -> None:
    first, second = draft(summary="First"), draft(summary="Second")
    await outcomes(store, first)
    await outcomes(store, second)

    assert await outcomes(store, first) == [Outcome.UNCHANGED]
    ticket = await store.tickets.get(1)
    assert ticket is not None
    assert ticket.summary == "Second"


async def test_new_and_known_and_repeated_rows_mix_in_one_save(store: SqlStore) -> None:
    await outcomes(store, draft("B"))

    done = await outcomes(
        store, draft("A"), draft("B", modified_at=at(1), summary="x"), draft("C"), draft("A")
    )

    assert done == [Outcome.CREATED, Outcome.UPDATED, Outcome.CREATED, Outcome.UNCHANGED]
    assert await numbers(store) == ["B", "A", "C"]


async def test_one_number_in_two_kinds_and_two_orgs_is_three_tickets(store: SqlStore) -> None:
    await outcomes(store, draft(), draft(kind=Kind.PROBLEM))
    await store.tickets.save(ORG + 1, [draft()], stamp=stamp(), once=None)

    assert len(await store.tickets.select(ORG, Query())) == 2
    assert len(await store.tickets.select(ORG + 1, Query())) == 1


async def test_a_bad_row_in_the_middle_leaves_nothing_behind(store: SqlStore) -> None:
    bad = draft("bad", etag="1")

    with pytest.raises(Conflict):
        await outcomes(store, *drafts("a", 5), bad, *drafts("b", 5))

    assert await numbers(store) == []
    assert await outcomes(store, draft()) == [Outcome.CREATED]
    assert await store.first_broken() is None
    assert [entry.sequence for entry in await store.tickets.history(1, after=0, limit=9)] == [1]


async def test_an_etag_that_is_out_of_date_is_refused(store: SqlStore) -> None:
    await outcomes(store, draft())
    await outcomes(store, draft(modified_at=at(1), summary="x", etag="1"))

    with pytest.raises(Conflict):
        await outcomes(store, draft(modified_at=at(2), summary="y", etag="1"))


async def test_ids_grow_without_gaps(store: SqlStore) -> None:
    saves = [store.tickets.save(ORG, drafts(f"s{n}", 3), stamp=stamp(), once=None) for n in "abcd"]

    done = await asyncio.gather(*saves)

    assert sorted(row.id for saved in done for row in saved.rows) == list(range(1, 13))


async def test_ten_thousand_rows_are_saved_at_once(store: SqlStore) -> None:
    assert set(await outcomes(store, *drafts("n", 10_000))) == {Outcome.CREATED}


async def test_a_created_ticket_is_found_by_id_number_and_sys_id(store: SqlStore) -> None:
    made = await store.tickets.create(ORG, draft(sys_id="abc"), stamp=stamp(), once=None)

    assert await store.tickets.get(made.id) == made
    assert await store.tickets.find(ORG, Kind.INCIDENT, number="INC1", sys_id="") == made
    assert await store.tickets.find(ORG, Kind.INCIDENT, number="", sys_id="abc") == made


async def test_what_is_not_there_is_none(store: SqlStore) -> None:
    await outcomes(store, draft(sys_id="abc"))

    assert await store.tickets.get(2) is None
    assert await store.tickets.find(ORG, Kind.EVENT, number="INC1", sys_id="") is None
    assert await store.tickets.find(ORG + 1, Kind.INCIDENT, number="", sys_id="abc") is None


async def test_of_several_with_one_sys_id_the_newest_is_found(store: SqlStore) -> None:
    await outcomes(store, draft("A", sys_id="same"), draft("B", sys_id="same"))

    ticket = await store.tickets.find(ORG, Kind.INCIDENT, number="", sys_id="same")

    assert ticket is not None
    assert ticket.number == "B"


async def test_a_number_that_is_taken_is_refused(store: SqlStore) -> None:
    await outcomes(store, draft())

    with pytest.raises(Exists):
        await store.tickets.create(ORG, draft(), stamp=stamp(), once=None)


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (Kind.INCIDENT, "INC0000001"),
        (Kind.SERVICE_REQUEST_TASK, "SCTASK0000001"),
        (Kind.CHANGE_TASK, "CTASK0000001"),
        (Kind.EVENT, "EVT0000001"),
        (Kind.SUB_TASK, "STASK0000001"),
        (Kind.PROBLEM, "PRB0000001"),
    ],
)
async def test_a_ticket_without_a_number_gets_one(store: SqlStore, kind: Kind, number: str) -> None:
    made = await store.tickets.create(ORG, draft("", kind=kind), stamp=stamp(), once=None)

    assert made.number == number


async def test_numbers_that_are_given_skip_those_that_are_taken(store: SqlStore) -> None:
    await outcomes(store, draft("INC0000003"), draft("INC0000004"))

    made = await store.tickets.create(ORG, draft(""), stamp=stamp(), once=None)
    after = await store.tickets.create(ORG, draft(""), stamp=stamp(), once=None)

    assert (made.id, made.number) == (5, "INC0000005")
    assert (after.id, after.number) == (6, "INC0000006")


async def test_a_long_row_of_taken_numbers_is_skipped(store: SqlStore) -> None:
    taken = [draft(f"INC{number:07d}") for number in range(1_501, 3_777)]
    await outcomes(store, *taken)

    made = await store.tickets.create(ORG, draft(""), stamp=stamp(), once=None)

    assert made.number == "INC0003777"


async def test_executions_leave_out_what_is_unknown(store: SqlStore) -> None:
    await outcomes(store, draft("A"), draft("B"), draft("C", kind=Kind.EVENT))

    known = await store.tickets.executions(ORG, Kind.INCIDENT, ["B", "C", "D", "A", "A"])

    assert known == {"A": Execution.DATA_COLLECTED, "B": Execution.DATA_COLLECTED}


async def test_what_is_answered_is_read_at_once(store: SqlStore) -> None:
    for index in range(50):
        state = State.ACTIVE if index % 2 else State.WAITING
        await outcomes(store, draft(modified_at=at(index), state=state))
        ticket = await store.tickets.get(1)
        assert ticket is not None
        assert ticket.state is state

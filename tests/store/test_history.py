from __future__ import annotations

import asyncio
import hashlib

import msgspec
import pytest

from polydesk.store import SqlStore, open_store
from polydesk.store.sqlite import connect
from tests.postgres import Server
from tests.store.records import ORG, at, draft, drafts, stamp


def tamper(url: str, server: Server | None, statement: str) -> None:
    if server is not None:
        server.sql(statement, database=url.rpartition("/")[2])
        return
    connection = connect(url.removeprefix("sqlite:///"), mode="rw")
    connection.execute(statement)
    connection.close()


@pytest.fixture
def server(request: pytest.FixtureRequest, store_url: str) -> Server | None:
    if store_url.startswith("sqlite"):
        return None
    server: Server = request.getfixturevalue("postgres")
    return server


async def test_a_change_tells_who_what_and_when(store: SqlStore) -> None:
    said = draft(modified_at=at(1), summary="It is out")
    await store.tickets.save(ORG, [draft()], stamp=stamp(), once=None)
    await store.tickets.save(ORG, [said], stamp=stamp(5, actor="bob"), once=None)

    entry = (await store.tickets.history(1, after=1, limit=9))[0]

    assert (entry.sequence, entry.ticket, entry.org, entry.at) == (2, 1, ORG, at(5))
    assert (entry.actor, entry.via, entry.request_id) == ("bob", "desk", "r-1")
    assert (entry.action, entry.digest) == ("update", said.digest)
    fields = msgspec.json.decode(entry.fields)
    assert fields["old"]["summary"] == "The printer is on fire"
    assert fields["new"]["summary"] == "It is out"


async def test_history_comes_oldest_first_and_in_parts(store: SqlStore) -> None:
    for index in range(5):
        await store.tickets.save(
            ORG, [draft("A", modified_at=at(index)), draft("B")], stamp=stamp(index), once=None
        )

    first = await store.tickets.history(1, after=0, limit=3)
    rest = await store.tickets.history(1, after=first[-1].sequence, limit=3)

    assert [entry.at for entry in first + rest] == [at(index) for index in range(5)]


async def test_the_chain_has_no_gaps_under_sixteen_writers(store: SqlStore) -> None:
    async def write(name: str) -> None:
        for index in range(20):
            if index % 3:
                await store.tickets.create(ORG, draft(""), stamp=stamp(index), once=None)
            else:
                said = drafts(f"{name}-{index}", 4)
                await store.tickets.save(ORG, said, stamp=stamp(index), once=None)

    async with asyncio.TaskGroup() as group:
        for name in "abcdefghijklmnop":
            group.create_task(write(name))

    assert await store.first_broken() is None
    ids = range(1, 16 * (13 + 7 * 4) + 1)
    entries = [await store.tickets.history(id_, after=0, limit=9) for id_ in ids]
    assert sorted(entry.sequence for of in entries for entry in of) == list(ids)


@pytest.mark.parametrize(
    "statement",
    [
        "update history set actor = 'eve' where sequence = 5",
        "update history set at = at + 1 where sequence = 5",
        "update history set fields = '{}' where sequence = 5",
        "update history set hash = (select hash from latest) where sequence = 5",
        "delete from history where sequence = 5",
    ],
)
async def test_tampering_is_found_where_it_was_done(
    store: SqlStore, store_url: str, server: Server | None, statement: str
) -> None:
    await store.tickets.save(ORG, drafts("n", 9), stamp=stamp(), once=None)
    assert await store.first_broken() is None

    tamper(store_url, server, statement)

    assert await store.first_broken() == 5


async def test_a_history_cut_short_is_found(
    store: SqlStore, store_url: str, server: Server | None
) -> None:
    await store.tickets.save(ORG, drafts("n", 9), stamp=stamp(), once=None)

    tamper(store_url, server, "delete from history where sequence > 7")

    assert await store.first_broken() == 8


async def test_an_entry_behind_the_end_is_found(
    store: SqlStore, store_url: str, server: Server | None
) -> None:
    await store.tickets.save(ORG, drafts("n", 3), stamp=stamp(), once=None)

    tamper(
        store_url,
        server,
        "insert into history select 4, ticket, org, at, actor, via, request_id, action, digest,"
        " fields, hash from history where sequence = 3",
    )

    assert await store.first_broken() == 4


async def test_an_empty_history_holds(store: SqlStore) -> None:
    assert await store.first_broken() is None


async def test_the_chain_goes_on_after_a_restart(store_url: str) -> None:
    for name in "abc":
        store = await open_store(store_url)
        await store.tickets.save(ORG, drafts(name, 2), stamp=stamp(), once=None)
        await store.close()

    store = await open_store(store_url)
    assert await store.first_broken() is None
    assert (await store.tickets.history(6, after=0, limit=1))[0].sequence == 6
    await store.close()


async def test_the_seal_is_a_hash_over_the_one_before(sqlite_url: str) -> None:
    store = await open_store(sqlite_url)
    await store.tickets.save(ORG, drafts("n", 2), stamp=stamp(), once=None)
    entries = [(await store.tickets.history(id_, after=0, limit=1))[0] for id_ in (1, 2)]

    await store.close()

    connection = connect(sqlite_url.removeprefix("sqlite:///"), mode="ro")
    hashes = [row[0] for row in connection.execute("select hash from history order by sequence")]
    connection.close()

    expected = bytes(32)
    for entry, hash_ in zip(entries, hashes, strict=True):
        expected = hashlib.sha256(expected + msgspec.json.encode(entry)).digest()
        assert hash_ == expected

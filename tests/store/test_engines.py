"""What both engines promise of scripts, whatever they are about."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from functools import partial

import asyncpg
import pytest

from polydesk.domain.errors import Conflict, Exists, TimedOut, Unavailable, WrongState
from polydesk.domain.query import Query
from polydesk.store import SqlStore, open_store
from polydesk.store.postgres import Postgres
from polydesk.store.script import WRITERS_LOCK, Engine, Read, Script, Together, Write
from tests.postgres import Server
from tests.store.records import ORG, draft, drafts, stamp

_INSERT = "insert into counters (name, value) values ($1, $2)"
_BY_NAME = "select value from counters where name = $1"
_LOCK = f"select pg_advisory_lock({WRITERS_LOCK})"
_UNLOCK = f"select pg_advisory_unlock({WRITERS_LOCK})"
_LONG = (
    "with recursive n(i) as (select 1 union all select i + 1 from n where i < 300000)"
    " select count(*) from n"
)
_OTHER_PROCESS = """
import asyncio, sys
from polydesk.store import open_store
from tests.store.records import ORG, drafts, stamp

async def main() -> None:
    store = await open_store(sys.argv[1])
    for index in range(20):
        await store.tickets.save(ORG, drafts(f"other-{index}", 3), stamp=stamp(), once=None)
    await store.close()

asyncio.run(main())
"""


@pytest.fixture
def engine(store: SqlStore) -> Engine:
    return store.engine


def adds(name: str, value: int = 1) -> Script[str]:
    if (yield Read(_BY_NAME, (name,))):
        raise Exists(name)
    yield Write(_INSERT, [(name, value)])
    return name


def writes_and_refuses(name: str) -> Script[None]:
    yield Write(_INSERT, [(name, 1)])
    raise WrongState(name)


def refuses(name: str) -> Script[None]:
    yield Read(_BY_NAME, (name,))
    raise Conflict(name)


def breaks(name: str) -> Script[None]:
    yield Write(_INSERT, [(name, 1)])
    raise ZeroDivisionError(name)


def collides(name: str) -> Script[None]:
    yield Write(_INSERT, [(name, 1), (name, 2)])


def says_nonsense(name: str) -> Script[None]:
    yield Write(_INSERT, [(name, 1)])
    yield Read("selec nonsense")


async def count(engine: Engine) -> int:
    row = await engine.row(Read("select count(*) from counters where name like 'n-%'"))
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (refuses, Conflict),
        (writes_and_refuses, WrongState),
        (breaks, ZeroDivisionError),
        (collides, Exists),
        (says_nonsense, Exception),
    ],
)
async def test_one_call_that_fails_spoils_none_of_fifty(
    engine: Engine, make: partial[Script[None]], error: type[Exception]
) -> None:
    scripts = [partial(adds, f"n-{index}") for index in range(50)]
    good = [asyncio.ensure_future(engine.write(script)) for script in scripts[:25]]
    bad = asyncio.ensure_future(engine.write(partial(make, "n-bad")))
    good += [asyncio.ensure_future(engine.write(script)) for script in scripts[25:]]

    assert await asyncio.gather(*good) == [f"n-{index}" for index in range(50)]
    with pytest.raises(error):
        await bad
    assert await count(engine) == 50


async def test_scripts_of_one_group_see_each_other(engine: Engine) -> None:
    calls = [engine.write(partial(adds, "n-1")) for _ in range(20)]

    done = await asyncio.gather(*calls, return_exceptions=True)

    assert done[0] == "n-1"
    assert all(isinstance(answer, Exists) for answer in done[1:])


async def test_a_caller_who_goes_away_leaves_the_others_in_peace(engine: Engine) -> None:
    calls = [asyncio.ensure_future(engine.write(partial(adds, f"n-{n}"))) for n in range(50)]
    await asyncio.sleep(0)
    for call in calls[::2]:
        call.cancel()

    done = await asyncio.gather(*calls, return_exceptions=True)

    assert done[1::2] == [f"n-{n}" for n in range(1, 50, 2)]
    assert await engine.write(partial(adds, "n-after")) == "n-after"


async def test_a_caller_who_goes_away_amid_the_write_ends_unheard(engine: Engine) -> None:
    begun = threading.Event()

    def lasts() -> Script[str]:
        begun.set()
        yield Read(_LONG)
        return (yield from adds("n-unheard"))

    call = asyncio.ensure_future(engine.write(lasts))
    await asyncio.to_thread(begun.wait)
    call.cancel()

    assert await engine.write(partial(adds, "n-after")) == "n-after"
    assert call.cancelled()
    assert await count(engine) == 2


async def test_more_calls_than_a_group_holds_are_all_answered(engine: Engine) -> None:
    calls = [engine.write(partial(adds, f"n-{index}")) for index in range(700)]

    assert len(set(await asyncio.gather(*calls))) == 700
    assert await count(engine) == 700


async def test_writes_together_are_all_done(engine: Engine) -> None:
    def together() -> Script[None]:
        yield Read(_BY_NAME, ("n-1",))
        ones = [Write(_INSERT, [(f"n-{index}", index)]) for index in range(3)]
        yield Together(
            [*ones, Write("update counters set value = $2 where name = $1", [("account", 9)])]
        )
        yield Together([Write(_INSERT, [("n-4", 4), ("n-5", 5)]), Write(_INSERT, [("n-6", 6)])])

    await engine.write(together)

    assert await count(engine) == 6
    row = await engine.row(Read(_BY_NAME, ("account",)))
    assert row is not None
    assert row[0] == 9


async def test_numbers_and_texts_are_unpacked(engine: Engine) -> None:
    for name, value in (("n-1", 1), ('n-"2"', 2), ("n-ü", 3)):
        await engine.write(partial(adds, name, value))

    named = await engine.rows(
        Read("select value from counters where name = any($1)", (['n-"2"', "n-ü", "?"],))
    )
    valued = await engine.rows(
        Read("select name from counters where value = any($1) and name <> $2", ([1, 2], "n-1"))
    )

    assert sorted(row[0] for row in named) == [2, 3]
    assert [row[0] for row in valued] == ['n-"2"']


async def test_close_ends_what_was_begun(store_url: str) -> None:
    store = await open_store(store_url)
    saves = [
        asyncio.ensure_future(store.tickets.save(ORG, drafts(f"n{n}", 3), stamp=stamp(), once=None))
        for n in range(30)
    ]
    await asyncio.sleep(0)

    await store.close()

    assert len(await asyncio.gather(*saves)) == 30


async def test_a_closed_store_refuses(store_url: str) -> None:
    store = await open_store(store_url)
    await store.close()

    with pytest.raises(Unavailable):
        await store.tickets.get(1)
    with pytest.raises(Unavailable):
        await store.tickets.select(ORG, Query())
    with pytest.raises(Unavailable):
        await store.tickets.create(ORG, draft(), stamp=stamp(), once=None)


async def test_two_processes_write_one_database(store: SqlStore, store_url: str) -> None:
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _OTHER_PROCESS, store_url, cwd="."
    )
    index = 0
    while other.returncode is None:
        index += 1
        await store.tickets.save(ORG, drafts(f"own-{index}", 3), stamp=stamp(), once=None)
        await asyncio.sleep(0.01)

    assert await other.wait() == 0
    assert await store.first_broken() is None
    rows = await store.engine.rows(Read("select count(*) from tickets"))
    assert rows[0][0] == (20 + index) * 3


@pytest.mark.postgres
async def test_a_serialization_failure_is_tried_again(postgres_url: str) -> None:
    store = await open_store(postgres_url)
    tries = []

    def fails_once() -> Script[int]:
        tries.append(1)
        yield Write(_INSERT, [("n-1", 1)])
        if len(tries) == 1:
            yield Read("select 1 from (select pg_temp.fails()) as f")
        return len(tries)

    await store.engine.write(_making_failure)
    assert await store.engine.write(fails_once) == 2
    await store.close()


def _making_failure() -> Script[None]:
    yield Write(
        "create function pg_temp.fails() returns int language plpgsql as"
        " $do$ begin raise exception using errcode = 'serialization_failure'; end $do$",
        [()],
    )


async def test_a_full_disk_is_unavailable_and_leaves_nothing_half(sqlite_url: str) -> None:
    store = await open_store(sqlite_url)

    def limits(pages: int) -> Script[None]:
        (size,) = (yield Read("pragma page_count"))[0]
        yield Read(f"pragma max_page_count = {size + pages}")

    await store.engine.write(partial(limits, 4))
    with pytest.raises(Unavailable):
        await store.tickets.save(ORG, drafts("full", 500), stamp=stamp(), once=None)
    await store.engine.write(partial(limits, 9_999))

    assert await store.tickets.select(ORG, Query()) == []
    assert (await store.tickets.create(ORG, draft(), stamp=stamp(), once=None)).id == 1
    assert await store.first_broken() is None
    await store.close()


@pytest.mark.postgres
async def test_a_write_that_waits_too_long_times_out(postgres_url: str) -> None:
    engine = await Postgres.open(postgres_url, command_seconds=0.3)
    other = await asyncpg.connect(postgres_url)
    await other.execute(_LOCK)

    with pytest.raises(TimedOut):
        await engine.write(partial(adds, "n-1"))
    with pytest.raises(TimedOut):
        await engine.rows(Read("select pg_sleep(5)"))
    await other.execute(_UNLOCK)

    assert await engine.write(partial(adds, "n-1")) == "n-1"
    await other.close()
    await engine.close()


@pytest.mark.postgres
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
async def test_a_store_outlives_its_server(
    postgres_url: str, postgres: Server, how: signal.Signals
) -> None:
    store = await open_store(postgres_url)
    made = await store.tickets.create(ORG, draft(), stamp=stamp(), once=None)

    postgres.stop(how=how)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await store.tickets.get(made.id)
        with pytest.raises(Unavailable):
            await store.tickets.create(ORG, draft(""), stamp=stamp(), once=None)
    postgres.start()

    assert await store.tickets.get(made.id) == made
    assert (await store.tickets.create(ORG, draft(""), stamp=stamp(), once=None)).id == 2
    await store.close()

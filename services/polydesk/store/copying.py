"""Copies a whole database into an empty one, of either engine: a backup, a restore, or a move.

What is read is one moment of the source, which may be in use. What is written is there as a whole
or not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing
from typing import Any, Final

import asyncpg
from sqlalchemy import Table

from polydesk.domain.errors import Damaged, WrongState
from polydesk.store import migrate, open_store, postgres, sqlite
from polydesk.store.schema import counters, latest, metadata, workers
from polydesk.store.script import Row

_SQLITE: Final = "sqlite:///"
_PER_STEP: Final = 1_000
# Who works on what is true of the source alone.
_TABLES: Final = tuple(table for table in metadata.sorted_tables if table is not workers)
# These have rows from the beginning.
_BEGUN: Final = (counters, latest)

Ask = Callable[[str], AsyncIterator[Sequence[Row]]]
Put = Callable[[Table, Sequence[Row]], Awaitable[None]]


async def copy(source: str, target: str) -> dict[str, int]:
    """Copies a database; returns how many rows each table had. Raises WrongState, Damaged."""
    await (await open_store(source)).close()
    await migrate(target)
    counts = {}
    async with _asking(source) as ask, _putting(target) as (found, put):
        await _check_empty(found)
        for table in _TABLES:
            counts[table.name] = 0
            async for rows in ask(f"select {_names(table)} from {table.name}"):  # noqa: S608 - own words
                await put(table, rows)
                counts[table.name] += len(rows)
    store = await open_store(target)
    broken = await store.first_broken()
    await store.close()
    if broken is not None:
        raise Damaged(f"the history is broken at entry {broken}, as that of the source must be")
    return counts


async def _check_empty(found: Ask) -> None:
    for table in _TABLES:
        if table in _BEGUN:
            continue
        async for _ in found(f"select 1 from {table.name} limit 1"):  # noqa: S608 - own words
            raise WrongState(f"the target is not empty: its table {table.name} has rows")


def _names(table: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.columns)


def _asking(url: str) -> Any:
    return _asking_file(_path(url)) if url.startswith(_SQLITE) else _asking_database(url)


def _putting(url: str) -> Any:
    return _putting_file(_path(url)) if url.startswith(_SQLITE) else _putting_database(url)


def _path(url: str) -> str:
    return url.removeprefix(_SQLITE)


@asynccontextmanager
async def _asking_file(path: str) -> AsyncIterator[Ask]:
    with sqlite.told(), closing(sqlite.connect(path, mode="ro")) as connection:
        connection.execute("begin")
        yield _asks(connection)


@asynccontextmanager
async def _asking_database(url: str) -> AsyncIterator[Ask]:
    async with (
        _connected(url) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield _fetches(connection)


@asynccontextmanager
async def _putting_file(path: str) -> AsyncIterator[tuple[Ask, Put]]:
    async def put(table: Table, rows: Sequence[Row]) -> None:
        places = ", ".join("?" * len(table.columns))
        sql = f"insert into {table.name} ({_names(table)}) values ({places})"  # noqa: S608 - own words
        await asyncio.to_thread(cursor.executemany, sql, rows)

    with sqlite.told(), closing(sqlite.connect(path, mode="rw")) as connection:
        connection.execute("begin immediate")
        for table in _BEGUN:
            connection.execute(f"delete from {table.name}")  # noqa: S608 - own words
        # One cursor: another that ended later, in another thread, would reset its statement.
        cursor = connection.cursor()
        yield _asks(connection), put
        connection.execute("commit")


@asynccontextmanager
async def _putting_database(url: str) -> AsyncIterator[tuple[Ask, Put]]:
    async def put(table: Table, rows: Sequence[Row]) -> None:
        columns = [column.name for column in table.columns]
        await connection.copy_records_to_table(table.name, records=rows, columns=columns)

    async with _connected(url) as connection, connection.transaction():
        for table in _BEGUN:
            await connection.execute(f"delete from {table.name}")  # noqa: S608 - own words
        yield _fetches(connection), put


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Any]:
    with postgres.told(reaching=True):
        connection = await asyncpg.connect(url, timeout=postgres.CONNECT_SECONDS)
        try:
            yield connection
        finally:
            await connection.close()


def _asks(connection: Any) -> Ask:
    async def ask(sql: str) -> AsyncIterator[Sequence[Row]]:
        cursor = connection.execute(sql)
        while rows := await asyncio.to_thread(cursor.fetchmany, _PER_STEP):
            yield rows

    return ask


def _fetches(connection: Any) -> Ask:
    async def ask(sql: str) -> AsyncIterator[Sequence[Row]]:
        cursor = await connection.cursor(sql)
        while rows := await cursor.fetch(_PER_STEP):
            yield [tuple(row) for row in rows]

    return ask

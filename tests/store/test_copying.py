"""Copies of a whole database, from either engine to either."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from polydesk.config import Settings
from polydesk.domain.errors import WrongState
from polydesk.server import Hub
from polydesk.store import SqlStore, copy, open_store
from polydesk.store.schema import metadata, workers
from polydesk.store.script import Read
from tests.store.records import ORG, drafts, stamp


async def contents(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Returns all rows of all tables, in one order."""
    store = await open_store(url)
    found = {}
    for table in metadata.sorted_tables:
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        rows: Any = await store.engine.rows(Read(f"select {names} from {table.name}"))  # noqa: S608 - own words
        found[table.name] = sorted((tuple(row) for row in rows), key=repr)
    await store.close()
    del found[workers.name]
    return found


async def seeded(url: str, folder: Path) -> None:
    """Has a hub put the demo there, with people, files, runs and all."""
    key = "k:" + "A" * 43 + "="
    settings = Settings(data=folder, database_url=url, demo=True, secret_keys=SecretStr(key))
    await (await Hub.start(settings)).stop()


async def test_a_copy_of_a_copy_on_the_other_engine_is_what_it_was(
    sqlite_url: str, postgres_empty: str, tmp_path: Path
) -> None:
    await seeded(sqlite_url, tmp_path / "var")
    back = f"sqlite:///{tmp_path / 'back.db'}"

    counts = await copy(sqlite_url, postgres_empty)
    again = await copy(postgres_empty, back)

    whole = await contents(sqlite_url)
    assert counts == again == {name: len(rows) for name, rows in whole.items()}
    assert min(counts[name] for name in ("tickets", "history", "people", "runs", "api_keys")) > 0
    assert await contents(postgres_empty) == whole
    assert await contents(back) == whole


async def test_what_is_copied_while_others_write_is_one_moment(
    store_url: str, tmp_path: Path
) -> None:
    source = await open_store(store_url)
    writing = asyncio.create_task(_write_on(source))
    await asyncio.sleep(0.5)
    targets = [f"sqlite:///{tmp_path / f'{number}.db'}" for number in range(3)]

    counts = [await copy(store_url, target) for target in targets]

    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    await source.close()
    for target, count in zip(targets, counts, strict=True):
        found = await contents(target)
        [(_, last, sequence, _)] = found["latest"]
        assert sequence == len(found["history"]) == count["history"]
        assert last == max(row[0] for row in found["tickets"])
    assert counts[0]["history"] < counts[-1]["history"]


async def _write_on(store: SqlStore) -> None:
    for number in range(100_000):
        await store.tickets.save(ORG, drafts(f"T{number}-", 20), stamp=stamp(number), once=None)


async def test_a_target_that_is_not_empty_stays_as_it_is(
    sqlite_url: str, postgres_url: str, tmp_path: Path
) -> None:
    await seeded(sqlite_url, tmp_path / "var")
    store = await open_store(postgres_url)
    await store.tickets.save(ORG, drafts("T", 1), stamp=stamp(0), once=None)
    await store.close()
    before = await contents(postgres_url)

    with pytest.raises(WrongState, match="the target is not empty: its table"):
        await copy(sqlite_url, postgres_url)

    assert await contents(postgres_url) == before


async def test_a_hub_goes_on_with_the_copy(
    sqlite_url: str, postgres_empty: str, tmp_path: Path
) -> None:
    await seeded(sqlite_url, tmp_path / "var")
    await copy(sqlite_url, postgres_empty)
    store = await open_store(postgres_empty)
    last = await store.tickets.newest()

    saved = await store.tickets.save(ORG, drafts("T", 1), stamp=stamp(0), once=None)
    broken = await store.first_broken()
    await store.close()

    assert saved.rows[0].id == last + 1
    assert broken is None

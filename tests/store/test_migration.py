from __future__ import annotations

import asyncio
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from polydesk.domain.errors import Unavailable
from polydesk.domain.query import Query
from polydesk.store import migrate, open_store, sqlite
from polydesk.store.schema import metadata
from tests.postgres import Server
from tests.store.records import ORG, draft, stamp

_numbers = count(1)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'a b%20?c.db'}"
    server: Server = request.getfixturevalue("postgres")
    return server.database(f"empty_{next(_numbers)}")


async def test_a_database_that_was_never_migrated_is_refused(empty_url: str) -> None:
    with pytest.raises(Unavailable, match="run polydesk migrate"):
        await open_store(empty_url)


async def test_migrating_makes_it_open(empty_url: str) -> None:
    await migrate(empty_url)

    store = await open_store(empty_url)
    assert await store.tickets.select(ORG, Query()) == []
    await store.close()


async def test_migrating_again_changes_nothing(store_url: str) -> None:
    store = await open_store(store_url)
    made = await store.tickets.create(ORG, draft(""), stamp=stamp(), once=None)

    await migrate(store_url)

    assert await store.tickets.get(made.id) == made
    assert await store.first_broken() is None
    await store.close()


async def test_two_may_migrate_at_once(empty_url: str) -> None:
    await asyncio.gather(migrate(empty_url), migrate(empty_url), migrate(empty_url))

    await (await open_store(empty_url)).close()


async def test_another_version_is_refused(store_url: str, request: pytest.FixtureRequest) -> None:
    statement = "update alembic_version set version_num = 'v9999'"
    if store_url.startswith("sqlite"):
        connection = sqlite.connect(store_url.removeprefix("sqlite:///"), mode="rw")
        connection.execute(statement)
        connection.close()
    else:
        server: Server = request.getfixturevalue("postgres")
        server.sql(statement, database=store_url.rpartition("/")[2])

    with pytest.raises(Unavailable, match="run polydesk migrate"):
        await open_store(store_url)


async def test_the_migrations_lead_to_the_schema(store_url: str) -> None:
    assert await _differences(store_url) == []


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("not a database " * 100)

    with pytest.raises(Unavailable):
        await open_store(f"sqlite:///{path}")
    with pytest.raises(Unavailable):
        await migrate(f"sqlite:///{path}")


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    url = "postgresql://postgres@127.0.0.1:1/none"

    with pytest.raises(Unavailable, match="cannot be reached"):
        await open_store(url)
    with pytest.raises(Unavailable, match="cannot be reached"):
        await migrate(url)


@pytest.mark.postgres
async def test_a_database_that_is_not_there_is_unavailable(postgres: Server) -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        await open_store(postgres.url("nowhere"))
    with pytest.raises(Unavailable, match="cannot be reached"):
        await migrate(postgres.url("nowhere"))


def test_serving_does_not_import_sqlalchemy() -> None:
    program = (
        "import sys, polydesk.store.postgres\n"
        "assert not {'sqlalchemy', 'alembic'} & sys.modules.keys()"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


async def _differences(url: str) -> list[object]:
    if url.startswith("sqlite"):
        path = url.removeprefix("sqlite:///")
        engine = create_engine(
            "sqlite://",
            creator=lambda: sqlite.connect(path, mode="rw"),
            module=sqlite.library,
            poolclass=NullPool,
        )
        with engine.connect() as connection:
            return _compared(connection)
    address = url.replace("postgresql:", "postgresql+asyncpg:")
    server = create_async_engine(address, poolclass=NullPool)
    async with server.connect() as opened:
        return await opened.run_sync(_compared)


def _compared(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))

"""Brings a database to the head of the migrations.

The only part that knows SQLAlchemy, and imported for nothing else: a hub starts without it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import alembic.command
import asyncpg
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from polydesk.domain.errors import Unavailable
from polydesk.store import postgres, sqlite
from polydesk.store.script import UNREACHABLE, WRITERS_LOCK

_SCRIPTS: Final = Path(__file__).with_name("migrations")
_OUT_OF_ORDER: Final = (InterfaceError, OperationalError)


async def upgrade_file(path: str) -> None:
    """Migrates a SQLite file, which is made if it is not there."""
    await asyncio.to_thread(_upgrade_file, path)


async def upgrade_database(url: str) -> None:
    """Migrates a PostgreSQL database, which is there."""

    async def connect() -> Any:
        with postgres.told(reaching=True):
            return await asyncpg.connect(url, timeout=postgres.CONNECT_SECONDS)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"select pg_advisory_xact_lock({WRITERS_LOCK})"))
            await connection.run_sync(_upgrade)
    except _OUT_OF_ORDER as error:
        raise Unavailable(UNREACHABLE) from error
    finally:
        await engine.dispose()


def _upgrade_file(path: str) -> None:
    def connect() -> Any:
        with sqlite.told():
            return sqlite.connect(path, mode="rwc")

    engine = create_engine("sqlite://", creator=connect, module=sqlite.library, poolclass=NullPool)
    try:
        with engine.begin() as connection:
            # The driver begins nothing by itself: the lock comes before the first look.
            connection.execute(text("begin immediate"))
            _upgrade(connection)
    except _OUT_OF_ORDER as error:
        raise Unavailable(UNREACHABLE) from error
    finally:
        engine.dispose()


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    alembic.command.upgrade(config, "head")

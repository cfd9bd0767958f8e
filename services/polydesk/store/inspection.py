"""What a database is like, whatever it is like: for those who look what is wrong with it.

Nothing is written, and nothing has to be up to date.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import msgspec

from polydesk.domain.errors import Unavailable
from polydesk.domain.keyring import Sealed
from polydesk.domain.secret import Kept, Secret
from polydesk.store import postgres, sqlite
from polydesk.store.script import UNREACHABLE

_SETTINGS: Final = ("fsync", "full_page_writes", "max_connections", "synchronous_commit")
_NEWEST: Final = "select document, key, sealed from secrets order by id desc limit 1"
_TABLES_OF_FILE: Final = "select name from sqlite_master where name = 'alembic_version'"
_SIGNING: Final = "select 1 from signing_keys limit 1"
_VERSION: Final = "select version_num from alembic_version"
_BEATS: Final = "select id, beat from workers"
_LOOKS: Final = 4
_LOOK_SECONDS: Final = 1.0
_TIMEOUT: Final = 5.0


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """What was found; `migration` is empty where there are no tables of ours.

    `ahead` is how many seconds its clock is ahead of this machine's.
    """

    version: str
    migration: str = ""
    settings: Mapping[str, str] = {}
    connections: int = 0
    ahead: float = 0.0
    sealed: Kept | None = None
    has_signing_key: bool = False
    beating: bool = False


async def inspect_file(path: Path, *, head: str) -> Inspection:
    """Looks at a SQLite file. Raises Unavailable."""
    return await asyncio.to_thread(_inspect_file, path, head)


async def inspect_database(url: str, *, head: str) -> Inspection:
    """Looks at a PostgreSQL database. Raises Unavailable, which says why it does not answer."""
    connection = await _connect(url)
    try:
        with postgres.told(reaching=True):
            return await _inspect(connection, head)
    finally:
        connection.terminate()


def _inspect_file(path: Path, head: str) -> Inspection:
    try:
        connection = sqlite.connect(str(path), mode="ro", patience=1_000)
    except sqlite.library.Error as error:
        raise Unavailable(f"it cannot be opened: {error}") from error
    try:
        migration = _migration([row[0] for row in _rows(connection, _TABLES_OF_FILE)], connection)
        current = migration == head
        newest = _rows(connection, _NEWEST) if current else []
        return Inspection(
            version=sqlite.library.sqlite_version,
            migration=migration,
            sealed=_kept(newest),
            has_signing_key=current and bool(_rows(connection, _SIGNING)),
        )
    except sqlite.library.Error as error:
        raise Unavailable(f"it cannot be read: {error}") from error
    finally:
        connection.close()


def _rows(connection: Any, sql: str) -> Sequence[Any]:
    rows: Sequence[Any] = connection.execute(sql).fetchall()
    return rows


def _migration(tables: Sequence[str], connection: Any) -> str:
    rows = _rows(connection, _VERSION) if tables else []
    return str(rows[0][0]) if rows else ""


async def _connect(url: str) -> Any:
    place = urlsplit(url)
    try:
        return await asyncpg.connect(url, timeout=_TIMEOUT, command_timeout=_TIMEOUT)
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise Unavailable(f"it does not let the user {place.username} in with it") from error
    except asyncpg.InvalidCatalogNameError as error:
        raise Unavailable(f"the server has no database {place.path.strip('/')}") from error
    except asyncpg.TooManyConnectionsError as error:
        raise Unavailable("it takes no more connections") from error
    except (OSError, TimeoutError) as error:
        where = f"{place.hostname}:{place.port or 5432}"
        raise Unavailable(f"no PostgreSQL answers at {where}") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise Unavailable(UNREACHABLE) from error


async def _inspect(connection: Any, head: str) -> Inspection:
    settings = {
        row[0]: row[1]
        for row in await connection.fetch(
            "select name, setting from pg_settings where name = any($1)", list(_SETTINGS)
        )
    }
    there = await connection.fetchval("select to_regclass('alembic_version') is not null")
    migration = str(await connection.fetchval(_VERSION) or "") if there else ""
    current = migration == head
    return Inspection(
        version=await connection.fetchval("show server_version"),
        migration=migration,
        settings=settings,
        connections=await connection.fetchval("select count(*) from pg_stat_activity"),
        ahead=await _ahead(connection),
        sealed=_kept(await connection.fetch(_NEWEST)) if current else None,
        has_signing_key=current and bool(await connection.fetch(_SIGNING)),
        beating=current and await _beats(connection),
    )


async def _ahead(connection: Any) -> float:
    before = datetime.now(UTC)
    there: datetime = await connection.fetchval("select clock_timestamp()")
    middle = before + (datetime.now(UTC) - before) / 2
    return (there - middle).total_seconds()


async def _beats(connection: Any) -> bool:
    """Tells whether some worker shows that it lives while we look."""
    before = {row[0]: row[1] for row in await connection.fetch(_BEATS)}
    for _ in range(_LOOKS if before else 0):
        await asyncio.sleep(_LOOK_SECONDS)
        rows = await connection.fetch(_BEATS)
        if any(before.get(row[0]) not in (None, row[1]) for row in rows):
            return True
    return False


def _kept(rows: Sequence[Any]) -> Kept | None:
    if not rows:
        return None
    document, key, box = rows[0]
    secret = msgspec.json.decode(document, type=Secret)
    return Kept(secret=secret, sealed=Sealed(key=key, box=bytes(box)))

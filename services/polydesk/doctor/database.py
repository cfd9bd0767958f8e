"""The database: whether it answers, whether it is ours and up to date, what it promises."""

from __future__ import annotations

import fcntl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from polydesk import store
from polydesk.config import Settings
from polydesk.doctor.finding import Finding, doubtful, well, wrong
from polydesk.domain.errors import Damaged, NotConfigured, Unavailable
from polydesk.domain.secret import Kept, place
from polydesk.store.inspection import Inspection

_MIGRATE: Final = "polydesk migrate"
_OLDEST: Final = 14
# What a process holds: eight readers and a writer, a worker the engine's pool as well.
_PER_HUB: Final = 9
_PER_WORKER: Final = 18
_SPARE: Final = 10
_SKEW_SECONDS: Final = 2.0
_MOST_SKEW_SECONDS: Final = 60.0


async def check_database(settings: Settings) -> AsyncIterator[Finding]:
    """Yields what there is to say of the database and of what is kept in it."""
    if told := _absent(settings):
        yield wrong("database", told)
        return
    try:
        found = await store.inspect(settings.store_url)
    except Unavailable as error:
        yield wrong("database", f"{_name(settings)}: {error.message}; {_mend(settings)}")
        return
    yield well("database", f"{_name(settings)} answers, {_engine(settings)} {found.version}")
    yield _migration(found)
    if settings.on_postgres:
        yield _version(found)
        yield _promises(found)
        yield _connections(found, settings)
        yield judge_clock(found.ahead)
    if found.migration == store.head():
        yield await _keys(found, settings)
        yield _signing(found)
    yield _worker(found, settings)


def _absent(settings: Settings) -> str:
    path = Path(settings.store_url.removeprefix("sqlite:///"))
    if settings.on_postgres or path.exists():
        return ""
    return f"there is no {path} yet: {_MIGRATE} makes it"


def _name(settings: Settings) -> str:
    """Names the database, never with a password."""
    if settings.on_postgres:
        return "POLYDESK_DATABASE_URL"
    return settings.store_url.removeprefix("sqlite:///")


def _engine(settings: Settings) -> str:
    return "PostgreSQL" if settings.on_postgres else "SQLite"


def _mend(settings: Settings) -> str:
    if settings.on_postgres:
        return "start it, or mend the URL"
    return "put a backup of it in its place"


def _migration(found: Inspection) -> Finding:
    head = store.head()
    if not found.migration:
        return wrong("schema", f"it has no tables of ours: {_MIGRATE} makes them")
    if found.migration < head:
        return wrong("schema", f"it is {found.migration}, older than {head}: run {_MIGRATE}")
    if found.migration > head:
        return wrong(
            "schema",
            f"it is {found.migration}, newer than {head}: install the version of polydesk that"
            " made it",
        )
    return well("schema", f"it is {head}")


def _version(found: Inspection) -> Finding:
    major = int(found.version.partition(".")[0])
    if major < _OLDEST:
        return wrong("PostgreSQL", f"{found.version}: {_OLDEST} or later is needed")
    return well("PostgreSQL", f"{found.version}")


def _promises(found: Inspection) -> Finding:
    lax = [
        name
        for name in ("synchronous_commit", "fsync", "full_page_writes")
        if found.settings.get(name) == "off"
    ]
    if lax:
        return wrong(
            "durability",
            f"{' and '.join(lax)} {'are' if lax[1:] else 'is'} off: what was answered as done may"
            " be lost; set to on",
        )
    return well("durability", "what is answered is on disk")


def _connections(found: Inspection, settings: Settings) -> Finding:
    most = int(found.settings.get("max_connections", "100"))
    need = settings.workers * _PER_HUB + _PER_WORKER + _SPARE
    told = f"max_connections is {most}, this set-up takes up to {need}"
    if most < need:
        return wrong("connections", f"{told}: raise it, or have fewer hub processes")
    if found.connections > most * 0.9:
        return doubtful("connections", f"{found.connections} of {most} are in use: raise it")
    return well("connections", told)


def judge_clock(ahead: float) -> Finding:
    """Says whether a clock may be so many seconds ahead of this machine's."""
    told = f"the database's clock is {abs(ahead):.1f} s off this machine's"
    if abs(ahead) > _MOST_SKEW_SECONDS:
        return wrong("clock", f"{told}: have both follow the same time server")
    if abs(ahead) > _SKEW_SECONDS:
        return doubtful("clock", f"{told}: have both follow the same time server")
    return well("clock", told)


async def _keys(found: Inspection, settings: Settings) -> Finding:
    keys = store.LocalKeys(
        inline=settings.secret_keys.get_secret_value(),
        file=settings.named_keys,
        own=settings.own_keys,
    )
    try:
        await keys.check()
        if found.sealed is None:
            return _unused(settings)
        ring = await keys.to_open(found.sealed.sealed.key)
        ring.open(found.sealed.sealed, about=_place(found.sealed))
    except (NotConfigured, Damaged) as error:
        return wrong("secret keys", _why(error, found.sealed))
    return well("secret keys", f"they open the newest secret, sealed with {ring.first}")


def _unused(settings: Settings) -> Finding:
    if settings.embedded or settings.secret_keys.get_secret_value() or settings.secret_key_file:
        return well("secret keys", "nothing is sealed yet")
    return doubtful(
        "secret keys",
        "there are none, so no secret can be kept: set POLYDESK_SECRET_KEYS to what polydesk"
        " secret key prints",
    )


def _why(error: NotConfigured | Damaged, sealed: Kept | None) -> str:
    if isinstance(error, Damaged) and sealed:
        return (
            f"the key {sealed.sealed.key} is not the one that the newest secret was sealed with:"
            " give the right one back"
        )
    return error.message


def _place(kept: Kept) -> bytes:
    return place(kept.secret.org, kept.secret.name)


def _signing(found: Inspection) -> Finding:
    if found.has_signing_key:
        return well("signing key", "tokens are signed with the database's key")
    return well("signing key", "it comes into being with the first token")


def _worker(found: Inspection, settings: Settings) -> Finding:
    alive = found.beating if settings.on_postgres else _locked(settings.runs_folder / "lock")
    if alive:
        return well("worker", "one works on runs")
    return doubtful("worker", "none works on runs: start polydesk up, or polydesk work")


def _locked(path: Path) -> bool:
    """Tells whether a worker holds its lock."""
    try:
        with path.open("rb+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False

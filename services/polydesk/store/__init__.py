"""Keeps what the desk knows, in SQLite (one machine) or PostgreSQL (many).

`open_store` serves, `migrate` makes and changes the tables. Each aggregate is one module, written
once for both engines; see `script.py` for how.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from polydesk.domain.errors import Unavailable
from polydesk.domain.location import Location
from polydesk.domain.meter import UNMETERED, Load, Meter
from polydesk.domain.person import Person
from polydesk.domain.rule import Rule
from polydesk.domain.runbook import Runbook
from polydesk.domain.script import Script
from polydesk.domain.target import Target
from polydesk.store import history
from polydesk.store.attachment import SqlAttachments
from polydesk.store.blobs import LocalBlobs
from polydesk.store.ci import SqlCis
from polydesk.store.ci_group import SqlCiGroups
from polydesk.store.ci_status import SqlCiStatuses
from polydesk.store.directory import SqlDirectory
from polydesk.store.identity import SqlIdentity
from polydesk.store.intake import SqlIntake
from polydesk.store.keys import LocalKeys
from polydesk.store.link import SqlLinks
from polydesk.store.note import SqlNotes
from polydesk.store.overview import SqlOverview
from polydesk.store.pending import SqlPendingFiles
from polydesk.store.rule import SqlRules
from polydesk.store.run import SqlRuns
from polydesk.store.schedule import SqlSchedules
from polydesk.store.script import OUT_OF_DATE, Engine, Read
from polydesk.store.secret import SqlSecrets
from polydesk.store.shelf import SqlShelf
from polydesk.store.sqlite import Sqlite, library
from polydesk.store.ticket import SqlTickets

if TYPE_CHECKING:
    from polydesk.store.inspection import Inspection

__all__ = [
    "LocalBlobs",
    "LocalKeys",
    "SqlStore",
    "copy",
    "head",
    "inspect",
    "migrate",
    "open_store",
    "sqlite_library",
]

_SQLITE: Final = "sqlite:///"


class SqlStore:
    """The store of one database."""

    def __init__(self, engine: Engine, *, meter: Meter = UNMETERED) -> None:
        self.engine = engine
        self._tickets = SqlTickets(engine)
        self._notes = SqlNotes(engine)
        self._links = SqlLinks(engine)
        self._attachments = SqlAttachments(engine)
        self._intake = SqlIntake(engine)
        self._pending_files = SqlPendingFiles(engine)
        self._people = SqlDirectory(Person, engine)
        self._locations = SqlDirectory(Location, engine)
        self._secrets = SqlSecrets(engine)
        self._scripts = SqlShelf(engine, "script", Script)
        self._targets = SqlShelf(engine, "target", Target)
        self._runbooks = SqlShelf(engine, "runbook", Runbook)
        self._rules = SqlRules(engine, "rule", Rule)
        self._runs = SqlRuns(engine, meter=meter)
        self._ci_groups = SqlCiGroups(engine)
        self._cis = SqlCis(engine)
        self._ci_statuses = SqlCiStatuses(engine)
        self._schedules = SqlSchedules(engine)
        self._history = history.SqlHistory(engine)
        self._overview = SqlOverview(engine)
        self._identity = SqlIdentity(engine)

    @property
    def tickets(self) -> SqlTickets:
        """Keeps tickets."""
        return self._tickets

    @property
    def notes(self) -> SqlNotes:
        """Keeps notes."""
        return self._notes

    @property
    def links(self) -> SqlLinks:
        """Keeps links."""
        return self._links

    @property
    def attachments(self) -> SqlAttachments:
        """Keeps what is known of attachments."""
        return self._attachments

    @property
    def intake(self) -> SqlIntake:
        """Takes in what comes with files or with a link."""
        return self._intake

    @property
    def pending_files(self) -> SqlPendingFiles:
        """Keeps files that wait for their tickets."""
        return self._pending_files

    @property
    def people(self) -> SqlDirectory[Person]:
        """Keeps people."""
        return self._people

    @property
    def locations(self) -> SqlDirectory[Location]:
        """Keeps locations."""
        return self._locations

    @property
    def secrets(self) -> SqlSecrets:
        """Keeps secrets."""
        return self._secrets

    @property
    def scripts(self) -> SqlShelf[Script]:
        """Keeps scripts."""
        return self._scripts

    @property
    def targets(self) -> SqlShelf[Target]:
        """Keeps targets."""
        return self._targets

    @property
    def runbooks(self) -> SqlShelf[Runbook]:
        """Keeps runbooks."""
        return self._runbooks

    @property
    def rules(self) -> SqlRules:
        """Keeps rules."""
        return self._rules

    @property
    def runs(self) -> SqlRuns:
        """Keeps runs."""
        return self._runs

    @property
    def ci_groups(self) -> SqlCiGroups:
        """Keeps CI groups."""
        return self._ci_groups

    @property
    def cis(self) -> SqlCis:
        """Keeps CIs."""
        return self._cis

    @property
    def ci_statuses(self) -> SqlCiStatuses:
        """Keeps what was reported of CIs."""
        return self._ci_statuses

    @property
    def schedules(self) -> SqlSchedules:
        """Keeps schedules."""
        return self._schedules

    @property
    def history(self) -> history.SqlHistory:
        """Keeps what happened."""
        return self._history

    @property
    def overview(self) -> SqlOverview:
        """Counts what there is and what happened."""
        return self._overview

    @property
    def identity(self) -> SqlIdentity:
        """Keeps orgs and accounts."""
        return self._identity

    def load(self) -> Load:
        """Returns how much there is to do."""
        return self.engine.load()

    async def first_broken(self) -> int | None:
        """Checks the history; returns the sequence where its chain breaks, if it does."""
        return await history.first_broken(self.engine)

    async def close(self) -> None:
        """Ends what is under way and lets go of the database."""
        await self.engine.close()


async def open_store(url: str, *, meter: Meter = UNMETERED) -> SqlStore:
    """Opens `sqlite:////path/of.db` or `postgresql://user@host:port/name`."""
    engine = await _engine(url, meter)
    try:
        await _check(engine)
    except BaseException:
        await engine.close()
        raise
    return SqlStore(engine, meter=meter)


def sqlite_library() -> Any:
    """Returns the one library that may open SQLite files in this process."""
    return library


async def migrate(url: str) -> None:
    """Brings a database to what this version needs; one that is there already stays as it is."""
    if await _is_current(url):
        return
    from polydesk.store import migration  # noqa: PLC0415  # SQLAlchemy takes a second to import

    if url.startswith(_SQLITE):
        await migration.upgrade_file(url.removeprefix(_SQLITE))
    else:
        await migration.upgrade_database(url)


async def copy(source: str, target: str) -> dict[str, int]:
    """Copies a database into an empty one; returns how many rows each table has."""
    from polydesk.store import copying  # noqa: PLC0415  # SQLAlchemy takes a second to import

    return await copying.copy(source, target)


async def inspect(url: str) -> Inspection:
    """Returns what a database is like, whatever it is like. Raises Unavailable."""
    from polydesk.store import inspection  # noqa: PLC0415  # it brings asyncpg

    if url.startswith(_SQLITE):
        return await inspection.inspect_file(Path(url.removeprefix(_SQLITE)), head=head())
    return await inspection.inspect_database(url, head=head())


async def _is_current(url: str) -> bool:
    try:
        opened = await open_store(url)
    except Unavailable:
        return False
    await opened.close()
    return True


async def _engine(url: str, meter: Meter) -> Engine:
    if url.startswith(_SQLITE):
        return _sqlite(url.removeprefix(_SQLITE), meter)
    from polydesk.store.postgres import Postgres  # noqa: PLC0415  # most hubs need no asyncpg

    return await Postgres.open(url, meter=meter)


def _sqlite(path: str, meter: Meter) -> Sqlite:
    if not Path(path).exists():
        raise Unavailable(OUT_OF_DATE)
    return Sqlite(path, meter=meter)


async def _check(engine: Engine) -> None:
    row = await engine.row(Read("select version_num from alembic_version"))
    if row is None or row[0] != head():
        raise Unavailable(OUT_OF_DATE)


def head() -> str:
    """Returns the newest migration, which its name tells: `v0001_what.py`."""
    names = [path.name for path in (Path(__file__).parent / "migrations/versions").glob("v*.py")]
    return max(names).partition("_")[0]

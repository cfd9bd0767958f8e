"""What the modules of the store are written in, once for both engines: scripts.

A script is a generator that yields statements and is sent the rows of each. An engine runs it in
one transaction, maybe together with others; it may run it twice, so a script has no effect but
its statements. It refuses a call, by raising, before it writes.

Statements are in PostgreSQL's words, of which SQLite is told `$1` and `= any($1)` in its own.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from polydesk.domain.meter import Load

T = TypeVar("T")
Row = Sequence[Any]
OUT_OF_DATE: Final = "the database is not up to date: run polydesk migrate"
UNREACHABLE: Final = "the database cannot be reached"
CLOSED: Final = "the database is closed"
# Under this advisory lock PostgreSQL writes. Any number will do that all processes agree on.
WRITERS_LOCK: Final = 7_366


class Read(NamedTuple):
    """Asks for rows."""

    sql: str
    args: tuple[Any, ...] = ()


class Write(NamedTuple):
    """Is executed once for each row of values, and answers nothing."""

    sql: str
    rows: Sequence[tuple[Any, ...]]


class Together(NamedTuple):
    """Writes that touch different rows: PostgreSQL takes single ones in one round trip."""

    writes: Sequence[Write]


Statement = Read | Write | Together
Script = Generator[Statement, Sequence[Row], T]


class Engine(Protocol):
    """Runs scripts on a database. Writes of the whole hub come one after another."""

    async def write(self, make: Callable[[], Script[T]]) -> T:
        """Runs a script; when it answers, what it wrote is synced."""

    async def rows(self, read: Read) -> Sequence[Row]:
        """Returns rows, maybe many."""

    async def row(self, read: Read) -> Row | None:
        """Returns the first row, which an index finds."""

    def when_written(self, ring: Callable[[], None]) -> None:
        """Has `ring` called in the loop's thread, after each group of writes."""

    def load(self) -> Load:
        """Returns how much there is to do."""

    async def close(self) -> None:
        """Ends what is under way and lets go of the database."""

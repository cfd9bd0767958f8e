"""SQLite: one thread writes, in groups; point reads stay in the loop's thread, scans have a pool.

One SQLite library opens the file, because two in one process corrupt each other's locks. A point
read takes about 50 microseconds, which is less than what it costs to wake a thread.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, Literal
from urllib.parse import quote

from polydesk.domain.errors import Conflict, Exists, Invalid, Unavailable
from polydesk.domain.meter import UNMETERED, Load, Meter
from polydesk.store.group import Call, Spoilt, deliver, gather, steps
from polydesk.store.script import (
    CLOSED,
    OUT_OF_DATE,
    UNREACHABLE,
    Read,
    Row,
    Script,
    Statement,
    T,
    Together,
)


def _library() -> Any:
    try:
        return importlib.import_module("pysqlite3")
    except ImportError:
        return importlib.import_module("sqlite3")


library: Final = _library()
Connection = Any
_SCANS: Final = 2
_PATIENCE: Final = 30_000
# In the loop's thread everybody waits, and there is nothing to wait for but a recovery.
_SHORT_PATIENCE: Final = 250
_PRAGMAS: Final = (
    "synchronous = FULL",
    "foreign_keys = ON",
    "cache_size = -65536",
    "temp_store = MEMORY",
)
_BUSY: Final = 5
_MOMENT: Final = 0.01
# BUSY LOCKED NOMEM READONLY IOERR CORRUPT FULL CANTOPEN PROTOCOL NOTADB
_OUT_OF_ORDER: Final = frozenset({5, 6, 7, 8, 10, 11, 13, 14, 15, 26})


def connect(
    path: str, *, mode: Literal["ro", "rw", "rwc"], patience: int = _PATIENCE
) -> Connection:
    """Opens the file; the caller makes transactions by itself."""
    connection = library.connect(
        f"file:{quote(path)}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
    )
    connection.execute(f"pragma busy_timeout = {patience}")
    for pragma in _PRAGMAS:
        connection.execute(f"pragma {pragma}")
    if mode != "ro":
        _keep_log(connection, patience)
        connection.execute("pragma wal_autocheckpoint = 10000")
    return connection


def _keep_log(connection: Connection, patience: int) -> None:
    """Makes the file write ahead; SQLite itself does not wait for another that does the same."""
    until = time.monotonic() + patience / 1_000
    while True:
        try:
            connection.execute("pragma journal_mode = WAL")
        except library.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != _BUSY or time.monotonic() > until:
                raise
            time.sleep(_MOMENT)
        else:
            return


class Sqlite:
    """The engine of one machine."""

    def __init__(self, path: str, *, meter: Meter = UNMETERED) -> None:
        self._meter = meter
        with told():
            self._writer = connect(path, mode="rw")
            self._reader = connect(path, mode="ro", patience=_SHORT_PATIENCE)
            scanners = [connect(path, mode="ro") for _ in range(_SCANS)]
        self._scanners: SimpleQueue[Connection] = SimpleQueue()
        for scanner in scanners:
            self._scanners.put(scanner)
        self._pool = ThreadPoolExecutor(_SCANS, thread_name_prefix="sqlite-scan")
        self._waiting: SimpleQueue[Call | None] = SimpleQueue()
        self._closed = False
        self._rings: list[Callable[[], None]] = []
        self._thread = Thread(target=self._write_on, name="sqlite-writer", daemon=True)
        self._thread.start()

    async def write(self, make: Callable[[], Script[T]]) -> T:
        """Runs a script in the writer's thread."""
        if self._closed:
            raise Unavailable(CLOSED)
        call = Call(make)
        self._waiting.put(call)
        answer: T = await call.answer
        return answer

    async def rows(self, read: Read) -> Sequence[Row]:
        """Reads in a thread."""
        if self._closed:
            raise Unavailable(CLOSED)
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._scan, read)

    async def row(self, read: Read) -> Row | None:
        """Reads here and now."""
        if self._closed:
            raise Unavailable(CLOSED)
        with told():
            row: Row | None = _ask(self._reader, read).fetchone()
        return row

    def when_written(self, ring: Callable[[], None]) -> None:
        """Has `ring` called after each group of writes."""
        self._rings.append(ring)

    def load(self) -> Load:
        """Returns how many writes wait, and how many scans go on."""
        return Load(self._waiting.qsize(), _SCANS - self._scanners.qsize(), _SCANS)

    async def close(self) -> None:
        """Ends after the last write that waits; the writer, closed last, empties the log."""
        self._closed = True
        self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self._pool.shutdown)
        while not self._scanners.empty():
            self._scanners.get().close()
        self._reader.close()
        self._writer.close()

    def _scan(self, read: Read) -> Sequence[Row]:
        connection = self._scanners.get()
        try:
            with told():
                rows: list[Row] = _ask(connection, read).fetchall()
                return rows
        finally:
            self._scanners.put(connection)

    def _write_on(self) -> None:
        while (first := self._waiting.get()) is not None:
            calls = gather(first, self._waiting)
            answers = self._commit(calls)
            with suppress(RuntimeError):  # the loop was closed, so nobody waits
                first.answer.get_loop().call_soon_threadsafe(self._tell, calls, answers)

    def _tell(self, calls: Sequence[Call], answers: Sequence[Any]) -> None:
        deliver(calls, answers)
        for ring in self._rings:
            ring()

    def _commit(self, calls: Sequence[Call]) -> list[Any]:
        """Returns answers or exceptions; where one call spoils the group, each goes alone."""
        try:
            with told():
                return self._transact(calls)
        except Spoilt as spoilt:
            failure: Exception = spoilt.refusal
        except Exception as error:  # noqa: BLE001  # handed to the caller
            failure = error
        if len(calls) == 1 or isinstance(failure, Unavailable):
            return [failure] * len(calls)
        return [answer for call in calls for answer in self._commit([call])]

    def _transact(self, calls: Sequence[Call]) -> list[Any]:
        began = time.monotonic()
        self._writer.execute("begin immediate")
        try:
            answers = [self._play(call) for call in calls]
            self._writer.execute("commit")
        except BaseException:
            self._meter.rolled_back(len(calls))
            with suppress(library.Error):  # some errors have rolled back by themselves
                self._writer.execute("rollback")
            raise
        self._meter.committed(len(calls), seconds=time.monotonic() - began)
        return answers

    def _play(self, call: Call) -> Any:
        script = steps(call)
        try:
            statement: Statement = next(script)
            while True:
                statement = script.send(_run(self._writer, statement))
        except StopIteration as end:
            return end.value


def _run(connection: Connection, statement: Statement) -> Sequence[Row]:
    if isinstance(statement, Read):
        rows: list[Row] = _ask(connection, statement).fetchall()
        return rows
    for write in statement.writes if isinstance(statement, Together) else [statement]:
        connection.executemany(_translated(write.sql)[0], write.rows)
    return ()


def _ask(connection: Connection, read: Read) -> Any:
    sql, packs = _translated(read.sql)
    if not packs:
        return connection.execute(sql, read.args)
    args = list(read.args)
    for index in packs:
        args[index] = json.dumps(args[index])
    return connection.execute(sql, args)


@functools.lru_cache(maxsize=1_024)  # filters have endless forms
def _translated(sql: str) -> tuple[str, tuple[int, ...]]:
    """Returns the statement in SQLite's words, and which arguments are packed as JSON arrays."""
    packs = tuple({int(n) - 1 for n in re.findall(r"= any\(\$(\d+)\)", sql)})
    sql = re.sub(r"= any\(\$(\d+)\)", r"in (select value from json_each(?\1))", sql)
    sql = sql.replace(' collate "C"', "")
    return re.sub(r"\$(\d+)", r"?\1", sql), packs


@contextmanager
def told() -> Iterator[None]:
    """Tells the driver's errors in the desk's words."""
    try:
        yield
    except library.IntegrityError as error:
        if str(error).startswith("UNIQUE"):
            raise Exists("there is such a record already") from error
        raise Conflict("the record refers to something that is not there") from error
    except OverflowError as error:
        raise Invalid("a number is too large") from error
    except library.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _OUT_OF_ORDER:
            raise Unavailable(UNREACHABLE) from error
        if str(error).startswith("no such table"):
            raise Unavailable(OUT_OF_DATE) from error
        raise

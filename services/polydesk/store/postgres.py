"""PostgreSQL: one task writes, in groups, under a lock that all processes of the hub share.

The lock makes writes come one after another, so ids and history have no gaps and their order is
the order of commits. Reads have a pool. Whatever is down, a call ends within seconds.
"""

from __future__ import annotations

import asyncio
import functools
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import asyncpg

from polydesk.domain.errors import Conflict, Exists, Invalid, TimedOut, Unavailable
from polydesk.domain.meter import UNMETERED, Load, Meter
from polydesk.store.group import Call, Spoilt, deliver, gather, steps
from polydesk.store.script import (
    CLOSED,
    OUT_OF_DATE,
    UNREACHABLE,
    WRITERS_LOCK,
    Read,
    Row,
    Script,
    Statement,
    T,
    Together,
)

CONNECT_SECONDS: Final = 3.0
_COMMAND_SECONDS: Final = 10.0
_READERS: Final = 8
_STATEMENTS: Final = 512
_BEGIN: Final = (
    f"begin isolation level read committed; select pg_advisory_xact_lock({WRITERS_LOCK})"
)
_PARAMETER: Final = re.compile(r"\$(\d+)")
_OUT_OF_ORDER: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that was ended while it was idle
    OSError,
)


class _Again(Unavailable):
    """The database asks to run the transaction once more."""


class Postgres:
    """The engine of many machines."""

    def __init__(
        self, pool: Any, connect: Callable[[], Awaitable[Any]], *, meter: Meter = UNMETERED
    ) -> None:
        self._pool = pool
        self._meter = meter
        self._connect = connect
        self._connection: Any = None
        self._closed = False
        self._rings: list[Callable[[], None]] = []
        self._waiting: asyncio.Queue[Call | None] = asyncio.Queue()
        self._writer = asyncio.create_task(self._write_on(), name="postgres-writer")

    @classmethod
    async def open(
        cls, url: str, *, command_seconds: float = _COMMAND_SECONDS, meter: Meter = UNMETERED
    ) -> Postgres:
        """Connects."""
        connect = functools.partial(
            asyncpg.connect,
            url,
            timeout=CONNECT_SECONDS,
            command_timeout=command_seconds,
            statement_cache_size=_STATEMENTS,
            max_cached_statement_lifetime=0,
        )
        with told(reaching=True):
            pool = await asyncpg.create_pool(
                url, min_size=0, max_size=_READERS, reset=_as_it_is, **connect.keywords
            )
        return cls(pool, connect, meter=meter)

    async def write(self, make: Callable[[], Script[T]]) -> T:
        """Runs a script in the writer's task."""
        if self._closed:
            raise Unavailable(CLOSED)
        call = Call(make)
        self._waiting.put_nowait(call)
        answer: T = await call.answer
        return answer

    async def rows(self, read: Read) -> Sequence[Row]:
        """Reads with a connection of the pool."""
        if self._closed:
            raise Unavailable(CLOSED)
        async with self._reading() as connection:
            rows: Sequence[Row] = await connection.fetch(read.sql, *read.args)
            return rows

    async def row(self, read: Read) -> Row | None:
        """Reads with a connection of the pool."""
        rows = await self.rows(read)
        return rows[0] if rows else None

    def when_written(self, ring: Callable[[], None]) -> None:
        """Has `ring` called after each group of writes."""
        self._rings.append(ring)

    def load(self) -> Load:
        """Returns how many writes wait, and how much of the pool is in use."""
        size: int = self._pool.get_size()
        return Load(self._waiting.qsize(), size - self._pool.get_idle_size(), size)

    async def close(self) -> None:
        """Ends after the last write that waits."""
        self._closed = True
        self._waiting.put_nowait(None)
        await self._writer
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                if self._connection is not None:
                    await self._connection.close()
                await self._pool.close()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self._pool.terminate()

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Any]:
        with told(reaching=True):
            connection = await self._pool.acquire(timeout=_COMMAND_SECONDS)
        try:
            with told():
                yield connection
        finally:
            with told():
                await self._pool.release(connection)

    async def _write_on(self) -> None:
        while (first := await self._waiting.get()) is not None:
            calls = gather(first, self._waiting)
            deliver(calls, await self._commit(calls))
            for ring in self._rings:
                ring()

    async def _commit(self, calls: Sequence[Call], *, again: bool = True) -> list[Any]:
        """Returns answers or exceptions; where one call spoils the group, each goes alone."""
        try:
            with told():
                return await self._transact(calls)
        except Spoilt as spoilt:
            failure: Exception = spoilt.refusal
        except _Again as error:
            if again and len(calls) == 1:
                return await self._commit(calls, again=False)
            failure = error
        except Exception as error:  # noqa: BLE001  # handed to the caller
            failure = error
        lost = isinstance(failure, Unavailable | TimedOut) and not isinstance(failure, _Again)
        if len(calls) == 1 or lost:
            return [failure] * len(calls)
        return [answer for call in calls for answer in await self._commit([call])]

    async def _transact(self, calls: Sequence[Call]) -> list[Any]:
        connection = await self._connected()
        began = time.monotonic()
        try:
            await connection.execute(_BEGIN)
            answers = [await self._play(connection, call) for call in calls]
            await connection.execute("commit")
        except (asyncpg.PostgresError, Spoilt):
            self._meter.rolled_back(len(calls))
            await _undo(connection)
            raise
        except BaseException:
            self._meter.rolled_back(len(calls))
            connection.terminate()
            raise
        self._meter.committed(len(calls), seconds=time.monotonic() - began)
        return answers

    async def _connected(self) -> Any:
        if self._connection is None or self._connection.is_closed():
            with told(reaching=True):
                self._connection = await self._connect()
        return self._connection

    async def _play(self, connection: Any, call: Call) -> Any:
        script = steps(call)
        try:
            statement: Statement = next(script)
            while True:
                statement = script.send(await _run(connection, statement))
        except StopIteration as end:
            return end.value


async def _run(connection: Any, statement: Statement) -> Sequence[Row]:
    if isinstance(statement, Read):
        rows: Sequence[Row] = await connection.fetch(statement.sql, *statement.args)
        return rows
    writes = statement.writes if isinstance(statement, Together) else [statement]
    if all(len(write.rows) == 1 for write in writes):
        sql = _joined(tuple(write.sql for write in writes))
        await connection.fetch(sql, *(value for write in writes for value in write.rows[0]))
    else:
        for write in writes:
            await connection.executemany(write.sql, write.rows)
    return ()


@functools.cache
def _joined(sqls: tuple[str, ...]) -> str:
    """Makes one statement of several, whose parameters are numbered through."""
    parts: list[str] = []
    before = 0
    for sql in sqls:
        numbers = [int(number) for number in _PARAMETER.findall(sql)]
        parts.append(_PARAMETER.sub(functools.partial(_moved, before), sql))
        before += max(numbers, default=0)
    *first, last = parts
    named = ", ".join(f"w{index} as ({part})" for index, part in enumerate(first))
    return f"with {named} {last}" if named else last


def _moved(by: int, parameter: re.Match[str]) -> str:
    return f"${int(parameter[1]) + by}"


async def _undo(connection: Any) -> None:
    try:
        await connection.execute("rollback")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        connection.terminate()


async def _as_it_is(_connection: Any) -> None:
    """Readers leave nothing behind in a session, so there is nothing to reset."""


@contextmanager
def told(*, reaching: bool = False) -> Iterator[None]:
    """Tells the driver's errors in the desk's words."""
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        raise Exists("there is such a record already") from error
    except asyncpg.IntegrityConstraintViolationError as error:
        raise Conflict("the record refers to something that is not there") from error
    except (asyncpg.SerializationError, asyncpg.DeadlockDetectedError) as error:
        raise _Again("the database is busy") from error
    except asyncpg.UndefinedTableError as error:
        raise Unavailable(OUT_OF_DATE) from error
    except asyncpg.DataError as error:
        raise Invalid("a value is none that the database keeps") from error
    except (TimeoutError, asyncpg.QueryCanceledError) as error:
        if reaching:
            raise Unavailable(UNREACHABLE) from error
        raise TimedOut("the database took too long") from error
    except _OUT_OF_ORDER as error:
        raise Unavailable(UNREACHABLE) from error

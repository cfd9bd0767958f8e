"""Watching: tells the changes of an org as they happen, to everybody in the order of the history.

A watcher reads the history at its own pace and nothing is kept for it, so a slow one costs
nothing. What is shared is the look at the store for something new.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar

import msgspec

from polydesk.domain.errors import Invalid, Overloaded, Unavailable
from polydesk.domain.history import Entry
from polydesk.domain.identity import Caller
from polydesk.domain.ports import Clock, HistoryStore
from polydesk.domain.ticket import Ticket

T = TypeVar("T")
Page = list[tuple[Entry, Ticket | None]]
LONGEST_SILENCE: Final = 300
USUAL_SILENCE: Final = 15
MOST_WATCHES: Final = 1_000
_PAGE: Final = 100
# Writes of this process ring; those of others are found by looking.
_LOOK_SECONDS: Final = 0.25
_REST_SECONDS: Final = 0.01
_PER_LOOK: Final = 10_000


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A change with the ticket as it is now or, without one, a sign of life.

    A watch that begins with `cursor` goes on behind it.
    """

    cursor: str
    entry: Entry | None = None
    ticket: Ticket | None = None


class News:
    """Tells who waits that an org has changed, by one look at the store for all who wait."""

    def __init__(self, *, store: HistoryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._rung = asyncio.Event()
        self._newest: dict[int, int] = {}
        self._seen: int | None = None
        self._rested_at = 0.0
        self._looking: asyncio.Task[None] | None = None
        self._closed = False
        store.when_written(self._rung.set)

    async def newest(self) -> int:
        """Returns the newest change of the hub; what comes behind it will be told."""
        newest = await self._store.newest()
        if self._seen is None:
            self._seen = newest
        return newest

    async def wait(self, org: int, after: int, *, seconds: float) -> None:
        """Returns when the org has a change behind `after`, or the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._newest.get(org, 0) <= after:
                    self.check_open()
                    await asyncio.shield(self._look())

    def check_open(self) -> None:
        """Raises Unavailable when the hub stops."""
        if self._closed:
            raise Unavailable("the hub is stopping: watch again from the last cursor")

    def close(self) -> None:
        """Ends all waiting."""
        self._closed = True
        self._rung.set()

    def _look(self) -> asyncio.Task[None]:
        if self._looking is None or self._looking.done():
            self._looking = _shared(self._look_once())
        return self._looking

    async def _look_once(self) -> None:
        # Many writes a second are told together, for each telling wakes everybody.
        await self._clock.sleep(max(0.0, self._rested_at - self._clock.monotonic()))
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._rung.wait()
        if self._closed:
            return
        self._rung.clear()
        seen = self._seen or 0
        touched = await self._store.touched(seen, limit=_PER_LOOK)
        self._newest |= touched
        self._seen = max(touched.values(), default=seen)
        if self._seen - seen == _PER_LOOK:
            self._rung.set()
        self._rested_at = self._clock.monotonic() + _REST_SECONDS


class Watches:
    """Lets callers follow the changes of an org; ends them all when the hub stops."""

    def __init__(self, *, store: HistoryStore, clock: Clock) -> None:
        self._store = store
        self._news = News(store=store, clock=clock)
        self._reading: dict[tuple[int, int], asyncio.Task[Page]] = {}
        self._count = 0

    async def follow(
        self,
        caller: Caller,
        org: int,
        *,
        cursor: str,
        silence: int,
        again: Callable[[], Awaitable[Caller]],
    ) -> AsyncGenerator[Told, None]:
        """Yields each change behind `cursor` once, and signs of life in between.

        An empty cursor is now, `0` is the first change ever. `again` tells anew who calls, for a
        watch may outlive what its caller may do; it is asked before anything is told.
        """
        caller.admit(org)
        seconds = silence_seconds(silence)
        with self._seat():
            after = await self._begin(cursor)
            while True:
                self._news.check_open()
                (await again()).admit(org)
                changes = await self._page(org, after)
                for entry, ticket in changes:
                    after = entry.sequence
                    yield Told(cursor=str(after), entry=entry, ticket=ticket)
                if not changes:
                    yield Told(cursor=str(after))
                if len(changes) < _PAGE:
                    await self._news.wait(org, after, seconds=seconds)

    @property
    def count(self) -> int:
        """Returns how many watch."""
        return self._count

    def close(self) -> None:
        """Ends all watches with Unavailable, and refuses new ones."""
        self._news.close()

    async def _page(self, org: int, after: int) -> Page:
        """Reads once for all who want the same at the same time, as those do who were woken."""
        key = org, after
        if key not in self._reading:
            reading = _shared(self._store.of_org(org, after=after, limit=_PAGE))
            reading.add_done_callback(lambda _: self._reading.pop(key))
            self._reading[key] = reading
        return await asyncio.shield(self._reading[key])

    async def _begin(self, cursor: str) -> int:
        newest = await self._news.newest()
        if not cursor:
            return newest
        if not re.fullmatch(r"[0-9]{1,10}", cursor, re.ASCII) or int(cursor) > newest:
            raise Invalid("cursor is none that was given out", field="cursor")
        return int(cursor)

    @contextmanager
    def _seat(self) -> Iterator[None]:
        if self._count >= MOST_WATCHES:
            raise Overloaded(f"{MOST_WATCHES} watches are under way; end one, or come back later")
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1


def silence_seconds(silence: int) -> int:
    """Reads how long a watch may say nothing."""
    if not 0 <= silence <= LONGEST_SILENCE:
        raise Invalid(
            f"heartbeat_seconds is 1 to {LONGEST_SILENCE}, or 0 for {USUAL_SILENCE}",
            field="heartbeat_seconds",
        )
    return silence or USUAL_SILENCE


def _shared(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Begins what many wait for, and goes on when they have left."""
    task = asyncio.create_task(work)
    task.add_done_callback(_heard)
    return task


def _heard(task: asyncio.Task[Any]) -> None:
    """Keeps asyncio from complaining of a failure that nobody was left to hear of."""
    if not task.cancelled():
        task.exception()

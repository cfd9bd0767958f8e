"""Following a run: its output line by line and its states, to whoever comes, from any place on.

A cursor says how many lines and which revision of the run have been told, so that whoever comes
back with it misses nothing and hears nothing twice.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from polydesk.domain.errors import Invalid, Overloaded, Unavailable
from polydesk.domain.identity import Caller
from polydesk.domain.output import Line
from polydesk.domain.ports import Clock
from polydesk.domain.run import Run
from polydesk.domain.run_ports import RunStore
from polydesk.domain.running import Runs
from polydesk.domain.watch import silence_seconds

MOST_FOLLOWERS: Final = 500
_PER_LOOK: Final = 500
_LOOK_SECONDS: Final = 0.15
_CURSOR: Final = re.compile(r"([0-9]{1,10})\.([0-9]{1,10})", re.ASCII)


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """Some lines, or the run as it is now, or a sign of life."""

    cursor: str
    lines: list[Line] = []
    run: Run | None = None


class Followers:
    """Lets callers follow runs until they have ended; ends them all when the hub stops."""

    def __init__(self, *, runs: Runs, store: RunStore, clock: Clock) -> None:
        self._runs = runs
        self._store = store
        self._clock = clock
        self._count = 0
        self._closed = False

    async def follow(
        self,
        id_: int,
        *,
        cursor: str,
        silence: int,
        again: Callable[[], Awaitable[Caller]],
    ) -> AsyncGenerator[Heard, None]:
        """Yields what is behind `cursor`: lines, the run as it changes, its end as the last.

        `again` tells anew who calls, before anything is told.
        """
        seconds = silence_seconds(silence)
        number, revision = _read(cursor)
        with self._seat():
            heard_at = self._clock.monotonic()
            while True:
                self._check_open()
                run = await self._runs.get(await again(), id_)
                # The run before its lines: all lines of a run that has ended are there.
                lines = await self._store.lines(id_, after=number, limit=_PER_LOOK)
                if lines:
                    number = lines[-1].number
                    yield Heard(cursor=f"{number}.{revision}", lines=lines)
                elif run.revision > revision:
                    revision = run.revision
                    yield Heard(cursor=f"{number}.{revision}", run=run)
                elif run.ended:
                    return
                elif self._clock.monotonic() - heard_at >= seconds:
                    yield Heard(cursor=f"{number}.{revision}")
                else:
                    await self._clock.sleep(_LOOK_SECONDS)
                    continue
                heard_at = self._clock.monotonic()

    @property
    def count(self) -> int:
        """Returns how many follow."""
        return self._count

    def close(self) -> None:
        """Ends all with Unavailable, and refuses new ones."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("the hub is stopping: follow again from the last cursor")

    @contextmanager
    def _seat(self) -> Iterator[None]:
        if self._count >= MOST_FOLLOWERS:
            raise Overloaded(f"{MOST_FOLLOWERS} follow runs; end one, or come back later")
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1


def _read(cursor: str) -> tuple[int, int]:
    if not cursor:
        return 0, 0
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise Invalid("cursor is none that was given out", field="cursor")
    return int(match[1]), int(match[2])

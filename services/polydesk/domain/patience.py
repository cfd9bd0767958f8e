"""Does again what the database did not do because it was away; a worker has nothing else to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from polydesk.domain.errors import TimedOut, Unavailable
from polydesk.domain.ports import Clock

T = TypeVar("T")
_SHORTEST: Final = 0.1
_LONGEST: Final = 2.0


class Patience:
    """Repeats what may be repeated."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def until_done(self, work: Callable[[], Awaitable[T]]) -> T:
        """Does something until the database is there to do it."""
        pause = _SHORTEST
        while True:
            try:
                return await work()
            except (TimedOut, Unavailable):
                await self._clock.sleep(pause)
                pause = min(2 * pause, _LONGEST)

"""How often a call is repeated that may do well later, and how long it waits in between."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

from polydesk.client.errors import HubError, Overloaded, Unavailable

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Says how many times a call is tried, and the bounds of the pauses, in seconds."""

    attempts: int = 8
    shortest: float = 0.1
    longest: float = 2.0

    async def repeat(
        self, work: Callable[[float | None], Awaitable[T]], *, seconds: float | None
    ) -> T:
        """Does something until it does well, but no longer than `seconds`.

        `work` is told how many of them are left.
        """
        end = None if seconds is None else time.monotonic() + seconds
        for attempt in count(1):
            try:
                return await work(None if end is None else max(end - time.monotonic(), 0.0))
            except HubError as error:
                pause = self.pause(attempt, error)
                late = end is not None and time.monotonic() + pause >= end
                if late or attempt >= self.attempts or not error.passing:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError

    def pause(self, attempt: int, error: HubError | None = None) -> float:
        """Returns how long to wait after an attempt; never shorter than the hub asks for."""
        longest = min(self.shortest * 2.0 ** min(attempt, 30), self.longest)
        asked = error.retry_after if isinstance(error, Overloaded | Unavailable) else 0.0
        # From half of it to all of it, so that many clients do not come back at once.
        return asked + longest * float(random.uniform(0.5, 1.0))  # noqa: S311 - no secret

"""Who asks for the same thing at the same time shares one answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


class Flights:
    """The questions under way, by what they ask.

    A question goes on when those who asked it have gone, so it has to end by itself.
    """

    def __init__(self) -> None:
        self._under_way: dict[bytes, asyncio.Task[Any]] = {}

    def __contains__(self, key: bytes) -> bool:
        return key in self._under_way

    async def join(self, key: bytes, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Returns the answer to a question, or raises what it raises."""
        answer: T = await asyncio.shield(self._task(key, ask))
        return answer

    def start(self, key: bytes, ask: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Begins a question, unless it is under way, and leaves it to itself."""
        _ = self._task(key, ask)

    def _task(self, key: bytes, ask: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(ask())
            task.add_done_callback(partial(self._ended, key))
        return task

    def _ended(self, key: bytes, task: asyncio.Task[Any]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # perhaps nobody waits for it any more

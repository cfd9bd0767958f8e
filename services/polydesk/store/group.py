"""Group commit: the calls that wait share one transaction and one sync to the disk.

A call whose caller has gone away is left out where nobody began it, and else ends unheard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from typing import Any, Final, Protocol

from polydesk.domain.errors import PolydeskError
from polydesk.store.script import Read, Row, Script, Statement

MOST_CALLS: Final = 256


class Call:
    """A script that somebody waits for."""

    def __init__(self, make: Callable[[], Script[Any]]) -> None:
        self.make = make
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()


class Spoilt(Exception):
    """A script refused its call after it had written: what it wrote must go."""

    def __init__(self, refusal: PolydeskError) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


class Waiting(Protocol):
    """A queue with one reader, closed by None."""

    def empty(self) -> bool:
        """Tells whether nothing waits."""

    def get_nowait(self) -> Call | None:
        """Takes the next call."""

    def put_nowait(self, call: Call | None, /) -> None:
        """Adds a call."""


def gather(first: Call, waiting: Waiting) -> list[Call]:
    """Takes what waits, without waiting for more."""
    calls = [first]
    while len(calls) < MOST_CALLS and not waiting.empty():
        call = waiting.get_nowait()
        if call is None:
            waiting.put_nowait(None)
            break
        calls.append(call)
    return [call for call in calls if not call.answer.done()]


def deliver(calls: Sequence[Call], answers: Sequence[Any]) -> None:
    """Hands each caller its answer; an exception is raised there."""
    for call, answer in zip(calls, answers, strict=True):
        if call.answer.done():
            continue
        if isinstance(answer, Exception):
            call.answer.set_exception(answer)
        else:
            call.answer.set_result(answer)


def steps(call: Call) -> Generator[Statement, Sequence[Row], Any]:
    """Yields the statements of a call; its answer is the script's, or its refusal."""
    script = call.make()
    wrote = False
    rows: Sequence[Row] = ()
    try:
        statement = next(script)
        while True:
            wrote = wrote or not isinstance(statement, Read)
            rows = yield statement
            statement = script.send(rows)
    except StopIteration as end:
        return end.value
    except PolydeskError as refusal:
        if wrote:
            raise Spoilt(refusal) from refusal
        return refusal

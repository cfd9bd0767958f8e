"""A worker: starts and wakes runs in time, sees that none is forgotten, and that it lives."""

from __future__ import annotations

import asyncio
import functools
from asyncio import TaskGroup
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import structlog

from polydesk.domain import progress
from polydesk.domain.driving import Drivers
from polydesk.domain.errors import PolydeskError
from polydesk.domain.job import Standing
from polydesk.domain.ruling import Ruler
from polydesk.domain.run import Run
from polydesk.domain.run_ports import Runner
from polydesk.domain.ticking import Ticker

_log = structlog.get_logger()
_WAKE_SECONDS: Final = 0.1
_BEAT_SECONDS: Final = 1.0
_TICK_SECONDS: Final = 0.5
# A worker that has not shown for so many looks of another that it lives is dead.
_LOOKS: Final = 12
# A worker that could not show it for so long takes itself for dead, and is so before others do.
_LONGEST_SILENCE: Final = 8.0
_REVIEW_SECONDS: Final = 5.0
_TIDY_SECONDS: Final = 3_600.0
_OVERDUE: Final = timedelta(seconds=10)
_PER_WAKE: Final = 100


class Worker:
    """Works on the runs of a hub, beside others where `shared`; `name` is its own alone."""

    def __init__(  # noqa: PLR0913 - what a worker has
        self,
        *,
        drivers: Drivers,
        runner: Runner,
        ticker: Ticker,
        ruler: Ruler,
        name: str,
        machine: str,
        shared: bool,
    ) -> None:
        self._drivers = drivers
        self._store = drivers.store.runs
        self._clock = drivers.clock
        self._runner = runner
        self._ticker = ticker
        self._ruler = ruler
        self._name = name
        self._machine = machine
        self._shared = shared
        self._beats: dict[str, tuple[int, int]] = {}
        self._alive = {name}
        self._looks = 0
        self._lived_at = 0.0

    async def work(self) -> None:
        """Works until it is cancelled; returns when it takes itself for dead."""
        self._lived_at = self._clock.monotonic()
        async with TaskGroup() as group:
            tasks = [
                group.create_task(self._repeat(self._wake, _WAKE_SECONDS)),
                group.create_task(self._repeat(self._ticker.tick, _TICK_SECONDS)),
                group.create_task(self._repeat(self._ruler.look, _TICK_SECONDS)),
                group.create_task(self._repeat(self._end_overdue, _TICK_SECONDS)),
                group.create_task(self._repeat(self._review, _REVIEW_SECONDS)),
                group.create_task(self._repeat(self._tidy, _TIDY_SECONDS)),
            ]
            if self._shared:
                await self._live()
            else:
                await asyncio.Event().wait()
            for task in tasks:
                task.cancel()

    async def _repeat(self, work: Callable[[], Awaitable[None]], seconds: float) -> None:
        while True:
            try:
                await work()
            except PolydeskError as error:
                _log.warning("a worker has to try again", reason=error.message)
            except Exception:  # noqa: BLE001 - the worker's loop, where the unexpected is caught
                _log.exception("a worker failed, and tries again")
            await self._clock.sleep(seconds)

    async def _wake(self) -> None:
        """Puts the runs into the queue whose time has come."""
        for id_, phase in await self._store.due(self._clock.now(), limit=_PER_WAKE):
            await self._runner.enqueue(id_, phase)
            queue = functools.partial(progress.queue, phase=phase)
            await self._store.change(id_, queue, stamp=self._drivers.stamp())

    async def _end_overdue(self) -> None:
        """Ends the runs that have taken longer than they may."""
        for run in await self._store.overdue(self._clock.now(), limit=_PER_WAKE):
            if not run.cancelling:
                await self._change(run, lambda run: progress.cancel(run, at=self._clock.now()))

    async def _review(self) -> None:
        """Finds the runs that nobody drives though somebody ought to, and sees that they go on."""
        if self._shared and not self._knows_others:
            return
        before = self._clock.now() - _OVERDUE
        runs = [run for run in await self._store.driven() if run.updated_at < before]
        for run in runs:
            if run.owner and self._is_left(run):
                await self._change(run, self._left)
        queued = [run for run in runs if run.queued]
        standings = await self._runner.standing([(run.id, run.phase) for run in queued])
        for run, standing in zip(queued, standings, strict=True):
            if standing is not Standing.WAITING:
                await self._change(run, lambda run: progress.strand(run, at=self._clock.now()))

    async def _tidy(self) -> None:
        """Removes what nobody needs any more."""
        for launcher in self._drivers.launchers.values():
            await launcher.sweep(self._is_over)
        await self._runner.prune()

    async def _is_over(self, run: int) -> bool:
        found = await self._store.get(run)
        return found is None or found.ended

    @property
    def _knows_others(self) -> bool:
        """Tells whether it has looked at the others long enough, and just now."""
        fresh = self._clock.monotonic() - self._lived_at < _LONGEST_SILENCE
        return fresh and self._looks > _LOOKS

    def _is_left(self, run: Run) -> bool:
        if run.worker == self._name:
            return run.id not in self._drivers.driven
        return run.worker not in self._alive

    def _left(self, run: Run) -> Run:
        """Ends a run over which this very worker has failed; others only died."""
        if run.worker == self._name:
            message = "the hub failed over it; its log tells how"
            return progress.fail(run, message, at=self._clock.now())
        _log.warning("a run was left by its worker, and is woken", run=run.id, worker=run.worker)
        return progress.strand(run, at=self._clock.now())

    async def _change(self, seen: Run, change: Callable[[Run], Run]) -> None:
        def as_it_is(run: Run) -> Run:
            return change(run) if run.revision == seen.revision else run

        await self._store.change(seen.id, as_it_is, stamp=self._drivers.stamp(seen))

    async def _live(self) -> None:
        """Shows that it lives, and takes over from those that do not; returns when it is late."""
        while True:
            try:
                async with asyncio.timeout(_LONGEST_SILENCE):
                    await self._store.beat(self._name, machine=self._machine)
                    beats = await self._store.beats()
            except (PolydeskError, TimeoutError):
                beats = {}
            now = self._clock.monotonic()
            if now - self._lived_at > _LONGEST_SILENCE:
                _log.error("a worker could not show that it lives, and ends", worker=self._name)
                return
            if beats:
                self._lived_at = now
                await self._take_over(beats)
            await self._clock.sleep(_BEAT_SECONDS)

    async def _take_over(self, beats: dict[str, int]) -> None:
        self._looks += 1
        before = self._beats
        self._beats = {}
        for worker, beat in beats.items():
            known, looks = before.get(worker, (beat, 0))
            self._beats[worker] = beat, looks + 1 if known == beat else 0
        dead = {worker for worker, (_, looks) in self._beats.items() if looks >= _LOOKS}
        # Who has gone from the list was taken for dead by another.
        self._alive = (beats.keys() - dead) | {self._name}
        for worker in dead - {self._name}:
            _log.warning("a worker is dead, and another takes over", worker=worker)
            await self._runner.take_over(worker)
            await self._store.forget(worker)
            del self._beats[worker]

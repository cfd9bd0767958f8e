"""The tick: starts a run for each instant that a schedule is due, once, whatever dies meanwhile.

The run is started by a key of its instant, and the schedule moves on then: whoever comes between,
or after a crash, is answered the same run.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import structlog

from polydesk.domain.errors import Invalid, NotFound, PolydeskError
from polydesk.domain.firing import agent, why_not
from polydesk.domain.identity import Caller
from polydesk.domain.meter import UNMETERED, Meter
from polydesk.domain.order import Order
from polydesk.domain.ports import Clock, Store
from polydesk.domain.run import GOING, RunQuery
from polydesk.domain.runbook import ParameterType, Tool
from polydesk.domain.running import Runs
from polydesk.domain.schedule import LeftOut, Overlap, Schedule

_log = structlog.get_logger()
_PER_TICK: Final = 500


class Ticker:
    """Starts the runs that are due; several may do so beside each other."""

    def __init__(self, *, runs: Runs, store: Store, clock: Clock, meter: Meter = UNMETERED) -> None:
        self._meter = meter
        self._runs = runs
        self._store = store
        self._clock = clock

    async def tick(self) -> None:
        """Acts on what is due, and moves it on. Raises what passes, such as Unavailable."""
        now = self._clock.now()
        for schedule in await self._store.schedules.due(now, limit=_PER_TICK):
            try:
                await self._act(schedule, now)
            except PolydeskError:
                raise
            except Exception:  # noqa: BLE001 - one schedule does not hold up the others
                _log.exception("a schedule failed", org=schedule.org, schedule=schedule.id)

    async def _act(self, schedule: Schedule, now: datetime) -> None:
        claim = schedule.claim(now)
        if claim.run_for:
            left_out = await self._start(schedule, claim.run_for)
        else:
            due = schedule.next_due_at or now
            left_out = LeftOut(due_at=due, reason="nobody could begin it in time")
        stamp = _agent(schedule).stamp(now)
        moved = await self._store.schedules.advance(
            schedule, claim.next_due_at, left_out=left_out, stamp=stamp
        )
        if moved:  # else another worker did
            self._meter.fired("schedule", started=left_out is None)

    async def _start(self, schedule: Schedule, due: datetime) -> LeftOut | None:
        """Starts the run of an instant, or tells why there is none."""
        key = f"schedule-{schedule.id}-{due:%Y%m%dT%H%M%SZ}"
        if schedule.spec.overlap is Overlap.SKIP and (
            earlier := await self._earlier(schedule, key)
        ):
            return LeftOut(due_at=due, reason=f"run {earlier} goes on")
        reason = await why_not(self._begin(schedule, key))
        return LeftOut(due_at=due, reason=reason, fails=True) if reason else None

    async def _begin(self, schedule: Schedule, key: str) -> None:
        await self._check(schedule)
        await self._runs.start(_agent(schedule), schedule.org, _order(schedule, key))

    async def _earlier(self, schedule: Schedule, key: str) -> int:
        """Returns the run of an earlier instant that goes on; 0 where none does."""
        sought = RunQuery(states=GOING, schedule=schedule.id, limit=2)
        going = await self._store.runs.select(schedule.org, sought)
        return next((run.id for run in going if run.key != key), 0)

    async def _check(self, schedule: Schedule) -> None:
        """Refuses what a schedule says that its runbook does not go with."""
        runbook = await self._store.runbooks.get(schedule.org, schedule.spec.runbook)
        if runbook is None:
            raise NotFound(f"org {schedule.org} has no runbook {schedule.spec.runbook}")
        if schedule.spec.tool is Tool.EXTERNAL and runbook.spec.tool is not Tool.EXTERNAL:
            raise Invalid(f"the schedule's tool is EXTERNAL, but not that of runbook {runbook.id}")
        kinds = {each.name: each.type for each in runbook.spec.parameters}
        for each in schedule.spec.parameters:
            if each.secret and kinds.get(each.name) is not ParameterType.SECRET:
                raise Invalid(f"parameter {each.name} of runbook {runbook.id} takes no secret")


def _agent(schedule: Schedule) -> Caller:
    return agent("schedule", schedule.id, schedule.org)


def _order(schedule: Schedule, key: str) -> Order:
    spec = schedule.spec
    return Order(
        runbook=spec.runbook,
        parameters={each.name: each.secret or each.value for each in spec.parameters},
        key=key,
        schedule=schedule.id,
        waits=spec.overlap is Overlap.QUEUE,
        limit_seconds=spec.timeout_seconds,
    )

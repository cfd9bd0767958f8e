"""What schedules start, on both engines, by a clock that the tests turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from polydesk.domain import progress
from polydesk.domain.edit import Create, Update
from polydesk.domain.errors import Unavailable
from polydesk.domain.recurrence import Frequency, Recurrence
from polydesk.domain.reported import Reported
from polydesk.domain.run import Run, RunState
from polydesk.domain.runbook import Node, RunCommand, Tool
from polydesk.domain.runbook import Parameter as RunbookParameter
from polydesk.domain.schedule import Missed, Overlap, Parameter, Schedule, ScheduleSpec
from polydesk.domain.shelf import Targets
from polydesk.domain.target import Target, TargetKind
from polydesk.domain.ticking import Ticker
from polydesk.store import open_store
from tests.domain.test_recurrence import ZONES
from tests.runs.bench import ANN, START, Bench, Hand
from tests.store.records import ORG

HOUR = timedelta(hours=1)
HOURLY = Recurrence(frequency=Frequency.HOURLY, minute=0)


class Ticking(Bench):
    """A bench with schedules and tickers."""

    def ticker(self) -> Ticker:
        return Ticker(runs=self.runs, store=self.store, clock=self.clock)

    async def tick(self, at: datetime) -> None:
        self.clock.at = at
        await self.ticker().tick()

    async def schedule(self, id_: int = 1, **said: Any) -> Schedule:
        usual: dict[str, Any] = {"runbook": 1, "recurrence": HOURLY}
        edit = Create(spec=ScheduleSpec(**(usual | said)), id=id_, secrets={})
        stamp = ANN.stamp(self.clock.now())
        return (await self.store.schedules.apply(ORG, [edit], sealed={}, stamp=stamp, once=None))[0]

    async def scheduled(self, id_: int = 1) -> Schedule:
        schedule = await self.store.schedules.get(ORG, id_)
        assert schedule is not None
        return schedule

    async def started(self, id_: int = 1) -> list[Run]:
        """Returns the runs of a schedule, the oldest first."""
        return await self.found(schedule=id_)

    async def report(self, run: Run, code: int) -> Run:
        return await self.runs.report(ANN, run.id, code)


@pytest.fixture
async def bench(store_url: str) -> AsyncIterator[Ticking]:
    store = await open_store(store_url)
    made = Ticking(store, Hand())
    await made.runbook()
    yield made
    await store.close()


def instants(runs: list[Run]) -> list[datetime]:
    """Returns the instants that runs were started for, by their keys."""
    keys = [(run.key or "").rpartition("-")[2] for run in runs]
    return [datetime.strptime(key, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) for key in keys]


async def test_each_instant_starts_one_run_however_many_look_at_it(bench: Ticking) -> None:
    await bench.schedule(overlap=Overlap.ALLOW)

    for step in range(24):
        bench.clock.at = START + step * HOUR / 2
        await asyncio.gather(*(bench.ticker().tick() for _ in range(5)))

    runs = await bench.started()
    assert instants(runs) == [START + hour * HOUR for hour in range(1, 12)]
    assert {run.actor for run in runs} == {"schedule 1"}
    assert len(await bench.told("run.start")) == len(runs)


async def test_who_dies_between_the_run_and_the_next_instant_has_started_it_once(
    bench: Ticking, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.schedule()
    with monkeypatch.context() as dying:
        dying.setattr(bench.store.schedules, "advance", _dies)
        for _ in range(3):
            with pytest.raises(Unavailable):
                await bench.tick(START + HOUR)
    died = await bench.scheduled()

    await bench.tick(START + HOUR)

    assert died.next_due_at == START + HOUR
    assert instants(await bench.started()) == [START + HOUR]
    assert (await bench.scheduled()).next_due_at == START + 2 * HOUR
    assert await bench.told("schedule.skip") == []


async def _dies(*_: Any, **__: Any) -> bool:
    raise Unavailable("somebody has pulled the plug")


async def test_a_schedule_that_changes_before_it_moves_on_has_run_once(
    bench: Ticking, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await bench.schedule()
    with monkeypatch.context() as dying:
        dying.setattr(bench.store.schedules, "advance", _dies)
        with pytest.raises(Unavailable):
            await bench.tick(START + HOUR)
    edit = Update(
        id=1, change=lambda spec: replace(spec, timeout_seconds=60), etag=made.etag, secrets={}
    )
    stamp = ANN.stamp(bench.clock.now())
    await bench.store.schedules.apply(ORG, [edit], sealed={}, stamp=stamp, once=None)

    await bench.tick(START + HOUR)

    assert len(await bench.started()) == 1
    assert (await bench.scheduled()).next_due_at == START + 2 * HOUR
    assert (await bench.scheduled()).state is Reported.QUEUED


@pytest.mark.parametrize("missed", Missed)
async def test_what_was_missed_while_nobody_worked_is_as_the_policy_says(
    bench: Ticking, missed: Missed
) -> None:
    await bench.schedule(missed=missed, overlap=Overlap.ALLOW)
    await bench.tick(START + HOUR)

    for minutes in (5 * 60 + 30, 6 * 60):
        await bench.tick(START + timedelta(minutes=minutes))

    ran = {Missed.SKIP: [1, 6], Missed.RUN_ONCE: [1, 5, 6]}[missed]
    skipped = [told for _, told in await bench.told("schedule.skip")]
    assert instants(await bench.started()) == [START + hour * HOUR for hour in ran]
    assert len(skipped) == (missed is Missed.SKIP)
    assert all(each["reason"] == "nobody could begin it in time" for each in skipped)


async def test_what_is_due_while_an_earlier_run_goes_on_is_left_out_and_told(
    bench: Ticking,
) -> None:
    await bench.schedule(overlap=Overlap.SKIP)
    await bench.tick(START + HOUR)
    (first,) = await bench.started()

    await bench.tick(START + 2 * HOUR)
    await bench.report(first, 4)
    await bench.tick(START + 3 * HOUR)

    ((_, skipped),) = await bench.told("schedule.skip")
    assert instants(await bench.started()) == [START + HOUR, START + 3 * HOUR]
    assert skipped["reason"] == f"run {first.id} goes on"


async def test_what_queues_begins_in_its_turn_when_no_earlier_run_goes_on(
    bench: Ticking,
) -> None:
    work = Node(id="a", work=RunCommand(target="here", command="true"))
    await bench.runbook(name="inside", tool=Tool.COMMANDS, nodes=(work,))
    await _target(bench)
    await bench.schedule(runbook=2, overlap=Overlap.QUEUE)
    for hour in (1, 2, 3, 4):
        await bench.tick(START + hour * HOUR)
    first, second, third, fourth = await bench.started()
    assert [run.wake_at is not None for run in (first, second, third, fourth)] == [
        True,
        False,
        False,
        False,
    ]

    await bench.runs.cancel(ANN, second.id)
    after_cancel = await bench.started()
    await bench.store.runs.change(
        first.id,
        lambda run: progress.fail(run, "so it goes", at=bench.clock.now()),
        stamp=ANN.stamp(bench.clock.now()),
    )
    after_end = await bench.started()

    assert [run.waits for run in after_cancel] == [False, True, True, True]
    assert [run.state for run in after_end] == [
        RunState.FAILED,
        RunState.CANCELLED,
        RunState.QUEUED,
        RunState.QUEUED,
    ]
    assert [run.waits for run in after_end[2:]] == [False, True]
    assert after_end[2].wake_at == bench.clock.now()


async def test_what_may_overlap_runs_beside_the_earlier_run(bench: Ticking) -> None:
    await bench.schedule(overlap=Overlap.ALLOW)

    for hour in (1, 2):
        await bench.tick(START + hour * HOUR)

    assert [run.waits for run in await bench.started()] == [False, False]


async def test_a_schedule_says_how_its_run_goes(bench: Ticking) -> None:
    await bench.schedule()
    await bench.tick(START + HOUR)
    (run,) = await bench.started()
    said = [(await bench.scheduled()).state]

    for code in (1, 2, 5, 3):
        await bench.report(run, code)
        said.append((await bench.scheduled()).state)

    assert [state.value for state in said] == [
        "QUEUED",
        "INITIATED",
        "RUNNING",
        "PENDING_APPROVAL",
        "FAILED",
    ]
    assert (await bench.scheduled()).state_at == bench.clock.now()


async def test_what_cannot_be_started_is_told_with_the_reason_and_tried_again_when_next_due(
    bench: Ticking,
) -> None:
    named = RunbookParameter(name="password")
    await bench.runbook(name="plain", parameters=(named,))
    await bench.runbook(name="inside", tool=Tool.COMMANDS, nodes=(_echo(),))
    secret = (Parameter(name="password", secret="schedule-x"),)
    await bench.schedule(1, runbook=99)
    await bench.schedule(2, runbook=2, parameters=secret)
    await bench.schedule(3, parameters=(Parameter(name="a", value="b"),))
    await bench.schedule(4, runbook=3, tool=Tool.EXTERNAL)
    await bench.schedule(5, runbook=3)

    await bench.tick(START + HOUR)

    told = {each["schedule"]: each["reason"] for _, each in await bench.told("schedule.fail")}
    assert told == {
        1: f"org {ORG} has no runbook 99",
        2: "parameter password of runbook 2 takes no secret",
        3: "there is no parameter a",
        4: "the schedule's tool is EXTERNAL, but not that of runbook 3",
        5: f"org {ORG} has no target here",
    }
    for id_ in told:
        schedule = await bench.scheduled(id_)
        assert (schedule.state, schedule.next_due_at) == (Reported.FAILED, START + 2 * HOUR)
        assert await bench.started(id_) == []


async def test_a_run_has_as_long_as_its_schedule_says(bench: Ticking) -> None:
    await bench.schedule(timeout_seconds=600)
    await bench.tick(START + HOUR)
    (run,) = await bench.started()
    end = START + HOUR + timedelta(minutes=10)

    early = await bench.store.runs.overdue(end - timedelta(seconds=1), limit=9)
    late = await bench.store.runs.overdue(end, limit=9)
    failed = await bench.store.runs.change(
        run.id, lambda run: progress.cancel(run, at=end), stamp=ANN.stamp(end)
    )

    assert (early, late) == ([], [run])
    assert failed.state is RunState.FAILED
    assert failed.message == "ended after 600 seconds, the limit of its schedule"
    assert await bench.store.runs.overdue(end, limit=9) == []


def _echo() -> Node:
    return Node(id="a", work=RunCommand(target="here", command="echo"))


async def _target(bench: Ticking) -> None:
    targets = Targets(store=bench.store.targets, clock=bench.clock, local=True)
    await targets.save(ANN, ORG, Target(name="here", kind=TargetKind.LOCAL, patterns=("true",)))


def sundays(zone: ZoneInfo, days: int) -> list[datetime]:
    """Returns when clocks show half past two on Sundays or, where they jump over it, what follows.

    By asking the clock, minute by minute where it jumps; it knows nothing of the hub's arithmetic.
    """
    found = []
    end = START + timedelta(days=days)
    for number in range(-1, days + 2):
        day = (START + timedelta(days=number)).date()
        if day.isoweekday() != 7:
            continue
        wanted = datetime(day.year, day.month, day.day, 2, 30)  # noqa: DTZ001 - a wall's clock
        instant = wanted.replace(tzinfo=zone).astimezone(UTC)
        shown = instant.astimezone(zone).replace(tzinfo=None)
        if shown != wanted:
            instant -= timedelta(hours=3)
            while instant.astimezone(zone).replace(tzinfo=None) < wanted:
                instant += timedelta(minutes=1)
        if START < instant <= end:
            found.append(instant)
    return found


@pytest.mark.parametrize("missed", Missed)
async def test_in_400_days_and_20_zones_each_sunday_starts_what_an_asked_clock_says(
    bench: Ticking, missed: Missed
) -> None:
    """Every fifth week nobody works until a day after."""
    weekly = Recurrence(frequency=Frequency.WEEKLY, hour=2, minute=30, weekdays=(7,))
    zones = dict(enumerate(ZONES[:20], start=1))
    for id_, name in zones.items():
        await bench.schedule(
            id_, recurrence=weekly, time_zone=name, missed=missed, overlap=Overlap.ALLOW
        )
    expected = {id_: sundays(ZoneInfo(name), 400) for id_, name in zones.items()}
    moments = sorted({each for due in expected.values() for each in due})
    idle = {each for each in moments if (each - START).days // 7 % 5 == 4}

    for moment in moments:
        if moment not in idle:
            await bench.tick(moment)
        elif not idle & {moment + timedelta(minutes=m) for m in range(1, 24 * 60)}:
            await bench.tick(moment + timedelta(days=1))
    await bench.tick(START + timedelta(days=400, hours=1))

    for id_, due in expected.items():
        ran = [each for each in due if missed is Missed.RUN_ONCE or each not in idle]
        assert instants(await bench.started(id_)) == ran, zones[id_]

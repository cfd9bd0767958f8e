"""A schedule: what becomes of what was missed, and what a change does to when it is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from polydesk.domain.errors import Invalid
from polydesk.domain.recurrence import Frequency, Recurrence, instants, zone_of
from polydesk.domain.schedule import (
    Missed,
    Parameter,
    Schedule,
    ScheduleSpec,
    changed,
    made,
)

NOW = datetime(2026, 3, 28, 9, 30, tzinfo=UTC)
HOURLY = Recurrence(frequency=Frequency.HOURLY, minute=0)
DAILY = Recurrence(frequency=Frequency.DAILY, hour=1, minute=30)


def schedule(**said: Any) -> Schedule:
    usual: dict[str, Any] = {"runbook": 1}
    if "run_at" not in said:
        usual["recurrence"] = HOURLY
    return made(1, 3, ScheduleSpec(**(usual | said)), NOW)


def after(**span: float) -> datetime:
    return NOW + timedelta(**span)


def test_what_is_not_due_is_left_alone() -> None:
    known = schedule()

    claim = known.claim(after(minutes=29, seconds=59))

    assert (claim.run_for, claim.next_due_at) == (None, known.next_due_at)
    assert known.next_due_at == after(minutes=30)


@pytest.mark.parametrize("missed", Missed)
def test_what_is_due_runs_though_it_is_a_little_late(missed: Missed) -> None:
    claim = schedule(missed=missed).claim(after(minutes=31))

    assert (claim.run_for, claim.next_due_at) == (after(minutes=30), after(minutes=90))


def test_what_was_missed_runs_once_or_not_at_all() -> None:
    late = after(hours=5)

    once, never = (schedule(missed=each).claim(late) for each in (Missed.RUN_ONCE, Missed.SKIP))

    assert once.run_for == after(hours=4, minutes=30)
    assert never.run_for is None
    assert once.next_due_at == never.next_due_at == after(hours=5, minutes=30)


def test_what_is_due_right_now_runs_though_others_before_it_are_skipped() -> None:
    claim = schedule(missed=Missed.SKIP).claim(after(hours=4, minutes=30, seconds=5))

    assert claim.run_for == after(hours=4, minutes=30)


def test_what_runs_once_is_never_due_again() -> None:
    known = schedule(run_at=after(hours=1))

    claim = known.claim(after(hours=1))

    assert list(known.due_times()) == [after(hours=1)]
    assert (claim.run_for, claim.next_due_at) == (after(hours=1), None)
    assert replace(known, next_due_at=None).claim(after(days=9)).run_for is None


@given(
    pauses=st.lists(st.integers(1, 5_000), min_size=1, max_size=60),
    missed=st.sampled_from(Missed),
    rule=st.sampled_from((HOURLY, DAILY)),
    zone=st.sampled_from(("UTC", "Europe/London", "Australia/Lord_Howe", "Pacific/Apia")),
)
def test_whenever_somebody_looks_each_instant_runs_once_at_most(
    pauses: list[int], missed: Missed, rule: Recurrence, zone: str
) -> None:
    known = schedule(recurrence=rule, time_zone=zone, missed=missed)
    now, runs, looks = NOW, [], []
    for pause in pauses:
        now += timedelta(minutes=pause)
        claim = known.claim(now)
        runs += [claim.run_for] * (claim.run_for is not None)
        looks.append(now)
        known = replace(known, next_due_at=claim.next_due_at)

    due = [each for each in islice(instants(rule, zone_of(zone), NOW), 6_000) if each <= now]
    last: set[datetime] = set()
    for previous, look in zip([NOW, *looks], looks, strict=False):
        last.update([each for each in due if previous < each <= look][-1:])
    on_time = {
        each for each in last if any(each <= look <= each + timedelta(minutes=1) for look in looks)
    }
    assert len(runs) == len(set(runs))
    assert set(runs) == (last if missed is Missed.RUN_ONCE else on_time)


def test_a_change_of_something_else_leaves_what_is_due() -> None:
    known = schedule()
    late = replace(known, next_due_at=after(minutes=-90))

    same = changed(late, late.spec, after(hours=9))
    longer = changed(late, replace(late.spec, timeout_seconds=60), after(hours=9))
    retimed = changed(late, replace(late.spec, recurrence=DAILY), after(hours=9))

    assert same is late
    assert longer.next_due_at == late.next_due_at
    assert longer.etag != late.etag
    assert retimed.next_due_at == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_what_was_due_while_it_was_paused_is_left_out() -> None:
    known = schedule()

    paused = changed(known, replace(known.spec, active=False), after(hours=1))
    resumed = changed(paused, replace(known.spec, active=True), after(hours=9))

    assert paused.next_due_at is None
    assert list(paused.due_times()) == []
    assert resumed.next_due_at == after(hours=9, minutes=30)


def test_a_time_that_is_past_is_refused_unless_it_is_paused() -> None:
    with pytest.raises(Invalid, match="run_time is 2026-03-28 08:30:00 in UTC, which is past"):
        schedule(run_at=after(hours=-1))
    paused = schedule(run_at=after(hours=-1), active=False)
    with pytest.raises(Invalid, match="which is past"):
        changed(paused, replace(paused.spec, active=True), NOW)

    assert schedule(run_at=after(seconds=-30)).next_due_at == after(seconds=-30)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"runbook": 0}, "runbook is 0, it can be 1 to 2147483647"),
        ({"recurrence": None}, "recurrence or run_time is required, not both"),
        ({"run_at": NOW, "recurrence": HOURLY}, "recurrence or run_time is required, not both"),
        ({"run_at": datetime(2099, 1, 1)}, "run_time has no time zone"),  # noqa: DTZ001 - refused
        ({"time_zone": "Mars"}, "time_zone is Mars, it can be an IANA name such as Europe/London"),
        ({"timeout_seconds": -1}, "timeout is -1 seconds, it can be up to 31622400"),
        ({"parameters": (Parameter(name=""),)}, "parameters[0].name is required"),
        ({"parameters": (Parameter(name="a"),) * 2}, "parameters has a twice"),
        (
            {"parameters": (Parameter(name="a", value="x" * 4_097),)},
            "parameters[0].value has 4097 characters, at most 4096 are taken",
        ),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(said: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid) as caught:
        schedule(**said)

    assert caught.value.message == message

"""When recurring work is due, held against a clock that is watched minute by minute."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.recurrence import Frequency, Recurrence, instants, next_due, zone_of

MINUTE = timedelta(minutes=1)
# Whole hours, half hours, a gap at midnight, a whole day that is skipped, summer time in winter.
ZONES = (
    "UTC",
    "Europe/London",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Havana",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Asia/Beirut",
    "Asia/Gaza",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Antarctica/Troll",
    "Australia/Lord_Howe",
    "Australia/Adelaide",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Auckland",
    "America/Caracas",
)


def on(rule: Recurrence, shown: datetime) -> bool:
    """Tells whether a clock that shows this shows what the rule names."""
    last = calendar.monthrange(shown.year, shown.month)[1]
    return (
        shown.minute == rule.minute
        and {
            Frequency.HOURLY: True,
            Frequency.DAILY: shown.hour == rule.hour,
            Frequency.WEEKLY: shown.hour == rule.hour and shown.isoweekday() in rule.weekdays,
            Frequency.MONTHLY: shown.hour == rule.hour and shown.day == min(rule.day, last),
        }[rule.frequency]
    )


def watched(rule: Recurrence, zone: ZoneInfo, start: datetime, days: int) -> Iterator[datetime]:
    """Yields the instants at which somebody who watches the clock would act.

    When the clock jumps, what it jumped over is made up for at once; what it has shown before, it
    does not count again. Hourly work follows the clock alone.
    """
    start -= timedelta(days=2)  # to know what the clock has shown before
    end = start + timedelta(days=days + 2)
    seen: set[datetime] = set()
    last = start.astimezone(zone).replace(tzinfo=None) - MINUTE
    instant = start
    while instant < end:
        shown = instant.astimezone(zone).replace(tzinfo=None)
        if rule.frequency is Frequency.HOURLY:
            due = on(rule, shown)
        else:
            passed = [shown]
            while passed[-1] - MINUTE > last:
                passed.append(passed[-1] - MINUTE)
            due = any(on(rule, each) and each not in seen for each in passed)
            seen.update(passed)
        if due and instant > start + timedelta(days=2):
            yield instant
        last = max(last, shown)
        instant += MINUTE


rules = st.one_of(
    st.builds(
        Recurrence, frequency=st.just(Frequency.HOURLY), minute=st.sampled_from((0, 1, 15, 30, 59))
    ),
    st.builds(
        Recurrence,
        frequency=st.just(Frequency.DAILY),
        hour=st.integers(0, 3) | st.integers(0, 23),
        minute=st.sampled_from((0, 1, 30, 59)),
    ),
    st.builds(
        Recurrence,
        frequency=st.just(Frequency.WEEKLY),
        hour=st.integers(0, 3) | st.integers(0, 23),
        minute=st.sampled_from((0, 30)),
        weekdays=st.sets(st.integers(1, 7), min_size=1).map(sorted).map(tuple) | st.just((7,)),
    ),
    st.builds(
        Recurrence,
        frequency=st.just(Frequency.MONTHLY),
        hour=st.integers(0, 3) | st.integers(0, 23),
        minute=st.sampled_from((0, 30)),
        day=st.integers(1, 31) | st.integers(25, 31),
    ),
)


def changes(zone: ZoneInfo, year: int) -> list[datetime]:
    """Returns the days of a year, from 10 days before, on which the clocks of a zone change."""
    days = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=number) for number in range(366)]
    offsets = [day.astimezone(zone).utcoffset() for day in days]
    return [
        day for day, old, new in zip(days, offsets, offsets[1:], strict=False) if old != new
    ] or days[:1]


@settings(max_examples=60)
@given(
    rule=rules,
    name=st.sampled_from(ZONES),
    year=st.integers(2000, 2037),
    which=st.integers(0, 9),
)
def test_around_every_change_of_clocks_it_is_due_as_a_watched_clock_says(
    rule: Recurrence, name: str, year: int, which: int
) -> None:
    zone = ZoneInfo(name)
    found = changes(zone, year)
    start = found[which % len(found)] - timedelta(days=6)

    expected = list(watched(rule, zone, start, days=12))
    end = start + timedelta(days=12)
    actual = list(takewhile(lambda each: each < end, instants(rule, zone, start)))

    assert actual == expected


@pytest.mark.parametrize("name", ["Pacific/Apia", "Australia/Lord_Howe", "Europe/London"])
@pytest.mark.parametrize(
    "rule",
    [
        Recurrence(frequency=Frequency.HOURLY, minute=45),
        Recurrence(frequency=Frequency.DAILY, hour=1, minute=30),
        Recurrence(frequency=Frequency.WEEKLY, hour=2, minute=15, weekdays=(5, 7)),
        Recurrence(frequency=Frequency.MONTHLY, day=30),
    ],
    ids=lambda rule: rule.frequency.value,
)
def test_a_whole_year_is_as_a_watched_clock_says(name: str, rule: Recurrence) -> None:
    zone, start = ZoneInfo(name), datetime(2011, 1, 1, tzinfo=UTC)
    end = start + timedelta(days=366)

    actual = list(takewhile(lambda each: each < end, instants(rule, zone, start)))

    assert actual == list(watched(rule, zone, start, days=366))


@given(
    rule=rules,
    name=st.sampled_from(ZONES),
    after=st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 - UTC below
)
def test_what_comes_next_does_not_depend_on_when_it_is_asked(
    rule: Recurrence, name: str, after: datetime
) -> None:
    zone, moment = zone_of(name), after.replace(tzinfo=UTC)

    due = next_due(rule, zone, moment)

    assert due is not None
    assert due > moment
    between = moment + (due - moment) / 2
    assert next_due(rule, zone, between) == due
    assert next_due(rule, zone, due - timedelta(microseconds=1)) == due


def test_a_time_that_is_skipped_is_due_behind_the_gap_and_one_that_comes_twice_once() -> None:
    rule = Recurrence(frequency=Frequency.DAILY, hour=1, minute=30)
    zone = zone_of("Europe/London")

    spring = list(islice(instants(rule, zone, datetime(2026, 3, 28, 2, tzinfo=UTC)), 2))
    autumn = list(islice(instants(rule, zone, datetime(2026, 10, 24, 2, tzinfo=UTC)), 2))

    assert spring == [
        datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
        datetime(2026, 3, 30, 0, 30, tzinfo=UTC),
    ]
    assert autumn == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 26, 1, 30, tzinfo=UTC),
    ]


def test_what_is_hourly_goes_on_while_the_clocks_change() -> None:
    rule = Recurrence(frequency=Frequency.HOURLY, minute=5)

    for start in (datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC)):
        due = list(islice(instants(rule, zone_of("Europe/London"), start), 6))

        assert {later - earlier for earlier, later in pairwise(due)} == {timedelta(hours=1)}


def test_a_day_that_a_month_lacks_is_its_last_one() -> None:
    rule = Recurrence(frequency=Frequency.MONTHLY, day=31)

    due = islice(instants(rule, UTC, datetime(2027, 12, 31, 12, tzinfo=UTC)), 4)

    assert [(each.month, each.day) for each in due] == [(1, 31), (2, 29), (3, 31), (4, 30)]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"frequency": Frequency.DAILY, "minute": 60}, "minute is 60, it can be 0 to 59"),
        ({"frequency": Frequency.DAILY, "hour": -1}, "hour is -1, it can be 0 to 23"),
        ({"frequency": Frequency.HOURLY, "hour": 1}, "hour is for a rule that is not hourly"),
        ({"frequency": Frequency.WEEKLY}, "weekdays is required by WEEKLY"),
        ({"frequency": Frequency.WEEKLY, "weekdays": (0,)}, "weekdays is 0, it can be 1 to 7"),
        ({"frequency": Frequency.DAILY, "weekdays": (1,)}, "weekdays is for WEEKLY alone"),
        ({"frequency": Frequency.MONTHLY}, "day is required by MONTHLY"),
        ({"frequency": Frequency.MONTHLY, "day": 32}, "day is 32, it can be 1 to 31"),
        ({"frequency": Frequency.DAILY, "day": 1}, "day is for MONTHLY alone"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(said: dict[str, object], message: str) -> None:
    with pytest.raises(Invalid) as caught:
        Recurrence(**said)  # type: ignore[arg-type]  # what callers say

    assert caught.value.message == message
    assert isinstance(caught.value, Missing) == ("required" in message)


def test_an_unknown_zone_is_refused() -> None:
    for name in ("Mars/Olympus", "", "localtime", "../etc/passwd"):
        with pytest.raises(Invalid, match="it can be an IANA name"):
            zone_of(name)

"""When what recurs is due: pure arithmetic of clocks, correct over their changes.

A rule that names a time of the day names one instant for each of its dates. A local time that does
not exist, because clocks jump over it, is due at the first instant after the gap; one that comes
twice is due the first time. What recurs hourly names a minute alone: it is due whenever the clock
shows that minute, so that it goes on hour after hour while the clocks change.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import Enum
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from polydesk.domain.errors import Invalid, Missing

_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)
_LAST_YEAR: Final = 9_990
_MOST_MINUTES: Final = 59
_MOST_HOURS: Final = 23
_SUNDAY: Final = 7
_MOST_DAYS: Final = 31
# No zone is changed by more than a day and an hour at once.
_WIDEST_GAP: Final = timedelta(days=2)


class Frequency(Enum):
    """Tells how often."""

    HOURLY = "HOURLY"
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


class Recurrence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule: weekdays are 1 (Monday) to 7; a day that a month lacks is its last one."""

    frequency: Frequency
    minute: int = 0
    hour: int = 0
    weekdays: tuple[int, ...] = ()
    day: int = 0

    def __post_init__(self) -> None:
        weekly, monthly = Frequency.WEEKLY, Frequency.MONTHLY
        _check_range("minute", self.minute, 0, _MOST_MINUTES)
        _check_range("hour", self.hour, 0, _MOST_HOURS)
        if self.frequency is Frequency.HOURLY and self.hour:
            raise Invalid("hour is for a rule that is not hourly", field="hour")
        if bool(self.weekdays) != (self.frequency is weekly):
            _refuse("weekdays", needed=self.frequency is weekly, by=weekly)
        for weekday in self.weekdays:
            _check_range("weekdays", weekday, 1, _SUNDAY)
        if bool(self.day) != (self.frequency is monthly):
            _refuse("day", needed=self.frequency is monthly, by=monthly)
        if self.day:
            _check_range("day", self.day, 1, _MOST_DAYS)


def next_due(rule: Recurrence, zone: tzinfo, after: datetime) -> datetime | None:
    """Returns the first instant behind `after`, in UTC; None at the end of the calendar."""
    if after.year >= _LAST_YEAR:
        return None
    if rule.frequency is Frequency.HOURLY:
        return _next_hourly(rule.minute, zone, after)
    at = time(rule.hour, rule.minute)
    for day in _dates(rule, (after.astimezone(zone) - _WIDEST_GAP).date()):
        instant = instant_of(datetime.combine(day, at), zone)
        if instant > after:
            return instant
    return None


def instants(rule: Recurrence, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """Yields all instants behind `after`."""
    due = next_due(rule, zone, after)
    while due is not None:
        yield due
        due = next_due(rule, zone, due)


def instant_of(local: datetime, zone: tzinfo) -> datetime:
    """Returns the instant of a local time; of one that clocks jump over, the end of the gap."""
    instant = local.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local:
        return instant
    before = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _change_between(before, instant, zone)


def zone_of(name: str) -> ZoneInfo:
    """Returns a time zone by its IANA name."""
    if name not in _zones():
        raise Invalid(
            f"time_zone is {name[:60]}, it can be an IANA name such as Europe/London",
            field="time_zone",
        )
    return ZoneInfo(name)


@cache
def _zones() -> frozenset[str]:
    # The zone of the machine is nobody's zone, and "Factory" is none.
    return frozenset(available_timezones() - {"localtime", "Factory"})


def _next_hourly(minute: int, zone: tzinfo, after: datetime) -> datetime:
    first = after.astimezone(UTC).replace(second=0, microsecond=0) + _MINUTE
    shown = first.astimezone(zone)
    due = first + (minute - shown.minute) % 60 * _MINUTE
    if due.astimezone(zone).utcoffset() == shown.utcoffset():
        return due
    # The clocks change in between, maybe by half an hour.
    return next(
        each
        for each in (first + count * _MINUTE for count in range(_DAY // _MINUTE))
        if each.astimezone(zone).minute == minute
    )


def _dates(rule: Recurrence, start: date) -> Iterator[date]:
    """Yields the dates of a rule from `start` on."""
    day = start
    while day.year <= _LAST_YEAR:
        if _is_on(rule, day):
            yield day
        day += _DAY


def _is_on(rule: Recurrence, day: date) -> bool:
    if rule.frequency is Frequency.WEEKLY:
        return day.isoweekday() in rule.weekdays
    if rule.frequency is Frequency.MONTHLY:
        return day.day == min(rule.day, calendar.monthrange(day.year, day.month)[1])
    return True


def _change_between(early: datetime, late: datetime, zone: tzinfo) -> datetime:
    """Returns the second at which the clocks of a zone change, which they do once in between."""
    old = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == old:
            early = middle
        else:
            late = middle
    return late


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise Invalid(f"{name} is {value}, it can be {least} to {most}", field=name)


def _refuse(name: str, *, needed: bool, by: Frequency) -> None:
    if needed:
        raise Missing(f"{name} is required by {by.value}", field=name)
    raise Invalid(f"{name} is for {by.value} alone", field=name)

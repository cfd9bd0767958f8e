"""Working time: the hours in which an org works, less its public holidays, in its own time zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from polydesk.domain.errors import Invalid

MINUTES: Final = 24 * 60
MOST_HOURS: Final = 28
# Farther ahead nothing is due, and farther back nothing is counted.
_LONGEST: Final = timedelta(days=3_660)


class Hours(msgspec.Struct, frozen=True, kw_only=True):
    """A span of working time: `weekday` is 1 for Monday, the ends are minutes of the day."""

    weekday: int
    start: int
    end: int


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """When an org works: always where `hours` is empty. `region` is `GB` or `GB-ENG`."""

    time_zone: str = ""
    hours: tuple[Hours, ...] = ()
    region: str = ""

    def elapsed(self, start: datetime, end: datetime) -> timedelta:
        """Counts the working time between two instants."""
        if end <= start:
            return timedelta()
        start = max(start, end - _LONGEST)
        return sum(
            (min(end, closes) - max(start, opens) for opens, closes in self._spans(start, end)),
            timedelta(),
        )

    def due(self, start: datetime, work: timedelta) -> datetime | None:
        """Tells when so much working time has gone by; None if that is not within ten years."""
        for opens, closes in self._spans(start, start + _LONGEST):
            begins = max(start, opens)
            if closes - begins >= work:
                return begins + work
            work -= closes - begins
        return None

    def _spans(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        day = start.astimezone(_zone(self.time_zone)).date()
        while True:
            for opens, closes in _day(self, day):
                if opens >= end:
                    return
                if closes > start:
                    yield opens, closes
            day += timedelta(days=1)
            if datetime.combine(day, time(), UTC) - timedelta(days=1) >= end:
                return


def check_calendar(calendar: Calendar) -> None:
    """Refuses a calendar that cannot be: unknown zone or region, hours that overlap."""
    _zone(calendar.time_zone)
    _holidays(calendar.region, 2026)
    if len(calendar.hours) > MOST_HOURS:
        raise Invalid(f"at most {MOST_HOURS} spans of hours are taken", field="hours")
    last = (0, 0)
    for span in sorted(calendar.hours, key=lambda span: (span.weekday, span.start)):
        if not (1 <= span.weekday <= 7 and 0 <= span.start < span.end <= MINUTES):  # noqa: PLR2004 - days of the week
            raise Invalid("hours lie on days 1 to 7, and begin before they end", field="hours")
        if (span.weekday, span.start) < last:
            raise Invalid(f"two spans of hours overlap on day {span.weekday}", field="hours")
        last = span.weekday, span.end


@lru_cache(maxsize=8_192)
def _day(calendar: Calendar, day: date) -> tuple[tuple[datetime, datetime], ...]:
    """Returns the working time of a local day, as instants."""
    if day in _holidays(calendar.region, day.year):
        return ()
    zone = _zone(calendar.time_zone)
    spans = [(span.start, span.end) for span in calendar.hours if span.weekday == day.isoweekday()]
    if not calendar.hours:
        spans = [(0, MINUTES)]
    return tuple(
        (_instant(day, start, zone), _instant(day, end, zone)) for start, end in sorted(spans)
    )


def _instant(day: date, minute: int, zone: ZoneInfo) -> datetime:
    days, minute = divmod(minute, MINUTES)
    local = datetime.combine(day + timedelta(days=days), time(minute // 60, minute % 60), zone)
    return local.astimezone(UTC)


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError) as error:
        raise Invalid(f"{name} is no time zone of IANA", field="time_zone") from error


@lru_cache(maxsize=512)
def _holidays(region: str, year: int) -> frozenset[date]:
    if not region:
        return frozenset()
    import holidays  # noqa: PLC0415 - half a second that most commands can do without

    country, _, subdivision = region.partition("-")
    try:
        return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=year))
    except NotImplementedError as error:
        raise Invalid(
            f"the holidays of {region} are not known: write a country or a subdivision by "
            "ISO 3166, such as GB or GB-ENG",
            field="holiday_region",
        ) from error

"""Times as vendors write them: zones, offsets, counts since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache, lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo, available_timezones

import msgspec
from tzlocal.windows_tz import win_tz

from polydesk.domain.errors import Invalid
from polydesk.wire.caller import clip

FIRST_YEAR: Final = "1900"
_LONGEST_NAME: Final = 60
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_DIGITS: Final = 11
_MILLI_DIGITS: Final = 14
_WIDEST_OFFSET: Final = 14 * 60

_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]?([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,6}))?"
    r" ?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_DIGITS: Final = re.compile(r"[0-9]+")


def _hours(hours: int) -> timezone:
    return timezone(timedelta(hours=hours))


# What an abbreviation means is a matter of choice (IST is Israel's, too); these are the only ones
# taken. They go before IANA's own EST, MST and CET, of which the last has summer time.
ABBREVIATIONS: Final[dict[str, tzinfo]] = {
    "GMT": UTC,
    "UTC": UTC,
    "IST": timezone(timedelta(hours=5, minutes=30)),
    "EST": _hours(-5),
    "EDT": _hours(-4),
    "CST": _hours(-6),
    "CDT": _hours(-5),
    "MST": _hours(-7),
    "MDT": _hours(-6),
    "PST": _hours(-8),
    "PDT": _hours(-7),
    "CET": _hours(1),
    "CEST": _hours(2),
    "BST": _hours(1),
    "JST": _hours(9),
    "AEST": _hours(10),
    "AEDT": _hours(11),
    "SGT": _hours(8),
}


class TimeFormat(msgspec.Struct, frozen=True):
    """How a vendor writes times, always in GMT: `2019-11-18`, the separator, `00:54:52.000`."""

    separator: str
    precision: Literal["seconds", "milliseconds", "microseconds"]
    suffix: str = ""


def zone(name: str) -> tzinfo:
    """Returns a time zone by its IANA name, its Windows name or a listed abbreviation.

    The letter case does not count.
    """
    # No name is as long as that, and what is remembered stays small.
    found = _zone(name.strip().casefold()[:_LONGEST_NAME])
    if found is None:
        raise Invalid(
            f"{clip(name) or 'the empty text'} is no time zone: give an IANA name (Asia/Kolkata), "
            f"a Windows name (India Standard Time) or one of {', '.join(ABBREVIATIONS)}"
        )
    return found


@lru_cache(maxsize=1024)
def _zone(name: str) -> tzinfo | None:
    if known := ABBREVIATIONS.get(name.upper()):
        return known
    key = _zone_keys().get(name)
    return ZoneInfo(key) if key else None


@cache
def _zone_keys() -> dict[str, str]:
    # The zone of the machine is nobody's zone, and "Factory" is none.
    names = available_timezones() - {"localtime", "Factory"}
    windows = {name: key for name, key in win_tz.items() if key in names}
    return {name.casefold(): key for name, key in (windows | {key: key for key in names}).items()}


def offset_zone(minutes: int) -> timezone:
    """Returns the zone of an offset told as GMT minus local time: -330 is India."""
    if abs(minutes) > _WIDEST_OFFSET:
        raise Invalid(
            f"{minutes} is no time zone offset: it takes the minutes from local time to GMT, "
            f"-{_WIDEST_OFFSET} to {_WIDEST_OFFSET}"
        )
    return timezone(timedelta(minutes=-minutes))


def read_time(text: str, zone: tzinfo, *, epoch: bool = False) -> datetime:
    """Returns the instant that a text means: a date of `zone` or, with `epoch`, a count since 1970.

    An offset in the text goes before the zone. Of a time that comes twice in the night when clocks
    go back the first is meant; one that is skipped in spring lies as much later as clocks jump.
    """
    text = text.strip()
    if epoch and _DIGITS.fullmatch(text):
        return _read_epoch(text)
    match = _TIME.fullmatch(text)
    if match is None or match[1] < FIRST_YEAR:
        raise _no_time(text)
    date, clock, fraction, offset = match.groups(default="")
    try:
        said = datetime.fromisoformat(f"{date}T{clock}.{fraction:0<6}{offset}")
        return (said if offset else said.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _no_time(text) from error


def _read_epoch(digits: str) -> datetime:
    if len(digits) > _MILLI_DIGITS:
        raise Invalid(
            f"{clip(digits)} is no epoch time: it takes seconds (up to {_SECOND_DIGITS} digits) or "
            f"milliseconds ({_SECOND_DIGITS + 1} to {_MILLI_DIGITS} digits)"
        )
    millis = int(digits) if len(digits) > _SECOND_DIGITS else int(digits) * 1000
    return _EPOCH + timedelta(milliseconds=millis)


def _no_time(text: str) -> Invalid:
    return Invalid(
        f"{clip(text) or 'the empty text'} is no time: it takes yyyy-MM-dd HH:mm:ss, with up to "
        f"six decimals, from {FIRST_YEAR} on"
    )


def write_time(moment: datetime, style: TimeFormat) -> str:
    """Writes an instant in GMT; what is finer than the precision is cut off."""
    gmt = moment.astimezone(UTC).replace(tzinfo=None)
    return gmt.isoformat(style.separator, style.precision) + style.suffix

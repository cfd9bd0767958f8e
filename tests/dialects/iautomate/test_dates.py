"""Every documented form of a date, under every rule of zones, means the instant that it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from polydesk.api.iautomate.v1 import iautomate_pb2 as pb
from polydesk.wire import ABBREVIATIONS, zone
from tests.dialects.iautomate.test_tickets import printed, save, v2

ZONES: Final = (
    *ABBREVIATIONS,
    "Asia/Kolkata",
    "India Standard Time",
    "Europe/London",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",  # its summer time is half an hour
    "Pacific/Apia",  # left out a whole day
    "Africa/Casablanca",  # its summer time is the usual one, turned round
)
# Nights in which clocks of these zones change.
EDGES: Final = (
    datetime(2011, 12, 30, 10, tzinfo=UTC),
    datetime(2026, 2, 15, 2, tzinfo=UTC),
    datetime(2026, 3, 8, 7, tzinfo=UTC),
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC),
)
SEPARATORS: Final = (" ", "T", "")
instants = st.one_of(
    st.datetimes(
        min_value=datetime(1970, 1, 3),  # noqa: DTZ001 - hypothesis takes naive bounds
        max_value=datetime(2100, 1, 1),  # noqa: DTZ001 - the same
        timezones=st.just(UTC),
    ),
    st.builds(
        lambda edge, seconds: edge + timedelta(seconds=seconds),
        st.sampled_from(EDGES),
        st.integers(-7_200, 7_200),
    ),
).map(lambda instant: instant.replace(microsecond=instant.microsecond // 1_000 * 1_000))


def creation_date(**fields: str) -> datetime:
    """What the dialect prints of a pushed CreationDate."""
    text = printed(save(v2(**fields)), pb.IncidentV2)["CreationDate"]
    return datetime.strptime(f"{text}+0000", "%Y-%m-%d %H:%M:%S.%f%z")


def local(instant: datetime, separator: str) -> str:
    clock = instant.replace(tzinfo=None)
    return clock.isoformat(" ", "milliseconds").replace(" ", separator)


@given(instants, st.sampled_from(ZONES), st.sampled_from(SEPARATORS))
def test_a_local_time_of_a_zone_is_its_instant(
    instant: datetime, name: str, separator: str
) -> None:
    there = instant.astimezone(zone(name))

    read = creation_date(
        IsTimeZoneOrOffset="TIMEZONE", TimeZone=name, CreationDate=local(there, separator)
    )

    # Of an hour that comes twice the first is meant; a local time alone cannot tell the second.
    first = there.replace(fold=0).astimezone(UTC)
    assert read == (first if there.fold else instant)


@given(instants, st.integers(-840, 840), st.sampled_from(SEPARATORS))
def test_an_offset_is_what_local_time_lacks_to_gmt(
    instant: datetime, minutes: int, separator: str
) -> None:
    there = instant - timedelta(minutes=minutes)

    read = creation_date(
        IsTimeZoneOrOffset="OFFSET",
        TimeZoneOffset=str(minutes),
        CreationDate=local(there, separator),
    )

    assert read == instant


@given(instants, st.sampled_from(SEPARATORS))
def test_gmt_is_taken_as_it_is(instant: datetime, separator: str) -> None:
    assert (
        creation_date(IsTimeZoneOrOffset="GMT", CreationDate=local(instant, separator)) == instant
    )


@given(instants, st.sampled_from(("TIMEZONE", "OFFSET", "GMT")), st.sampled_from(ZONES))
def test_counts_since_1970_know_no_zone(instant: datetime, rule: str, name: str) -> None:
    seconds = int(instant.timestamp())
    millis = seconds * 1_000 + instant.microsecond // 1_000
    said = {"IsTimeZoneOrOffset": rule, "TimeZone": name, "IsEpoch": "Y"}

    assert creation_date(CreationDate=str(seconds), **said) == instant.replace(microsecond=0)
    if millis >= 10**11:  # shorter counts are seconds
        assert creation_date(CreationDate=str(millis), **said) == instant

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from polydesk import wire
from polydesk.domain.errors import Invalid, TooLarge
from polydesk.domain.identity import Caller

# Offsets of whole, half and quarter hours; summer time north and south; half an hour of it.
ZONES: Final = (
    "GMT",
    "IST",
    "EST",
    "CEST",
    "AEDT",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Apia",
    "India Standard Time",
    "Eastern Standard Time",
    "W. Europe Standard Time",
)
STYLES: Final = (
    wire.TimeFormat(" ", "milliseconds"),
    wire.TimeFormat("T", "milliseconds", "Z"),
    wire.TimeFormat("T", "microseconds"),
    wire.TimeFormat(" ", "seconds"),
)
FINENESS: Final = {"seconds": 1_000_000, "milliseconds": 1_000, "microseconds": 1}
SEPARATORS: Final = (" ", "T", "")  # "" is the guide's own "2020-01-2907:12:23.607"

moments = st.datetimes(
    min_value=datetime(1900, 1, 2),  # noqa: DTZ001 - hypothesis takes naive bounds
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001 - the same
    timezones=st.just(UTC),
)
zones = st.sampled_from(ZONES)
offsets = st.integers(min_value=-840, max_value=840)


def utc(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=UTC)  # type: ignore[arg-type,misc]  # the numbers of a date


def cut(moment: datetime, digits: int) -> datetime:
    unit = 10 ** (6 - digits)
    return moment.replace(microsecond=moment.microsecond // unit * unit)


def text_of(local: datetime, separator: str, digits: int) -> str:
    fraction = f".{local.microsecond:06}"[: digits + 1] if digits else ""
    return f"{local:%Y-%m-%d}{separator}{local:%H:%M:%S}{fraction}"


@given(moments, zones, st.sampled_from(SEPARATORS), st.integers(0, 6))
@example(utc(2026, 10, 25, 0, 30), "Europe/Berlin", " ", 3)
@example(utc(2026, 3, 29, 1, 0), "Europe/Berlin", " ", 3)
@example(utc(2026, 4, 4, 15, 15), "Australia/Lord_Howe", "", 6)
def test_every_date_is_read_in_its_zone(
    moment: datetime, name: str, separator: str, digits: int
) -> None:
    zone = wire.zone(name)
    local = cut(moment, digits).astimezone(zone)

    read = wire.read_time(text_of(local, separator, digits), zone)

    first = local.replace(fold=0).astimezone(UTC)
    assert read == first
    assert read.tzinfo is UTC
    assert read == cut(moment, digits) or local.fold


@given(moments, zones, offsets, st.sampled_from(("", ":")), st.sampled_from(("", " ")))
def test_an_offset_in_the_text_wins(
    moment: datetime, name: str, minutes: int, colon: str, blank: str
) -> None:
    local = moment.astimezone(timezone(timedelta(minutes=minutes)))
    sign, hours = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    text = f"{text_of(local, 'T', 6)}{blank}{sign}{hours[0]:02}{colon}{hours[1]:02}"

    assert wire.read_time(text, wire.zone(name)) == moment


@given(moments, zones, st.sampled_from(STYLES))
def test_what_is_written_is_read_again(moment: datetime, name: str, style: wire.TimeFormat) -> None:
    written = wire.write_time(moment.astimezone(wire.zone(name)), style)

    unit = FINENESS[style.precision]
    kept = moment.replace(microsecond=moment.microsecond // unit * unit)
    assert wire.read_time(written, UTC) == kept


@given(moments, offsets)
def test_an_offset_is_gmt_minus_local_time(moment: datetime, minutes: int) -> None:
    local = moment.replace(tzinfo=None) - timedelta(minutes=minutes)

    assert wire.read_time(text_of(local, " ", 6), wire.offset_zone(minutes)) == moment


def test_india_is_minus_330() -> None:
    # Tables 10 and 33 of seed 004: pushed 06:24:54 with IST and -330, read 00:54:54.000.
    read = wire.read_time("2019-11-18 06:24:54", wire.offset_zone(-330))

    assert wire.write_time(read, STYLES[0]) == "2019-11-18 00:54:54.000"
    assert read == wire.read_time("2019-11-18 06:24:54", wire.zone("IST"))


@pytest.mark.parametrize("minutes", [-841, 841, 10**6, -(10**9)])
def test_an_offset_that_no_place_has_is_refused(minutes: int) -> None:
    with pytest.raises(Invalid, match="no time zone offset"):
        wire.offset_zone(minutes)


def test_a_time_that_comes_twice_means_the_first() -> None:
    read = wire.read_time("2026-11-01 01:30:00", wire.zone("America/New_York"))

    assert read == utc(2026, 11, 1, 5, 30)


def test_a_time_that_is_skipped_lies_as_much_later() -> None:
    read = wire.read_time("2026-03-08 02:30:00", wire.zone("America/New_York"))

    assert read == utc(2026, 3, 8, 7, 30)
    assert read.astimezone(ZoneInfo("America/New_York")).hour == 3


@given(st.integers(0, 10**11 - 1), zones)
def test_epoch_seconds_have_up_to_eleven_digits(seconds: int, name: str) -> None:
    read = wire.read_time(str(seconds), wire.zone(name), epoch=True)

    assert read - utc(1970, 1, 1) == timedelta(seconds=seconds)


@given(st.integers(10**11, 10**14 - 1), zones)
def test_epoch_milliseconds_have_twelve_to_fourteen(millis: int, name: str) -> None:
    read = wire.read_time(str(millis), wire.zone(name), epoch=True)

    assert read - utc(1970, 1, 1) == timedelta(milliseconds=millis)


def test_where_epochs_are_taken_dates_are_too() -> None:
    # Table 4 of seed 004 has "IsEpoch": "Y" beside "2019-11-18 06:24:52".
    read = wire.read_time("2019-11-18 06:24:52", wire.zone("IST"), epoch=True)

    assert read == utc(2019, 11, 18, 0, 54, 52)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "0",
        "2019-11-18",
        "2019-11-18 06:24",
        "2019-11-18 24:00:00",
        "2019-11-18 23:59:60",
        "2019-02-29 00:00:00",
        "2019-11-18 06:24:52.1234567",
        "2019-11-18 06:24:52 IST",
        "2019-11-18 06:24:52+24:00",
        "1899-12-31 23:59:59",
        "0001-01-01 00:00:00",
        "9999-12-31 23:59:59-01:00",
        "18/11/2019 06:24:52",
        "٢٠١٩-11-18 06:24:52",
        "1574058292",
    ],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="yyyy-MM-dd HH:mm:ss"):
        wire.read_time(text, UTC)


def test_an_epoch_of_fifteen_digits_is_refused() -> None:
    with pytest.raises(Invalid, match="12 to 14 digits"):
        wire.read_time("1" * 15, UTC, epoch=True)


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        ("asia/kolkata", 5.5),
        (" IST ", 5.5),
        ("india standard time", 5.5),
        ("Nepal Standard Time", 5.75),
        ("EST", -5),
        ("edt", -4),
        ("CST", -6),
        ("PDT", -7),
        ("BST", 1),
        ("CEST", 2),
        ("SGT", 8),
        ("JST", 9),
        ("AEDT", 11),
        ("UTC-11", -11),
        ("Etc/GMT+5", -5),
    ],
)
def test_zones_have_three_sorts_of_names(name: str, hours: float) -> None:
    noon = datetime(2026, 7, 1, 12, tzinfo=wire.zone(name))

    assert noon.utcoffset() == timedelta(hours=hours)


def test_an_abbreviation_has_no_summer_time() -> None:
    winter, summer = (datetime(2026, month, 1, tzinfo=wire.zone("CET")) for month in (1, 7))

    assert winter.utcoffset() == summer.utcoffset() == timedelta(hours=1)


@pytest.mark.parametrize(
    "name",
    ["", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "localtime", "Factory", "Europe", "\0"],
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="give an IANA name"):
        wire.zone(name)


def test_a_refused_text_is_quoted_in_part() -> None:
    with pytest.raises(Invalid) as refused:
        wire.zone("x" * 60_000)

    assert len(refused.value.message) < 500


@pytest.mark.parametrize(
    "read",
    [
        wire.zone,
        lambda text: wire.read_time(text, wire.zone("IST")),
        lambda text: wire.read_time(text, wire.zone("Pacific/Apia"), epoch=True),
        lambda text: wire.read_form("application/x-www-form-urlencoded", text.encode()),
        lambda text: wire.read_form("multipart/form-data; boundary=x", text.encode()),
        lambda text: wire.read_form(text, b"a=b"),
        lambda text: wire.read_form(f"multipart/form-data; boundary={text}", b"--x\r\n"),
    ],
    ids=["zone", "time", "epoch", "urlencoded", "multipart", "content type", "boundary"],
)
@given(
    text=st.one_of(
        st.text(),
        st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T]?[0-9]{2}:[0-9]{2}:[0-9]{2}.{0,9}"),
        st.lists(
            st.sampled_from(
                [
                    "--x",
                    "--",
                    "\r\n",
                    "Content-Disposition: form-data; name=a",
                    "; filename=f",
                    "Content-Transfer-Encoding: base64",
                    "Content-Transfer-Encoding: quoted-printable",
                    "=",
                    "&",
                    "%",
                    "é",
                ]
            )
        ).map("".join),
    )
)
def test_nothing_but_invalid_comes_of_any_text(read: Callable[[str], Any], text: str) -> None:
    message = ""
    try:
        read(text)
    except Invalid as error:
        message = error.message
    assert len(message) < 500


fields = st.dictionaries(st.text(min_size=1, max_size=9), st.text(max_size=20), max_size=5)


@given(fields)
def test_an_urlencoded_form_is_read(form: dict[str, str]) -> None:
    content_type = "application/x-www-form-urlencoded; charset=UTF-8"

    assert wire.read_form(content_type, urlencode(form).encode()) == form


def test_a_multipart_form_is_read() -> None:
    # The boundary that seed 001 prints.
    boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
    parts = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in (("username", "ann@example.org"), ("password", "p&=é"))
    )

    form = wire.read_form(
        f"multipart/form-data; boundary={boundary}", f"{parts}--{boundary}--\r\n".encode()
    )

    assert form == {"username": "ann@example.org", "password": "p&=é"}


@pytest.mark.parametrize(
    ("content_type", "data", "words"),
    [
        ("application/x-www-form-urlencoded", b"a=%FF", "sound form"),
        ("application/x-www-form-urlencoded", b"a=\xff", "sound form"),
        ("application/x-www-form-urlencoded", b"a=1&" * 21, "sound form"),
        ("application/x-www-form-urlencoded", b"a=1&a=2", "twice"),
        ("multipart/form-data", b"--x", "sound form"),
        ("application/json", b"{}", "Content-Type is application/json"),
        ("", b"", "Content-Type is missing"),
    ],
)
def test_an_unsound_form_is_refused(content_type: str, data: bytes, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        wire.read_form(content_type, data)


def test_a_large_form_is_refused() -> None:
    with pytest.raises(TooLarge):
        wire.read_form("application/x-www-form-urlencoded", b"a" * (wire.LARGEST_FORM + 1))


@pytest.mark.parametrize(
    ("metadata", "address"),
    [
        ((("x-envoy-external-address", "192.0.2.1"), ("x-forwarded-for", "10.0.0.1")), "192.0.2.1"),
        ((("x-forwarded-for", "203.0.113.9, 192.0.2.2"),), "192.0.2.2"),
        ((), ""),
    ],
)
def test_the_address_is_the_one_the_gateway_saw(metadata: Any, address: str) -> None:
    context: Any = SimpleNamespace(invocation_metadata=lambda: metadata)

    assert wire.address_of(context) == address


def test_a_servicer_finds_its_caller() -> None:
    caller = Caller(account=1, login="ann@example.org", roles={}, scope="tickets.read")
    token = wire.CALLER.set(caller)

    assert wire.caller_of() is caller
    wire.CALLER.reset(token)

"""The values of ticketJSON: texts, times, offsets, words, and the names of it all."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Final, TypeVar

from google.protobuf import struct_pb2

from polydesk import wire
from polydesk.domain.errors import Invalid
from polydesk.domain.ticket import LONGEST_NAME, LONGEST_TEXT, check_text

T = TypeVar("T")

WHERE: Final = "ticketJSON"
# "YYYY-MM-DDTHH:mm:ss.ffffff".
TIME: Final = wire.TimeFormat("T", "microseconds")
MOST_NAMES: Final = 100
_OFFSET: Final = re.compile(r"(?:UTC|GMT)?([+-])(\d\d)(?::?(\d\d))?", re.ASCII | re.IGNORECASE)
_UTC: Final = ("", "Z", "UTC", "GMT")
_WIDEST: Final = timedelta(hours=14)
_SIXTY: Final = 60
# Beyond it a JSON number is not exact.
EXACT: Final = 2**53


def read_offset(said: str) -> tzinfo:
    """Reads itsmTimeZoneOffset; "string with the UTC offset", in no form that is printed."""
    text = said.strip()
    if text.upper() in _UTC:
        return UTC
    match = _OFFSET.fullmatch(text)
    if match:
        sign, hours, minutes = match.groups(default="00")
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        if int(minutes) < _SIXTY and offset <= _WIDEST:
            return timezone(-offset if sign == "-" else offset)
    raise Invalid(
        f"itsmTimeZoneOffset is {wire.clip(text)}, it can be +05:30, -0500, +05, UTC+05:30,"
        " GMT+05:30, Z or empty, up to 14 hours",
        field="itsmTimeZoneOffset",
    )


def read_names(said: Iterable[str], *, separated: bool = False) -> list[str]:
    """Reads ticketFields, each name once; in a query commas separate them."""
    texts = [part for text in said for part in (text.split(",") if separated else [text])]
    names = list(dict.fromkeys(name for text in texts if (name := text.strip())))
    if len(names) > MOST_NAMES:
        raise Invalid(
            f"ticketFields has {len(names)} names, at most {MOST_NAMES} are taken",
            field="ticketFields",
        )
    for name in names:
        check_text("ticketFields", name, most=LONGEST_NAME)
    return names


def plain(value: struct_pb2.Value) -> Any:
    """Returns a JSON value; a whole number is an int."""
    match value.WhichOneof("kind"):
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [plain(each) for each in value.list_value.values]
        case "struct_value":
            return {name: plain(each) for name, each in value.struct_value.fields.items()}
    return None


def read_text(name: str, value: Any, *, most: int = LONGEST_NAME) -> str:
    """Reads a text; numbers and truths are written as such."""
    if isinstance(value, bool):
        value = "true" if value else "false"
    if isinstance(value, int) and abs(value) >= EXACT:
        raise _wrong(name, "is a number beyond 2^53, which JSON does not keep: write it as a text")
    if isinstance(value, int | float):
        value = str(value)
    if not isinstance(value, str):
        raise _wrong(name, "is a text, and no list or object")
    check_text(f"{WHERE}.{name}", value, most=most)
    return value


def read_time(name: str, value: Any, zone: tzinfo) -> datetime:
    """Reads a time; one that has no offset of its own is one of the zone."""
    text = read_text(name, value)
    try:
        return wire.read_time(text, zone)
    except Invalid as error:
        raise _wrong(name, f": {error.message}") from error


def read_word(name: str, said: str, words: Mapping[str, T]) -> T:
    """Returns what a word means; neither letter case nor blanks around it count."""
    word = said.strip().casefold()
    if word in words:
        return words[word]
    raise _wrong(name, f"is {wire.clip(said)}, it can be {_either(_capitals(words))}")


def check_kept(said: Mapping[str, Any]) -> None:
    """Refuses what cannot be kept of names beyond the appendix; what is null is taken away."""
    said = {name: value for name, value in said.items() if value is not None}
    if len(said) > MOST_NAMES:
        raise Invalid(
            f"{WHERE} has {len(said)} names beyond those of the contract, at most {MOST_NAMES} are"
            " kept",
            field=WHERE,
        )
    for name in said:
        if not name.strip():
            raise Invalid(f"{WHERE} has a name that is empty", field=WHERE)
        check_text(WHERE, name, most=LONGEST_NAME)
    check_text(WHERE, json.dumps(said, ensure_ascii=False), most=LONGEST_TEXT)
    for text in _texts(said):
        check_text(WHERE, text, most=LONGEST_TEXT)


@contextmanager
def named(names: Mapping[str, str]) -> Iterator[None]:
    """Has what the desk refuses bear the name that ticketJSON has for it."""
    try:
        yield
    except Invalid as error:
        if (name := names.get(error.field)) is None:
            raise
        told = error.message.removeprefix(error.field)
        said = f"{WHERE}.{name}" + (told if told != error.message else f": {told}")
        raise type(error)(said, field=f"{WHERE}.{name}") from error


def _texts(value: Any) -> Iterator[str]:
    """Yields all texts of a JSON value, names of members among them."""
    match value:
        case str():
            yield value
        case list():
            for each in value:
                yield from _texts(each)
        case dict():
            for name, each in value.items():
                yield name
                yield from _texts(each)


def _wrong(name: str, how: str) -> Invalid:
    blank = "" if how.startswith(":") else " "
    return Invalid(f"{WHERE}.{name}{blank}{how}", field=f"{WHERE}.{name}")


def _capitals(words: Iterable[str]) -> list[str]:
    return [word if word.isdecimal() else word.title() for word in words]


def _either(words: Collection[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}"

"""Custom fields: what an org adds to its tickets, and which values each of them takes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

import msgspec

from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.ticket import LONGEST_NAME, LONGEST_TEXT, CustomValue, check_text

MOST_OPTIONS: Final = 200
MOST_ITEMS: Final = 100
_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_INTEGER: Final = 2**31
_LONG: Final = 2**63


class FieldType(Enum):
    """Sorts values."""

    TEXT = "TEXT"
    LONG_TEXT = "LONG_TEXT"
    INTEGER = "INTEGER"
    LONG = "LONG"
    NUMBER = "NUMBER"
    BOOLEAN = "BOOLEAN"
    INTEGER_LIST = "INTEGER_LIST"
    TEXT_LIST = "TEXT_LIST"


class CustomField(msgspec.Struct, frozen=True, kw_only=True):
    """A field of an org; tickets hold its values under `key`."""

    id: int
    key: str
    type: FieldType
    label: str = ""
    required: bool = False
    options: tuple[str, ...] = ()


def check_field(field: CustomField) -> None:
    """Refuses a field that cannot be."""
    if not _KEY.fullmatch(field.key):
        raise Invalid(
            "key is 1 to 63 of a to z, 0 to 9 and _, a letter first", field="custom_field.key"
        )
    check_text("custom_field.label", field.label, most=LONGEST_NAME)
    if field.options and field.type not in (FieldType.TEXT, FieldType.TEXT_LIST):
        raise Invalid(f"a {field.type.value} has no options", field="custom_field.options")
    if len(field.options) > MOST_OPTIONS:
        raise Invalid(f"at most {MOST_OPTIONS} options are taken", field="custom_field.options")
    for option in field.options:
        check_text("custom_field.options", option, most=LONGEST_NAME)


def check_value(field: CustomField, value: CustomValue) -> None:
    """Refuses a value that the field does not take."""
    name = f"custom_fields.{field.key}"
    if not _FITS[field.type](value):
        raise Invalid(f"{name} takes {_TAKES[field.type]}", field=name)
    texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    most = LONGEST_TEXT if field.type is FieldType.LONG_TEXT else LONGEST_NAME
    for text in texts:
        check_text(name, text, most=most)
        if field.options and text not in field.options:
            raise Invalid(f"{name} takes one of {', '.join(field.options)}", field=name)


def check_given(fields: Mapping[str, CustomField], values: Mapping[str, Any]) -> None:
    """Refuses a new incident that lacks what must be given."""
    for field in fields.values():
        if field.required and values.get(field.key) is None:
            name = f"custom_fields.{field.key}"
            raise Missing(f"{name} is required", field=name)


def merged(
    old: Mapping[str, CustomValue], said: Mapping[str, CustomValue | None]
) -> dict[str, CustomValue]:
    """Returns the values of a ticket with what is said of them; None takes one away."""
    return {key: value for key, value in {**old, **said}.items() if value is not None}


def _integer(value: object, *, below: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -below <= value < below


def _items(value: object, kind: type) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MOST_ITEMS
        and all(type(item) is kind for item in value)
    )


_FITS: Final = {
    FieldType.TEXT: lambda value: isinstance(value, str),
    FieldType.LONG_TEXT: lambda value: isinstance(value, str),
    FieldType.INTEGER: lambda value: _integer(value, below=_INTEGER),
    FieldType.LONG: lambda value: _integer(value, below=_LONG),
    FieldType.NUMBER: lambda value: isinstance(value, float) and math.isfinite(value),
    FieldType.BOOLEAN: lambda value: isinstance(value, bool),
    FieldType.INTEGER_LIST: lambda value: _items(value, int),
    FieldType.TEXT_LIST: lambda value: _items(value, str),
}
_TAKES: Final = {
    FieldType.TEXT: "a text",
    FieldType.LONG_TEXT: "a text",
    FieldType.INTEGER: "an integer of 32 bits",
    FieldType.LONG: "an integer",
    FieldType.NUMBER: "a finite number",
    FieldType.BOOLEAN: "true or false",
    FieldType.INTEGER_LIST: f"a list of at most {MOST_ITEMS} integers",
    FieldType.TEXT_LIST: f"a list of at most {MOST_ITEMS} texts",
}

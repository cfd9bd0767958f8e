"""What messages say, in the words of people: `active`, not `STATE_ACTIVE`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from polydesk.cli.failure import Failure

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp


def fields_of(message: Message) -> dict[str, str]:
    """Returns all that a message says; what it holds in a message of its own has both names."""
    fields: dict[str, str] = {}
    for field, value in message.ListFields():
        if _is_map(field):
            fields |= {f"{field.name}.{key}": _value(value[key]) for key in sorted(value)}
        elif field.message_type and field.message_type.name != "Timestamp":
            inner = fields_of(value).items()
            fields |= {f"{field.name}.{name}": text for name, text in inner}
        elif text := _text(message, field, value):
            fields[field.name] = text
    return fields


def word(message: Any, name: str) -> str:
    """Returns the value of an enum as people say it: `active`; nothing where it is unspecified."""
    enum = message.DESCRIPTOR.fields_by_name[name].enum_type
    known = enum.values_by_number.get(getattr(message, name))
    if known is None or known.number == 0:
        return ""
    first_value = enum.values_by_number[0].name
    return str(known.name.removeprefix(first_value.removesuffix("UNSPECIFIED")).lower())


def moment(time: Timestamp) -> str:
    """Returns a time to the second, in UTC."""
    return datetime.fromtimestamp(time.seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def choose(message: type[Any], field: str, text: str) -> Any:
    """Reads the value of an enum field: `high`, `service-request-task`; nothing is unspecified."""
    enum = message.DESCRIPTOR.fields_by_name[field].enum_type
    prefix = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
    wanted = prefix + text.upper().replace("-", "_")
    if text and wanted in enum.values_by_name and enum.values_by_name[wanted].number:
        return enum.values_by_name[wanted].number
    if not text:
        return 0
    known = ", ".join(each.name.removeprefix(prefix).lower() for each in enum.values[1:])
    raise Failure(f"{text!r} is no {field}; there are: {known}")


def _is_map(field: Any) -> bool:
    return bool(field.message_type and field.message_type.GetOptions().map_entry)


def _value(value: Any) -> str:
    """Returns the value of a custom field."""
    kind = value.WhichOneof("kind")
    said: Any = getattr(value, kind) if kind else ""
    return ", ".join(map(str, said.values)) if kind in ("integers", "texts") else str(said)


def _text(message: Message, field: Any, value: Any) -> str:
    if field.enum_type:
        return word(message, field.name)
    if field.is_repeated:
        return ", ".join(value)
    return moment(value) if field.message_type else str(value)

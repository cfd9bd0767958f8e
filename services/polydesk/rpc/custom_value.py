"""Values of custom fields on the wire."""

from __future__ import annotations

from collections.abc import Mapping

from polydesk.api.v1 import ticket_pb2
from polydesk.domain.ticket import CustomValue

Message = ticket_pb2.Ticket.CustomValue


def to_values(messages: Mapping[str, Message]) -> dict[str, CustomValue | None]:
    """Reads what a caller says of custom fields; one without a kind is None."""
    return {key: _to_value(message) for key, message in messages.items()}


def from_values(values: Mapping[str, CustomValue]) -> dict[str, Message]:
    """Writes the custom fields of a ticket."""
    return {key: _from_value(value) for key, value in values.items()}


def _to_value(message: Message) -> CustomValue | None:
    match message.WhichOneof("kind"):
        case None:
            return None
        case "integers" | "texts" as kind:
            return list(getattr(message, kind).values)
        case kind:
            value: CustomValue = getattr(message, kind)
            return value


def _from_value(value: CustomValue) -> Message:
    match value:
        case str():
            return Message(text=value)
        case bool():
            return Message(boolean=value)
        case int():
            return Message(integer=value)
        case float():
            return Message(number=value)
        case list() if value and isinstance(value[0], int):
            return Message(integers=Message.Integers(values=[int(item) for item in value]))
    return Message(texts=Message.Texts(values=[str(item) for item in value]))

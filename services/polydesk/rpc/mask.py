"""Read masks (AIP-157): which fields of a ticket a caller wants, and how they alone are written.

What a field is comes from the contract, so that a new one is known here by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import Any, Final

from google.protobuf.field_mask_pb2 import FieldMask

from polydesk.api.v1 import ticket_pb2
from polydesk.domain import ticket as record
from polydesk.domain.errors import Invalid
from polydesk.domain.query import NAMES
from polydesk.domain.ticket import Ticket
from polydesk.rpc.custom_value import from_values
from polydesk.rpc.moment import timestamp

EVERYTHING: Final = "*"
_FIELDS: Final[dict[str, Any]] = dict(ticket_pb2.Ticket.DESCRIPTOR.fields_by_name)
# The names of the contract where they are not those of the record.
RECORD: Final = {
    **NAMES,
    "delete_time": "deleted_at",
    "execution_status": "execution",
    "custom_fields": "custom",
}
_ENUMS: Final[dict[str, type[Enum]]] = {
    "Kind": record.Kind,
    "State": record.State,
    "Level": record.Level,
    "Priority": record.Priority,
    "ExecutionStatus": record.Execution,
}
Write = Callable[[Any], Any]


class Mask:
    """Writes some fields of tickets."""

    def __init__(self, paths: frozenset[str]) -> None:
        self._name = "name" in paths
        self._fields = [
            (name, RECORD.get(name, name), write) for name, write in _WRITE.items() if name in paths
        ]

    def write(self, ticket: Ticket, collection: str) -> ticket_pb2.Ticket:
        """Writes the fields; one that is not set stays away."""
        said = {name: write(getattr(ticket, field)) for name, field, write in self._fields}
        if self._name:
            said["name"] = f"{collection}/{ticket.id}"
        return ticket_pb2.Ticket(**said)


def read_mask(mask: FieldMask) -> Mask | None:
    """Reads a mask; none, an empty one and `*` ask for everything, which is None."""
    paths = frozenset(mask.paths)
    if unknown := paths - _FIELDS.keys() - {EVERYTHING}:
        raise Invalid(
            f"read_mask: there is no field {min(unknown)}; there are {', '.join(_FIELDS)}",
            field="read_mask",
        )
    return None if EVERYTHING in paths or not paths else Mask(paths)


def _writer(field: Any) -> Write:
    if field.name == "org":
        return "orgs/{}".format
    if field.name == "custom_fields":
        return from_values
    if field.enum_type is not None:
        prefix = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", field.enum_type.name).upper()
        numbers = {
            member: field.enum_type.values_by_name[f"{prefix}_{member.name}"].number
            for member in _ENUMS[field.enum_type.name]
        }
        return numbers.get
    if field.message_type is not None:
        return lambda moment: moment and timestamp(moment)
    return str


_WRITE: Final = {name: _writer(field) for name, field in _FIELDS.items() if name != "name"}

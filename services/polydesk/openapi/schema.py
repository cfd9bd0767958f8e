"""Messages as JSON Schemas, as the gateway reads and writes them."""

from __future__ import annotations

import re
from typing import Any, Final

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from polydesk.openapi.comment import comment

Json = dict[str, Any]
FILE: Final = "google.api.HttpBody"
_WELL_KNOWN: Final[dict[str, Json]] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"},
    "google.protobuf.FieldMask": {"type": "string", "description": "Names, with commas between."},
    "google.protobuf.Struct": {"type": "object", "additionalProperties": True},
    "google.protobuf.ListValue": {"type": "array", "items": {}},
    "google.protobuf.Value": {"description": "Any JSON value."},
    "google.protobuf.Empty": {"type": "object"},
    "google.protobuf.Any": {
        "type": "object",
        "properties": {"@type": {"type": "string"}},
        "additionalProperties": True,
    },
    "google.protobuf.BoolValue": {"type": ["boolean", "null"]},
    "google.protobuf.StringValue": {"type": ["string", "null"]},
    "google.protobuf.Int32Value": {"type": ["integer", "null"], "format": "int32"},
    "google.protobuf.Int64Value": {"type": ["string", "null"], "format": "int64"},
    "google.protobuf.DoubleValue": {"type": ["number", "null"], "format": "double"},
    FILE: {"description": "Raw bytes, in the content type of the route."},
}
_SCALARS: Final[dict[int, Json]] = {
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "format": "byte"},
    FieldDescriptor.TYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.TYPE_UINT32: {"type": "integer", "format": "int64", "minimum": 0},
    FieldDescriptor.TYPE_INT64: {"type": "string", "format": "int64"},
    FieldDescriptor.TYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.TYPE_FLOAT: {"type": "number", "format": "float"},
}
_CHARACTERS: Final = re.compile(r"at most ([0-9,]+) characters", re.ASCII)


class Schemas:
    """Makes the schemas of one document, each message once."""

    def __init__(self) -> None:
        self.known: dict[str, Json] = {}

    def of_message(self, message: Descriptor) -> Json:
        """Returns the schema of a message, or a reference to it."""
        if message.full_name in _WELL_KNOWN:
            return dict(_WELL_KNOWN[message.full_name])
        name = _name(message.full_name)
        if name not in self.known:
            self.known[name] = {}  # messages may hold themselves
            self.known[name] = self._object(message)
        return {"$ref": f"#/components/schemas/{name}"}

    def of_field(self, field: FieldDescriptor) -> Json:
        """Returns the schema of a field, with its words and limits."""
        if field.message_type and field.message_type.GetOptions().map_entry:
            value = field.message_type.fields_by_name["value"]
            said: Json = {"type": "object", "additionalProperties": self._single(value)}
        elif field.is_repeated:
            said = {"type": "array", "items": self._single(field)}
        else:
            said = self._single(field)
        words = comment(field.full_name)
        if (limit := _CHARACTERS.search(words)) and said == {"type": "string"}:
            said["maxLength"] = int(limit[1].replace(",", ""))
        if is_required(field) and said.get("type") == "string" and "format" not in said:
            said["minLength"] = 1
        if "or null" in words and said.get("type") == "string":
            said["type"] = ["string", "null"]
        if words:
            said["description"] = words
        behaviours = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
        if field_behavior_pb2.OUTPUT_ONLY in behaviours:
            said["readOnly"] = True
        return said

    def _object(self, message: Descriptor) -> Json:
        said: Json = {"type": "object"}
        if words := comment(message.full_name):
            said["description"] = words
        if message.fields:
            said["properties"] = {each.json_name: self.of_field(each) for each in message.fields}
        required = [each.json_name for each in message.fields if is_required(each)]
        return said | ({"required": required} if required else {})

    def _single(self, field: FieldDescriptor) -> Json:
        if field.message_type:
            return self.of_message(field.message_type)
        if field.enum_type and field.enum_type.full_name == "google.protobuf.NullValue":
            return {"type": "null"}
        if field.enum_type:
            return self._enum(field.enum_type)
        return dict(_SCALARS[field.type])

    def _enum(self, enum: EnumDescriptor) -> Json:
        name = _name(enum.full_name)
        if name not in self.known:
            above = enum.full_name.rpartition(".")[0]
            values = [f"- `{each.name}`: {comment(f'{above}.{each.name}')}" for each in enum.values]
            self.known[name] = {
                "type": "string",
                "enum": [each.name for each in enum.values],
                "description": "\n".join([comment(enum.full_name), "", *values]),
            }
        return {"$ref": f"#/components/schemas/{name}"}


def is_required(field: FieldDescriptor) -> bool:
    """Tells whether a request must say it."""
    behaviours = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    return field_behavior_pb2.REQUIRED in behaviours


def _name(full_name: str) -> str:
    """Returns `Ticket.Outcome` for `polydesk.api.v1.Ticket.Outcome`."""
    return re.sub(r"^([a-z0-9_]+\.)+", "", full_name)

"""Values of custom fields: customFieldValueDetails, by the ids and types of the org's catalog."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from google.protobuf import struct_pb2
from msgspec.structs import replace

from polydesk import wire
from polydesk.api.serviceops.v1 import serviceops_pb2 as pb
from polydesk.domain.catalog import Catalog
from polydesk.domain.custom_field import CustomField, FieldType, check_value
from polydesk.domain.errors import Invalid
from polydesk.domain.ticket import CustomValue

DETAILS: Final = "customFieldValueDetails"
# "Supported Type: STRING = 1; INTEGER = 2; DOUBLE = 3; BOOLEAN = 4; LONG = 5; INTEGER LIST = 7;
# STRING LIST = 8; BIG STRING = 10"; there is no 6 and no 9.
TYPES: Final[Mapping[FieldType, tuple[int, str, str]]] = {
    FieldType.TEXT: (1, "STRING", "string_value"),
    FieldType.INTEGER: (2, "INTEGER", "int_value"),
    FieldType.NUMBER: (3, "DOUBLE", "double_value"),
    FieldType.BOOLEAN: (4, "BOOLEAN", "boolean_value"),
    FieldType.LONG: (5, "LONG", "long_value"),
    FieldType.INTEGER_LIST: (7, "INTEGER LIST", "int_list_value"),
    FieldType.TEXT_LIST: (8, "STRING LIST", "string_list_value"),
    FieldType.LONG_TEXT: (10, "BIG STRING", "string_value"),
}
# Beyond it a JSON number is not exact.
_EXACT: Final = 2**53
_TRUTHS: Final = {"true": True, "false": False}
_PARSERS: Final[Mapping[FieldType, Callable[[str], CustomValue]]] = {
    FieldType.INTEGER: int,
    FieldType.LONG: int,
    FieldType.NUMBER: float,
    FieldType.BOOLEAN: lambda text: _TRUTHS[text.lower()],
}


def names_of(catalog: Catalog) -> dict[str, str]:
    """Returns what the vendor calls the custom fields, by what the desk calls them."""
    return {f"custom_fields.{field.key}": f"{DETAILS}.{field.id}" for field in catalog.fields}


def read_values(
    details: Mapping[str, pb.CustomFieldValue], catalog: Catalog
) -> dict[str, CustomValue | None]:
    """Reads values by ids; one of null is None."""
    known = {str(field.id): field for field in catalog.fields}
    values: dict[str, CustomValue | None] = {}
    for id_, said in details.items():
        if id_ not in known:
            ids = ", ".join(known) or "none"
            raise Invalid(
                f"{DETAILS}: there is no custom field {wire.clip(id_)}; there are: {ids}",
                field=DETAILS,
            )
        values[known[id_].key] = _value(known[id_], said)
    return values


def write_values(
    values: Mapping[str, CustomValue], catalog: Catalog
) -> dict[str, pb.CustomFieldValue]:
    """Writes the values that an incident has of the fields that there still are."""
    written = {}
    for field in catalog.fields:
        value = values.get(field.key)
        if value is not None and _fits(field, value):
            number, _, member = TYPES[field.type]
            said = pb.CustomFieldValue(type=number)
            _set(said, member, value)
            written[str(field.id)] = said
    return written


def from_field(field: CustomField) -> pb.FormField:
    """Writes a custom field as M06 tells it."""
    number, name, _ = TYPES[field.type]
    return pb.FormField(
        id=field.id,
        name=field.key,
        label=field.label or field.key,
        type=number,
        type_name=name,
        required=field.required,
        options=field.options,
    )


def _value(field: CustomField, said: pb.CustomFieldValue) -> CustomValue | None:
    number, _, member = TYPES[field.type]
    name = f"{DETAILS}.{field.id}"
    if said.type not in (0, number):
        raise Invalid(f"{name}.type is {said.type}, the field's is {number}", field=name)
    given = {each.name for each, _ in said.ListFields()} - {"type"}
    if given - {member, "string_value"}:
        json_name = said.DESCRIPTOR.fields_by_name[member].json_name
        raise Invalid(f"{name} takes {json_name}", field=name)
    if member not in given:
        return _parsed(field, said.string_value) if given else None
    value = getattr(said, member)
    if isinstance(value, struct_pb2.ListValue):
        return [plain(each) for each in value.values]
    return _long(name, value) if isinstance(value, struct_pb2.Value) else value


def _parsed(field: CustomField, text: str) -> CustomValue:
    try:
        return _PARSERS[field.type](text)
    except (KeyError, ValueError) as error:
        name = f"{DETAILS}.{field.id}"
        kind = TYPES[field.type][1]
        raise Invalid(f"{name}: {wire.clip(text)} is no {kind}", field=name) from error


def plain(value: struct_pb2.Value) -> Any:
    """Returns a JSON value; a whole number is an int."""
    match value.WhichOneof("kind"):
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return value.string_value
        case "null_value" | None:
            return None
    return value


def _long(name: str, value: struct_pb2.Value) -> CustomValue | None:
    said = plain(value)
    if not isinstance(said, str):
        return said  # type: ignore[no-any-return]  # the catalog looks at what it is
    try:
        return int(said)
    except ValueError as error:
        raise Invalid(f"{name}: {wire.clip(said)} is no LONG", field=name) from error


def _fits(field: CustomField, value: CustomValue) -> bool:
    """Tells whether a value is of the type that the field has now."""
    try:
        check_value(replace(field, options=()), value)
    except Invalid:
        return False
    return True


def _set(said: pb.CustomFieldValue, member: str, value: CustomValue) -> None:
    if isinstance(value, list):
        items = getattr(said, member)
        items.SetInParent()  # an empty list is one
        items.extend(value)
    elif member == "long_value" and isinstance(value, int):
        exact = abs(value) <= _EXACT
        said.long_value.CopyFrom(
            struct_pb2.Value(number_value=value)
            if exact
            else struct_pb2.Value(string_value=str(value))
        )
    else:
        setattr(said, member, value)

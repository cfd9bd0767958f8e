"""What a contract says of one RPC, read once from its descriptor."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from google.api import annotations_pb2, field_behavior_pb2
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor as MessageDescriptor
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor

from polydesk.api.v1 import access_pb2
from polydesk.domain.identity import HUB_ADMIN, SCOPES

PACKAGE: Final = "polydesk.api."
_VARIABLE: Final = re.compile(r"{([a-z_]+)")
_SCOPES: Final = frozenset({HUB_ADMIN}.union(*SCOPES.values()))


class RequiredField(msgspec.Struct, frozen=True, kw_only=True):
    """A field that must be there, or below which fields must be there."""

    name: str
    label: str
    required: bool
    repeated: bool
    message: bool
    below: tuple[RequiredField, ...]


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """One RPC: who may call it, what it requires, which fields the URL and the body fill.

    `keys` are the places in the JSON of the field `body` where an API key may stand.
    """

    service: str
    name: str
    scope: str
    anonymous: bool
    read_only: bool
    bearer_only: bool
    body: str
    keys: tuple[str, ...]
    bound: frozenset[str]
    required: tuple[RequiredField, ...]
    # What is counted and told of it: `TicketService/GetTicket`, the dialect, whether it lasts.
    label: str
    dialect: str
    streams: bool


class AccessUndeclared(Exception):
    """A contract does not say who may call a method, or names a scope that nobody can hold."""


def methods_of(services: Iterable[str]) -> dict[str, Method]:
    """Returns the methods of our services by their gRPC paths."""
    pool = descriptor_pool.Default()
    return {
        f"/{service}/{method.name}": _read(method)
        for service in services
        if service.startswith(PACKAGE)
        for method in pool.FindServiceByName(service).methods
    }


def _read(method: MethodDescriptor) -> Method:
    options: Any = method.GetOptions()
    if not options.HasExtension(access_pb2.access):
        raise AccessUndeclared(f"{method.full_name} has no (polydesk.api.v1.access) option")
    access = options.Extensions[access_pb2.access]
    if access.scope and access.scope not in _SCOPES:
        raise AccessUndeclared(f"{method.full_name} demands {access.scope}, which no role gives")
    return Method(
        service=method.containing_service.full_name,
        name=method.name,
        scope=access.scope,
        anonymous=access.anonymous,
        read_only=access.read_only,
        bearer_only=access.bearer_only,
        body=options.Extensions[annotations_pb2.http].body,
        keys=tuple(access.key_in_body),
        bound=frozenset(_bound(method)),
        required=_required(method.input_type, ()),
        label=f"{method.containing_service.name}/{method.name}",
        dialect=_dialect(method.containing_service.full_name),
        streams=method.server_streaming,
    )


def _dialect(service: str) -> str:
    dialect = service.removeprefix(PACKAGE).partition(".")[0]
    return "desk" if dialect == "v1" else dialect


def _bound(method: MethodDescriptor) -> Iterator[str]:
    """Yields the fields that path and body fill, by both their names; raw_query is the query."""
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    for binding in (rule, *rule.additional_bindings):
        template = getattr(binding, binding.WhichOneof("pattern") or "get")
        path = template if isinstance(template, str) else template.path
        names = {*_VARIABLE.findall(path), binding.body}
        for field in method.input_type.fields:
            if (binding.body == "*" and field.name != "raw_query") or field.name in names:
                yield field.name
                yield field.json_name


def _required(message: MessageDescriptor, above: tuple[str, ...]) -> tuple[RequiredField, ...]:
    if message.full_name in above or not message.file.package.startswith(PACKAGE[:-1]):
        return ()
    above = (*above, message.full_name)
    fields = (_required_field(field, above) for field in message.fields)
    return tuple(field for field in fields if field.required or field.below)


def _required_field(field: FieldDescriptor, above: tuple[str, ...]) -> RequiredField:
    behaviours = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    return RequiredField(
        name=field.name,
        label=field.name if field.full_name.startswith(f"{PACKAGE}v1.") else field.json_name,
        required=field_behavior_pb2.REQUIRED in behaviours,
        repeated=field.is_repeated,
        message=field.message_type is not None,
        below=_required(field.message_type, above) if field.message_type else (),
    )

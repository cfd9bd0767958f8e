"""Methods as operations: a method has one for each of its HTTP bindings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from polydesk.api.v1 import access_pb2
from polydesk.openapi.comment import comment
from polydesk.openapi.example import illustrated
from polydesk.openapi.schema import FILE, Json, Schemas, is_required

_VARIABLE: Final = re.compile(r"{([a-z0-9_.]+)(?:=([^}]+))?}", re.ASCII)
_HEADERS: Final = (
    ("Idempotency-Key", "Makes repeated writes one: the first answer is given again, for a day."),
    ("If-Match", "The etag that the record must still have."),
)
_SUCCESS: Final = re.compile(r"HTTP (20\d)", re.ASCII)
_NO_CONTENT: Final = "204"
_QUERY_DEPTH: Final = 3
_IRREGULAR: Final = {"people": "person"}
# The name of a segment of a path that may be anything.
_ANYTHING: Final = "any"
_ANY: Final = {"application/json": {"schema": {}}, "*/*": {"schema": {"type": "string"}}}


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """What a verb does at a path."""

    verb: str
    path: str
    said: Json


def operations(method: MethodDescriptor, schemas: Schemas) -> Iterator[Operation]:
    """Yields the operations of a method."""
    rule: Any = method.GetOptions().Extensions[annotations_pb2.http]
    bindings = [each for each in (rule, *rule.additional_bindings) if _pattern(each)[0]]
    paths = [_path(_pattern(each)[1])[0] for each in bindings]
    for number, (binding, path) in enumerate(zip(bindings, paths, strict=True)):
        verb, template = _pattern(binding)
        _, variables = _path(template)
        said = _said(method, binding, schemas, number=number, variables=variables)
        yield Operation(verb=verb, path=path, said=illustrated(said, method, paths))


def parameters_named(said: Json, path: str, wanted: str) -> Json:
    """Returns an operation whose path has the names of another's."""
    names = dict(zip(re.findall(r"{(\w+)}", path), re.findall(r"{(\w+)}", wanted), strict=True))
    return said | {
        "parameters": [
            each | {"name": names.get(each["name"], each["name"])} if each["in"] == "path" else each
            for each in said["parameters"]
        ]
    }


def _pattern(binding: http_pb2.HttpRule) -> tuple[str, str]:
    kind = binding.WhichOneof("pattern")
    if kind == "custom":
        return binding.custom.kind.lower(), binding.custom.path
    return (kind, getattr(binding, kind)) if kind else ("", "")


def _path(template: str) -> tuple[str, dict[str, str]]:
    """Returns the path, and which field each of its parameters is, or is a part of, if any."""
    variables: dict[str, str] = {}

    def expanded(found: re.Match[str]) -> str:
        field, pattern = found[1], found[2] or "*"
        if pattern in ("*", "**"):
            variables[field] = field
            return f"{{{field}}}"
        parts = []
        for before, part in zip(["", *pattern.split("/")], pattern.split("/"), strict=False):
            name = _singular(before)
            if part == "*":
                variables[name] = field
            parts.append(f"{{{name}}}" if part == "*" else part)
        return "/".join(parts)

    path = _VARIABLE.sub(expanded, template)
    if "/*/" in path:
        variables[_ANYTHING] = ""
    return path.replace("/*/", f"/{{{_ANYTHING}}}/"), variables


def _singular(collection: str) -> str:
    word = re.sub(r"(?<!^)([A-Z])", r"_\1", collection).lower()
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    return f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s") or "id"


def _said(
    method: MethodDescriptor,
    binding: http_pb2.HttpRule,
    schemas: Schemas,
    *,
    number: int,
    variables: Mapping[str, str],
) -> Json:
    options: Any = method.GetOptions()
    access = options.Extensions[access_pb2.access]
    words = comment(method.full_name)
    said: Json = {
        "operationId": method.name + (f"_{number + 1}" if number else ""),
        "summary": words.partition(". ")[0].partition(": ")[0].rstrip(".") or method.name,
        "description": words,
        "parameters": [
            *(_path_parameter(name, field, method.input_type) for name, field in variables.items()),
            *_query(method, binding, schemas, variables=variables),
            *_headers(read_only=access.read_only or access.anonymous),
        ],
        "responses": _successes(method, schemas),
    }
    if binding.body:
        said["requestBody"] = _body(method.input_type, binding.body, schemas, variables=variables)
    if access.anonymous:
        said["security"] = []
    elif access.bearer_only:
        said["security"] = [{"bearer": []}]
    return said


def _path_parameter(name: str, field: str, message: Descriptor) -> Json:
    described = message.fields_by_name.get(field)
    words = comment(described.full_name) if described else ""
    schema = {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "description": words, "schema": schema}


def _headers(*, read_only: bool) -> Iterator[Json]:
    for name, words in () if read_only else _HEADERS:
        yield {"name": name, "in": "header", "description": words, "schema": {"type": "string"}}


def _query(
    method: MethodDescriptor,
    binding: http_pb2.HttpRule,
    schemas: Schemas,
    *,
    variables: Mapping[str, str],
) -> Iterator[Json]:
    if binding.body == "*":
        return
    taken = {binding.body, "raw_query", *variables.values()}
    for field in method.input_type.fields:
        if field.name not in taken:
            yield from _query_of(field, schemas, above="", depth=_QUERY_DEPTH)


def _query_of(
    field: FieldDescriptor, schemas: Schemas, *, above: str, depth: int
) -> Iterator[Json]:
    name = f"{above}{field.json_name}"
    message = field.message_type
    if message and not message.full_name.startswith("google.protobuf."):
        if depth and not field.is_repeated and message.full_name != FILE:
            for each in message.fields:
                yield from _query_of(each, schemas, above=f"{name}.", depth=depth - 1)
        return
    schema = schemas.of_field(field)
    words = schema.pop("description", "")
    required = {"required": True} if is_required(field) and not above else {}
    yield {"name": name, "in": "query", "description": words, "schema": schema} | required


def _body(
    message: Descriptor, body: str, schemas: Schemas, *, variables: Mapping[str, str]
) -> Json:
    if body != "*":
        field = message.fields_by_name[body]
        if field.message_type and field.message_type.full_name == FILE:
            content = _raw(comment(field.full_name))
        else:
            content = {"application/json": {"schema": schemas.of_field(field)}}
        return {"required": True, "content": content}
    taken = {"raw_query", *variables.values()}
    left = [each for each in message.fields if each.name not in taken]
    schema: Json = {
        "type": "object",
        "properties": {each.json_name: schemas.of_field(each) for each in left},
    }
    if required := [each.json_name for each in left if is_required(each)]:
        schema["required"] = required
    return {"required": bool(required), "content": {"application/json": {"schema": schema}}}


def _raw(words: str) -> Json:
    """Returns what a raw body may be, by what the contract says of it."""
    known = {
        "multipart/form-data": {"type": "object"},
        "urlencoded": {"type": "object"},
        "JSON": {},
    }
    names = {"urlencoded": "application/x-www-form-urlencoded", "JSON": "application/json"}
    content = {
        names.get(word, word): {"schema": schema | {"description": words}}
        for word, schema in known.items()
        if word in words
    }
    return content or {"application/octet-stream": {"schema": {"description": words}}}


def _successes(method: MethodDescriptor, schemas: Schemas) -> Json:
    """Returns the answers that are no errors: 200 unless the contract's words say another."""
    words = comment(method.full_name) + comment(method.output_type.full_name)
    return {
        status: {"description": HTTPStatus(int(status)).phrase}
        | ({} if status == _NO_CONTENT else {"content": _content(method, schemas)})
        for status in sorted(set(_SUCCESS.findall(words))) or ["200"]
    }


def _content(method: MethodDescriptor, schemas: Schemas) -> Json:
    if method.output_type.full_name == FILE:
        return _ANY
    schema = schemas.of_message(method.output_type)
    if method.server_streaming:
        return {
            "application/json": {"schema": {"type": "array", "items": schema}},
            "application/x-ndjson": {"schema": schema},
            "text/event-stream": {"schema": {"type": "string"}},
        }
    return {"application/json": {"schema": schema}}

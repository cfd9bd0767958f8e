"""Examples of the contracts: a call as its document prints it, and what is answered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from google.protobuf.descriptor import MethodDescriptor

from polydesk.api.v1 import example_pb2
from polydesk.openapi.schema import Json

_NAME: Final = re.compile(r"\\{(\w+)\\}", re.ASCII)


def illustrated(said: Json, method: MethodDescriptor, paths: Iterable[str]) -> Json:
    """Returns an operation with the example of its method; `paths` are those of its bindings."""
    options: Any = method.GetOptions()
    if not options.HasExtension(example_pb2.example):
        return said
    example = options.Extensions[example_pb2.example]
    values = _values(example.path, paths)
    said = said | {"parameters": [_parameter(each, values) for each in said["parameters"]]}
    if example.body and "requestBody" in said:
        said["requestBody"] = said["requestBody"] | {"content": _content(said, example.body)}
    if example.answer:
        said["responses"] = _responses(said["responses"], json.loads(example.answer))
    return said


def _values(called: str, paths: Iterable[str]) -> dict[str, list[str]]:
    """Returns what a called path says of each parameter, that of its query among them."""
    path, _, query = called.partition("?")
    patterns = (_NAME.sub(r"(?P<\1>[^/]+?)", re.escape(each)) for each in paths)
    found = next(filter(None, (re.fullmatch(each, path) for each in patterns)))
    return {name: [unquote(text)] for name, text in found.groupdict().items()} | parse_qs(query)


def _parameter(parameter: Json, values: dict[str, list[str]]) -> Json:
    if texts := values.get(parameter["name"]):
        return parameter | {"example": _typed(texts, parameter["schema"])}
    return parameter


def _typed(texts: list[str], schema: Json) -> Any:
    if schema.get("type") == "array":
        return texts
    return json.loads(texts[0]) if schema.get("type") in ("integer", "boolean") else texts[0]


def _content(said: Json, body: str) -> Json:
    content: Json = said["requestBody"]["content"]
    kind = "application/json" if body[0] in "[{" else "application/x-www-form-urlencoded"
    example = json.loads(body) if body[0] in "[{" else _form(body)
    return content | {kind: content[kind] | {"example": example}}


def _form(body: str) -> dict[str, str]:
    return {name: texts[0] for name, texts in parse_qs(body).items()}


def _responses(responses: Json, answer: Any) -> Json:
    return {
        status: _answering(told, answer) if status.startswith("2") else told
        for status, told in responses.items()
    }


def _answering(response: Json, answer: Any) -> Json:
    content = response.get("content", {})
    shown = {
        kind: said | {"example": answer}
        for kind, said in content.items()
        if kind == "application/json"
    }
    return response | ({"content": content | shown} if shown else {})

"""A check of schemathesis' own, as our documents mean it; `SCHEMATHESIS_HOOKS` names this file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import schemathesis
from openapi_schema_validator import OAS31Validator
from schemathesis.specs.openapi.checks import negative_data_rejection

from polydesk.openapi import documents

Json = dict[str, Any]


@schemathesis.check
def invalid_data_rejection(ctx: Any, response: Any, case: Any) -> bool | None:
    """Demands that what is invalid is refused, unless it is valid as Envoy understands it."""
    body = _bodies().get((case.method.lower(), case.path))
    if body and OAS31Validator(body).is_valid(understood(case.body, body, body)):
        return None
    return negative_data_rejection(ctx, response, case)


def understood(said: Any, schema: Json, whole: Json) -> Any:
    """Returns what Envoy takes JSON for: without nulls, lists in lists unfolded, one for a list."""
    if reference := schema.get("$ref"):
        schema = whole["components"]["schemas"][reference.rpartition("/")[2]]
    if schema.get("type") == "array":
        return [understood(each, schema["items"], whole) for each in unfolded(said)]
    if not isinstance(said, dict):
        return said
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    of_others = others if isinstance(others, dict) else {}
    return {
        name: understood(each, known.get(name, of_others), whole)
        for name, each in said.items()
        if each is not None
    }


def unfolded(said: Any) -> Iterator[Any]:
    """Yields the members of a list, and those of the lists in it; what is none is its own."""
    if isinstance(said, list):
        for each in said:
            yield from unfolded(each)
    elif said is not None:
        yield said


@cache
def _bodies() -> dict[tuple[str, str], Json]:
    """Returns the schema of each body, by the verb and the path."""
    return {
        (verb, path): said["requestBody"]["content"]["application/json"]["schema"]
        | {"components": whole["components"]}
        for whole in (json.loads(made()) for made in documents().values())
        for path, item in whole["paths"].items()
        for verb, said in item.items()
        if "application/json" in said.get("requestBody", {}).get("content", {})
    }

"""OpenAPI 3.1 documents, made from the contracts: one for each dialect, and one for our own API.

Shapes, routes, limits and words come from the contracts and their comments; errors come from the
dialects. What the gateway takes beyond a contract (a single object for an array, a list in a list)
is nobody's promise, and stands nowhere here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib import metadata
from typing import Any, Final

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from polydesk import dialects
from polydesk.openapi.comment import comment
from polydesk.openapi.failure import failures
from polydesk.openapi.operation import operations, parameters_named
from polydesk.openapi.schema import Schemas
from polydesk.rpc import SERVICES
from polydesk.rpc.errors import canonical
from polydesk.rpc.interceptor import Refuse

CANONICAL: Final = "polydesk"
_NULL: Final = "In what is sent, null is as good as leaving a member out."
_OWN: Final = "The API of the hub itself, which services inside call by gRPC."
_KEY: Final = "Bears `rest_api_key=` and the key of a client."
_SECURITY: Final[dict[str, Any]] = {
    "basic": {"type": "http", "scheme": "basic", "description": "An account's login and secret."},
    "bearer": {"type": "http", "scheme": "bearer", "description": "An access token."},
    "key": {"type": "apiKey", "in": "header", "name": "Authorization", "description": _KEY},
}


def documents() -> Mapping[str, Callable[[], bytes]]:
    """Returns what makes each document, by its name; each is made once."""
    return {f"{name}.json": cache(partial(_written, name)) for name in sorted(_apis())}


def document(name: str) -> dict[str, Any]:
    """Returns the document of a dialect or, of the name CANONICAL, that of our own API."""
    services, refuse = _apis()[name]
    schemas = Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for service in services:
        for method in service.methods:
            _add(paths, method, schemas, refuse)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": _title(name),
            "version": metadata.version("polydesk"),
            "description": f"{_about(name, services[0])}\n\n{_NULL}",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This hub."}],
        "security": [{each: []} for each in _SECURITY],
        "tags": [
            {"name": _tag(service), "description": comment(service.full_name)}
            for service in services
        ],
        "paths": paths,
        "components": {"schemas": schemas.known, "securitySchemes": _SECURITY},
    }


def _written(name: str) -> bytes:
    return json.dumps(document(name), ensure_ascii=False, separators=(",", ":")).encode()


@cache
def _apis() -> dict[str, tuple[list[ServiceDescriptor], Refuse]]:
    pool = descriptor_pool.Default()
    apis = {
        dialect.SERVICE.split(".")[2]: ([pool.FindServiceByName(dialect.SERVICE)], dialect.refuse)
        for dialect in dialects.load()
    }
    own = [pool.FindServiceByName(name) for name in SERVICES]
    return apis | {CANONICAL: (own, lambda error, _: canonical(error))}


def _add(
    paths: dict[str, dict[str, Any]], method: MethodDescriptor, schemas: Schemas, refuse: Refuse
) -> None:
    """Adds the operations of a method; paths that differ in names alone are one."""
    for operation in operations(method, schemas):
        known = next((path for path in paths if _erased(path) == _erased(operation.path)), "")
        path = known or operation.path
        said = operation.said | {
            "tags": [_tag(method.containing_service)],
            "responses": operation.said["responses"] | failures(refuse, method.name),
        }
        if known and known != operation.path:
            said = parameters_named(said, operation.path, known)
        paths.setdefault(path, {})[operation.verb] = said


def _erased(path: str) -> list[str]:
    return [
        "{" + each.partition("}")[2] if each.startswith("{") else each for each in path.split("/")
    ]


def _tag(service: ServiceDescriptor) -> str:
    name: str = service.name
    return name.removesuffix("Service")


def _about(name: str, service: ServiceDescriptor) -> str:
    return _OWN if name == CANONICAL else comment(service.full_name)


def _title(name: str) -> str:
    return "Polydesk" if name == CANONICAL else f"Polydesk: {_tag(_apis()[name][0][0])}"

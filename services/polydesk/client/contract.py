"""What the contracts say of a method, as a client has to know it."""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf import descriptor_pool

from polydesk.api.v1 import access_pb2


@cache
def changes_something(path: str) -> bool:
    """Tells whether a method, given by its gRPC path, may change what the hub holds."""
    name = path.lstrip("/").replace("/", ".")
    try:
        method = descriptor_pool.Default().FindMethodByName(name)
    except KeyError:  # health and the like
        return False
    options: Any = method.GetOptions()
    return (
        options.HasExtension(access_pb2.access)
        and not options.Extensions[access_pb2.access].read_only
    )

"""What the contracts say of routes: which verb and path belong to which method."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources

from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet

CONTRACTS = "polydesk.api"
FILE = ".google.api.HttpBody"


@dataclass(frozen=True, kw_only=True)
class Route:
    """One HTTP binding of a method; `path` is its template with the variables erased."""

    verb: str
    path: str
    service: str
    rpc: str
    reads_query: bool = False
    streams: bool = False
    takes_file: bool = False
    gives_file: bool = False

    @property
    def variables(self) -> int:
        """Tells how general the path is: of two that match, the one with fewer is meant."""
        return self.path.count("*")


def read_contracts() -> FileDescriptorSet:
    """Returns all contracts, without their comments."""
    contracts = FileDescriptorSet.FromString(part("descriptors.binpb"))
    for file in contracts.file:
        file.ClearField("source_code_info")
    return contracts


def services(contracts: FileDescriptorSet) -> list[str]:
    """Returns the full names of our services."""
    return [
        f"{file.package}.{service.name}"
        for file in contracts.file
        if file.package.startswith(f"{CONTRACTS}.")
        for service in file.service
    ]


def read_routes(contracts: FileDescriptorSet) -> list[Route]:
    """Returns every HTTP binding of our methods, in the order of the contracts."""
    reading = {
        f".{file.package}.{message.name}"
        for file in contracts.file
        for message in file.message_type
        if any(field.name == "raw_query" for field in message.field)
    }
    return [
        Route(
            verb=verb,
            path=re.sub(r"\{[^}=]+(?:=([^}]+))?\}", lambda found: found[1] or "*", template),
            service=f"{file.package}.{service.name}",
            rpc=method.name,
            reads_query=method.input_type in reading,
            streams=method.server_streaming and method.output_type != FILE,
            takes_file=method.client_streaming,
            gives_file=method.server_streaming and method.output_type == FILE,
        )
        for file in contracts.file
        for service in file.service
        for method in service.method
        for verb, template in _bindings(method.options.Extensions[annotations_pb2.http])
    ]


def _bindings(rule: http_pb2.HttpRule) -> Iterator[tuple[str, str]]:
    kind = rule.WhichOneof("pattern")
    if kind == "custom":
        yield rule.custom.kind, rule.custom.path
    elif kind:
        yield kind.upper(), getattr(rule, kind)
    for more in rule.additional_bindings:
        yield from _bindings(more)


def clashes(routes: Sequence[Route]) -> list[str]:
    """Returns what is declared more than once; the names of variables make no difference."""
    declared = [f"{route.verb} {route.path}" for route in routes]
    return sorted({each for each in declared if declared.count(each) > 1})


def stream_paths(routes: Sequence[Route]) -> str:
    """Returns the expression of the paths, without their queries, whose answers are streams."""
    return _expression(route for route in routes if route.streams)


def upload_paths(routes: Sequence[Route]) -> str:
    """Returns the expression of the paths that take files in pieces."""
    return _expression(route for route in routes if route.takes_file)


def download_paths(routes: Sequence[Route]) -> str:
    """Returns the expression of the paths that answer files in pieces."""
    return _expression(route for route in routes if route.gives_file)


def _expression(routes: Iterable[Route]) -> str:
    paths = [re.escape(route.path).replace(r"\*", "[^/]+") for route in routes]
    return f"({'|'.join(paths)})/?"


def raw_query_paths(routes: Sequence[Route]) -> str:
    """Returns the Lua patterns of the paths whose query string is handed over as it came."""
    patterns = [
        "^" + re.sub(r"[^\w/*]", r"%\g<0>", route.path).replace("*", "[^/]+") + "/?$"
        for route in routes
        if route.reads_query and route.verb == "GET"
    ]
    return "RAW_QUERY_PATHS = {" + ", ".join(f'"{each}"' for each in patterns) + "}\n"


def part(name: str) -> bytes:
    """Returns what the compile step packed: descriptors, the template, the script."""
    return (resources.files(CONTRACTS) / name).read_bytes()

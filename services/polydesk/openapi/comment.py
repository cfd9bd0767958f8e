"""The comments of the contracts, by the full names of what they stand above."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from typing import Any, Final

from google.protobuf.descriptor_pb2 import FileDescriptorSet

# The numbers by which SourceCodeInfo finds its way: field, nested message, enum, value, method.
_MESSAGE, _ENUM, _SERVICE = 4, 5, 6
_FIELD, _NESTED, _NESTED_ENUM = 2, 3, 4
_PART: Final = 2


def comment(full_name: str) -> str:
    """Returns the comment above a service, method, message, field, enum or value."""
    return _comments().get(full_name, "")


@cache
def _comments() -> dict[str, str]:
    data = (resources.files("polydesk.api") / "descriptors.binpb").read_bytes()
    return {
        name: said
        for file in FileDescriptorSet.FromString(data).file
        if file.package.startswith("polydesk.")
        for name, said in _of_file(file)
    }


def _of_file(file: Any) -> Iterator[tuple[str, str]]:
    said = {tuple(each.path): each.leading_comments for each in file.source_code_info.location}
    for path, name in _named(file):
        if text := " ".join(said.get(path, "").split()):
            yield f"{file.package}.{name}", text


def _named(file: Any) -> Iterator[tuple[tuple[int, ...], str]]:
    for at, service in enumerate(file.service):
        yield (_SERVICE, at), service.name
        yield from _parts(service.method, (_SERVICE, at, _PART), service.name)
    for at, enum in enumerate(file.enum_type):
        yield from _of_enum(enum, (_ENUM, at), "")
    for at, message in enumerate(file.message_type):
        yield from _of_message(message, (_MESSAGE, at), "")


def _of_message(
    message: Any, path: tuple[int, ...], above: str
) -> Iterator[tuple[tuple[int, ...], str]]:
    name = f"{above}{message.name}"
    yield path, name
    yield from _parts(message.field, (*path, _FIELD), name)
    for at, nested in enumerate(message.nested_type):
        yield from _of_message(nested, (*path, _NESTED, at), f"{name}.")
    for at, enum in enumerate(message.enum_type):
        yield from _of_enum(enum, (*path, _NESTED_ENUM, at), f"{name}.")


def _of_enum(enum: Any, path: tuple[int, ...], above: str) -> Iterator[tuple[tuple[int, ...], str]]:
    yield path, f"{above}{enum.name}"
    # Names of values stand beside their enum, not below it.
    yield from _parts(enum.value, (*path, _PART), above.rstrip("."))


def _parts(
    parts: Sequence[Any], path: tuple[int, ...], above: str
) -> Iterator[tuple[tuple[int, ...], str]]:
    for at, part in enumerate(parts):
        yield (*path, at), f"{above}.{part.name}".lstrip(".")

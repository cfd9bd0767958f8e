"""Forms without files, as HTML has them, and JSON that comes in pieces."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
import python_multipart

from polydesk.domain.errors import Invalid, TooLarge
from polydesk.wire.caller import clip

LARGEST_FORM: Final = 16_384
# As the gateway has it for JSON whose shape it knows.
LARGEST_JSON: Final = 16 * 1024 * 1024
MOST_FIELDS: Final = 20
T = TypeVar("T")
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


def is_multipart(content_type: str) -> bool:
    """Tells whether a body is a multipart form."""
    return content_type.partition(";")[0].strip().lower() == _FORMS[1]


async def read_json(chunks: AsyncIterator[bytes], kind: type[T]) -> T:
    """Reads JSON of a kind, where the contract has the body as it came."""
    data = bytearray()
    async for chunk in chunks:
        data += chunk
        if len(data) > LARGEST_JSON:
            raise TooLarge(f"the JSON has over {LARGEST_JSON} bytes")
    return parse_json(data, kind)


def parse_json(data: bytes | bytearray, kind: type[T]) -> T:
    """Reads JSON of a kind."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"the body is not JSON as documented: {clip(str(error))}") from error
    except RecursionError as error:
        raise Invalid("the body is nested too deeply") from error


def read_form(content_type: str, data: bytes) -> dict[str, str]:
    """Returns the fields of an HTML form, urlencoded or multipart without files."""
    if len(data) > LARGEST_FORM:
        raise TooLarge(f"the form has {len(data)} bytes, at most {LARGEST_FORM} are taken")
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in _FORMS:
        raise Invalid(f"Content-Type is {clip(kind) or 'missing'}; {' or '.join(_FORMS)} is taken")
    try:
        pairs = (
            parse_qsl(
                data.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
            )
            if kind == _FORMS[0]
            else _read_multipart(content_type, data)
        )
    except ValueError as error:
        raise Invalid(
            f"the body is no sound form of UTF-8 with up to {MOST_FIELDS} fields"
        ) from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Invalid("the form has a field twice")
    return fields


def _read_multipart(content_type: str, data: bytes) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []

    def keep(field: Any) -> None:
        pairs.append((field.field_name.decode(), (field.value or b"").decode()))
        if len(pairs) > MOST_FIELDS:
            raise ValueError

    python_multipart.parse_form(
        {"Content-Type": content_type.encode()}, io.BytesIO(data), keep, None
    )
    return pairs

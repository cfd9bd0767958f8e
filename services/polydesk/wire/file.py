"""Files in and out: multipart forms read as they come, attachments sent in pieces."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Final
from urllib.parse import quote

import grpc.aio
import msgspec
from google.api import httpbody_pb2
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from polydesk.domain.attaching import Attachments
from polydesk.domain.attachment import UNKNOWN_TYPE, Attachment
from polydesk.domain.errors import Invalid, Missing, TooLarge
from polydesk.wire.caller import clip
from polydesk.wire.form import LARGEST_FORM, MOST_FIELDS

# A browser that follows a link to somebody's file shall save it, whatever it claims to be.
_HARMLESS: Final = (
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "default-src 'none'; sandbox"),
)


class FilePart(msgspec.Struct, frozen=True, kw_only=True):
    """What a form says of the file in it."""

    field: str
    file_name: str
    content_type: str


class Upload:
    """A multipart form with one file, read as it comes; `fields` are those before the file."""

    def __init__(self, content_type: str, chunks: AsyncIterator[bytes]) -> None:
        self.fields: dict[str, str] = {}
        self._chunks = chunks
        self._events = _Events(content_type)
        self._part: FilePart | None = None

    async def open(self) -> FilePart:
        """Reads up to the bytes of the file; raises Missing where there is none."""
        value = bytearray()
        async with aclosing(self._next()) as events:
            async for event in events:
                match event:
                    case FilePart() if event.file_name:
                        return event
                    case FilePart():
                        self._part, value = event, bytearray()
                    case bytes():
                        value += event
                        _check_short(value)
                    case None:
                        self._keep(bytes(value))
        raise Missing("the form has no file in it", field="file")

    async def read(self) -> AsyncGenerator[bytes, None]:
        """Yields the bytes of the file; raises Invalid where another file follows."""
        ended = False
        async with aclosing(self._next()) as events:
            async for event in events:
                if isinstance(event, bytes) and not ended:
                    yield event
                elif isinstance(event, FilePart) and event.file_name:
                    raise Invalid("the form has more than one file in it", field="file")
                ended = ended or event is None

    async def _next(self) -> AsyncGenerator[FilePart | bytes | None, None]:
        while True:
            while self._events.waiting:
                yield self._events.waiting.popleft()
            try:
                chunk = await anext(self._chunks)
            except StopAsyncIteration:
                self._events.end()
                return
            self._events.take(chunk)

    def _keep(self, value: bytes) -> None:
        if self._part is None:
            return
        if len(self.fields) >= MOST_FIELDS:
            raise Invalid(f"the form has more than {MOST_FIELDS} fields")
        try:
            self.fields[self._part.field] = value.decode()
        except UnicodeDecodeError as error:
            raise Invalid(f"{clip(self._part.field)} is no UTF-8") from error


class _Events:
    """Turns the bytes of a multipart form into parts, their bytes, and their ends (None)."""

    def __init__(self, content_type: str) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise Invalid("the body is no multipart/form-data with a boundary", field="file")
        self.waiting: deque[FilePart | bytes | None] = deque()
        self._name, self._value = bytearray(), bytearray()
        self._headers: dict[str, bytes] = {}
        self._whole = False
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._headers.clear,
                "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._header_ended,
                "on_headers_finished": self._part_begun,
                "on_part_data": lambda data, start, end: self.waiting.append(
                    bytes(data[start:end])
                ),
                "on_part_end": lambda: self.waiting.append(None),
                "on_end": self._ended,
            },
        )

    def take(self, chunk: bytes) -> None:
        """Reads more of the form."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise Invalid("the body is no sound multipart form", field="file") from error

    def end(self) -> None:
        """Refuses a form that breaks off."""
        if not self._whole:
            raise Invalid("the form ends before its last boundary", field="file")

    def _header_ended(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def _part_begun(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", b""))
        content_type = self._headers.get("content-type", b"").decode("latin-1")
        self.waiting.append(
            FilePart(
                field=options.get(b"name", b"").decode(errors="replace"),
                file_name=options.get(b"filename", b"").decode(errors="replace"),
                content_type=content_type or UNKNOWN_TYPE,
            )
        )

    def _ended(self) -> None:
        self._whole = True


def _check_short(value: bytearray) -> None:
    if len(value) > LARGEST_FORM:
        raise TooLarge(f"a field of the form has over {LARGEST_FORM} bytes")


async def send_file(
    attachments: Attachments,
    attachment: Attachment,
    context: grpc.aio.ServicerContext[Any, Any],
    *,
    headers: tuple[tuple[str, str], ...] = (),
) -> AsyncGenerator[httpbody_pb2.HttpBody, None]:
    """Yields the bytes of an attachment, behind the headers of a download and those given."""
    content_type = attachment.content_type
    async with aclosing(attachments.read(attachment)) as chunks:
        async for chunk in chunks:
            if content_type:
                await context.send_initial_metadata((*headers, *_headers_of(attachment)))
            yield httpbody_pb2.HttpBody(content_type=content_type, data=chunk)
            content_type = ""


def _headers_of(attachment: Attachment) -> tuple[tuple[str, str], ...]:
    name = quote(attachment.file_name, safe="")
    digest = base64.b64encode(bytes.fromhex(attachment.sha256)).decode()
    return (
        ("content-disposition", f"attachment; filename*=UTF-8''{name}"),
        ("repr-digest", f"sha-256=:{digest}:"),
        *_HARMLESS,
    )

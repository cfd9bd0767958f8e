"""The files of tickets: pdf, xlsx, csv, txt and log, told by their names and by their bytes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Final

from polydesk import wire
from polydesk.domain.attachment import AttachmentDraft, check_file_name
from polydesk.domain.errors import Invalid

TEXT: Final = "text/plain"
# "Supporting extensions are pdf/xlsx/csv/txt/log", section 10.
TYPES: Final = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
    "txt": TEXT,
    "log": TEXT,
}
_PDF: Final = b"%PDF-"
# A workbook is a ZIP archive; what comes first in it depends on the program that wrote it.
_ZIP: Final = b"PK\x03\x04"
_WORKBOOK: Final = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"xl/", b"mimetype")
_NAME_AT: Final = 30
_HEAD: Final = 64
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


def draft_of(part: wire.FilePart) -> AttachmentDraft:
    """Reads what a form says of its file, whose type is that of its extension."""
    return AttachmentDraft(file_name=part.file_name, content_type=TYPES[_extension(part.file_name)])


def read_file_name(name: str) -> str:
    """Reads the name of a file that is asked for; it may be left out."""
    if name:
        check_file_name(name)
    return name


async def looked_through(
    chunks: AsyncGenerator[bytes, None], file_name: str
) -> AsyncGenerator[bytes, None]:
    """Yields the bytes of a file; raises Invalid where they are not what its name says."""
    extension = _extension(file_name)
    head = b""
    async for chunk in chunks:
        head += chunk
        if len(head) >= _HEAD:
            break
    _check_head(head, extension)
    plain = TYPES[extension].startswith("text/") and not head.startswith(_UTF_16)
    yield _text(head, extension) if plain else head
    async for chunk in chunks:
        yield _text(chunk, extension) if plain else chunk


def _extension(file_name: str) -> str:
    check_file_name(file_name)
    extension = file_name.rpartition(".")[2].casefold()
    if "." not in file_name or extension not in TYPES:
        raise Invalid(
            f"{wire.clip(file_name)} is not one of {', '.join(TYPES)}, by its extension",
            field="file",
        )
    return extension


def _check_head(head: bytes, extension: str) -> None:
    known = {
        "pdf": head.startswith(_PDF),
        "xlsx": head.startswith(_ZIP) and head[_NAME_AT:].startswith(_WORKBOOK),
    }
    if not known.get(extension, True):
        raise Invalid(f"the file is no {extension}, by its bytes", field="file")


def _text(chunk: bytes, extension: str) -> bytes:
    if b"\0" in chunk:
        raise Invalid(f"the file is no {extension}, by its bytes: it is no text", field="file")
    return chunk

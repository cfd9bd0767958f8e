"""Files that come in JSON, and what is told of files."""

from __future__ import annotations

import base64
import binascii
import mimetypes
from typing import Final

import msgspec

from polydesk.api.ivanti_xapi.v1 import ivanti_xapi_pb2 as pb
from polydesk.dialects.ivanti_xapi.refusal import DATA, NO_PAIR
from polydesk.domain.attachment import UNKNOWN_TYPE, Attachment, AttachmentDraft, File
from polydesk.domain.errors import Invalid, Missing

# Python's own table, whatever the machine knows besides.
_TYPES: Final = mimetypes.MimeTypes()
_TYPES.add_type("text/plain", ".log")
Bringing = pb.CreateIncidentRequest | pb.CreateZendeskIncidentRequest | pb.AddCommentRequest


class Pair(msgspec.Struct, rename="camel"):
    """The JSON of C09."""

    attachment_file_name: str | None = None
    attachment_file_data: str | None = None


def to_files(request: Bringing) -> list[File]:
    """Reads the file that comes with something, if one does."""
    file = read_pair(request.attachment_file_name, request.attachment_file_data)
    return [] if file is None else [file]


def read_pair(name: str, data: str) -> File | None:
    """Reads a file of JSON: its name and its Base64, of which none may come alone."""
    if bool(name.strip()) != bool(data.strip()):
        raise Missing(NO_PAIR, field="attachmentFileName")
    if not name.strip():
        return None
    try:
        content = base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid(f"{DATA} is not Base64", field=DATA) from error
    guessed = _TYPES.guess_type(name)[0] or UNKNOWN_TYPE
    return File(draft=AttachmentDraft(file_name=name, content_type=guessed), data=content)


def from_attachment(file: Attachment) -> pb.EmailAttachment:
    """Writes what is known of a file."""
    return pb.EmailAttachment(
        attachment_id=file.source_id or str(file.id),
        file_name=file.file_name,
        content_type=file.content_type,
        size=file.size,
    )

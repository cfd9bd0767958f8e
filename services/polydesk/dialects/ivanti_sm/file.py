"""Files of incidents: their ids, and how they are answered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from polydesk import wire
from polydesk.dialects.ivanti_sm import term
from polydesk.dialects.ivanti_sm.filter import Field
from polydesk.dialects.ivanti_sm.value import id_of, write_time
from polydesk.domain.attachment import UNKNOWN_TYPE, Attachment, AttachmentDraft
from polydesk.domain.errors import Invalid, Missing, NotFound
from polydesk.domain.ticket import Ticket

FIELDS: Final = (
    "ATTACHNAME",
    "ATTACHSIZE",
    "CreatedBy",
    "CreatedDateTime",
    "ParentLink_RecID",
    "RecId",
)
FILTERS: Final[Mapping[str, Field]] = {
    name: term.text(name) for name in FIELDS if name != "ATTACHSIZE"
}
MOST: Final = 1_000
OBJECT: Final = "ObjectID"
TYPE: Final = "ObjectType"
TYPES: Final = ("", "incident", "incident#")
_ID: Final = re.compile(r"([0-9a-fA-F]{16})([0-9a-fA-F]{16})")
_HIGHEST: Final = 2**63


class FileId(NamedTuple):
    """Which file of which ticket."""

    ticket: int
    attachment: int


def read_id(text: str) -> FileId:
    """Reads the id of a file."""
    match = _ID.fullmatch(text.strip())
    ids = [int(half, 16) for half in match.groups()] if match else [0, 0]
    if not all(0 < each < _HIGHEST for each in ids):
        raise NotFound(f"there is no attachment with the ID {wire.clip(text)}")
    return FileId(*ids)


def write_id(file: Attachment) -> str:
    """Writes the id of a file: that of its ticket, and its own."""
    return f"{file.ticket:016X}{file.id:016X}"


def rec_id_in(fields: Mapping[str, str]) -> str:
    """Returns the RecId of the incident that a form names."""
    if fields.get(TYPE, "").strip().casefold() not in TYPES:
        raise Invalid(f"{TYPE} is {wire.clip(fields[TYPE])}, it can be incident#", field=TYPE)
    rec_id = fields.get(OBJECT, "").strip()
    if not rec_id:
        raise Missing(f"{OBJECT} is required, before the file", field=OBJECT)
    return rec_id


def to_draft(part: wire.FilePart) -> AttachmentDraft:
    """Reads what a form says of its file; a type that is none is unknown."""
    try:
        return AttachmentDraft(file_name=part.file_name, content_type=part.content_type)
    except Invalid as error:
        if error.field != "data.content_type":
            raise
        return AttachmentDraft(file_name=part.file_name, content_type=UNKNOWN_TYPE)


def uploaded(file: Attachment) -> list[dict[str, Any]]:
    """Returns the answer to an upload, which has its id for a message."""
    return [{"FileName": file.file_name, "IsUploaded": True, "Message": write_id(file)}]


def from_attachment(file: Attachment, ticket: Ticket) -> dict[str, Any]:
    """Writes what is known of a file."""
    return {
        "ATTACHNAME": file.file_name,
        "ATTACHSIZE": file.size,
        "CreatedBy": file.uploader,
        "CreatedDateTime": write_time(file.created_at),
        "ParentLink_RecID": id_of(ticket.sys_id),
        "RecId": write_id(file),
    }

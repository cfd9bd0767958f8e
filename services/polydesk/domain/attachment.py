"""An attachment: a file of a ticket. Its name is a label, its bytes are a blob kept elsewhere."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Final

import msgspec

from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.identity import Stamp
from polydesk.domain.ticket import LONGEST_NAME, check_text

UNKNOWN_TYPE: Final = "application/octet-stream"
_WORD: Final = r"[\w!#$%&'*+.^`|~-]+"
_CONTENT_TYPE: Final = re.compile(rf"{_WORD}/{_WORD}( *;[\x20-\x7e]*)?", re.ASCII)
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
# With these `exe.txt` can be written so that it reads `txt.exe`.
_TURNING: Final = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


class Blob(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that are kept. No two uploads ever get the same `key`, be their bytes the same."""

    key: str
    sha256: str
    size: int


class AttachmentDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller says of a file; `sha256` is a claim, compared where it is made.

    `source_id` is the id that the system it came from gives it, `note` is the id of the note of
    the same ticket that it came with.
    """

    file_name: str
    content_type: str = UNKNOWN_TYPE
    sha256: str = ""
    source_id: str = ""
    note: int = 0

    def __post_init__(self) -> None:
        check_file_name(self.file_name)
        check_text("source_id", self.source_id, most=LONGEST_NAME)
        if len(self.content_type) > LONGEST_NAME or not _CONTENT_TYPE.fullmatch(self.content_type):
            raise Invalid(
                f"the content type is not type/subtype, with at most {LONGEST_NAME} characters",
                field="data.content_type",
            )
        if self.sha256 and not _SHA256.fullmatch(self.sha256):
            raise Invalid("sha256 is not 64 hexadecimal digits", field="sha256")


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller said of a file, and the bytes that came."""

    draft: AttachmentDraft
    blob: Blob

    def attachment(self, id_: int, ticket: int, *, blob: str, stamp: Stamp) -> Attachment:
        """Returns the attachment that the upload becomes, with its bytes under the key `blob`."""
        return Attachment(
            id=id_,
            ticket=ticket,
            file_name=self.draft.file_name,
            content_type=self.draft.content_type,
            size=self.blob.size,
            sha256=self.blob.sha256,
            blob=blob,
            created_at=stamp.at,
            uploader=stamp.actor,
            source_id=self.draft.source_id,
            note=self.draft.note,
        )


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file that comes whole, with what it belongs to."""

    draft: AttachmentDraft
    data: bytes


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a ticket; `id` is that of the history's entry that tells it.

    `reference` is the one under which it waited for its ticket, if it did.
    """

    id: int
    ticket: int
    file_name: str
    content_type: str
    size: int
    sha256: str
    blob: str
    created_at: datetime
    uploader: str
    source_id: str = ""
    note: int = 0
    reference: str = ""

    def told(self) -> dict[str, str | int]:
        """Returns what the history tells of it."""
        where: dict[str, str | int] = {"source_id": self.source_id, "note": self.note}
        return {
            "id": self.id,
            "file_name": self.file_name,
            "content_type": self.content_type,
            "size": self.size,
            "sha256": self.sha256,
            **{name: said for name, said in where.items() if said},
        }


class Detached(msgspec.Struct, frozen=True, kw_only=True):
    """What a deletion leaves: the blob that no attachment has any more, if there is one."""

    blob: str = ""


def check_file_name(name: str) -> None:
    """Refuses what is no plain name, or looks like another one than it is."""
    if not name.strip():
        raise Missing("file_name is required", field="file_name")
    if len(name) > LONGEST_NAME:
        raise Invalid(
            f"file_name has {len(name)} characters, at most {LONGEST_NAME} are taken",
            field="file_name",
        )
    if "/" in name or "\\" in name or name in (".", ".."):
        raise Invalid("file_name is a path: send its last part alone", field="file_name")
    if any(each in _TURNING or unicodedata.category(each) in ("Cc", "Zl", "Zp") for each in name):
        raise Invalid("file_name holds characters that nobody sees", field="file_name")

"""A pending file: one that came before its ticket, and is known by a reference until then."""

from __future__ import annotations

import secrets
import string
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from polydesk.domain.attachment import Attachment, Upload
from polydesk.domain.history import NO_TICKET
from polydesk.domain.identity import Stamp
from polydesk.domain.saving import Change

# How long a file waits for its ticket, and how many a call attaches.
WAITING: Final = timedelta(hours=24)
MOST_FILES: Final = 100
_LETTERS: Final = string.ascii_letters + string.digits
_LENGTH: Final = 10


class PendingFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of an org that is kept, and is good for one ticket."""

    reference: str
    org: int
    upload: Upload
    uploader: str
    created_at: datetime

    @property
    def expires_at(self) -> datetime:
        """Returns when it is given up."""
        return self.created_at + WAITING

    def attachment(self, id_: int, ticket: int, *, blob: str, stamp: Stamp) -> Attachment:
        """Returns the attachment that it becomes, with its bytes under the key `blob`."""
        attachment = self.upload.attachment(id_, ticket, blob=blob, stamp=stamp)
        return replace(attachment, reference=self.reference)

    def told(self) -> Change:
        """Tells the history that it came."""
        upload = self.upload
        facts: dict[str, Any] = {
            "reference": self.reference,
            "file_name": upload.draft.file_name,
            "content_type": upload.draft.content_type,
            "size": upload.blob.size,
            "sha256": upload.blob.sha256,
        }
        return Change(
            ticket=NO_TICKET,
            org=self.org,
            action="file.hold",
            digest="",
            old={},
            new={"file": facts},
        )


def new_reference() -> str:
    """Returns a reference that nobody guesses."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))

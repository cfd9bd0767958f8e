"""What became of something that was taken in together with its files."""

from __future__ import annotations

import msgspec

from polydesk.domain.attachment import Attachment
from polydesk.domain.note import Note
from polydesk.domain.ticket import Ticket


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket, and whether it is a new one or was there; only a new one has got the files."""

    ticket: Ticket
    is_new: bool
    attachments: tuple[Attachment, ...] = ()


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """A note, and the files that came with it."""

    note: Note
    attachments: tuple[Attachment, ...] = ()

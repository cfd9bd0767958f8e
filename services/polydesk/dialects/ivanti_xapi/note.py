"""Notes and e-mails, as they are answered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from polydesk import wire
from polydesk.api.ivanti_xapi.v1 import ivanti_xapi_pb2 as pb
from polydesk.dialects.ivanti_xapi.file import from_attachment
from polydesk.domain.attachment import Attachment
from polydesk.domain.note import Note, NoteKind

TIME: Final = wire.TimeFormat("T", "milliseconds", "Z")
# Work notes are for the staff alone, and this API does not say whom a note is for.
NOTES: Final = (NoteKind.COMMENT, NoteKind.CLOSURE_NOTE)


def from_note(note: Note) -> pb.IncidentNote:
    """Writes a note."""
    return pb.IncidentNote(
        note_id=str(note.id),
        subject=note.subject,
        note_body=note.body,
        source=note.source,
        category=note.category,
        created_by=note.author,
        created_date_time=wire.write_time(note.noted_at, TIME),
    )


def from_email(note: Note, files: Iterable[Attachment]) -> pb.IncidentEmail:
    """Writes an e-mail with what is known of its files."""
    return pb.IncidentEmail(
        email_id=str(note.id),
        sender=note.email.sender if note.email else note.author,
        to=note.email.recipients if note.email else (),
        subject=note.subject,
        body=note.body,
        sent_date_time=wire.write_time(note.noted_at, TIME),
        attachments=map(from_attachment, files),
    )

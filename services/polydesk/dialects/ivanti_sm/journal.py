"""Notes of incidents: `journal__Notess`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from polydesk.dialects.ivanti_sm import term
from polydesk.dialects.ivanti_sm.filter import Field
from polydesk.dialects.ivanti_sm.incident import Said, text_of
from polydesk.dialects.ivanti_sm.value import (
    NOTE_CATEGORIES,
    NOTE_SOURCES,
    id_of,
    one_of,
    valid_id,
    write_time,
)
from polydesk.domain.errors import Invalid, Missing, NotFound
from polydesk.domain.note import Note, NoteDraft, NoteKind
from polydesk.domain.ticket import LONGEST_TEXT, Ticket

FIELDS: Final = (
    "DisplayText",
    "NotesBody",
    "Source_Valid",
    "Source",
    "Category_Valid",
    "Category",
    "CreatedBy",
    "CreatedDateTime",
    "JournalType",
    "LastModBy",
    "LastModDateTime",
    "ParentLink_RecID",
    "RecId",
    "Subject",
    "PublishToWeb",
    "ReadOnly",
    "IsNewRecord",
    "IsUnRead",
    "UnreadTransition",
)
TEXTS: Final = (
    "NotesBody",
    "Source",
    "Category",
    "CreatedBy",
    "CreatedDateTime",
    "ParentLink_RecID",
    "RecId",
    "Subject",
)
FILTERS: Final[Mapping[str, Field]] = {name: term.text(name) for name in TEXTS}
# E-mails have a journal of their own in Ivanti.
KINDS: Final = (NoteKind.COMMENT, NoteKind.WORK_NOTE, NoteKind.CLOSURE_NOTE)
_ID: Final = re.compile(r"[0-9a-fA-F]{32}")
_HIGHEST: Final = 2**63


def to_note(said: Said) -> NoteDraft:
    """Reads a new note. One that is published is for the requester, too."""
    subject = text_of("Subject", said.get("Subject"), most=1_000)
    if not subject.strip():
        raise Missing("Subject is required", field="Subject")
    published = said.get("PublishToWeb")
    if not isinstance(published, bool | None):
        raise Invalid("PublishToWeb is true or false", field="PublishToWeb")
    return NoteDraft(
        kind=NoteKind.COMMENT if published else NoteKind.WORK_NOTE,
        subject=subject,
        body=text_of("NotesBody", said.get("NotesBody"), most=LONGEST_TEXT),
        category=_chosen("Category", said, NOTE_CATEGORIES),
        source=_chosen("Source", said, NOTE_SOURCES),
    )


def parent_of(said: Said) -> str:
    """Returns the RecId of the incident that a note is for."""
    parent = text_of("ParentLink_RecID", said.get("ParentLink_RecID") or said.get("ParentLink"))
    if not parent.strip():
        raise Missing("ParentLink_RecID is required", field="ParentLink_RecID")
    return parent.strip()


def from_note(note: Note, ticket: Ticket) -> dict[str, Any]:
    """Writes a note."""
    values: dict[str, Any] = {
        "DisplayText": " ".join(filter(None, (note.subject, note.body))),
        "NotesBody": note.body,
        "Source_Valid": note.source and valid_id("NoteSource", note.source),
        "Source": note.source,
        "Category_Valid": note.category and valid_id("NoteCategory", note.category),
        "Category": note.category,
        "CreatedBy": note.author,
        "CreatedDateTime": write_time(note.noted_at),
        "JournalType": "Notes",
        "LastModBy": note.author,
        "LastModDateTime": write_time(note.created_at),
        "ParentLink_RecID": id_of(ticket.sys_id),
        "RecId": f"{note.id:032X}",
        "Subject": note.subject,
        "PublishToWeb": note.kind is NoteKind.COMMENT,
        "ReadOnly": False,
        "IsNewRecord": False,
        "IsUnRead": True,
        "UnreadTransition": False,
    }
    return {name: value for name, value in values.items() if value != ""}


def note_id(rec_id: str) -> int:
    """Returns the id of a note by its RecId."""
    id_ = int(rec_id, 16) if _ID.fullmatch(rec_id) else 0
    if not 0 < id_ < _HIGHEST:
        raise NotFound("there is no note of this RecId")
    return id_


def _chosen(name: str, said: Said, values: tuple[str, ...]) -> str:
    text = text_of(name, said.get(name))
    return one_of(values, name, text) if text else ""

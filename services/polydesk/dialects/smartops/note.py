"""Comments, work notes and closure notes: "list of objects", or plain texts on their way in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Any, Final

from polydesk import wire
from polydesk.dialects.smartops.field import MOST_NAMES, TIME, WHERE, read_text, read_time
from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.note import Note, NoteDraft, NoteKind
from polydesk.domain.ticket import LONGEST_TEXT

# The names of their lists, what the desk calls them, and what the texts are called in the objects:
# {"commentBy": "","commentTime": "", "comment":""}.
KINDS: Final[Mapping[str, tuple[NoteKind, str]]] = {
    "comments": (NoteKind.COMMENT, "comment"),
    "workNotes": (NoteKind.WORK_NOTE, "workNote"),
    "closureNotes": (NoteKind.CLOSURE_NOTE, "closureNote"),
}


def read_notes(name: str, said: Any, zone: tzinfo) -> list[NoteDraft]:
    """Reads a list of objects or texts, or one of them; an empty text says nothing."""
    items = said if isinstance(said, list) else [said]
    if len(items) > MOST_NAMES:
        raise Invalid(
            f"{WHERE}.{name} has {len(items)} notes, at most {MOST_NAMES} are taken at once",
            field=f"{WHERE}.{name}",
        )
    return [
        _read(f"{name}[{index}]" if isinstance(said, list) else name, item, KINDS[name], zone)
        for index, item in enumerate(items)
        if item not in ("", None)
    ]


def _read(where: str, item: Any, kind: tuple[NoteKind, str], zone: tzinfo) -> NoteDraft:
    sort, text = kind
    said = item if isinstance(item, dict) else {text: item}
    known = (text, f"{text}By", f"{text}Time")
    if strange := [name for name in said if name not in known]:
        raise Invalid(
            f"{WHERE}.{where} has {wire.clip(strange[0])}, it takes {', '.join(known)}",
            field=f"{WHERE}.{where}",
        )
    body = read_text(f"{where}.{text}", said.get(text) or "", most=LONGEST_TEXT)
    if not body:
        raise Missing(f"{WHERE}.{where}.{text} is required", field=f"{WHERE}.{where}.{text}")
    time = said.get(f"{text}Time")
    return NoteDraft(
        kind=sort,
        body=body,
        author=read_text(f"{where}.{text}By", said.get(f"{text}By") or ""),
        noted_at=read_time(f"{where}.{text}Time", time, zone) if time else None,
    )


def without_known(drafts: Iterable[NoteDraft], notes: Sequence[Note]) -> list[NoteDraft]:
    """Leaves out what is in the journal already: whoever says a time may be repeating what it read.

    Without a time it is said now, and new.
    """
    known = {(note.kind, text_of(note), note.author, note.noted_at) for note in notes}
    return [
        draft
        for draft in drafts
        if draft.noted_at is None
        or (draft.kind, draft.body, draft.author, draft.noted_at) not in known
    ]


def write_notes(name: str, notes: Iterable[Note]) -> list[dict[str, str]]:
    """Writes the notes of one list, in the order in which they came."""
    kind, text = KINDS[name]
    return [
        write_note(text, text_of(note), by=note.author, time=wire.write_time(note.noted_at, TIME))
        for note in notes
        if note.kind is kind
    ]


def write_note(text: str, body: str, *, by: str, time: str) -> dict[str, str]:
    """Writes a note."""
    return {f"{text}By": by, f"{text}Time": time, text: body}


def text_of(note: Note) -> str:
    """Returns what a note says; those of other APIs have a subject, too."""
    return "\n".join(part for part in (note.subject, note.body) if part)

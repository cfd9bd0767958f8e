"""The canonical service of notes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import grpc.aio

from polydesk.api.v1 import note_pb2, note_pb2_grpc
from polydesk.domain.attachment import UNKNOWN_TYPE, AttachmentDraft, File
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid
from polydesk.domain.note import Email, Note, NoteDraft, NoteKind
from polydesk.domain.query import page_size
from polydesk.rpc.moment import moment, timestamp
from polydesk.rpc.name import child_of, id_of
from polydesk.wire import caller_of

Context = grpc.aio.ServicerContext[Any, Any]

_TEXTS: Final = ("subject", "body", "author", "source", "category")
_KINDS: Final = {note_pb2.Note.Kind.Value(f"KIND_{kind.name}"): kind for kind in NoteKind}
_KIND_NUMBERS: Final[dict[NoteKind, Any]] = {kind: number for number, kind in _KINDS.items()}


class NoteServicer(note_pb2_grpc.NoteServiceServicer):
    """Serves the journals of tickets."""

    def __init__(self, desk: Desk) -> None:
        self._notes = desk.notes
        self._intake = desk.intake

    async def CreateNote(self, request: note_pb2.CreateNoteRequest, _: Context) -> note_pb2.Note:
        """Adds a note, with the files that come with it."""
        ticket = id_of(request.parent, "tickets", field="parent")
        draft, files = to_note(request.note), to_files(request.note.files)
        if not files:
            return from_note(await self._notes.add(caller_of(), ticket, draft))
        return from_note((await self._intake.note(caller_of(), ticket, draft, files=files)).note)

    async def GetNote(self, request: note_pb2.GetNoteRequest, _: Context) -> note_pb2.Note:
        """Returns one note."""
        ticket, id_ = child_of(request.name, "tickets", "notes")
        return from_note(await self._notes.get(caller_of(), ticket, id_))

    async def ListNotes(
        self, request: note_pb2.ListNotesRequest, _: Context
    ) -> note_pb2.ListNotesResponse:
        """Returns a page of notes."""
        page = await self._notes.page(
            caller_of(),
            id_of(request.parent, "tickets", field="parent"),
            kinds=to_kinds(request.kinds),
            limit=page_size(request.page_size),
            token=request.page_token,
        )
        return note_pb2.ListNotesResponse(
            notes=map(from_note, page.items), next_page_token=page.next_token
        )


def to_note(note: note_pb2.Note) -> NoteDraft:
    """Reads what a caller says."""
    said = {name: getattr(note, name) for name in _TEXTS}
    noted_at = moment(note.note_time, "note.note_time") if note.HasField("note_time") else None
    kind = _kind(note.kind, "note.kind")
    try:
        email = _email(note.email) if note.HasField("email") else None
        return NoteDraft(kind=kind, noted_at=noted_at, email=email, **said)
    except Invalid as error:
        raise type(error)(f"note.{error.message}", field=f"note.{error.field}") from error


def to_files(files: Sequence[note_pb2.Note.File]) -> list[File]:
    """Reads the files that come with a note."""
    return [_file(file, f"note.files[{index}].") for index, file in enumerate(files)]


def to_kinds(numbers: Iterable[int]) -> frozenset[NoteKind]:
    """Reads the kinds that a list is to hold."""
    return frozenset(_kind(number, "kinds") for number in numbers)


def from_note(note: Note) -> note_pb2.Note:
    """Writes a note as the contract has it."""
    return note_pb2.Note(
        name=f"tickets/{note.ticket}/notes/{note.id}",
        kind=_KIND_NUMBERS[note.kind],
        note_time=timestamp(note.noted_at),
        email=None if note.email is None else from_email(note.email),
        create_time=timestamp(note.created_at),
        via=note.via,
        **{name: getattr(note, name) for name in _TEXTS},
    )


def from_email(email: Email) -> note_pb2.Note.Email:
    """Writes the headers of an e-mail."""
    return note_pb2.Note.Email(
        sender=email.sender, recipients=email.recipients, message_id=email.message_id
    )


def _email(email: note_pb2.Note.Email) -> Email:
    return Email(
        sender=email.sender, recipients=tuple(email.recipients), message_id=email.message_id
    )


def _file(file: note_pb2.Note.File, path: str) -> File:
    try:
        draft = AttachmentDraft(
            file_name=file.file_name,
            content_type=file.content_type or UNKNOWN_TYPE,
            source_id=file.source_id,
        )
    except Invalid as error:
        raise type(error)(f"{path}{error.message}", field=path + error.field) from error
    return File(draft=draft, data=file.data)


def _kind(number: int, field: str) -> NoteKind:
    if number not in _KINDS:
        raise Invalid(f"{field} cannot be {number}", field=field)
    return _KINDS[number]

"""What is kept of tickets and with them, as Protocols."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Protocol

from polydesk.domain.attachment import Attachment, Detached, Upload
from polydesk.domain.history import Authors, Entry
from polydesk.domain.identity import Once, Stamp
from polydesk.domain.intake import Noted, Recorded
from polydesk.domain.link import Link, LinkDraft, Linked
from polydesk.domain.note import Note, NoteDraft, NoteKind
from polydesk.domain.pending import PendingFile
from polydesk.domain.query import Query
from polydesk.domain.saving import USUAL, Saved, Terms
from polydesk.domain.ticket import Draft, Execution, Kind, Ticket


class TicketStore(Protocol):
    """Keeps tickets and their history. Each method is one transaction; a write is synced."""

    async def newest(self) -> int:
        """Returns the highest id that is given out; no later ticket has a lower one."""

    async def save(
        self,
        org: int,
        drafts: Sequence[Draft],
        *,
        terms: Terms = USUAL,
        stamp: Stamp,
        once: Once | None,
    ) -> Saved:
        """Saves drafts, all or none unless the terms say else, as `saving.settle` decides."""

    async def create(  # noqa: PLR0913 - each is said or not
        self,
        org: int,
        draft: Draft,
        *,
        terms: Terms = USUAL,
        files: Sequence[str] = (),
        stamp: Stamp,
        once: Once | None,
    ) -> Ticket:
        """Inserts one ticket; a draft without a number gets one. Raises Exists.

        `files` are references of pending files, which become its attachments. Raises Invalid.
        """

    async def change(  # noqa: PLR0913 - each is said or not
        self,
        id_: int,
        change: Callable[[Ticket], Ticket],
        *,
        action: str,
        files: Sequence[str] = (),
        stamp: Stamp,
        once: Once | None,
    ) -> Ticket:
        """Changes one ticket, as it stands in the transaction; `change` may refuse.

        `files` as in `create`.
        """

    async def get(self, id_: int) -> Ticket | None:
        """Returns the ticket of an id, be it deleted."""

    async def find(self, org: int, kind: Kind, *, number: str, sys_id: str) -> Ticket | None:
        """Returns the ticket of a number or, where that is empty, of a sys_id (the newest)."""

    async def select(self, org: int, query: Query) -> list[Ticket]:
        """Returns at most `query.limit` tickets."""

    async def count(self, org: int, query: Query) -> int:
        """Counts the tickets that fit, on whatever page they are."""

    async def many(self, ids: Sequence[int]) -> dict[int, Ticket]:
        """Returns tickets by their ids, be they deleted; unknown ids are left out."""

    async def executions(
        self, org: int, kind: Kind, numbers: Sequence[str]
    ) -> dict[str, Execution]:
        """Returns how far automation has got, by number; unknown numbers are left out."""

    async def history(self, ticket: int, *, after: int, limit: int) -> list[Entry]:
        """Returns changes of a ticket with a sequence above `after`, oldest first."""

    async def authors(self, tickets: Sequence[int]) -> dict[int, Authors]:
        """Returns who did what to tickets, by their ids; unknown ids are left out."""


class NoteStore(Protocol):
    """Keeps notes. A write is one transaction with the ticket's change and the history's entry."""

    async def add(
        self,
        ticket: int,
        draft: NoteDraft,
        *,
        touch: Callable[[Ticket], Ticket],
        stamp: Stamp,
        once: Once | None,
    ) -> Note:
        """Inserts a note; `touch` changes its ticket, or refuses. Raises NotFound."""

    async def get(self, ticket: int, id_: int) -> Note | None:
        """Returns a note of a ticket."""

    async def find(self, id_: int) -> Note | None:
        """Returns a note of whatever ticket."""

    async def of_ticket(
        self, ticket: int, *, kinds: Collection[NoteKind], after: int, limit: int
    ) -> list[Note]:
        """Returns notes with an id above `after` by their ids, of all kinds where none is named."""


class LinkStore(Protocol):
    """Keeps links. A write is one transaction with the ticket's change and the history's entry."""

    async def add(  # noqa: PLR0913 - each is said or not
        self,
        ticket: int,
        draft: LinkDraft,
        *,
        sole: bool = False,
        touch: Callable[[Ticket], Ticket],
        stamp: Stamp,
        once: Once | None,
    ) -> Link:
        """Inserts a link; `touch` changes its ticket, or refuses. Raises NotFound, Exists.

        A `sole` link no other ticket of the org may have; the one the ticket has is returned.
        """

    async def remove(
        self,
        ticket: int,
        id_: int,
        *,
        touch: Callable[[Ticket], Ticket],
        stamp: Stamp,
        once: Once | None,
    ) -> Link:
        """Deletes a link; `touch` changes its ticket, or refuses. Raises NotFound."""

    async def get(self, ticket: int, id_: int) -> Link | None:
        """Returns a link of a ticket."""

    async def of_ticket(self, ticket: int, *, after: int, limit: int) -> list[Link]:
        """Returns links with an id above `after`, by their ids."""

    async def find(self, org: int, sought: LinkDraft, *, after: int, limit: int) -> list[Linked]:
        """Returns tickets with an id above `after` that are linked to a key and not deleted."""


class AttachmentStore(Protocol):
    """Keeps what is known of attachments; a write as with notes and links."""

    async def add(
        self,
        ticket: int,
        upload: Upload,
        *,
        touch: Callable[[Ticket], Ticket],
        stamp: Stamp,
        once: Once | None,
    ) -> Attachment:
        """Inserts an attachment; it refers to the blob of an older one with the same bytes."""

    async def remove(
        self,
        ticket: int,
        id_: int,
        *,
        touch: Callable[[Ticket], Ticket],
        stamp: Stamp,
        once: Once | None,
    ) -> Detached:
        """Deletes an attachment. Raises NotFound."""

    async def get(self, ticket: int, id_: int) -> Attachment | None:
        """Returns an attachment of a ticket."""

    async def newest(self, ticket: int, *, file_name: str) -> Attachment | None:
        """Returns the newest attachment of a ticket, or the newest of a name that is not empty."""

    async def of_source(self, ticket: int, source_id: str) -> Attachment | None:
        """Returns the newest attachment of a ticket that has this id where it came from."""

    async def of_ticket(
        self, ticket: int, *, note: int = 0, after: int, limit: int
    ) -> list[Attachment]:
        """Returns attachments with an id above `after`, by their ids; of one note, if named."""

    async def of_notes(self, ticket: int, notes: Sequence[int]) -> list[Attachment]:
        """Returns the attachments of notes, by their ids."""


class IntakeStore(Protocol):
    """Takes in what comes with files, with notes or with a link: all of it is one transaction."""

    async def record(  # noqa: PLR0913 - each is said or not
        self,
        org: int,
        draft: Draft,
        *,
        link: LinkDraft | None,
        uploads: Sequence[Upload],
        notes: Sequence[NoteDraft] = (),
        terms: Terms = USUAL,
        stamp: Stamp,
        once: Once | None,
    ) -> Recorded:
        """Inserts a ticket, unless the org has one with the link. Raises Exists."""

    async def change(  # noqa: PLR0913 - each is said or not
        self,
        id_: int,
        change: Callable[[Ticket], Ticket],
        *,
        notes: Sequence[NoteDraft],
        action: str,
        files: Sequence[str] = (),
        stamp: Stamp,
        once: Once | None,
    ) -> Ticket:
        """Changes one ticket, as TicketStore.change, and inserts notes of it."""

    async def note(  # noqa: PLR0913 - each is said or not
        self,
        ticket: int,
        draft: NoteDraft,
        *,
        uploads: Sequence[Upload],
        touch: Callable[[Ticket], Ticket],
        stamp: Stamp,
        once: Once | None,
    ) -> Noted:
        """Inserts a note with its files; `touch` changes its ticket, or refuses."""


class PendingFileStore(Protocol):
    """Keeps files that wait for their tickets; TicketStore makes attachments of them."""

    async def add(self, file: PendingFile, *, stamp: Stamp, once: Once | None) -> PendingFile:
        """Inserts a file, with the history's entry of it."""

    async def many(self, org: int, references: Sequence[str], *, at: datetime) -> list[PendingFile]:
        """Returns the files of an org that wait under these references; others are left out."""

    async def expire(self, *, at: datetime, limit: int) -> list[PendingFile]:
        """Deletes files whose time is over, and returns what they were."""

    async def blob_of(self, sha256: str) -> str:
        """Returns the key under which attachments have these bytes; empty where none has."""

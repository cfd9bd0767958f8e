"""What the desk needs of the world, as Protocols: the store and the clock."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import ClassVar, Protocol, TypeVar

from polydesk.domain.attachment import Attachment, Blob, Detached, Upload
from polydesk.domain.ci import Ci, CiGroup, CiQuery, CiReport, CiSpec, CiStatus, StatusQuery
from polydesk.domain.edit import Edit
from polydesk.domain.history import Entry
from polydesk.domain.identity import Account, Once, Org, Stamp
from polydesk.domain.intake import Noted, Recorded
from polydesk.domain.keyring import KeyRing, Sealed
from polydesk.domain.link import Link, LinkDraft, Linked
from polydesk.domain.location import Location
from polydesk.domain.note import Note, NoteDraft, NoteKind
from polydesk.domain.pending import PendingFile
from polydesk.domain.person import Person
from polydesk.domain.query import Query
from polydesk.domain.reported import Reported
from polydesk.domain.run_ports import RunStore, ShelfStore
from polydesk.domain.runbook import Runbook
from polydesk.domain.saving import USUAL, Saved, Terms
from polydesk.domain.schedule import LeftOut, Schedule
from polydesk.domain.script import Script
from polydesk.domain.secret import Kept, Secret, SecretDraft
from polydesk.domain.target import Target
from polydesk.domain.ticket import Draft, Execution, Kind, Ticket


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Returns the aware time in UTC."""

    def monotonic(self) -> float:
        """Returns seconds that never go back."""

    async def sleep(self, seconds: float) -> None:
        """Waits."""


class TicketStore(Protocol):
    """Keeps tickets and their history. Each method is one transaction; a write is synced."""

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
    """Takes in what comes with files or with a link: all of it is one transaction."""

    async def record(  # noqa: PLR0913 - each is said or not
        self,
        org: int,
        draft: Draft,
        *,
        link: LinkDraft | None,
        uploads: Sequence[Upload],
        terms: Terms = USUAL,
        stamp: Stamp,
        once: Once | None,
    ) -> Recorded:
        """Inserts a ticket, unless the org has one with the link. Raises Exists."""

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


class Registered(Protocol):
    """What people and locations have in common: no two of an org have the same `key`."""

    WHAT: ClassVar[str]

    @property
    def id(self) -> int:
        """Returns its id."""

    @property
    def org(self) -> int:
        """Returns its org."""

    @property
    def key(self) -> str:
        """Returns its key, in lower case."""


Listed = TypeVar("Listed", bound=Registered)


class DirectoryStore(Protocol[Listed]):
    """Keeps people, or locations. A write is one transaction with the history's entry of it."""

    async def add(
        self, org: int, make: Callable[[int], Listed], *, stamp: Stamp, once: Once | None
    ) -> Listed:
        """Inserts what `make` makes of a new id. Raises NotFound for the org, Exists."""

    async def change(
        self,
        org: int,
        id_: int,
        change: Callable[[Listed], Listed],
        *,
        stamp: Stamp,
        once: Once | None,
    ) -> Listed:
        """Changes an entry, as it stands in the transaction. Raises NotFound, Exists."""

    async def remove(self, org: int, id_: int, *, stamp: Stamp, once: Once | None) -> Listed:
        """Deletes an entry. Raises NotFound."""

    async def get(self, org: int, id_: int) -> Listed | None:
        """Returns the entry of an id."""

    async def find(self, org: int, key: str) -> Listed | None:
        """Returns the entry of a key."""

    async def of_org(self, org: int, *, after: int, limit: int) -> list[Listed]:
        """Returns entries with an id above `after`, by their ids."""


class SecretStore(Protocol):
    """Keeps secrets, sealed. Whatever is done is one transaction with the history's entry of it."""

    async def add(
        self, org: int, draft: SecretDraft, sealed: Sealed, *, stamp: Stamp, once: Once | None
    ) -> Secret:
        """Inserts a secret. Raises Exists."""

    async def change(  # noqa: PLR0913 - each is said or not
        self,
        org: int,
        name: str,
        *,
        change: Callable[[Secret], Secret],
        sealed: Sealed | None,
        stamp: Stamp,
        once: Once | None,
    ) -> Secret:
        """Changes a secret, which `change` may refuse, and what is sealed. Raises NotFound."""

    async def remove(
        self,
        org: int,
        name: str,
        *,
        check: Callable[[Secret], None],
        stamp: Stamp,
        once: Once | None,
    ) -> Secret:
        """Deletes a secret, which `check` may refuse. Raises NotFound."""

    async def read(self, org: int, name: str, *, action: str, stamp: Stamp) -> Kept:
        """Returns a secret, once its reading is told as `action`. Raises NotFound."""

    async def of_org(self, org: int, *, after: int, limit: int, stamp: Stamp) -> list[Secret]:
        """Returns secrets with an id above `after` by their ids, once their reading is told."""

    async def sealed_otherwise(self, key: str, *, after: int, limit: int) -> list[Kept]:
        """Returns secrets of all orgs with an id above `after` that another key seals."""

    async def reseal(self, renewed: Sequence[tuple[Kept, Sealed]], *, stamp: Stamp) -> int:
        """Replaces what is sealed, where it still is what it was; returns how often."""

    async def keys_in_use(self) -> dict[str, int]:
        """Counts secrets by the ids of the keys that seal them."""


class CiGroupStore(Protocol):
    """Keeps CI groups. A write is one transaction with the history's entry of it."""

    async def add(
        self, org: int, name: str, *, id_: int, stamp: Stamp, once: Once | None
    ) -> CiGroup:
        """Inserts a group; one with the id 0 gets the next. Raises Exists."""

    async def change(
        self,
        org: int,
        id_: int,
        change: Callable[[CiGroup], CiGroup],
        *,
        stamp: Stamp,
        once: Once | None,
    ) -> CiGroup:
        """Changes a group, which `change` may refuse. Raises NotFound, Exists."""

    async def remove(
        self,
        org: int,
        id_: int,
        *,
        check: Callable[[CiGroup], None],
        stamp: Stamp,
        once: Once | None,
    ) -> CiGroup:
        """Deletes a group that has no CI, which `check` may refuse. Raises NotFound, WrongState."""

    async def get(self, org: int, id_: int) -> CiGroup | None:
        """Returns a group of an org."""

    async def of_org(self, org: int, *, after: int, limit: int) -> list[CiGroup]:
        """Returns groups with an id above `after`, by their ids."""


class CiStore(Protocol):
    """Keeps CIs. A write is one transaction with the history's entries of it."""

    async def save(
        self, org: int, specs: Sequence[CiSpec], *, new: bool, stamp: Stamp, once: Once | None
    ) -> list[Ci]:
        """Inserts CIs or changes those that are there, which raises Exists where all are `new`."""

    async def change(
        self,
        org: int,
        id_: int,
        change: Callable[[Ci], Ci],
        *,
        stamp: Stamp,
        once: Once | None,
    ) -> Ci:
        """Changes a CI, which `change` may refuse. Raises NotFound, Exists."""

    async def remove(
        self, org: int, id_: int, *, check: Callable[[Ci], None], stamp: Stamp, once: Once | None
    ) -> Ci:
        """Deletes a CI and its statuses, which `check` may refuse. Raises NotFound."""

    async def get(self, org: int, id_: int) -> Ci | None:
        """Returns a CI of an org."""

    async def select(self, org: int, query: CiQuery, *, after: int, limit: int) -> list[Ci]:
        """Returns CIs that fit with an id above `after`, by their ids."""


class CiStatusStore(Protocol):
    """Keeps what was reported of CIs."""

    async def report(
        self, org: int, reports: Sequence[CiReport], *, stamp: Stamp, once: Once | None
    ) -> int:
        """Keeps reports and tells them, in one transaction; returns how many CIs they mean.

        Raises NotFound where one means none.
        """

    async def select(
        self, org: int, query: StatusQuery, *, after: int, limit: int
    ) -> list[CiStatus]:
        """Returns statuses that fit with an id above `after`, by their ids."""


class ScheduleStore(Protocol):
    """Keeps schedules, and the secrets of their parameters with them."""

    async def apply(
        self,
        org: int,
        edits: Sequence[Edit],
        *,
        sealed: Mapping[str, Sealed],
        stamp: Stamp,
        once: Once | None,
    ) -> list[Schedule]:
        """Does edits, all or none, in one transaction with the history's entries of them.

        `sealed` has the values of new secrets by their names. Raises NotFound, Exists, Outdated.
        """

    async def report(
        self,
        org: int,
        states: Sequence[tuple[int, Reported]],
        *,
        stamp: Stamp,
        once: Once | None,
    ) -> list[Schedule]:
        """Keeps what is reported of schedules and tells it, in one transaction. Raises NotFound."""

    async def get(self, org: int, id_: int) -> Schedule | None:
        """Returns a schedule of an org."""

    async def of_org(self, org: int, *, after: int, limit: int) -> list[Schedule]:
        """Returns schedules with an id above `after`, by their ids."""

    async def due(self, before: datetime, *, limit: int) -> list[Schedule]:
        """Returns schedules of all orgs that are due up to a time, the longest due first."""

    async def advance(
        self, seen: Schedule, to_next: datetime | None, *, left_out: LeftOut | None, stamp: Stamp
    ) -> bool:
        """Moves a schedule on that is still due as it was seen to be; tells whether it was.

        So of several that act on what is due one alone is told so. The history tells what was left
        out, and nothing of a run, which it tells of by itself.
        """


class Keys(Protocol):
    """Finds the keys of the vault. All of it raises NotConfigured."""

    async def check(self) -> None:
        """Refuses keys that the operator has named and that are none."""

    async def to_seal(self) -> KeyRing:
        """Returns the keys; makes the first one where that is the hub's own affair."""

    async def to_open(self, key: str) -> KeyRing:
        """Returns the keys, and looks for new ones where they lack this one."""


class Blobs(Protocol):
    """Keeps bytes."""

    async def put(self, chunks: AsyncIterator[bytes]) -> Blob:
        """Keeps bytes under a key that was never used; when it answers, they are synced.

        Where `chunks` raises, or the caller goes away, nothing is kept.
        """

    def read(self, key: str, *, sha256: str) -> AsyncGenerator[bytes, None]:
        """Yields bytes, at least one piece; the last one only if all are what they were."""

    async def unite(self, key: str, *, into: str) -> None:
        """Gives a key up for another one of the same bytes, which are there then in any case."""

    async def discard(self, key: str) -> None:
        """Deletes bytes, if they are there."""

    async def sweep(self) -> None:
        """Deletes what is left of uploads that a dying hub broke off long ago."""

    async def close(self) -> None:
        """Ends what is under way."""


class HistoryStore(Protocol):
    """Keeps what happened, without gaps and in the order of the commits."""

    async def newest(self) -> int:
        """Returns the sequence of the newest change; 0 where there is none."""

    async def of_org(
        self, org: int, *, after: int, limit: int
    ) -> list[tuple[Entry, Ticket | None]]:
        """Returns changes of an org's tickets above `after`, and the tickets as they are."""

    async def touched(self, after: int, *, limit: int) -> dict[int, int]:
        """Returns the newest sequence of each org, of the first `limit` changes behind `after`.

        What belongs to no ticket counts for org 0, which there is not.
        """

    async def newest_entries(self, org: int | None, *, limit: int) -> list[Entry]:
        """Returns the newest entries, of whatever they tell, in the order of the history."""

    def when_written(self, ring: Callable[[], None]) -> None:
        """Has `ring` called after each write of this process."""


class IdentityStore(Protocol):
    """Keeps orgs, accounts, keys. `version` grows with every write, by whatever process."""

    async def version(self) -> int:
        """Returns how often anything was written here."""

    async def orgs(self) -> list[Org]:
        """Returns all orgs by id."""

    async def add_org(self, org: Org) -> None:
        """Inserts an org. Raises Exists."""

    async def change_org(self, id_: int, change: Callable[[Org], Org]) -> Org:
        """Changes an org, as it stands in the transaction; `change` may refuse. Raises NotFound."""

    async def accounts(self) -> list[Account]:
        """Returns all accounts by id."""

    async def account(self, id_: int) -> Account | None:
        """Returns the account of an id."""

    async def account_of(self, login: str) -> Account | None:
        """Returns the account of a login, whose letter case does not count."""

    async def account_of_key(self, digest: bytes) -> Account | None:
        """Returns the account that an API key belongs to, by the key's SHA-256."""

    async def add_account(self, account: Account) -> Account:
        """Inserts an account and gives it an id, whatever its `id` says. Raises Exists."""

    async def change_account(self, id_: int, change: Callable[[Account], Account]) -> Account:
        """Changes an account, as it stands in the transaction. Raises NotFound, Exists."""

    async def add_key(self, digest: bytes, *, account: int, label: str) -> None:
        """Inserts an API key, by its SHA-256. Raises Exists."""

    async def signing_key(self, candidate: bytes) -> bytes:
        """Returns the key that signs tokens; keeps `candidate` as such where there is none."""


class Store(Protocol):
    """All of it, and its life."""

    @property
    def tickets(self) -> TicketStore:
        """Keeps tickets."""

    @property
    def notes(self) -> NoteStore:
        """Keeps notes."""

    @property
    def links(self) -> LinkStore:
        """Keeps links."""

    @property
    def attachments(self) -> AttachmentStore:
        """Keeps what is known of attachments."""

    @property
    def intake(self) -> IntakeStore:
        """Takes in what comes with files or with a link."""

    @property
    def pending_files(self) -> PendingFileStore:
        """Keeps files that wait for their tickets."""

    @property
    def people(self) -> DirectoryStore[Person]:
        """Keeps people."""

    @property
    def locations(self) -> DirectoryStore[Location]:
        """Keeps locations."""

    @property
    def secrets(self) -> SecretStore:
        """Keeps secrets."""

    @property
    def ci_groups(self) -> CiGroupStore:
        """Keeps CI groups."""

    @property
    def cis(self) -> CiStore:
        """Keeps CIs."""

    @property
    def ci_statuses(self) -> CiStatusStore:
        """Keeps what was reported of CIs."""

    @property
    def schedules(self) -> ScheduleStore:
        """Keeps schedules."""

    @property
    def history(self) -> HistoryStore:
        """Keeps what happened."""

    @property
    def scripts(self) -> ShelfStore[Script]:
        """Keeps scripts."""

    @property
    def targets(self) -> ShelfStore[Target]:
        """Keeps targets."""

    @property
    def runbooks(self) -> ShelfStore[Runbook]:
        """Keeps runbooks."""

    @property
    def runs(self) -> RunStore:
        """Keeps runs."""

    @property
    def identity(self) -> IdentityStore:
        """Keeps orgs and accounts."""

    async def first_broken(self) -> int | None:
        """Computes the chain of the history anew; returns the sequence where it breaks, if any."""

    async def close(self) -> None:
        """Ends what is under way and lets go of the database."""

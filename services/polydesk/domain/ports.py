"""What the desk needs of the world, as Protocols: the store and the clock."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import datetime
from typing import Protocol

from polydesk.domain.attachment import Blob
from polydesk.domain.history import Entry
from polydesk.domain.inventory_ports import CiGroupStore, CiStatusStore, CiStore, ScheduleStore
from polydesk.domain.location import Location
from polydesk.domain.meter import Load
from polydesk.domain.org_ports import DirectoryStore, IdentityStore, SecretStore
from polydesk.domain.person import Person
from polydesk.domain.run_ports import RuleStore, RunStore, ShelfStore
from polydesk.domain.runbook import Runbook
from polydesk.domain.script import Script
from polydesk.domain.tally import OverviewStore
from polydesk.domain.target import Target
from polydesk.domain.ticket import Ticket
from polydesk.domain.ticket_ports import (
    AttachmentStore,
    IntakeStore,
    LinkStore,
    NoteStore,
    PendingFileStore,
    TicketStore,
)


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Returns the aware time in UTC."""

    def monotonic(self) -> float:
        """Returns seconds that never go back."""

    async def sleep(self, seconds: float) -> None:
        """Waits."""


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
    def overview(self) -> OverviewStore:
        """Counts what there is and what happened."""

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
    def rules(self) -> RuleStore:
        """Keeps rules."""

    @property
    def runs(self) -> RunStore:
        """Keeps runs."""

    @property
    def identity(self) -> IdentityStore:
        """Keeps orgs and accounts."""

    def load(self) -> Load:
        """Returns how much there is to do."""

    async def first_broken(self) -> int | None:
        """Computes the chain of the history anew; returns the sequence where it breaks, if any."""

    async def close(self) -> None:
        """Ends what is under way and lets go of the database."""

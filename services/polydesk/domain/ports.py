"""What the desk needs of the world, as Protocols: the store and the clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from polydesk.domain.history import Entry
from polydesk.domain.identity import Account, Once, Org, Stamp
from polydesk.domain.query import Query
from polydesk.domain.saving import Saved
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
        self, org: int, drafts: Sequence[Draft], *, stamp: Stamp, once: Once | None
    ) -> Saved:
        """Saves all drafts or none, as `saving.settle` decides."""

    async def create(self, org: int, draft: Draft, *, stamp: Stamp, once: Once | None) -> Ticket:
        """Inserts one ticket; a draft without a number gets one. Raises Exists."""

    async def get(self, id_: int) -> Ticket | None:
        """Returns the ticket of an id."""

    async def find(self, org: int, kind: Kind, *, number: str, sys_id: str) -> Ticket | None:
        """Returns the ticket of a number or, where that is empty, of a sys_id (the newest)."""

    async def select(self, org: int, query: Query) -> list[Ticket]:
        """Returns at most `query.limit` tickets."""

    async def executions(
        self, org: int, kind: Kind, numbers: Sequence[str]
    ) -> dict[str, Execution]:
        """Returns how far automation has got, by number; unknown numbers are left out."""

    async def history(self, ticket: int, *, after: int, limit: int) -> list[Entry]:
        """Returns changes of a ticket with a sequence above `after`, oldest first."""


class IdentityStore(Protocol):
    """Keeps orgs, accounts, keys. `version` grows with every write, by whatever process."""

    async def version(self) -> int:
        """Returns how often anything was written here."""

    async def orgs(self) -> list[Org]:
        """Returns all orgs by id."""

    async def add_org(self, org: Org) -> None:
        """Inserts an org. Raises Exists."""

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
    def identity(self) -> IdentityStore:
        """Keeps orgs and accounts."""

    async def first_broken(self) -> int | None:
        """Computes the chain of the history anew; returns the sequence where it breaks, if any."""

    async def close(self) -> None:
        """Ends what is under way and lets go of the database."""

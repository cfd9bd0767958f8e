"""What is kept of orgs, their people and their secrets, as Protocols."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol, TypeVar

from polydesk.domain.identity import Account, Key, Once, Org, Stamp
from polydesk.domain.keyring import KeyRing, Sealed
from polydesk.domain.secret import Kept, Secret, SecretDraft


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

    async def keys(self, account: int) -> list[Key]:
        """Returns what is known of an account's API keys, the oldest first."""

    async def remove_key(self, id_: str, *, account: int) -> None:
        """Removes an API key of an account. Raises NotFound."""

    async def signing_key(self, candidate: bytes) -> bytes:
        """Returns the key that signs tokens; keeps `candidate` as such where there is none."""

    async def change_signing_key(self, key: bytes) -> None:
        """Has a key sign tokens from now on, and forgets the one before."""


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

    async def known(self, org: int, names: Sequence[str]) -> list[Listed]:
        """Returns the entries that one of the names is a name of, by their ids.

        Names are the key, and what else an entry goes by; the case of A to Z does not count.
        """

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


class Keys(Protocol):
    """Finds the keys of the vault. All of it raises NotConfigured."""

    async def check(self) -> None:
        """Refuses keys that the operator has named and that are none."""

    async def to_seal(self) -> KeyRing:
        """Returns the keys; makes the first one where that is the hub's own affair."""

    async def to_open(self, key: str) -> KeyRing:
        """Returns the keys, and looks for new ones where they lack this one."""

"""Who may do what where: orgs, the accounts of users and clients, and the caller of one call."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Final

import msgspec

from polydesk.domain.catalog import Catalog
from polydesk.domain.errors import Denied, NotFound
from polydesk.domain.policy import Policy

HUB_ADMIN: Final = "hub.admin"


class AccountKind(Enum):
    """Tells people and programs apart."""

    USER = "USER"
    CLIENT = "CLIENT"


class Role(Enum):
    """Sorts what accounts may do in an org."""

    READER = "READER"
    AGENT = "AGENT"
    ADMIN = "ADMIN"


_READER: Final = frozenset({"tickets.read", "runs.read"})
_AGENT: Final = _READER | {"tickets.write", "inventory.write", "runs.write"}
SCOPES: Final[Mapping[Role, frozenset[str]]] = {
    Role.READER: _READER,
    Role.AGENT: _AGENT,
    Role.ADMIN: _AGENT | {"secrets.read", "secrets.write", "runbooks.write"},
}


class Org(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tenant: what a record belongs to."""

    id: int
    name: str
    policy: Policy = Policy()
    catalog: Catalog = Catalog()


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A user or a client; `secret_hash` is argon2id, `token_epoch` ends older tokens by growing."""

    id: int
    kind: AccountKind
    login: str
    name: str
    secret_hash: str
    default_org: int = 0
    operator: bool = False
    roles: dict[int, Role] = {}
    token_epoch: int = 0


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an API key: `id` is the beginning of its SHA-256, in hexadecimal digits."""

    id: str
    label: str
    created_at: datetime


class Once(msgspec.Struct, frozen=True, kw_only=True):
    """Makes a write happen once: the caller's key, and a digest of the request it came with."""

    key: str
    digest: bytes


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """Who changes something, when, and through which dialect."""

    at: datetime
    actor: str
    via: str
    request_id: str


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who makes this call, how, and what the method called demands (`scope`)."""

    account: int
    login: str
    roles: Mapping[int, Role]
    scope: str
    operator: bool = False
    default_org: int = 0
    via: str = "desk"
    request_id: str = ""
    once: Once | None = None
    if_match: str = ""

    def admit(self, org: int) -> None:
        """Lets the caller into an org. A foreign org answers like a missing one."""
        role = self.roles.get(org)
        if role is None:
            raise NotFound(f"there is no org {org}", org=str(org))
        if self.scope not in SCOPES[role]:
            raise Denied(f"{self.login} lacks {self.scope} in org {org}", scope=self.scope)

    def home(self) -> int:
        """Returns the org of a call that names none: the account's, or the only one it is in."""
        if self.default_org:
            return self.default_org
        if len(self.roles) == 1:
            return next(iter(self.roles))
        raise Denied(f"{self.login} has no default org, and is in {len(self.roles)}")

    def admit_to_hub(self) -> None:
        """Lets an operator administer the hub."""
        if not self.operator:
            raise Denied(f"{self.login} is no operator of this hub", scope=self.scope)

    def stamp(self, at: datetime) -> Stamp:
        """Signs what the caller changes."""
        return Stamp(at=at, actor=self.login, via=self.via, request_id=self.request_id)

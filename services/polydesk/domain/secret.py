"""A secret: a named value of an org. What is kept in the open, and told, are its facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from polydesk.domain.errors import Invalid, Missing, Outdated
from polydesk.domain.history import NO_TICKET
from polydesk.domain.identity import Stamp
from polydesk.domain.keyring import Sealed
from polydesk.domain.saving import Change
from polydesk.domain.ticket import LONGEST_NAME, LONGEST_TEXT, check_text

LONGEST_DESCRIPTION: Final = 1_000


class SecretDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller says of a new secret, but for its value."""

    name: str
    description: str = ""

    def __post_init__(self) -> None:
        check_name(self.name)
        check_description(self.description)

    def secret(self, id_: int, org: int, *, stamp: Stamp) -> Secret:
        """Returns the secret that the draft becomes."""
        return Secret(
            id=id_,
            org=org,
            name=self.name,
            description=self.description,
            created_at=stamp.at,
            updated_at=stamp.at,
            valued_at=stamp.at,
        )


class Secret(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The facts of a secret; `id` is that of the history's entry that tells of its making.

    `valued_at` is when its value was set.
    """

    id: int
    org: int
    name: str
    created_at: datetime
    updated_at: datetime
    valued_at: datetime
    description: str = ""
    revision: int = 1

    @property
    def etag(self) -> str:
        """Marks the state of the secret, and tells it from an earlier one of the same name."""
        return f"{self.id}.{self.revision}"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A secret as the store has it."""

    secret: Secret
    sealed: Sealed


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A secret with its value, which is not printed with it."""

    secret: Secret
    value: str = field(repr=False)


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """What a rotation came to.

    `failed` names what could not be opened, as org and name. `used` counts secrets by the keys that
    seal them; `ring` has the ids of all keys that the hub was given.
    """

    first: str
    renewed: int
    failed: list[tuple[int, str]]
    used: dict[str, int]
    ring: tuple[str, ...]

    @property
    def idle(self) -> list[str]:
        """Returns the keys that seal nothing any more, and may be dropped."""
        return [key for key in self.ring if key != self.first and key not in self.used]


def check_name(name: str) -> None:
    """Refuses what can be no name."""
    if not name:
        raise Missing("name is required", field="name")
    check_text("name", name, most=LONGEST_NAME)
    if "/" in name:
        raise Invalid("name holds a slash", field="name")


def check_description(description: str) -> None:
    """Refuses a description that is too long."""
    check_text("description", description, most=LONGEST_DESCRIPTION)


def check_value(value: str) -> None:
    """Refuses what can be no value, without saying it."""
    if not value:
        raise Missing("value is required", field="value")
    check_text("value", value, most=LONGEST_TEXT)


def check_etag(secret: Secret, etag: str) -> None:
    """Refuses a write that was meant for another state; an empty etag is for any."""
    if etag and etag != secret.etag:
        raise Outdated(
            f"the secret {secret.name} was changed meanwhile: its etag is {secret.etag}, not {etag}"
        )


def changed(secret: Secret, at: datetime, *, description: str | None, revalued: bool) -> Secret:
    """Returns the secret after a change; None leaves the description as it is."""
    return replace(
        secret,
        description=secret.description if description is None else description,
        updated_at=at,
        valued_at=at if revalued else secret.valued_at,
        revision=secret.revision + 1,
    )


def place(org: int, name: str) -> bytes:
    """Returns what a value is sealed about. No two secrets have the same."""
    text = name.encode()
    return b"polydesk secret" + org.to_bytes(8) + len(text).to_bytes(4) + text


def facts(secret: Secret) -> dict[str, Any]:
    """Returns what the history tells of a secret that is made, changed or deleted."""
    return {
        "secret": secret.name,
        "description": secret.description,
        "valued_at": secret.valued_at,
        "etag": secret.etag,
    }


def told(org: int, action: str, *, old: dict[str, Any], new: dict[str, Any]) -> Change:
    """Tells the history what was done in the vault of an org."""
    return Change(ticket=NO_TICKET, org=org, action=f"secret.{action}", digest="", old=old, new=new)

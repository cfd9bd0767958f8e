"""What the store's tests save."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from polydesk.domain.identity import Account, AccountKind, Once, Stamp
from polydesk.domain.ticket import Draft, Kind, State

NOW = datetime(2026, 3, 4, 5, 6, 7, 891_011, tzinfo=UTC)
ORG = 7


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def stamp(seconds: float = 0, *, actor: str = "ann") -> Stamp:
    return Stamp(at=at(seconds), actor=actor, via="desk", request_id="r-1")


def draft(number: str = "INC1", **fields: Any) -> Draft:
    said: dict[str, Any] = {
        "kind": Kind.INCIDENT,
        "number": number,
        "summary": "The printer is on fire",
        "opened_at": NOW,
        "modified_at": NOW,
        "state": State.ACTIVE,
    }
    return Draft(**(said | fields))


def drafts(prefix: str, size: int) -> list[Draft]:
    return [draft(f"{prefix}-{index}") for index in range(size)]


def once(key: str = "k-1", digest: bytes = b"request") -> Once:
    return Once(key=key, digest=digest)


def account(login: str = "Ann@example.org", **fields: Any) -> Account:
    said: dict[str, Any] = {
        "id": 0,
        "kind": AccountKind.USER,
        "login": login,
        "name": "Ann",
        "secret_hash": "argon2",
    }
    return Account(**(said | fields))

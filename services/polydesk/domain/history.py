"""The history of the hub: an append-only chain in which each entry seals the one before it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

import msgspec

# The ticket of an entry that belongs to an org and to no ticket.
NO_TICKET: Final = 0


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One change. `sequence` has no gaps; `fields` is JSON: {"old": {...}, "new": {...}}."""

    sequence: int
    ticket: int
    org: int
    at: datetime
    actor: str
    via: str
    request_id: str
    action: str
    digest: str
    fields: str

    def seal(self, previous: bytes) -> bytes:
        """Returns the entry's hash: SHA-256 over the hash before it and all it says."""
        return hashlib.sha256(previous + msgspec.json.encode(self)).digest()


class Authors(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what to a ticket, by their logins; empty where nobody did.

    `via` is the dialect through which it was made.
    """

    creator: str
    updater: str
    via: str
    resolver: str = ""
    closer: str = ""

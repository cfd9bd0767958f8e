"""The history of the hub: an append-only chain in which each entry seals the one before it."""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One change. `sequence` has no gaps; `fields` is JSON: {"old": {...}, "new": {...}}.

    A change of what belongs to no ticket, such as a runbook, has 0 as its `ticket`.
    """

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

"""What is counted of an org: records and entries of its history."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Protocol

import msgspec

from polydesk.domain.run import RunState
from polydesk.domain.ticket import Kind, State

# An older entry of the hub's history is not counted, so that no question costs too much.
MOST_COUNTED: Final = 500_000


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A time that is cut into buckets of the same length."""

    start: datetime
    width: timedelta
    buckets: int

    @property
    def end(self) -> datetime:
        """Returns the end of the last bucket."""
        return self.start + self.width * self.buckets


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How many entries of one bucket say the same: of a run, how far it had got and has got."""

    bucket: int
    via: str
    action: str
    before: RunState | None
    after: RunState | None
    count: int


class OverviewStore(Protocol):
    """Counts."""

    async def tickets(self, org: int) -> dict[tuple[Kind, State], int]:
        """Counts the tickets of an org that are not deleted."""

    async def runs(self, org: int) -> dict[RunState, int]:
        """Counts the runs of an org."""

    async def entries(self, org: int, span: Span) -> tuple[list[Tally], bool]:
        """Counts the entries of an org's history; tells whether there are more than it counts."""

    async def vias(self, org: int, tickets: list[int]) -> dict[int, list[str]]:
        """Returns the dialects of tickets, in the order in which each was first used."""

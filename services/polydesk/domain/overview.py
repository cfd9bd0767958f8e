"""Overviews: what there is in an org, and what has come of late, through which dialects."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import msgspec

from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.identity import Caller
from polydesk.domain.ports import Clock
from polydesk.domain.run import ENDED, RunState
from polydesk.domain.tally import OverviewStore, Span, Tally
from polydesk.domain.ticket import MOST_NUMBERS, Kind, State

USUAL_PERIOD: Final = timedelta(days=1)
USUAL_BUCKETS: Final = 24
_SHORTEST: Final = timedelta(minutes=1)
_LONGEST: Final = timedelta(days=31)
_MOST_BUCKETS: Final = 200
# What the history tells of orders that came to nothing.
_REFUSALS: Final = frozenset({"run.deny", "rule.fail"})


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """What has come through one dialect, a number for each bucket."""

    via: str
    changes: list[int]
    failures: list[int]


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """What there is, and what has happened."""

    org: int
    span: Span
    tickets: dict[tuple[Kind, State], int]
    runs: dict[RunState, int]
    activities: list[Activity]
    run_ends: dict[RunState, list[int]]
    truncated: bool


class Overviews:
    """Makes overviews."""

    def __init__(self, *, store: OverviewStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def get(
        self,
        caller: Caller,
        org: int,
        *,
        period: timedelta = USUAL_PERIOD,
        buckets: int = USUAL_BUCKETS,
    ) -> Overview:
        """Returns the overview of an org; the last bucket ends now."""
        caller.admit(org)
        if not _SHORTEST <= period <= _LONGEST:
            raise Invalid("period is a minute to 31 days", field="period")
        if not 1 <= buckets <= _MOST_BUCKETS:
            raise Invalid(f"buckets is 1 to {_MOST_BUCKETS}", field="buckets")
        width = period / buckets
        span = Span(start=self._clock.now() - width * buckets, width=width, buckets=buckets)
        tallies, truncated = await self._store.entries(org, span)
        return Overview(
            org=org,
            span=span,
            tickets=await self._store.tickets(org),
            runs=await self._store.runs(org),
            activities=activities(tallies, buckets),
            run_ends=run_ends(tallies, buckets),
            truncated=truncated,
        )

    async def dialects(
        self, caller: Caller, org: int, tickets: Sequence[int]
    ) -> dict[int, list[str]]:
        """Returns through which dialects the tickets have come that the org has."""
        caller.admit(org)
        if not tickets:
            raise Missing("at least one name is required", field="names")
        if len(tickets) > MOST_NUMBERS:
            raise Invalid(
                f"{len(tickets)} names came, at most {MOST_NUMBERS} are taken", field="names"
            )
        return await self._store.vias(org, sorted(set(tickets)))


def activities(tallies: Sequence[Tally], buckets: int) -> list[Activity]:
    """Returns what has come through each dialect, by their names."""
    made = {
        via: Activity(via=via, changes=[0] * buckets, failures=[0] * buckets)
        for via in sorted({tally.via for tally in tallies})
    }
    for tally in tallies:
        made[tally.via].changes[tally.bucket] += tally.count
        if tally.action in _REFUSALS or _ended(tally) is RunState.FAILED:
            made[tally.via].failures[tally.bucket] += tally.count
    return list(made.values())


def run_ends(tallies: Sequence[Tally], buckets: int) -> dict[RunState, list[int]]:
    """Returns how often runs have ended in which way."""
    ends = {state: [0] * buckets for state in RunState if state in ENDED}
    for tally in tallies:
        state = _ended(tally)
        if state is not None:
            ends[state][tally.bucket] += tally.count
    return ends


def _ended(tally: Tally) -> RunState | None:
    """Returns how a run has ended, if that is what is told."""
    if tally.after in ENDED and tally.before is not tally.after:
        return tally.after
    return None

"""Counts of what an org has and of what its history tells, each by one statement."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from polydesk.domain.run import RunState
from polydesk.domain.tally import MOST_COUNTED, Span, Tally
from polydesk.domain.ticket import Kind, State
from polydesk.store.moment import micros
from polydesk.store.script import Engine, Read

_TICKETS: Final = (
    "select kind, state, count(*) from tickets where org = $1 and deleted_at is null"
    " group by kind, state"
)
_RUNS: Final = "select state, count(*) from runs where org = $1 group by state"
# Both engines read documents by the same signs. A change of a run tells its state before and after.
_ENTRIES: Final = (
    "select bucket, via, action, before, after, count(*) from ("
    "select (at - $3) / $4 as bucket, via, action,"
    " case when action like 'run.%' then fields -> 'old' -> 'run' ->> 'state' end as before,"
    " case when action like 'run.%' then fields -> 'new' -> 'run' ->> 'state' end as after"
    " from history where sequence > $1 and org = $2 and at >= $3 and at < $5"
    ") as told group by bucket, via, action, before, after"
)
_VIAS: Final = (
    "select ticket, via from history where ticket = any($1) and org = $2"
    " group by ticket, via order by ticket, min(sequence)"
)
# Times stand in the order of the entries, but for what a write has to wait for its turn.
_SLACK: Final = timedelta(minutes=1)


class SqlOverview:
    """Counts, as tally.OverviewStore says."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def tickets(self, org: int) -> dict[tuple[Kind, State], int]:
        """Counts tickets."""
        rows = await self._engine.rows(Read(_TICKETS, (org,)))
        return {(Kind(kind), State(state)): int(count) for kind, state, count in rows}

    async def runs(self, org: int) -> dict[RunState, int]:
        """Counts runs."""
        rows = await self._engine.rows(Read(_RUNS, (org,)))
        return {RunState(state): int(count) for state, count in rows}

    async def entries(self, org: int, span: Span) -> tuple[list[Tally], bool]:
        """Counts entries of the history."""
        newest = await self._engine.row(Read("select sequence from latest"))
        oldest = max(0, (newest[0] if newest else 0) - MOST_COUNTED)
        after = await self._before(micros(span.start - _SLACK), oldest, newest[0] if newest else 0)
        width = micros(span.start + span.width) - micros(span.start)
        values = (after, org, micros(span.start), width, micros(span.end))
        rows = await self._engine.rows(Read(_ENTRIES, values))
        return [
            Tally(
                bucket=min(int(bucket), span.buckets - 1),
                via=via,
                action=action,
                before=RunState(before) if before else None,
                after=RunState(now) if now else None,
                count=int(count),
            )
            for bucket, via, action, before, now, count in rows
        ], 0 < oldest == after

    async def vias(self, org: int, tickets: list[int]) -> dict[int, list[str]]:
        """Returns the dialects of tickets."""
        found: dict[int, list[str]] = {}
        for ticket, via in await self._engine.rows(Read(_VIAS, (tickets, org))):
            found.setdefault(int(ticket), []).append(via)
        return found

    async def _before(self, at: int, low: int, high: int) -> int:
        """Returns the sequence of the last entry before a time, by halves, or `low`."""
        while low < high:
            middle = (low + high + 1) // 2
            row = await self._engine.row(
                Read("select at from history where sequence = $1", (middle,))
            )
            if row is not None and row[0] < at:
                low = middle
            else:
                high = middle - 1
        return low

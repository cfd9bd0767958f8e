"""Runs: some indexed columns and a document, their plans, and who works on them.

A change of a run is one transaction with what its ticket and its schedule say, and with the entry
in the history.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from polydesk.domain import progress
from polydesk.domain.errors import Conflict, Exists, NotFound
from polydesk.domain.identity import Once, Stamp
from polydesk.domain.meter import Meter
from polydesk.domain.plan import Plan
from polydesk.domain.run import EXECUTIONS, GOING, Run, RunQuery, RunState
from polydesk.domain.saving import Change
from polydesk.domain.schedule import OF_RUN
from polydesk.store import history
from polydesk.store.line import SqlLines
from polydesk.store.moment import micros
from polydesk.store.once import once_only
from polydesk.store.schedule import followed
from polydesk.store.script import Engine, Read, Row, Script, Together, Write
from polydesk.store.ticket import replaced, ticket_of

_INSERT: Final = (
    "insert into runs (id, state, wake_at, cancelling, deadline, document, org, runbook, ticket,"
    " schedule, key) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
)
_UPDATE: Final = (
    "update runs set state = $2, wake_at = $3, cancelling = $4, deadline = $5, document = $6"
    " where id = $1"
)
_COUNT: Final = (
    "insert into counters (name, value) values ('run', $1) on conflict (name) do update"
    " set value = excluded.value where counters.value < excluded.value"
)
_DUE: Final = "select document from runs where wake_at <= $1 order by wake_at, id limit $2"
_OVERDUE: Final = "select document from runs where deadline <= $1 order by deadline, id limit $2"
_OF_SCHEDULE: Final = (
    "select document from runs where org = $1 and schedule = $2 and state = any($3) order by id"
)
_GOING: Final = tuple(state.value for state in GOING)
_decode: Final = msgspec.json.Decoder(Run).decode
_decode_plan: Final = msgspec.json.Decoder(Plan).decode
_encode: Final = msgspec.json.Encoder().encode


class SqlRuns(SqlLines):
    """Keeps runs, as run_ports.RunStore says."""

    def __init__(self, engine: Engine, *, meter: Meter) -> None:
        super().__init__(engine)
        self._meter = meter

    async def start(self, draft: Run, plan: Plan, *, stamp: Stamp, once: Once | None) -> Run:
        """Inserts a run."""
        run = await self._engine.write(
            lambda: once_only(_start(draft, plan, stamp), Run, once=once, stamp=stamp)
        )
        if run.created_at == draft.created_at:  # else it was started before
            self._meter.run_came(run.state)
        return run

    async def change(  # noqa: PLR0913 - as one transaction
        self,
        id_: int,
        change: Callable[[Run], Run],
        *,
        action: str = "",
        details: Mapping[str, Any] | None = None,
        stamp: Stamp,
        once: Once | None = None,
    ) -> Run:
        """Changes a run as it stands in the transaction."""
        before: list[Run] = []

        def noted(run: Run) -> Run:
            before[:] = [run]
            return change(run)

        def script() -> Script[Run]:
            return _change(id_, noted, action=action, details=details or {}, stamp=stamp)

        run = await self._engine.write(lambda: once_only(script(), Run, once=once, stamp=stamp))
        if before and before[0].state is not run.state:
            self._meter.run_came(run.state)
            if before[0].state is RunState.QUEUED and run.started_at:
                waited = run.started_at - run.created_at
                self._meter.run_taken(seconds=waited.total_seconds())
        return run

    async def tell(self, org: int, action: str, details: Mapping[str, Any], stamp: Stamp) -> None:
        """Puts into the history what has happened to no run."""
        told = Change(ticket=0, org=org, action=action, digest="", old={}, new=dict(details))
        await self._engine.write(lambda: _tell(told, stamp))

    async def get(self, id_: int) -> Run | None:
        """Returns the run of an id."""
        row = await self._engine.row(_one(id_))
        return None if row is None else _decode(row[0])

    async def plan(self, id_: int) -> Plan:
        """Returns what a run does."""
        row = await self._engine.row(Read("select document from plans where run = $1", (id_,)))
        if row is None:
            raise NotFound(f"there is no run {id_}")
        return _decode_plan(row[0])

    async def select(self, org: int, sought: RunQuery) -> list[Run]:
        """Returns runs, the newest first."""
        terms, values = ["org = $1"], [org]
        for term, value in {
            "id < ": sought.before,
            "runbook = ": sought.runbook,
            "ticket = ": sought.ticket,
            "schedule = ": sought.schedule,
        }.items():
            if value:
                values.append(value)
                terms.append(f"{term}${len(values)}")
        some: list[Any] = values
        if sought.states:
            some.append([state.value for state in sought.states])
            terms.append(f"state = any(${len(some)})")
        some.append(sought.limit)
        sql = f"select document from runs where {' and '.join(terms)} order by id desc"  # noqa: S608  # own words
        rows = await self._engine.rows(Read(f"{sql} limit ${len(some)}", tuple(some)))
        return [_decode(row[0]) for row in rows]

    async def due(self, at: datetime, *, limit: int) -> list[tuple[int, int]]:
        """Returns ids and phases of runs that are to be woken."""
        rows = await self._engine.rows(Read(_DUE, (micros(at), limit)))
        return [(run.id, run.phase) for run in map(_read, rows)]

    async def overdue(self, at: datetime, *, limit: int) -> list[Run]:
        """Returns runs that go on though their deadline has passed."""
        return [_read(row) for row in await self._engine.rows(Read(_OVERDUE, (micros(at), limit)))]

    async def driven(self) -> list[Run]:
        """Returns the runs that some worker drives, or ought to."""
        rows = await self._engine.rows(
            Read(
                "select document from runs where state = any($1) and wake_at is null order by id",
                (list(_GOING),),
            )
        )
        return [run for run in map(_read, rows) if run.owner or run.queued]

    async def going(self) -> dict[RunState, int]:
        """Counts the runs that have not ended."""
        sql = "select state, count(*) from runs where state = any($1) group by state"
        rows = await self._engine.rows(Read(sql, (list(_GOING),)))
        return {RunState(state): int(number) for state, number in rows}

    async def cancelling(self, ids: Collection[int]) -> set[int]:
        """Returns which of these somebody wants to end."""
        rows = await self._engine.rows(
            Read("select id from runs where id = any($1) and cancelling = 1", (list(ids),))
        )
        return {int(row[0]) for row in rows}

    async def beat(self, worker: str, *, machine: str) -> None:
        """Shows that a worker lives."""
        sql = (
            "insert into workers (id, machine, beat) values ($1, $2, 1) on conflict (id)"
            " do update set beat = workers.beat + 1"
        )
        await self._engine.write(lambda: _write(Write(sql, [(worker, machine)])))

    async def beats(self) -> dict[str, int]:
        """Returns how often each worker has shown that it lives."""
        rows = await self._engine.rows(Read("select id, beat from workers"))
        return {str(id_): int(beat) for id_, beat in rows}

    async def forget(self, worker: str) -> None:
        """Takes a worker off the list."""
        await self._engine.write(
            lambda: _write(Write("delete from workers where id = $1", [(worker,)]))
        )


def run_of(id_: int) -> Script[Run]:
    """Returns a run as it stands in the transaction. Raises NotFound."""
    rows = yield _one(id_)
    if not rows:
        raise NotFound(f"there is no run {id_}")
    return _decode(rows[0][0])


def _one(id_: int) -> Read:
    return Read("select document from runs where id = $1", (id_,))


def _read(row: Row) -> Run:
    return _decode(row[0])


def _write(write: Write) -> Script[None]:
    yield write


def _tell(told: Change, stamp: Stamp) -> Script[None]:
    latest = yield from history.latest()
    yield Together(history.append([told], stamp, latest=latest, ticket=latest.ticket))


def _start(draft: Run, plan: Plan, stamp: Stamp) -> Script[Run]:
    if draft.key is not None:
        rows = yield Read(
            "select document from runs where org = $1 and key = $2", (draft.org, draft.key)
        )
        if rows:
            return _same(_decode(rows[0][0]), draft)
    rows = yield Read("select value from counters where name = 'run'")
    run = replace(draft, id=draft.id or (rows[0][0] if rows else 0) + 1)
    if draft.id and (yield _one(draft.id)):
        raise Exists(f"there is a run {draft.id} already")
    if run.waits and not (yield from _going(run)):
        run = progress.release(run, at=stamp.at)
    further = (run.org, run.runbook, run.ticket, run.schedule, run.key)
    writes = [
        Write(_INSERT, [(*_columns(run), *further)]),
        Write(
            "insert into plans (run, document) values ($1, $2)",
            [(run.id, _encode(plan).decode())],
        ),
        Write(_COUNT, [(run.id,)]),
    ]
    yield from _keep(None, run, writes, action="run.start", details={}, stamp=stamp)
    return run


def _same(known: Run, draft: Run) -> Run:
    if known.digest != draft.digest:
        raise Conflict(f"key {draft.key} was used for another run: {known.id}")
    return known


def _going(run: Run) -> Script[list[Run]]:
    """Returns the other runs of a run's schedule that have not ended, the oldest first."""
    going = yield Read(_OF_SCHEDULE, (run.org, run.schedule, list(_GOING)))
    return [other for other in map(_read, going) if other.id != run.id]


def _released(ended: Run, *, at: datetime) -> Script[list[Write]]:
    """Lets the next run of a schedule begin where no other of it goes on."""
    going = yield from _going(ended)
    if not going or not all(run.waits for run in going):
        return []
    return [_updated(progress.release(replace(going[0], revision=going[0].revision + 1), at=at))]


def _change(
    id_: int,
    change: Callable[[Run], Run],
    *,
    action: str,
    details: Mapping[str, Any],
    stamp: Stamp,
) -> Script[Run]:
    old = yield from run_of(id_)
    new = change(old)
    if new == old:
        return old
    new = replace(new, updated_at=stamp.at, revision=old.revision + 1)
    if new.state is not old.state and not action:
        action = "run.end" if new.ended else "run.state"
    writes = [_updated(new)]
    yield from _keep(old, new, writes, action=action, details=details, stamp=stamp)
    return new


def _keep(  # noqa: PLR0913 - what a change is
    old: Run | None,
    new: Run,
    writes: list[Write],
    *,
    action: str,
    details: Mapping[str, Any],
    stamp: Stamp,
) -> Script[None]:
    """Writes what has changed, the ticket's status with it, and tells the history."""
    before: dict[str, Any] = {} if old is None else {"run": _told(old)}
    after: dict[str, Any] = {"run": _told(new), **details}
    if new.ticket and (old is None or old.state is not new.state):
        ticket = yield from ticket_of(new.ticket)
        execution = EXECUTIONS[new.state]
        if ticket.execution is not execution:
            before["execution_status"] = ticket.execution
            after["execution_status"] = execution
            changed = replace(
                ticket,
                execution=execution,
                updated_at=stamp.at,
                revision=ticket.revision + 1,
            )
            writes.append(replaced(changed))
    if new.schedule and not new.waits and (old is None or old.state is not new.state):
        writes += yield from followed(new.org, new.schedule, OF_RUN[new.state], at=stamp.at)
    if new.schedule and new.ended:
        writes += yield from _released(new, at=stamp.at)
    if action:
        latest = yield from history.latest()
        told = Change(
            ticket=new.ticket, org=new.org, action=action, digest="", old=before, new=after
        )
        writes += history.append([told], stamp, latest=latest, ticket=latest.ticket)
    yield Together(writes)


def _updated(run: Run) -> Write:
    return Write(_UPDATE, [_columns(run)])


def _told(run: Run) -> dict[str, Any]:
    return {"id": run.id, "title": run.title, "state": run.state, "message": run.message}


def _columns(run: Run) -> tuple[Any, ...]:
    return (
        run.id,
        run.state.value,
        None if run.wake_at is None else micros(run.wake_at),
        int(run.cancelling),
        None if run.deadline is None or run.ended else micros(run.deadline),
        _encode(run).decode(),
    )

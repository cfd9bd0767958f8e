"""Runs, as callers meet them: started once, looked at, cancelled, approved, reported on, rerun.

What is started is on record, and durable, when it is answered; a worker finds it there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec
from msgspec.structs import replace

from polydesk.domain import progress
from polydesk.domain.cursor import MOST_LONG_ONES, Slice, cut, read_cursor
from polydesk.domain.errors import Invalid, NotFound, Outdated, WrongState
from polydesk.domain.identity import Caller
from polydesk.domain.order import Order, Prepared, Preview
from polydesk.domain.ordering import Orders
from polydesk.domain.output import Line
from polydesk.domain.part import reach_present
from polydesk.domain.plan import Plan
from polydesk.domain.ports import Clock, Store
from polydesk.domain.run import CODES, OF_CODE, NodeRun, NodeState, Run, RunQuery, RunState
from polydesk.domain.runbook import Approve, Await, Tool
from polydesk.domain.ticket import check_text

_LONGEST_MESSAGE = 1_000
_LOOK_SECONDS = 0.1
_MOST_LINES = 5_000


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a run."""

    run: Run
    plan: Plan
    lines: list[Line]


class Runs:
    """Starts runs, and does to them what callers want."""

    def __init__(self, *, store: Store, clock: Clock, local: bool) -> None:
        self._store = store
        self._clock = clock
        self._orders = Orders(store=store, clock=clock, local=local)

    async def preview(self, caller: Caller, org: int, order: Order) -> Preview:
        """Returns what would become of an order, and does nothing."""
        caller.admit(org)
        prepared = await self._orders.prepare(org, order)
        draft = self._draft(caller, org, order, prepared)
        return Preview(run=draft, verdicts=await self._orders.verdicts(org, prepared.plan.steps))

    async def start(self, caller: Caller, org: int, order: Order) -> Run:
        """Starts a run, once for each key; what policy refuses is not started, and told."""
        caller.admit(org)
        if order.ticket:
            ticket = await reach_present(caller, self._store.tickets, order.ticket)
            if ticket.org != org:
                raise NotFound(f"org {org} has no ticket {order.ticket}")
        prepared = await self._orders.prepare(org, order)
        await self._orders.check_policy(caller, org, prepared.plan.steps)
        return await self._store.runs.start(
            self._draft(caller, org, order, prepared),
            prepared.plan,
            stamp=caller.stamp(self._clock.now()),
            once=caller.once,
        )

    async def rerun(self, caller: Caller, id_: int) -> Run:
        """Starts a run anew that has not succeeded, with what had succeeded left as it was."""
        old = await self.get(caller, id_)
        if old.state not in (RunState.FAILED, RunState.CANCELLED) or old.tool is Tool.EXTERNAL:
            raise WrongState(f"run {id_} is {old.state.value}: what has failed here can be rerun")
        plan = await self._store.runs.plan(id_)
        done = {node.id for node in old.nodes if node.state is NodeState.SUCCEEDED}
        left = [step for step in plan.steps if step.id not in done]
        await self._orders.check_policy(caller, old.org, left)
        at = self._clock.now()
        draft = Run(
            id=0,
            org=old.org,
            title=old.title,
            tool=old.tool,
            actor=caller.login,
            created_at=at,
            updated_at=at,
            runbook=old.runbook,
            version=old.version,
            ticket=old.ticket,
            job=old.job,
            rerun_of=old.id,
            rule=old.rule,
            parameters=old.parameters,
            nodes=tuple(
                node if node.id in done else NodeRun(id=node.id, needs=node.needs)
                for node in old.nodes
            ),
            limit_seconds=old.limit_seconds,
            request_id=caller.request_id,
        )
        return await self._store.runs.start(
            progress.release(draft, at=at), plan, stamp=caller.stamp(at), once=caller.once
        )

    async def get(self, caller: Caller, id_: int) -> Run:
        """Returns the run of an id."""
        run = await self._store.runs.get(id_)
        if run is None or run.org not in caller.roles:
            raise NotFound(f"there is no run {id_}")
        caller.admit(run.org)
        return run

    async def record(self, caller: Caller, id_: int) -> Record:
        """Returns a run with what it does and what it has printed, up to some thousand lines."""
        run = await self.get(caller, id_)
        lines = await self._store.runs.lines(id_, after=0, limit=_MOST_LINES)
        return Record(run=run, plan=await self._store.runs.plan(id_), lines=lines)

    async def page(
        self, caller: Caller, org: int, sought: RunQuery, *, token: str = ""
    ) -> Slice[Run]:
        """Returns runs of an org, the newest first."""
        caller.admit(org)
        states = sorted(state.value for state in sought.states)
        asked = ["runs", org, states, sought.runbook, sought.ticket, sought.schedule]
        limit = min(sought.limit, MOST_LONG_ONES)
        before = read_cursor(token, asked=asked)
        found = await self._store.runs.select(org, replace(sought, before=before, limit=limit + 1))
        return cut(found, limit, asked=asked, id_of=lambda run: run.id)

    async def cancel(self, caller: Caller, id_: int, *, etag: str = "") -> Run:
        """Ends a run; what it executes is ended first."""
        return await self._change(
            caller,
            id_,
            lambda run, at: progress.cancel(run, at=at),
            action="run.cancel",
            etag=etag,
        )

    async def approve(  # noqa: PLR0913 - what a decision is
        self,
        caller: Caller,
        id_: int,
        *,
        passes: bool,
        node: str = "",
        message: str = "",
        etag: str = "",
    ) -> Run:
        """Lets a run go on that waits for somebody or, where it does not pass, fails it."""
        check_text("message", message, most=_LONGEST_MESSAGE)
        await self.get(caller, id_)
        plan = await self._store.runs.plan(id_)
        word = "approved" if passes else "rejected"
        told = f"{word} by {caller.login}{f': {message}' if message else ''}"

        def decide(run: Run, at: datetime) -> Run:
            chosen = _pending(run, plan, node, Approve)
            decided = progress.decide(run, chosen, passes=passes, message=told, at=at)
            goes_on = passes and not decided.owner
            return replace(decided, state=RunState.APPROVED) if goes_on else decided

        return await self._change(
            caller, id_, decide, action=f"run.{'approve' if passes else 'reject'}", etag=etag
        )

    async def report(  # noqa: PLR0913 - what a report says
        self,
        caller: Caller,
        id_: int,
        code: int,
        *,
        message: str = "",
        job: str = "",
        number: str = "",
        node: str = "",
        details: Mapping[str, str] | None = None,
    ) -> Run:
        """Takes the report of a tool outside; the code it has told before changes nothing.

        `details` are for the history alone.
        """
        state = OF_CODE.get(code)
        if state is None:
            raise Invalid(f"{code} is no code: it is 0 to {max(OF_CODE)}", field="code")
        check_text("message", message, most=_LONGEST_MESSAGE)
        run = await self.get(caller, id_)
        await self._check_told(run, job=job, number=number)
        plan = await self._store.runs.plan(id_)
        return await self._change(
            caller,
            id_,
            lambda run, at: _reported(run, plan, state, message=message, node=node, at=at),
            action="run.report",
            details=details,
        )

    async def finished(self, caller: Caller, id_: int, *, seconds: float) -> Run:
        """Waits for a run to end, but no longer than it may; returns it as it is then."""
        end = self._clock.monotonic() + seconds
        while True:
            run = await self.get(caller, id_)
            if run.ended or self._clock.monotonic() >= end:
                return run
            await self._clock.sleep(_LOOK_SECONDS)

    def _draft(self, caller: Caller, org: int, order: Order, prepared: Prepared) -> Run:
        at = self._clock.now()
        draft = Run(
            id=order.id,
            org=org,
            title=prepared.title,
            tool=prepared.tool,
            actor=caller.login,
            created_at=at,
            updated_at=at,
            runbook=prepared.runbook,
            version=prepared.version,
            ticket=order.ticket,
            key=order.key or None,
            digest=order.digest,
            job=order.job,
            parameters=prepared.plan.values,
            nodes=tuple(NodeRun(id=step.id, needs=step.needs) for step in prepared.plan.steps),
            schedule=order.schedule,
            rule=order.rule,
            waits=order.waits,
            limit_seconds=order.limit_seconds,
            request_id=caller.request_id,
        )
        return draft if order.waits else progress.release(draft, at=at)

    async def _check_told(self, run: Run, *, job: str, number: str) -> None:
        if job and job not in run.job.split(","):
            raise Invalid(f"run {run.id} has the job id {run.job or '(none)'}", field="job_id")
        if number:
            ticket = await self._store.tickets.get(run.ticket) if run.ticket else None
            if ticket is None or ticket.number != number:
                raise Invalid(f"run {run.id} belongs to another ticket", field="ticket_number")

    async def _change(  # noqa: PLR0913 - as one transaction
        self,
        caller: Caller,
        id_: int,
        change: Callable[[Run, datetime], Run],
        *,
        action: str,
        details: Mapping[str, str] | None = None,
        etag: str = "",
    ) -> Run:
        await self.get(caller, id_)
        at = self._clock.now()
        wanted = etag or caller.if_match

        def as_it_is(run: Run) -> Run:
            if wanted and wanted != run.etag:
                raise Outdated(f"run {id_} has gone on: its etag is {run.etag}, not {wanted}")
            return change(run, at)

        return await self._store.runs.change(
            id_,
            as_it_is,
            action=action,
            details=details,
            stamp=caller.stamp(at),
            once=caller.once,
        )


def _pending(run: Run, plan: Plan, node: str, kind: type[Approve | Await]) -> str:
    """Returns the node that waits for what comes."""
    waiting = [
        step.id
        for step in plan.steps
        if isinstance(step.work, kind) and run.node(step.id).state is NodeState.PENDING
    ]
    if node and node in waiting:
        return node
    if node or not waiting:
        what = f"node {node[:100]}" if node else "nothing"
        raise WrongState(f"{what} of run {run.id} ({run.state.value}) waits for this")
    if len(waiting) > 1:
        raise Invalid(f"say which node: {', '.join(waiting)}", field="node")
    return waiting[0]


def _reported(  # noqa: PLR0913 - what a report says
    run: Run, plan: Plan, state: RunState, *, message: str, node: str, at: datetime
) -> Run:
    if CODES[run.state] == CODES[state] and (run.tool is Tool.EXTERNAL or run.ended):
        return run
    if run.ended:
        raise WrongState(f"run {run.id} has ended already: {run.state.value}")
    if run.tool is Tool.EXTERNAL:
        ended = state in (RunState.FAILED, RunState.SUCCEEDED)
        return replace(
            run,
            state=state,
            message=message,
            started_at=run.started_at or at,
            ended_at=at if ended else None,
        )
    chosen = _pending(run, plan, node, Await)
    if state in (RunState.FAILED, RunState.SUCCEEDED):
        passes = state is RunState.SUCCEEDED
        return progress.decide(run, chosen, passes=passes, message=message, at=at)
    return run.with_node(chosen, message=message or state.value)

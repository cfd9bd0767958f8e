"""How a run goes on: pure functions from a run as it is to the run as it becomes.

The store calls them inside its transaction, so each decides on what is on record.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from polydesk.domain.errors import WrongState
from polydesk.domain.plan import Plan, Step
from polydesk.domain.run import (
    Attempt,
    NodeRun,
    NodeState,
    Outcome,
    Run,
    RunState,
    check_owner,
)
from polydesk.domain.runbook import Approve, Tool, Wait, WhenUnknown

MOST_ATTEMPTS: Final = 10
MOST_STRANDED: Final = 100
_BLOCKS: Final = frozenset({NodeState.FAILED, NodeState.SKIPPED, NodeState.CANCELLED})


def release(run: Run, *, at: datetime) -> Run:
    """Lets a run begin: a worker will find it, or a tool outside has it."""
    limit = timedelta(seconds=run.limit_seconds)
    return replace(
        run,
        waits=False,
        wake_at=None if run.tool is Tool.EXTERNAL else at,
        deadline=at + limit if limit else None,
    )


def claim(run: Run, owner: str, *, phase: int, at: datetime) -> Run:
    """Gives a run to a worker, unless the worker is late for it."""
    if run.ended or run.phase != phase:
        return run
    state = RunState.INITIATED if run.state is RunState.QUEUED else run.state
    started = run.started_at or at
    return replace(run, owner=owner, state=state, queued=False, started_at=started)


def launchable(plan: Plan, run: Run) -> list[Step]:
    """Returns the steps that execute something and can begin, or have begun before a crash."""
    return [
        step
        for step in plan.steps
        if step.launches and (run.node(step.id).state is NodeState.RUNNING or _can_begin(step, run))
    ]


def begin(run: Run, node: str, owner: str, *, machine: str, at: datetime) -> Run:
    """Puts an attempt on record before it is launched; one that is open is gone on with."""
    check_owner(run, owner)
    known = run.node(node)
    if known.open_attempt:
        return run
    attempt = Attempt(number=len(known.attempts) + 1, machine=machine, started_at=at)
    begun = run.with_node(node, state=NodeState.RUNNING, attempts=(*known.attempts, attempt))
    return replace(begun, state=RunState.RUNNING)


def finish(run: Run, step: Step, owner: str, *, ended: Attempt, result: str) -> Run:
    """Puts the end of an attempt on record, and so that of its node or, maybe, another attempt."""
    check_owner(run, owner)
    known = run.node(step.id)
    if known.open_attempt is None:
        return run
    attempts = (*known.attempts[:-1], ended)
    state = {
        Outcome.SUCCEEDED: NodeState.SUCCEEDED,
        Outcome.CANCELLED: NodeState.CANCELLED,
    }.get(ended.outcome, NodeState.FAILED)
    again = step.when_unknown is WhenUnknown.RERUN and len(attempts) < MOST_ATTEMPTS
    if ended.outcome is Outcome.UNKNOWN and again:
        state = NodeState.WAITING
    return run.with_node(
        step.id, state=state, attempts=attempts, result=result, message=ended.message
    )


def settle(plan: Plan, run: Run, owner: str, *, at: datetime) -> Run:
    """Opens and closes what needs no work; ends the run or lays it aside where no work is left."""
    check_owner(run, owner)
    run = cancelled(run) if run.cancelling else _opened(plan, run, at)
    states = {node.state for node in run.nodes}
    if NodeState.RUNNING in states or launchable(plan, run):
        return run
    if NodeState.PENDING in states:
        return _laid_aside(plan, run)
    return _ended(run, at)


def next_due(run: Run) -> datetime | None:
    """Returns when the first wait of a run is over."""
    return min((node.due_at for node in run.nodes if node.due_at), default=None)


def cancelled(run: Run) -> Run:
    """Returns a run in which nothing more begins."""
    over = {NodeState.WAITING: NodeState.SKIPPED, NodeState.PENDING: NodeState.CANCELLED}
    nodes = (
        replace(node, state=over[node.state], due_at=None) if node.state in over else node
        for node in run.nodes
    )
    return replace(run, nodes=tuple(nodes))


def cancel(run: Run, *, at: datetime) -> Run:
    """Ends a run that no worker drives, and has the worker end one that it does."""
    if run.cancelling or run.state is RunState.CANCELLED:
        return run
    if run.ended:
        raise WrongState(f"run {run.id} has ended already: {run.state.value}")
    asked = replace(run, cancelling=True)
    return asked if run.owner else _ended(cancelled(asked), at)


def fail(run: Run, message: str, *, at: datetime) -> Run:
    """Ends a run that cannot go on."""
    if run.ended:
        return run
    lost = run
    for node in run.nodes:
        if attempt := node.open_attempt:
            known = replace(attempt, ended_at=at, outcome=Outcome.UNKNOWN, message=message)
            attempts = (*node.attempts[:-1], known)
            lost = lost.with_node(node.id, state=NodeState.FAILED, attempts=attempts)
    return replace(
        cancelled(lost),
        state=RunState.FAILED,
        message=message,
        owner="",
        queued=False,
        wake_at=None,
        ended_at=at,
    )


def decide(run: Run, node: str, *, passes: bool, message: str, at: datetime) -> Run:
    """Ends a node that waits for somebody or a tool outside, and wakes the run."""
    state = NodeState.SUCCEEDED if passes else NodeState.FAILED
    return wake(run.with_node(node, state=state, message=message), at=at)


def wake(run: Run, *, at: datetime) -> Run:
    """Has a worker go on with a run that was laid aside; one that is driven goes on by itself."""
    if run.owner or run.ended:
        return run
    return replace(run, phase=run.phase + 1, wake_at=at)


def queue(run: Run, *, phase: int) -> Run:
    """Notes that the engine has a phase of a run."""
    return replace(run, wake_at=None, queued=True) if run.phase == phase and run.wake_at else run


def strand(run: Run, *, at: datetime) -> Run:
    """Wakes a run whose worker has died, or fails one that workers die over."""
    if run.stranded >= MOST_STRANDED:
        return fail(run, "workers have died over it again and again", at=at)
    left = replace(run, owner="", queued=False, stranded=run.stranded + 1)
    return wake(left, at=at)


def _can_begin(step: Step, run: Run) -> bool:
    return run.node(step.id).state is NodeState.WAITING and all(
        run.node(need).state is NodeState.SUCCEEDED for need in step.needs
    )


def _opened(plan: Plan, run: Run, at: datetime) -> Run:
    """Passes over the steps, in whatever order, until nothing changes any more."""
    while True:
        before = run
        for step in plan.steps:
            run = _touched(step, run, at)
        if run == before:
            return run


def _touched(step: Step, run: Run, at: datetime) -> Run:
    node = run.node(step.id)
    if node.state is NodeState.PENDING and node.due_at and node.due_at <= at:
        return run.with_node(step.id, state=NodeState.SUCCEEDED, due_at=None)
    if node.state is not NodeState.WAITING:
        return run
    if any(run.node(need).state in _BLOCKS for need in step.needs):
        return run.with_node(step.id, state=NodeState.SKIPPED)
    if step.launches or not _can_begin(step, run):
        return run
    due = at + timedelta(seconds=step.work.seconds) if isinstance(step.work, Wait) else None
    message = step.work.message if isinstance(step.work, Approve) else ""
    return run.with_node(step.id, state=NodeState.PENDING, due_at=due, message=message)


def _laid_aside(plan: Plan, run: Run) -> Run:
    asks = any(
        isinstance(step.work, Approve) and run.node(step.id).state is NodeState.PENDING
        for step in plan.steps
    )
    due = next_due(run)
    return replace(
        run,
        state=RunState.PENDING_APPROVAL if asks else RunState.RUNNING,
        owner="",
        phase=run.phase + (due is not None),
        wake_at=due,
    )


def _ended(run: Run, at: datetime) -> Run:
    failed = [node for node in run.nodes if node.state in (NodeState.FAILED, NodeState.CANCELLED)]
    if run.cancelling and run.deadline and at >= run.deadline:
        message = f"ended after {run.limit_seconds} seconds, the limit of its schedule"
        state = RunState.FAILED
    elif run.cancelling:
        state, message = RunState.CANCELLED, "cancelled"
    elif failed:
        state, message = RunState.FAILED, _why(failed[0])
    else:
        state, message = RunState.SUCCEEDED, ""
    return replace(
        run, state=state, message=message, owner="", queued=False, wake_at=None, ended_at=at
    )


def _why(node: NodeRun) -> str:
    return f"node {node.id} failed: {node.message}" if node.message else f"node {node.id} failed"

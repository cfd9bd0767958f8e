"""A run: one execution of a runbook, a script or a command, and how far each node has got.

A run has an owner while a worker drives it, and a phase that grows whenever it is woken after it
had been laid aside; a worker does nothing to a run that it does not own. It is `queued` while the
engine has its phase and no worker does, and counts how often it was left stranded by a worker. One
that `waits` begins when no earlier run of its schedule goes on; its deadline counts from then.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from polydesk.domain.errors import Conflict
from polydesk.domain.runbook import Tool
from polydesk.domain.ticket import Execution

LONGEST_RESULT: Final = 65_536


class RunState(Enum):
    """Tells how far a run has got."""

    QUEUED = "QUEUED"
    INITIATED = "INITIATED"
    RUNNING = "RUNNING"
    FAILED = "FAILED"
    SUCCEEDED = "SUCCEEDED"
    PENDING_APPROVAL = "PENDING_APPROVAL"
    APPROVED = "APPROVED"
    CANCELLED = "CANCELLED"


# The numbers by which tools outside know the states; a cancelled run is told as a failed one.
CODES: Final[Mapping[RunState, int]] = {
    RunState.QUEUED: 0,
    RunState.INITIATED: 1,
    RunState.RUNNING: 2,
    RunState.FAILED: 3,
    RunState.SUCCEEDED: 4,
    RunState.PENDING_APPROVAL: 5,
    RunState.APPROVED: 6,
    RunState.CANCELLED: 3,
}
OF_CODE: Final[Mapping[int, RunState]] = {
    code: state for state, code in CODES.items() if state is not RunState.CANCELLED
}
ENDED: Final = frozenset({RunState.FAILED, RunState.SUCCEEDED, RunState.CANCELLED})
GOING: Final = tuple(state for state in RunState if state not in ENDED)
# What the ticket that a run belongs to says of its automation.
EXECUTIONS: Final[Mapping[RunState, Execution]] = {
    RunState.QUEUED: Execution.MARKED_FOR_EXECUTION,
    RunState.INITIATED: Execution.PICKED_FOR_IN_PROGRESS,
    RunState.RUNNING: Execution.PICKED_FOR_IN_PROGRESS,
    RunState.FAILED: Execution.MARKED_FOR_RELEASE,
    RunState.SUCCEEDED: Execution.SUCCESSFUL_AND_MARKED_FOR_CLOSURE,
    RunState.PENDING_APPROVAL: Execution.MOVE_TO_ASSIGNATION_DECISION,
    RunState.APPROVED: Execution.MARKED_FOR_EXECUTION,
    RunState.CANCELLED: Execution.MARKED_FOR_RELEASE,
}


class NodeState(Enum):
    """Tells how far a node has got; PENDING waits for somebody, a tool outside, or a time."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"


class Outcome(Enum):
    """Tells how an attempt ended; UNKNOWN where its machine died with it."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One launch of a node, which is on record before it happens."""

    number: int
    machine: str
    started_at: datetime
    ended_at: datetime | None = None
    outcome: Outcome = Outcome.RUNNING
    exit_code: int | None = None
    message: str = ""


class NodeRun(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A node of a run; `result` is the JSON that a script has answered."""

    id: str
    needs: tuple[str, ...] = ()
    state: NodeState = NodeState.WAITING
    attempts: tuple[Attempt, ...] = ()
    due_at: datetime | None = None
    result: str = ""
    message: str = ""

    @property
    def open_attempt(self) -> Attempt | None:
        """Returns the attempt that has begun and not ended, as far as anybody knows."""
        last = self.attempts[-1] if self.attempts else None
        return last if last and last.outcome is Outcome.RUNNING else None


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The record; `id` is unique in the hub and grows, `key` is the caller's, unique in the org.

    `request_id` is that of the request it was started by.
    """

    id: int
    org: int
    title: str
    tool: Tool
    actor: str
    created_at: datetime
    updated_at: datetime
    runbook: int = 0
    version: int = 0
    ticket: int = 0
    key: str | None = None
    digest: str = ""
    job: str = ""
    rerun_of: int = 0
    schedule: int = 0
    rule: int = 0
    parameters: dict[str, str] = {}
    state: RunState = RunState.QUEUED
    message: str = ""
    nodes: tuple[NodeRun, ...] = ()
    phase: int = 1
    queued: bool = False
    owner: str = ""
    stranded: int = 0
    cancelling: bool = False
    waits: bool = False
    limit_seconds: int = 0
    request_id: str = ""
    deadline: datetime | None = None
    wake_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    revision: int = 1

    @property
    def etag(self) -> str:
        """Marks this state of the record."""
        return format(self.revision, "x")

    @property
    def worker(self) -> str:
        """Returns the worker that drives it."""
        return self.owner.partition(".")[0]

    @property
    def ended(self) -> bool:
        """Tells whether nothing will change any more."""
        return self.state in ENDED

    def node(self, id_: str) -> NodeRun:
        """Returns a node."""
        return next(node for node in self.nodes if node.id == id_)

    def with_node(self, id_: str, **changed: Any) -> Run:
        """Returns the run with some of a node's facts changed."""
        nodes = (replace(each, **changed) if each.id == id_ else each for each in self.nodes)
        return replace(self, nodes=tuple(nodes))


class RunQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs of an org are sought; what is empty does not count."""

    states: tuple[RunState, ...] = ()
    runbook: int = 0
    ticket: int = 0
    schedule: int = 0
    before: int = 0
    limit: int


class Lost(Conflict):
    """A worker has lost a run to another."""

    reason = "LOST"


def check_owner(run: Run, owner: str) -> None:
    """Refuses what a worker does to a run that is not its own any more."""
    if run.owner != owner or run.ended:
        raise Lost(f"run {run.id} belongs to another worker, or has ended")

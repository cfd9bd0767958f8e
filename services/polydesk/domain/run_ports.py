"""What runs need of the world, as Protocols: the catalog, the record, launchers, the engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from polydesk.domain.identity import Once, Stamp
from polydesk.domain.job import Exit, Job, Output, Place, Standing, Tail
from polydesk.domain.output import Line, Piece
from polydesk.domain.plan import Plan
from polydesk.domain.registered import Registered, Spec
from polydesk.domain.rule import Rule
from polydesk.domain.run import Run, RunQuery, RunState
from polydesk.domain.saving import Change


class ShelfStore(Protocol[Spec]):
    """Keeps what operators register of one kind. A write is one transaction with its history."""

    async def save(  # noqa: PLR0913 - as one transaction
        self, org: int, spec: Spec, *, id_: int, etag: str, stamp: Stamp, once: Once | None
    ) -> Registered[Spec]:
        """Inserts or replaces, by the id or, without one, by the name. Raises Exists, Outdated."""

    async def remove(
        self, org: int, id_: int, *, etag: str, stamp: Stamp, once: Once | None
    ) -> Registered[Spec]:
        """Deletes. Raises NotFound, Outdated."""

    async def get(self, org: int, id_: int) -> Registered[Spec] | None:
        """Returns the record of an id."""

    async def find(self, org: int, name: str) -> Registered[Spec] | None:
        """Returns the record of a name."""

    async def of_org(self, org: int, *, after: int, limit: int) -> list[Registered[Spec]]:
        """Returns records with an id above `after`, by their ids."""


class RuleStore(ShelfStore[Rule], Protocol):
    """Keeps rules, and up to which ticket each has got."""

    async def standing(self) -> list[tuple[Registered[Rule], int]]:
        """Returns the rules of all orgs, and the id of the last ticket that each has dealt with."""

    async def advance(
        self, rule: Registered[Rule], ticket: int, *, left_out: Change | None, stamp: Stamp
    ) -> bool:
        """Moves a rule on to a ticket, with what the history tells of it, unless it is there."""


class RunStore(Protocol):
    """Keeps runs. A write is one transaction with what its ticket, schedule and history tell."""

    async def start(self, draft: Run, plan: Plan, *, stamp: Stamp, once: Once | None) -> Run:
        """Inserts a run; one with the same key and digest is answered. Raises Exists, Conflict.

        A draft with the id 0 gets one; one that waits is released where nothing is before it.
        """

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
        """Changes a run as it stands in the transaction; `change` may refuse. Raises NotFound.

        The history tells it where the change has an action, or the run another state.
        """

    async def tell(self, org: int, action: str, details: Mapping[str, Any], stamp: Stamp) -> None:
        """Puts into the history what has happened to no run."""

    async def get(self, id_: int) -> Run | None:
        """Returns the run of an id."""

    async def plan(self, id_: int) -> Plan:
        """Returns what a run does. Raises NotFound."""

    async def select(self, org: int, sought: RunQuery) -> list[Run]:
        """Returns runs, the newest first."""

    async def due(self, at: datetime, *, limit: int) -> list[tuple[int, int]]:
        """Returns ids and phases of runs that are to be woken."""

    async def overdue(self, at: datetime, *, limit: int) -> list[Run]:
        """Returns runs that go on though their deadline has passed."""

    async def driven(self) -> list[Run]:
        """Returns the runs that some worker drives, or ought to."""

    async def going(self) -> dict[RunState, int]:
        """Counts the runs that have not ended, by their states."""

    async def cancelling(self, ids: Collection[int]) -> set[int]:
        """Returns which of these somebody wants to end."""

    async def keep(  # noqa: PLR0913 - as one transaction
        self,
        id_: int,
        place: Place,
        pieces: Sequence[Piece],
        *,
        owner: str,
        old: Tail,
        new: Tail,
    ) -> Tail:
        """Appends lines, and moves the tail of the place they came from. Raises Lost.

        Does nothing where the tail on record is not `old`. Returns the one then on record.
        """

    async def tail(self, id_: int, place: Place) -> Tail:
        """Returns up to where an output was taken."""

    async def lines(self, id_: int, *, after: int, limit: int) -> list[Line]:
        """Returns lines with a number above `after`, in their order."""

    async def beat(self, worker: str, *, machine: str) -> None:
        """Shows that a worker lives."""

    async def beats(self) -> dict[str, int]:
        """Returns how often each worker has shown that it lives."""

    async def forget(self, worker: str) -> None:
        """Takes a worker off the list."""


class Launcher(Protocol):
    """Executes what a step says, once, even if the process that asked for it dies meanwhile."""

    @property
    def machine(self) -> str:
        """Names the machine on which a launch can be found again; empty where any finds it."""

    async def launch(self, job: Job, *, output: Output) -> Exit:
        """Launches a job, or goes on with one that was launched; returns how it ended.

        Who is cancelled leaves the job running; `job.stop` ends it.
        """

    async def clear(self, job: Job) -> None:
        """Removes what is left of a job whose end is on record."""

    async def sweep(self, is_over: Callable[[int], Awaitable[bool]]) -> None:
        """Removes what workers that died have left of runs that are over."""


class Runner(Protocol):
    """Carries out the phases of runs, each of them once at a time, whatever dies."""

    async def enqueue(self, run: int, phase: int) -> None:
        """Puts a phase into the queue, unless it has been there; it is durable when it answers."""

    async def standing(self, phases: Sequence[tuple[int, int]]) -> list[Standing]:
        """Tells how phases of runs stand."""

    async def take_over(self, worker: str) -> None:
        """Has the phases of a dead worker carried out by those that live."""

    async def prune(self) -> None:
        """Forgets what ended long ago."""

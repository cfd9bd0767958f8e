"""What is kept of CIs, and of what is to be run when, as Protocols."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from polydesk.domain.ci import Ci, CiGroup, CiQuery, CiReport, CiSpec, CiStatus, StatusQuery
from polydesk.domain.edit import Edit
from polydesk.domain.identity import Once, Stamp
from polydesk.domain.keyring import Sealed
from polydesk.domain.reported import Reported
from polydesk.domain.schedule import LeftOut, Schedule


class CiGroupStore(Protocol):
    """Keeps CI groups. A write is one transaction with the history's entry of it."""

    async def add(
        self, org: int, name: str, *, id_: int, stamp: Stamp, once: Once | None
    ) -> CiGroup:
        """Inserts a group; one with the id 0 gets the next. Raises Exists."""

    async def change(
        self,
        org: int,
        id_: int,
        change: Callable[[CiGroup], CiGroup],
        *,
        stamp: Stamp,
        once: Once | None,
    ) -> CiGroup:
        """Changes a group, which `change` may refuse. Raises NotFound, Exists."""

    async def remove(
        self,
        org: int,
        id_: int,
        *,
        check: Callable[[CiGroup], None],
        stamp: Stamp,
        once: Once | None,
    ) -> CiGroup:
        """Deletes a group that has no CI, which `check` may refuse. Raises NotFound, WrongState."""

    async def get(self, org: int, id_: int) -> CiGroup | None:
        """Returns a group of an org."""

    async def of_org(self, org: int, *, after: int, limit: int) -> list[CiGroup]:
        """Returns groups with an id above `after`, by their ids."""


class CiStore(Protocol):
    """Keeps CIs. A write is one transaction with the history's entries of it."""

    async def save(
        self, org: int, specs: Sequence[CiSpec], *, new: bool, stamp: Stamp, once: Once | None
    ) -> list[Ci]:
        """Inserts CIs or changes those that are there, which raises Exists where all are `new`."""

    async def change(
        self,
        org: int,
        id_: int,
        change: Callable[[Ci], Ci],
        *,
        stamp: Stamp,
        once: Once | None,
    ) -> Ci:
        """Changes a CI, which `change` may refuse. Raises NotFound, Exists."""

    async def remove(
        self, org: int, id_: int, *, check: Callable[[Ci], None], stamp: Stamp, once: Once | None
    ) -> Ci:
        """Deletes a CI and its statuses, which `check` may refuse. Raises NotFound."""

    async def get(self, org: int, id_: int) -> Ci | None:
        """Returns a CI of an org."""

    async def select(self, org: int, query: CiQuery, *, after: int, limit: int) -> list[Ci]:
        """Returns CIs that fit with an id above `after`, by their ids."""


class CiStatusStore(Protocol):
    """Keeps what was reported of CIs."""

    async def report(
        self, org: int, reports: Sequence[CiReport], *, stamp: Stamp, once: Once | None
    ) -> int:
        """Keeps reports and tells them, in one transaction; returns how many CIs they mean.

        Raises NotFound where one means none.
        """

    async def select(
        self, org: int, query: StatusQuery, *, after: int, limit: int
    ) -> list[CiStatus]:
        """Returns statuses that fit with an id above `after`, by their ids."""


class ScheduleStore(Protocol):
    """Keeps schedules, and the secrets of their parameters with them."""

    async def apply(
        self,
        org: int,
        edits: Sequence[Edit],
        *,
        sealed: Mapping[str, Sealed],
        stamp: Stamp,
        once: Once | None,
    ) -> list[Schedule]:
        """Does edits, all or none, in one transaction with the history's entries of them.

        `sealed` has the values of new secrets by their names. Raises NotFound, Exists, Outdated.
        """

    async def report(
        self,
        org: int,
        states: Sequence[tuple[int, Reported]],
        *,
        stamp: Stamp,
        once: Once | None,
    ) -> list[Schedule]:
        """Keeps what is reported of schedules and tells it, in one transaction. Raises NotFound."""

    async def get(self, org: int, id_: int) -> Schedule | None:
        """Returns a schedule of an org."""

    async def of_org(self, org: int, *, after: int, limit: int) -> list[Schedule]:
        """Returns schedules with an id above `after`, by their ids."""

    async def due(self, before: datetime, *, limit: int) -> list[Schedule]:
        """Returns schedules of all orgs that are due up to a time, the longest due first."""

    async def advance(
        self, seen: Schedule, to_next: datetime | None, *, left_out: LeftOut | None, stamp: Stamp
    ) -> bool:
        """Moves a schedule on that is still due as it was seen to be; tells whether it was.

        So of several that act on what is due one alone is told so. The history tells what was left
        out, and nothing of a run, which it tells of by itself.
        """

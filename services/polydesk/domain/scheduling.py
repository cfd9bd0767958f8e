"""The schedules of each org: what is written, what is reported, what is due."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from msgspec.structs import replace

from polydesk.domain.cursor import MOST_LONG_ONES, Slice, cut, read_cursor
from polydesk.domain.edit import Create, Delete, Edit, Update
from polydesk.domain.errors import Invalid, Missing, NotFound
from polydesk.domain.identity import Caller
from polydesk.domain.ports import Clock, Store
from polydesk.domain.reported import Reported
from polydesk.domain.schedule import HIGHEST_ID, Schedule, ScheduleSpec
from polydesk.domain.ticket import MOST_ROWS
from polydesk.domain.vault import Secrets

MOST_EDITS: Final = 1_000


class Schedules:
    """Keeps schedules."""

    def __init__(self, *, store: Store, secrets: Secrets, clock: Clock) -> None:
        self._store = store.schedules
        self._secrets = secrets
        self._clock = clock

    def now(self) -> datetime:
        """Returns the time by which what is due is reckoned."""
        return self._clock.now()

    async def apply(self, caller: Caller, org: int, edits: Sequence[Edit]) -> list[Schedule]:
        """Does all edits, in their order, or none; returns what each made, left or deleted."""
        caller.admit(org)
        if not edits:
            raise Missing("at least one schedule is required", field="schedules")
        if len(edits) > MOST_EDITS:
            raise Invalid(
                f"{len(edits)} schedules came, at most {MOST_EDITS} are taken at once",
                field="schedules",
            )
        values: dict[str, str] = {}
        for edit in edits:
            values |= {} if isinstance(edit, Delete) else edit.secrets
        sealed, once = await self._secrets.seal(org, values, caller.once)
        stamp = caller.stamp(self._clock.now())
        return await self._store.apply(org, edits, sealed=sealed, stamp=stamp, once=once)

    async def create(
        self,
        caller: Caller,
        org: int,
        spec: ScheduleSpec,
        *,
        id_: int = 0,
        secrets: Mapping[str, str],
    ) -> Schedule:
        """Makes a schedule. Raises Exists."""
        caller.admit(org)
        if not 0 <= id_ <= HIGHEST_ID:
            raise Invalid(f"an id is 1 to {HIGHEST_ID}: choose one", field="schedule_id")
        return (await self.apply(caller, org, [Create(spec=spec, id=id_, secrets=secrets)]))[0]

    async def update(  # noqa: PLR0913 - each is said or not
        self,
        caller: Caller,
        org: int,
        id_: int,
        change: Callable[[ScheduleSpec], ScheduleSpec],
        *,
        secrets: Mapping[str, str],
        etag: str = "",
    ) -> Schedule:
        """Changes what is said of a schedule."""
        etag = etag or caller.if_match
        edit = Update(id=id_, change=change, etag=etag, secrets=secrets)
        return (await self.apply(caller, org, [edit]))[0]

    async def remove(self, caller: Caller, org: int, id_: int, *, etag: str = "") -> Schedule:
        """Deletes a schedule with its secrets; returns what it was."""
        edit = Delete(id=id_, etag=etag or caller.if_match)
        return (await self.apply(caller, org, [edit]))[0]

    async def pause(self, caller: Caller, org: int, id_: int, *, etag: str = "") -> Schedule:
        """Lets nothing be due until the schedule is resumed."""
        return await self.update(
            caller, org, id_, lambda spec: replace(spec, active=False), secrets={}, etag=etag
        )

    async def resume(self, caller: Caller, org: int, id_: int, *, etag: str = "") -> Schedule:
        """Lets the schedule be due again; what was due meanwhile is left out."""
        return await self.update(
            caller, org, id_, lambda spec: replace(spec, active=True), secrets={}, etag=etag
        )

    async def report(
        self, caller: Caller, org: int, states: Sequence[tuple[int, Reported]]
    ) -> list[Schedule]:
        """Takes what tools report of schedules, by their ids: all of it or nothing."""
        caller.admit(org)
        if not states:
            raise Missing("at least one schedule is required", field="schedules")
        if len(states) > MOST_ROWS:
            raise Invalid(
                f"{len(states)} schedules came, at most {MOST_ROWS} are taken at once",
                field="schedules",
            )
        stamp = caller.stamp(self._clock.now())
        return await self._store.report(org, states, stamp=stamp, once=caller.once)

    async def get(self, caller: Caller, org: int, id_: int) -> Schedule:
        """Returns a schedule."""
        caller.admit(org)
        schedule = await self._store.get(org, id_)
        if schedule is None:
            raise NotFound(f"org {org} has no schedule {id_}")
        return schedule

    async def all_of(self, caller: Caller, org: int) -> list[Schedule]:
        """Returns all schedules of an org by their ids."""
        caller.admit(org)
        found = await self._store.of_org(org, after=0, limit=MOST_ROWS + 1)
        if len(found) > MOST_ROWS:
            raise Invalid(f"org {org} has more than {MOST_ROWS} schedules: name one")
        return found

    async def page(
        self, caller: Caller, org: int, *, limit: int, token: str = ""
    ) -> Slice[Schedule]:
        """Returns the schedules of an org by their ids."""
        caller.admit(org)
        asked = ["schedules", org]
        limit = min(limit, MOST_LONG_ONES)
        after = read_cursor(token, asked=asked)
        found = await self._store.of_org(org, after=after, limit=limit + 1)
        return cut(found, limit, asked=asked, id_of=lambda schedule: schedule.id)

    async def due_times(self, caller: Caller, org: int, id_: int, *, limit: int) -> list[datetime]:
        """Returns when a schedule is due from now on."""
        schedule = await self.get(caller, org, id_)
        return list(islice(schedule.due_times(), limit))

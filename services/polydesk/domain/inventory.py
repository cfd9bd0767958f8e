"""The inventory of each org: CI groups, CIs, and what tools outside report of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from polydesk.domain.ci import (
    HIGHEST_ID,
    Ci,
    CiGroup,
    CiQuery,
    CiReport,
    CiSpec,
    CiStatus,
    StatusQuery,
    check_etag,
    check_group_name,
    with_spec,
)
from polydesk.domain.cursor import MOST_LONG_ONES, Slice, cut, read_cursor
from polydesk.domain.errors import Invalid, Missing, NotFound
from polydesk.domain.identity import Caller
from polydesk.domain.ports import Clock, Store
from polydesk.domain.ticket import MOST_ROWS


class Inventory:
    """Keeps CI groups and CIs."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._groups = store.ci_groups
        self._cis = store.cis
        self._statuses = store.ci_statuses
        self._clock = clock

    async def add_group(self, caller: Caller, org: int, name: str, *, id_: int = 0) -> CiGroup:
        """Makes a group; one with the id 0 gets the next. Raises Exists."""
        caller.admit(org)
        check_group_name(name)
        if not 0 <= id_ <= HIGHEST_ID:
            raise Invalid(f"an id is 1 to {HIGHEST_ID}: choose one", field="ci_group_id")
        return await self._groups.add(
            org, name, id_=id_, stamp=caller.stamp(self._clock.now()), once=caller.once
        )

    async def group(self, caller: Caller, org: int, id_: int) -> CiGroup:
        """Returns a group."""
        caller.admit(org)
        group = await self._groups.get(org, id_)
        if group is None:
            raise NotFound(f"org {org} has no CI group {id_}")
        return group

    async def groups(
        self, caller: Caller, org: int, *, limit: int, token: str = ""
    ) -> Slice[CiGroup]:
        """Returns the groups of an org by their ids."""
        caller.admit(org)
        asked = ["ciGroups", org]
        after = read_cursor(token, asked=asked)
        found = await self._groups.of_org(org, after=after, limit=limit + 1)
        return cut(found, limit, asked=asked, id_of=lambda group: group.id)

    async def rename_group(
        self, caller: Caller, org: int, id_: int, name: str, *, etag: str = ""
    ) -> CiGroup:
        """Gives a group another name. Raises Exists."""
        caller.admit(org)
        check_group_name(name)
        stamp = caller.stamp(self._clock.now())

        def change(group: CiGroup) -> CiGroup:
            check_etag(group, etag or caller.if_match)
            return replace(group, name=name, updated_at=stamp.at, revision=group.revision + 1)

        return await self._groups.change(org, id_, change, stamp=stamp, once=caller.once)

    async def remove_group(self, caller: Caller, org: int, id_: int, *, etag: str = "") -> CiGroup:
        """Deletes a group that has no CI; returns what it was."""
        caller.admit(org)
        return await self._groups.remove(
            org,
            id_,
            check=lambda group: check_etag(group, etag or caller.if_match),
            stamp=caller.stamp(self._clock.now()),
            once=caller.once,
        )

    async def add(self, caller: Caller, org: int, spec: CiSpec) -> Ci:
        """Makes a CI. Raises Exists."""
        caller.admit(org)
        stamp = caller.stamp(self._clock.now())
        made = await self._cis.save(org, [spec], new=True, stamp=stamp, once=caller.once)
        return made[0]

    async def save(self, caller: Caller, org: int, specs: Sequence[CiSpec]) -> list[Ci]:
        """Makes CIs or, where a host is in its group, changes them; all of them or none."""
        caller.admit(org)
        _check_size("cis", specs)
        first: dict[tuple[int, str], int] = {}
        for index, spec in enumerate(specs):
            if first.setdefault(spec.key, index) != index:
                raise Invalid(
                    f"cis[{index}] is the same host of the same group as cis[{first[spec.key]}]",
                    field=f"cis[{index}].host_name",
                )
        stamp = caller.stamp(self._clock.now())
        return await self._cis.save(org, specs, new=False, stamp=stamp, once=caller.once)

    async def change(
        self,
        caller: Caller,
        org: int,
        id_: int,
        change: Callable[[CiSpec], CiSpec],
        *,
        etag: str = "",
    ) -> Ci:
        """Changes what is said of a CI. Raises Exists."""
        caller.admit(org)
        stamp = caller.stamp(self._clock.now())

        def changed(ci: Ci) -> Ci:
            check_etag(ci, etag or caller.if_match)
            return with_spec(ci, change(ci.spec), stamp.at)

        return await self._cis.change(org, id_, changed, stamp=stamp, once=caller.once)

    async def remove(self, caller: Caller, org: int, id_: int, *, etag: str = "") -> Ci:
        """Deletes a CI with what was reported of it; returns what it was."""
        caller.admit(org)
        return await self._cis.remove(
            org,
            id_,
            check=lambda ci: check_etag(ci, etag or caller.if_match),
            stamp=caller.stamp(self._clock.now()),
            once=caller.once,
        )

    async def get(self, caller: Caller, org: int, id_: int) -> Ci:
        """Returns a CI."""
        caller.admit(org)
        ci = await self._cis.get(org, id_)
        if ci is None:
            raise NotFound(f"org {org} has no CI {id_}")
        return ci

    async def page(
        self, caller: Caller, org: int, query: CiQuery, *, limit: int, token: str = ""
    ) -> Slice[Ci]:
        """Returns the CIs that fit, in the order in which they were made."""
        caller.admit(org)
        asked = ["cis", org, query]
        after = read_cursor(token, asked=asked)
        found = await self._cis.select(org, query, after=after, limit=limit + 1)
        return cut(found, limit, asked=asked, id_of=lambda ci: ci.id)

    async def of_task(self, caller: Caller, org: int, group: int, task: str) -> list[Ci]:
        """Returns all CIs of a group, which there is, that take part in a task."""
        await self.group(caller, org, group)
        query = CiQuery(group=group, task=task)
        found = await self._cis.select(org, query, after=0, limit=MOST_ROWS + 1)
        if len(found) > MOST_ROWS:
            raise Invalid(f"more than {MOST_ROWS} CIs fit: ask for them in pages, by ListCis")
        return found

    async def report(self, caller: Caller, org: int, reports: Sequence[CiReport]) -> int:
        """Takes reports, all of them or none; returns how many CIs they were about."""
        caller.admit(org)
        _check_size("reports", reports)
        stamp = caller.stamp(self._clock.now())
        return await self._statuses.report(org, reports, stamp=stamp, once=caller.once)

    async def statuses(
        self, caller: Caller, org: int, query: StatusQuery, *, limit: int, token: str = ""
    ) -> Slice[CiStatus]:
        """Returns what was reported last, in the order of the reports."""
        caller.admit(org)
        asked = ["ciStatuses", org, query]
        limit = min(limit, MOST_LONG_ONES)
        after = read_cursor(token, asked=asked)
        found = await self._statuses.select(org, query, after=after, limit=limit + 1)
        return cut(found, limit, asked=asked, id_of=lambda status: status.id)


def _check_size(name: str, items: Sequence[object]) -> None:
    if not items:
        raise Missing(f"at least one of {name} is required", field=name)
    if len(items) > MOST_ROWS:
        raise Invalid(
            f"{len(items)} {name} came, at most {MOST_ROWS} are taken at once", field=name
        )

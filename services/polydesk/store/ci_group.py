"""CI groups: a document each, found by its org and id, and by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from polydesk.domain.ci import CiGroup, told
from polydesk.domain.errors import Exists, NotFound, WrongState
from polydesk.domain.identity import Once, Stamp
from polydesk.store import history
from polydesk.store.counter import counted
from polydesk.store.once import once_only
from polydesk.store.script import Engine, Read, Script, Together, Write

_ONE: Final = "select document from ci_groups where org = $1 and id = $2"
_NAMED: Final = "select id from ci_groups where org = $1 and name = $2"
_OF_ORG: Final = "select document from ci_groups where org = $1 and id > $2 order by id limit $3"
_INSERT: Final = "insert into ci_groups (org, id, name, document) values ($1, $2, $3, $4)"
_UPDATE: Final = "update ci_groups set name = $3, document = $4 where org = $1 and id = $2"
_decode: Final = msgspec.json.Decoder(CiGroup).decode


class SqlCiGroups:
    """Keeps CI groups, as inventory_ports.CiGroupStore says."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def add(
        self, org: int, name: str, *, id_: int, stamp: Stamp, once: Once | None
    ) -> CiGroup:
        """Inserts a group."""
        return await self._once(lambda: _add(org, name, id_, stamp=stamp), stamp=stamp, once=once)

    async def change(
        self,
        org: int,
        id_: int,
        change: Callable[[CiGroup], CiGroup],
        *,
        stamp: Stamp,
        once: Once | None,
    ) -> CiGroup:
        """Changes a group."""
        return await self._once(
            lambda: _change(org, id_, change, stamp=stamp), stamp=stamp, once=once
        )

    async def remove(
        self,
        org: int,
        id_: int,
        *,
        check: Callable[[CiGroup], None],
        stamp: Stamp,
        once: Once | None,
    ) -> CiGroup:
        """Deletes a group."""
        return await self._once(
            lambda: _remove(org, id_, check, stamp=stamp), stamp=stamp, once=once
        )

    async def get(self, org: int, id_: int) -> CiGroup | None:
        """Returns a group of an org."""
        row = await self._engine.row(Read(_ONE, (org, id_)))
        return None if row is None else _decode(row[0])

    async def of_org(self, org: int, *, after: int, limit: int) -> list[CiGroup]:
        """Returns groups of an org by their ids."""
        rows = await self._engine.rows(Read(_OF_ORG, (org, after, limit)))
        return [_decode(row[0]) for row in rows]

    async def _once(
        self, make: Callable[[], Script[CiGroup]], *, stamp: Stamp, once: Once | None
    ) -> CiGroup:
        return await self._engine.write(lambda: once_only(make(), CiGroup, once=once, stamp=stamp))


def _add(org: int, name: str, chosen: int, *, stamp: Stamp) -> Script[CiGroup]:
    ids = yield from counted(f"ci_group/{org}")
    id_ = ids.give(chosen)
    if (yield Read(_ONE, (org, id_))):
        raise Exists(f"org {org} has a CI group {id_} already")
    yield from _check_name(org, name, other_than=0)
    group = CiGroup(org=org, id=id_, name=name, created_at=stamp.at, updated_at=stamp.at)
    latest = yield from history.latest()
    made = told(org, "ci_group.create", old={}, new={"id": id_, "name": name})
    yield Together(
        [
            *history.append([made], stamp, latest=latest, ticket=latest.ticket),
            Write(_INSERT, [(org, id_, name, _text(group))]),
            ids.write,
        ]
    )
    return group


def _change(
    org: int, id_: int, change: Callable[[CiGroup], CiGroup], *, stamp: Stamp
) -> Script[CiGroup]:
    old = yield from _one(org, id_)
    group = change(old)
    yield from _check_name(org, group.name, other_than=id_)
    latest = yield from history.latest()
    made = told(org, "ci_group.update", old={"id": id_, "name": old.name}, new={"name": group.name})
    yield Together(
        [
            *history.append([made], stamp, latest=latest, ticket=latest.ticket),
            Write(_UPDATE, [(org, id_, group.name, _text(group))]),
        ]
    )
    return group


def _remove(
    org: int, id_: int, check: Callable[[CiGroup], None], *, stamp: Stamp
) -> Script[CiGroup]:
    group = yield from _one(org, id_)
    check(group)
    if (yield Read("select 1 from cis where org = $1 and ci_group = $2 limit 1", (org, id_))):
        raise WrongState(f"CI group {id_} has CIs: remove them first")
    latest = yield from history.latest()
    made = told(org, "ci_group.delete", old={"id": id_, "name": group.name}, new={})
    yield Together(
        [
            *history.append([made], stamp, latest=latest, ticket=latest.ticket),
            Write("delete from ci_groups where org = $1 and id = $2", [(org, id_)]),
        ]
    )
    return group


def _one(org: int, id_: int) -> Script[CiGroup]:
    rows = yield Read(_ONE, (org, id_))
    if not rows:
        raise NotFound(f"org {org} has no CI group {id_}")
    return _decode(rows[0][0])


def _check_name(org: int, name: str, *, other_than: int) -> Script[None]:
    rows = yield Read(_NAMED, (org, name))
    if rows and rows[0][0] != other_than:
        raise Exists(f"org {org} has a CI group {name} already")


def _text(group: CiGroup) -> str:
    return msgspec.json.encode(group).decode()

"""CIs: a document each, found by group and host; beside it a row for each of its tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from polydesk.domain.ci import Ci, CiQuery, CiSpec, key_of, told, with_spec
from polydesk.domain.errors import Exists, NotFound
from polydesk.domain.identity import Once, Stamp
from polydesk.store import history
from polydesk.store.once import once_only
from polydesk.store.script import Engine, Read, Script, T, Together, Write

_ONE: Final = "select document from cis where org = $1 and id = $2"
_OF_HOSTS: Final = "select document from cis where org = $1 and host = any($2)"
_GROUPS: Final = "select id from ci_groups where org = $1 and id = any($2)"
_INSERT: Final = "insert into cis (id, org, ci_group, host, document) values ($1, $2, $3, $4, $5)"
_UPDATE: Final = "update cis set ci_group = $2, host = $3, document = $4 where id = $1"
_IN_TASK: Final = "exists (select 1 from ci_tasks where ci_tasks.ci = cis.id and task = ${})"
_decode: Final = msgspec.json.Decoder(Ci).decode


class SqlCis:
    """Keeps CIs, as inventory_ports.CiStore says."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def save(
        self, org: int, specs: Sequence[CiSpec], *, new: bool, stamp: Stamp, once: Once | None
    ) -> list[Ci]:
        """Inserts CIs or, unless all are to be new, changes them."""
        return await self._once(
            lambda: _save(org, specs, new=new, stamp=stamp), list[Ci], stamp=stamp, once=once
        )

    async def change(
        self,
        org: int,
        id_: int,
        change: Callable[[Ci], Ci],
        *,
        stamp: Stamp,
        once: Once | None,
    ) -> Ci:
        """Changes a CI."""
        return await self._once(
            lambda: _change(org, id_, change, stamp=stamp), Ci, stamp=stamp, once=once
        )

    async def remove(
        self, org: int, id_: int, *, check: Callable[[Ci], None], stamp: Stamp, once: Once | None
    ) -> Ci:
        """Deletes a CI, and its statuses."""
        return await self._once(
            lambda: _remove(org, id_, check, stamp=stamp), Ci, stamp=stamp, once=once
        )

    async def get(self, org: int, id_: int) -> Ci | None:
        """Returns a CI of an org."""
        row = await self._engine.row(Read(_ONE, (org, id_)))
        return None if row is None else _decode(row[0])

    async def select(self, org: int, query: CiQuery, *, after: int, limit: int) -> list[Ci]:
        """Returns CIs of an org by their ids."""
        where, args = ["org = $1", "id > $2"], [org, after]
        values: list[tuple[str, Any]] = [
            ("ci_group = ${}", query.group),
            ("host = ${}", key_of(query.host_name)),
            (_IN_TASK, query.task),
        ]
        for condition, value in values:
            if value:
                args.append(value)
                where.append(condition.format(len(args)))
        sql = f"select document from cis where {' and '.join(where)} order by id"  # noqa: S608  # own words
        rows = await self._engine.rows(Read(f"{sql} limit ${len(args) + 1}", (*args, limit)))
        return [_decode(row[0]) for row in rows]

    async def _once(
        self, make: Callable[[], Script[T]], kind: type[T], *, stamp: Stamp, once: Once | None
    ) -> T:
        return await self._engine.write(lambda: once_only(make(), kind, once=once, stamp=stamp))


def _save(org: int, specs: Sequence[CiSpec], *, new: bool, stamp: Stamp) -> Script[list[Ci]]:
    yield from _check_groups(org, specs)
    known = yield from _known(org, specs)
    if new and known:
        raise _taken(next(iter(known.values())).spec)
    latest = yield from history.latest()
    saved: list[Ci] = []
    changed: list[tuple[Ci | None, Ci]] = []
    for spec in specs:
        old = known.get(spec.key)
        ci = (
            with_spec(old, spec, stamp.at)
            if old
            else _made(org, spec, id_=latest.sequence + len(changed) + 1, stamp=stamp)
        )
        if ci is not old:
            changed.append((old, ci))
        saved.append(ci)
    if changed:
        changes = [
            told(org, "ci.update" if old else "ci.create", old=_facts(old), new=_facts(ci))
            for old, ci in changed
        ]
        yield Together(history.append(changes, stamp, latest=latest, ticket=latest.ticket))
        yield from _write(changed)
    return saved


def _change(org: int, id_: int, change: Callable[[Ci], Ci], *, stamp: Stamp) -> Script[Ci]:
    old = yield from _one(org, id_)
    ci = change(old)
    if ci is old:
        return old
    yield from _check_groups(org, [ci.spec])
    known = yield from _known(org, [ci.spec])
    if known.get(ci.spec.key, old).id != id_:
        raise _taken(ci.spec)
    latest = yield from history.latest()
    made = told(org, "ci.update", old=_facts(old), new=_facts(ci))
    yield Together(history.append([made], stamp, latest=latest, ticket=latest.ticket))
    yield from _write([(old, ci)])
    return ci


def _remove(org: int, id_: int, check: Callable[[Ci], None], *, stamp: Stamp) -> Script[Ci]:
    ci = yield from _one(org, id_)
    check(ci)
    latest = yield from history.latest()
    made = told(org, "ci.delete", old=_facts(ci), new={})
    yield Together(
        [
            *history.append([made], stamp, latest=latest, ticket=latest.ticket),
            Write("delete from cis where id = $1", [(id_,)]),
            Write("delete from ci_tasks where ci = $1", [(id_,)]),
            Write("delete from ci_statuses where ci = $1", [(id_,)]),
        ]
    )
    return ci


def _write(changed: Sequence[tuple[Ci | None, Ci]]) -> Script[None]:
    fresh = [(ci.id, ci.org, *ci.spec.key, _text(ci)) for old, ci in changed if old is None]
    others = [(ci.id, *ci.spec.key, _text(ci)) for old, ci in changed if old]
    retasked = [
        (old, ci) for old, ci in changed if (old.spec.tasks if old else ()) != ci.spec.tasks
    ]
    forgotten = [(old.id,) for old, _ in retasked if old]
    tasks = [(ci.id, task) for _, ci in retasked for task in ci.spec.tasks]
    for sql, rows in (
        (_INSERT, fresh),
        (_UPDATE, others),
        ("delete from ci_tasks where ci = $1", forgotten),
        ("insert into ci_tasks (ci, task) values ($1, $2)", tasks),
    ):
        if rows:
            yield Write(sql, rows)


def _known(org: int, specs: Iterable[CiSpec]) -> Script[dict[tuple[int, str], Ci]]:
    keys = {spec.key for spec in specs}
    rows = yield Read(_OF_HOSTS, (org, sorted({host for _, host in keys})))
    found = (_decode(row[0]) for row in rows)
    return {ci.spec.key: ci for ci in found if ci.spec.key in keys}


def _check_groups(org: int, specs: Iterable[CiSpec]) -> Script[None]:
    wanted = {spec.group for spec in specs}
    rows = yield Read(_GROUPS, (org, sorted(wanted)))
    if missing := wanted - {row[0] for row in rows}:
        raise NotFound(f"org {org} has no CI group {min(missing)}")


def _one(org: int, id_: int) -> Script[Ci]:
    rows = yield Read(_ONE, (org, id_))
    if not rows:
        raise NotFound(f"org {org} has no CI {id_}")
    return _decode(rows[0][0])


def _made(org: int, spec: CiSpec, *, id_: int, stamp: Stamp) -> Ci:
    return Ci(org=org, id=id_, spec=spec, created_at=stamp.at, updated_at=stamp.at)


def _taken(spec: CiSpec) -> Exists:
    return Exists(f"CI group {spec.group} has the host {spec.host_name} already")


def _facts(ci: Ci | None) -> dict[str, Any]:
    return {} if ci is None else {"ci": ci.id, **msgspec.to_builtins(ci.spec)}


def _text(ci: Ci) -> str:
    return msgspec.json.encode(ci).decode()

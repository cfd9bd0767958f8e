"""What was reported of CIs: of each CI, task and schedule the latest report, a document each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import asdict

from polydesk.domain.ci import Ci, CiReport, CiStatus, StatusQuery, key_of, told
from polydesk.domain.errors import Invalid, NotFound
from polydesk.domain.identity import Once, Stamp
from polydesk.domain.ticket import MOST_ROWS
from polydesk.store import history
from polydesk.store.once import once_only
from polydesk.store.script import Engine, Read, Script, Together, Write

_OF_HOSTS: Final = "select document from cis where org = $1 and host = any($2) order by id"
_OF_GROUPS: Final = (
    "select document from cis where org = $1 and ci_group = any($2) order by id limit $3"
)
_KEEP: Final = (
    "insert into ci_statuses (ci, task, schedule, id, org, ci_group, document)"
    " values ($1, $2, $3, $4, $5, $6, $7) on conflict (ci, task, schedule) do update"
    " set id = excluded.id, ci_group = excluded.ci_group, document = excluded.document"
)
_decode: Final = msgspec.json.Decoder(CiStatus).decode
_decode_ci: Final = msgspec.json.Decoder(Ci).decode


class SqlCiStatuses:
    """Keeps what was reported, as inventory_ports.CiStatusStore says."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def report(
        self, org: int, reports: Sequence[CiReport], *, stamp: Stamp, once: Once | None
    ) -> int:
        """Takes reports."""
        return await self._engine.write(
            lambda: once_only(_report(org, reports, stamp=stamp), int, once=once, stamp=stamp)
        )

    async def select(
        self, org: int, query: StatusQuery, *, after: int, limit: int
    ) -> list[CiStatus]:
        """Returns statuses of an org by their ids."""
        where, args = ["org = $1", "id > $2"], [org, after]
        values: list[tuple[str, Any]] = [
            ("ci = ${}", query.ci),
            ("ci_group = ${}", query.group),
            ("task = ${}", query.task),
            ("schedule = ${}", query.schedule),
        ]
        for condition, value in values:
            if value:
                args.append(value)
                where.append(condition.format(len(args)))
        sql = f"select document from ci_statuses where {' and '.join(where)} order by id"  # noqa: S608  # own words
        rows = await self._engine.rows(Read(f"{sql} limit ${len(args) + 1}", (*args, limit)))
        return [_decode(row[0]) for row in rows]


def _report(org: int, reports: Sequence[CiReport], *, stamp: Stamp) -> Script[int]:
    yield from _check_schedules(org, reports)
    meant = yield from _meant(org, reports)
    latest = yield from history.latest()
    numbers = range(latest.sequence + 1, latest.sequence + 1 + len(meant))
    statuses = [
        _status(id_, ci, report, stamp=stamp)
        for id_, (report, ci) in zip(numbers, meant, strict=True)
    ]
    changes = [told(org, "ci.report", old={}, new=_facts(status)) for status in statuses]
    yield Together(history.append(changes, stamp, latest=latest, ticket=latest.ticket))
    yield Write(_KEEP, [_row(status) for status in statuses])
    return len(statuses)


def _check_schedules(org: int, reports: Sequence[CiReport]) -> Script[None]:
    wanted = sorted({report.schedule for report in reports if report.schedule})
    rows = yield Read("select id from schedules where org = $1 and id = any($2)", (org, wanted))
    known = {0, *(row[0] for row in rows)}
    for index, report in enumerate(reports):
        if report.schedule not in known:
            raise NotFound(f"org {org} has no schedule {report.schedule} (item {index})")


def _meant(org: int, reports: Sequence[CiReport]) -> Script[list[tuple[CiReport, Ci]]]:
    hosts = sorted({key_of(report.host_name) for report in reports if report.host_name})
    groups = sorted({report.group for report in reports if not report.host_name})
    by_host = yield Read(_OF_HOSTS, (org, hosts))
    by_group = yield Read(_OF_GROUPS, (org, groups, MOST_ROWS + 1))
    of_host: dict[str, list[Ci]] = {}
    of_group: dict[int, list[Ci]] = {}
    for ci in _cis(by_host):
        of_host.setdefault(ci.spec.key[1], []).append(ci)
    for ci in _cis(by_group):
        of_group.setdefault(ci.spec.group, []).append(ci)
    meant: list[tuple[CiReport, Ci]] = []
    for index, report in enumerate(reports):
        key = key_of(report.host_name)
        cis = of_host.get(key, []) if key else of_group.get(report.group, [])
        fitting = [(report, ci) for ci in cis if report.means(ci.spec)]
        if not fitting:
            raise NotFound(f"org {org} has no CI {_named(report)} (item {index})")
        meant += fitting
        if len(meant) > MOST_ROWS:
            raise Invalid(f"the reports are about more than {MOST_ROWS} CIs: send fewer at once")
    return meant


def _cis(rows: Sequence[Sequence[Any]]) -> Iterator[Ci]:
    return (_decode_ci(row[0]) for row in rows)


def _named(report: CiReport) -> str:
    words = [report.host_name]
    words += [f"of task {report.task}"] * bool(report.task)
    words += [f"in group {report.group}"] * bool(report.group)
    return " ".join(word for word in words if word)


def _status(id_: int, ci: Ci, report: CiReport, *, stamp: Stamp) -> CiStatus:
    said = asdict(report) | {"host_name": ci.spec.host_name, "group": ci.spec.group}
    return CiStatus(
        id=id_, org=ci.org, ci=ci.id, reporter=stamp.actor, reported_at=stamp.at, **said
    )


def _row(status: CiStatus) -> tuple[Any, ...]:
    document = msgspec.json.encode(status).decode()
    key = status.ci, status.task, status.schedule
    return (*key, status.id, status.org, status.group, document)


def _facts(status: CiStatus) -> dict[str, Any]:
    """Returns what the history tells; who reported and when, it tells of each entry."""
    said: dict[str, Any] = msgspec.to_builtins(status)
    return {
        name: said[name] for name in said if name not in ("id", "org", "reporter", "reported_at")
    }

"""Schedules: a document each, found by org and id, and by when they are due.

The secrets of parameters are kept, told and deleted in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from polydesk.domain import secret as secrets
from polydesk.domain.edit import Book, Edit
from polydesk.domain.errors import NotFound
from polydesk.domain.identity import Once, Stamp
from polydesk.domain.keyring import Sealed
from polydesk.domain.reported import Reported
from polydesk.domain.schedule import LeftOut, Schedule, told
from polydesk.domain.secret import Secret, SecretDraft
from polydesk.store import history
from polydesk.store.counter import counted
from polydesk.store.moment import micros
from polydesk.store.once import once_only
from polydesk.store.script import Engine, Read, Script, Together, Write
from polydesk.store.secret import inserted, named

_ONE: Final = "select document from schedules where org = $1 and id = $2"
_MANY: Final = "select document from schedules where org = $1 and id = any($2)"
_OF_ORG: Final = "select document from schedules where org = $1 and id > $2 order by id limit $3"
_DUE: Final = (
    "select document from schedules where next_due <= $1 order by next_due, org, id limit $2"
)
_KEEP: Final = (
    "insert into schedules (org, id, next_due, document) values ($1, $2, $3, $4)"
    " on conflict (org, id) do update"
    " set next_due = excluded.next_due, document = excluded.document"
)
_DELETE: Final = "delete from schedules where org = $1 and id = $2"
_DELETE_SECRET: Final = "delete from secrets where id = $1"  # noqa: S105 - a statement
_decode: Final = msgspec.json.Decoder(Schedule).decode


class SqlSchedules:
    """Keeps schedules, as inventory_ports.ScheduleStore says."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def apply(
        self,
        org: int,
        edits: Sequence[Edit],
        *,
        sealed: Mapping[str, Sealed],
        stamp: Stamp,
        once: Once | None,
    ) -> list[Schedule]:
        """Does all edits or none."""
        return await self._engine.write(
            lambda: once_only(
                _apply(org, edits, sealed, stamp=stamp), list[Schedule], once=once, stamp=stamp
            )
        )

    async def report(
        self,
        org: int,
        states: Sequence[tuple[int, Reported]],
        *,
        stamp: Stamp,
        once: Once | None,
    ) -> list[Schedule]:
        """Takes reports."""
        return await self._engine.write(
            lambda: once_only(
                _report(org, states, stamp=stamp), list[Schedule], once=once, stamp=stamp
            )
        )

    async def get(self, org: int, id_: int) -> Schedule | None:
        """Returns a schedule of an org."""
        row = await self._engine.row(Read(_ONE, (org, id_)))
        return None if row is None else _decode(row[0])

    async def of_org(self, org: int, *, after: int, limit: int) -> list[Schedule]:
        """Returns schedules of an org by their ids."""
        rows = await self._engine.rows(Read(_OF_ORG, (org, after, limit)))
        return [_decode(row[0]) for row in rows]

    async def due(self, before: datetime, *, limit: int) -> list[Schedule]:
        """Returns what is due in all orgs, the longest due first."""
        rows = await self._engine.rows(Read(_DUE, (micros(before), limit)))
        return [_decode(row[0]) for row in rows]

    async def advance(
        self, seen: Schedule, to_next: datetime | None, *, left_out: LeftOut | None, stamp: Stamp
    ) -> bool:
        """Moves a schedule on that is due as it was seen to be."""
        return await self._engine.write(
            lambda: _advance(seen, to_next, left_out=left_out, stamp=stamp)
        )


def _apply(
    org: int, edits: Sequence[Edit], sealed: Mapping[str, Sealed], *, stamp: Stamp
) -> Script[list[Schedule]]:
    ids = yield from counted(f"schedule/{org}")
    before = yield from _known(org, [edit.id for edit in edits if edit.id])
    book = Book(org, before, give_id=ids.give, at=stamp.at)
    steps = book.do_all(edits)
    done = [step for step in steps if step.new is not step.old]
    if done:
        gone = yield from _lost(org, before, book.current)
        latest = yield from history.latest()
        kept = _secrets(org, book.current, sealed, after=latest.sequence + len(done), stamp=stamp)
        changes = [step.change for step in done]
        changes += [secrets.told(org, "create", old={}, new=secrets.facts(each)) for each in kept]
        changes += [secrets.told(org, "delete", old=secrets.facts(each), new={}) for each in gone]
        yield Together(
            [
                *history.append(changes, stamp, latest=latest, ticket=latest.ticket),
                ids.write,
                *_writes(org, before, book.current),
                *(inserted(each, sealed[each.name]) for each in kept),
                *(Write(_DELETE_SECRET, [(each.id,)]) for each in gone),
            ]
        )
    return [step.result for step in steps]


def _known(org: int, ids: Sequence[int]) -> Script[dict[int, Schedule]]:
    rows = yield Read(_MANY, (org, sorted(set(ids))))
    return {schedule.id: schedule for schedule in (_decode(row[0]) for row in rows)}


def _secrets(
    org: int,
    current: Mapping[int, Schedule],
    sealed: Mapping[str, Sealed],
    *,
    after: int,
    stamp: Stamp,
) -> list[Secret]:
    """Returns the new secrets that schedules have in the end, with the ids of their entries."""
    drafts = [
        SecretDraft(
            name=each.secret, description=f"parameter {each.name} of schedule {schedule.id}"
        )
        for schedule in current.values()
        for each in schedule.spec.parameters
        if each.secret in sealed
    ]
    return [draft.secret(after + 1 + n, org, stamp=stamp) for n, draft in enumerate(drafts)]


def _lost(
    org: int, before: Mapping[int, Schedule], current: Mapping[int, Schedule]
) -> Script[list[Secret]]:
    """Returns the secrets that no schedule needs any more."""
    names = {name for schedule in before.values() for name in schedule.spec.secrets}
    names -= {name for schedule in current.values() for name in schedule.spec.secrets}
    return (yield from named(org, sorted(names))) if names else []


def _writes(
    org: int, before: Mapping[int, Schedule], current: Mapping[int, Schedule]
) -> list[Write]:
    kept = [_row(each) for id_, each in current.items() if before.get(id_) is not each]
    gone = [(org, id_) for id_ in before if id_ not in current]
    return [Write(sql, rows) for sql, rows in ((_KEEP, kept), (_DELETE, gone)) if rows]


def _report(
    org: int, states: Sequence[tuple[int, Reported]], *, stamp: Stamp
) -> Script[list[Schedule]]:
    current = yield from _known(org, [id_ for id_, _ in states])
    changes = []
    for index, (id_, state) in enumerate(states):
        if id_ not in current:
            raise NotFound(f"org {org} has no schedule {id_} (item {index})")
        said = {"schedule": id_, "state": current[id_].state}
        changes.append(told(org, "report", old=said, new={"schedule": id_, "state": state}))
        current[id_] = replace(current[id_], state=state, state_at=stamp.at)
    latest = yield from history.latest()
    yield Together(history.append(changes, stamp, latest=latest, ticket=latest.ticket))
    yield Write(_KEEP, [_row(schedule) for schedule in current.values()])
    return [current[id_] for id_, _ in states]


def followed(org: int, id_: int, state: Reported, *, at: datetime) -> Script[list[Write]]:
    """Returns what has a schedule say how its run goes; nothing where it was deleted."""
    rows = yield Read(_ONE, (org, id_))
    return [
        Write(_KEEP, [_row(replace(_decode(row[0]), state=state, state_at=at))]) for row in rows
    ]


def _advance(
    seen: Schedule, to_next: datetime | None, *, left_out: LeftOut | None, stamp: Stamp
) -> Script[bool]:
    rows = yield Read(_ONE, (seen.org, seen.id))
    known = _decode(rows[0][0]) if rows else None
    if known is None or known.next_due_at != seen.next_due_at:
        return False
    moved = replace(known, next_due_at=to_next)
    if left_out:
        change, moved = left_out.told(moved, at=stamp.at)
        latest = yield from history.latest()
        yield Together(history.append([change], stamp, latest=latest, ticket=latest.ticket))
    yield Write(_KEEP, [_row(moved)])
    return True


def _row(schedule: Schedule) -> tuple[Any, ...]:
    due = micros(schedule.next_due_at) if schedule.next_due_at else None
    return schedule.org, schedule.id, due, msgspec.json.encode(schedule).decode()

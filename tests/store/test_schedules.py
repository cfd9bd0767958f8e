"""Schedules on both engines: edits of one or many, their secrets, who claims what is due."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from polydesk.composition import SystemClock
from polydesk.domain.edit import Create, Delete, Edit, Update
from polydesk.domain.errors import (
    Conflict,
    Denied,
    Exists,
    Invalid,
    Missing,
    NotConfigured,
    NotFound,
    Outdated,
    PolydeskError,
)
from polydesk.domain.identity import Caller, Once, Role
from polydesk.domain.recurrence import Frequency, Recurrence
from polydesk.domain.reported import Reported
from polydesk.domain.schedule import Parameter, Schedule, ScheduleSpec, new_secret
from polydesk.domain.scheduling import Schedules
from polydesk.domain.vault import Secrets
from polydesk.store import LocalKeys, SqlStore
from polydesk.store.script import Read
from tests.store.records import ORG, once, stamp

KEY = f"k:{base64.b64encode(b'k' * 32).decode()}"
VALUE = "hush-91c2aa-never-to-be-seen"
HOURLY = Recurrence(frequency=Frequency.HOURLY, minute=5)


def caller(scope: str = "runbooks.write", *, key: Once | None = None, **said: Any) -> Caller:
    usual: dict[str, Any] = {"roles": {ORG: Role.ADMIN, ORG + 1: Role.ADMIN}}
    usual |= {"account": 1, "login": "ann", "scope": scope, "once": key}
    return Caller(**(usual | said))


READER = caller("runs.read", roles={ORG: Role.READER})


def vault(store: SqlStore, *, keys: str = KEY) -> Secrets:
    return Secrets(store=store, keys=LocalKeys(inline=keys), clock=SystemClock())


@pytest.fixture
def schedules(store: SqlStore) -> Schedules:
    return Schedules(store=store, secrets=vault(store), clock=SystemClock())


def spec(**said: Any) -> ScheduleSpec:
    usual: dict[str, Any] = {"runbook": 7_611, "recurrence": HOURLY}
    return ScheduleSpec(**(usual | said))


def create(id_: int = 0, **said: Any) -> Create:
    return Create(id=id_, spec=spec(**said))


def with_secret(id_: int = 0, value: str = VALUE) -> Create:
    name = new_secret()
    parameters = (Parameter(name="host", value="h"), Parameter(name="password", secret=name))
    return Create(id=id_, spec=spec(parameters=parameters), secrets={name: value})


async def do(schedules: Schedules, *edits: Edit, key: Once | None = None) -> list[Schedule]:
    return await schedules.apply(caller(key=key), ORG, edits)


async def ids(schedules: Schedules) -> list[int]:
    return [each.id for each in await schedules.all_of(READER, ORG)]


async def actions(store: SqlStore) -> list[str]:
    return [entry.action for entry in await store.history.newest_entries(None, limit=1_000)]


async def everything(store: SqlStore) -> str:
    found = []
    for table in ("schedules", "secrets", "history", "once"):
        rows = await store.engine.rows(Read(f"select * from {table}"))  # noqa: S608 - own words
        found += [str(value) for row in rows for value in tuple(row)]
        found += [value.hex() for row in rows for value in tuple(row) if isinstance(value, bytes)]
    return "\n".join(found)


async def test_ids_are_chosen_or_given_and_never_given_twice(schedules: Schedules) -> None:
    chosen, after = await do(schedules, create(19_532), create())
    await do(schedules, Delete(id=after.id))
    (anew,) = await do(schedules, create())
    (below,) = await do(schedules, create(3))
    elsewhere = await schedules.apply(caller(), ORG + 1, [create()])

    assert (chosen.id, after.id, anew.id, below.id) == (19_532, 19_533, 19_534, 3)
    assert elsewhere[0].id == 1
    assert await ids(schedules) == [3, 19_532, 19_534]


async def test_many_edits_are_done_in_their_order_or_not_at_all(schedules: Schedules) -> None:
    await do(schedules, create(1), create(2))
    longer = Update(id=1, change=lambda old: replace(old, timeout_seconds=60))

    done = await do(schedules, longer, Delete(id=2), create(3), Delete(id=3), create(2))
    with pytest.raises(NotFound, match=rf"org {ORG} has no schedule 9 \(item 1\)"):
        await do(schedules, create(4), Delete(id=9))
    with pytest.raises(Exists, match=r"has a schedule 2 already \(item 1\)"):
        await do(schedules, Delete(id=1), create(2))

    assert [each.id for each in done] == [1, 2, 3, 3, 2]
    assert done[0].spec.timeout_seconds == 60
    assert await ids(schedules) == [1, 2]


async def test_making_the_same_again_is_an_answer_where_that_is_wanted(
    schedules: Schedules, store: SqlStore
) -> None:
    again = Create(id=5, spec=spec(), again=True)
    other = Create(id=5, spec=spec(runbook=2), again=True)

    first = await do(schedules, again)
    entries = await actions(store)

    assert await do(schedules, again) == first
    assert await actions(store) == entries == ["schedule.create"]
    for edit in (other, create(5), Create(id=5, spec=with_secret().spec, again=True)):
        with pytest.raises(Exists):
            await do(schedules, edit)


async def test_a_secret_parameter_is_in_the_vault_and_nowhere_else(
    schedules: Schedules, store: SqlStore
) -> None:
    (made,) = await do(schedules, with_secret(), key=once("k", b"a digest that tells it"))
    (name,) = made.spec.secrets

    opened = await vault(store).access(caller("secrets.read"), ORG, name)
    held = await everything(store)

    assert opened.value == VALUE
    assert opened.secret.description == f"parameter password of schedule {made.id}"
    assert VALUE not in held
    assert VALUE.encode().hex() not in held
    assert b"a digest that tells it".hex() not in held
    assert VALUE not in repr(with_secret())
    assert await actions(store) == ["schedule.create", "secret.create", "secret.access"]
    assert await store.first_broken() is None


async def test_a_secret_goes_with_its_parameter(schedules: Schedules, store: SqlStore) -> None:
    (made,) = await do(schedules, with_secret(4))
    (old,) = made.spec.secrets
    fresh = with_secret()

    (changed,) = await do(
        schedules,
        Update(
            id=4,
            change=lambda spec: replace(spec, parameters=fresh.spec.parameters),
            secrets=fresh.secrets,
        ),
    )
    (new,) = changed.spec.secrets
    kept = await vault(store).access(caller("secrets.read"), ORG, new)
    with pytest.raises(NotFound):
        await vault(store).get(caller("secrets.read"), ORG, old)
    await do(schedules, Delete(id=4))

    assert kept.value == VALUE
    assert (await vault(store).page(caller("secrets.read"), ORG, limit=9)).items == []


async def test_a_refused_edit_leaves_no_secret(schedules: Schedules, store: SqlStore) -> None:
    with pytest.raises(NotFound):
        await do(schedules, with_secret(), Delete(id=9))

    assert (await vault(store).page(caller("secrets.read"), ORG, limit=9)).items == []


async def test_without_keys_what_has_no_secret_is_kept(store: SqlStore) -> None:
    keyless = Schedules(store=store, secrets=vault(store, keys=""), clock=SystemClock())

    with pytest.raises(NotConfigured):
        await do(keyless, with_secret())
    await do(keyless, create(1))

    assert await ids(keyless) == [1]


async def test_a_change_is_guarded_by_the_etag(schedules: Schedules) -> None:
    (made,) = await do(schedules, create(1))

    paused = await schedules.pause(caller(if_match=made.etag), ORG, 1)
    for write in (
        schedules.resume(caller(), ORG, 1, etag=made.etag),
        schedules.remove(caller(if_match=made.etag), ORG, 1),
    ):
        with pytest.raises(Outdated, match="schedule 1 was changed meanwhile"):
            await write
    resumed = await schedules.resume(caller(), ORG, 1, etag=paused.etag)

    assert (paused.next_due_at, paused.spec.active) == (None, False)
    assert resumed.next_due_at is not None
    assert await schedules.get(READER, ORG, 1) == resumed


async def test_what_is_reported_is_kept_and_told_and_changes_no_etag(
    schedules: Schedules, store: SqlStore
) -> None:
    made = await do(schedules, create(1), create(2))
    reporter = caller("runs.write", roles={ORG: Role.AGENT})

    failed, _ = await schedules.report(reporter, ORG, [(1, Reported.FAILED), (2, Reported.RUNNING)])
    with pytest.raises(NotFound, match=r"has no schedule 3 \(item 1\)"):
        await schedules.report(reporter, ORG, [(1, Reported.RUNNING), (3, Reported.RUNNING)])

    newest = (await store.history.newest_entries(ORG, limit=2))[0]
    assert (made[0].state, failed.state) == (Reported.QUEUED, Reported.FAILED)
    assert failed.state_at >= made[0].state_at
    assert failed.etag == made[0].etag
    assert await schedules.get(READER, ORG, 1) == failed
    assert newest.action == "schedule.report"
    assert msgspec.json.decode(newest.fields)["new"] == {"schedule": 1, "state": "FAILED"}


async def test_what_is_due_comes_in_the_order_of_its_instants(
    schedules: Schedules, store: SqlStore
) -> None:
    soon = SystemClock().now() + timedelta(hours=1)
    for id_, hours in ((1, 3), (2, 1), (3, 2), (4, 9)):
        await do(schedules, create(id_, recurrence=None, run_at=_at(soon, hours)))
    await do(schedules, create(5, active=False))

    found = await store.schedules.due(_at(soon, 3), limit=10)
    first = await store.schedules.due(_at(soon, 3), limit=1)

    assert [each.id for each in found] == [2, 3, 1]
    assert [each.id for each in first] == [2]


async def test_of_many_that_claim_an_instant_one_gets_it(
    schedules: Schedules, store: SqlStore
) -> None:
    (made,) = await do(schedules, create(1))
    due = made.next_due_at
    assert due is not None
    later = due + timedelta(hours=1)

    def claim() -> Any:
        return store.schedules.advance(made, later, left_out=None, stamp=stamp())

    claimed = await asyncio.gather(*(claim() for _ in range(20)))

    moved = await schedules.get(READER, ORG, 1)
    assert sorted(claimed) == [False] * 19 + [True]
    assert (moved.next_due_at, moved.etag) == (later, made.etag)
    assert await store.schedules.advance(moved, None, left_out=None, stamp=stamp())
    other = replace(moved, id=9)
    assert not await store.schedules.advance(other, None, left_out=None, stamp=stamp())
    assert await store.schedules.due(later + timedelta(days=9), limit=9) == []


async def test_a_schedule_that_was_retimed_meanwhile_is_not_claimed(
    schedules: Schedules, store: SqlStore
) -> None:
    (made,) = await do(schedules, create(1))
    assert made.next_due_at is not None
    other = Recurrence(frequency=Frequency.HOURLY, minute=6)

    await do(schedules, Update(id=1, change=lambda old: replace(old, recurrence=other)))

    assert not await store.schedules.advance(made, None, left_out=None, stamp=stamp())


async def test_an_edit_with_a_key_happens_once(schedules: Schedules, store: SqlStore) -> None:
    first = await do(schedules, create(), key=once("a"))
    entries = await actions(store)

    assert await do(schedules, create(), key=once("a")) == first
    with pytest.raises(Conflict):
        await do(schedules, create(), key=once("a", b"other"))
    assert await actions(store) == entries


async def test_who_may_not_is_refused(schedules: Schedules) -> None:
    await do(schedules, create(1))
    agent = caller(roles={ORG: Role.AGENT})
    refusals: list[tuple[Callable[[], Any], type[PolydeskError]]] = [
        (lambda: schedules.apply(agent, ORG, [create()]), Denied),
        (lambda: schedules.pause(agent, ORG, 1), Denied),
        (lambda: schedules.report(caller("runs.write", roles={ORG: Role.READER}), ORG, []), Denied),
        (lambda: schedules.get(caller("runs.read"), 99, 1), NotFound),
        (lambda: schedules.get(caller("runs.read"), ORG + 1, 1), NotFound),
        (lambda: schedules.remove(caller(), ORG + 1, 1), NotFound),
        (lambda: schedules.apply(caller(), ORG, []), Missing),
        (lambda: schedules.apply(caller(), ORG, [create()] * 1_001), Invalid),
    ]

    for call, refusal in refusals:
        with pytest.raises(refusal):
            await call()

    assert await ids(schedules) == [1]


def _at(start: datetime, hours: int) -> datetime:
    return start + timedelta(hours=hours)

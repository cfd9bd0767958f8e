"""The inventory on both engines: what is kept, found, reported, refused and told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from polydesk.composition import SystemClock
from polydesk.domain.ci import Ci, CiQuery, CiReport, CiSpec, CiStatus, StatusQuery
from polydesk.domain.edit import Create
from polydesk.domain.errors import (
    Conflict,
    Denied,
    Exists,
    Invalid,
    Missing,
    NotFound,
    Outdated,
    WrongState,
)
from polydesk.domain.history import Entry
from polydesk.domain.identity import Caller, Once, Role
from polydesk.domain.inventory import Inventory
from polydesk.domain.recurrence import Frequency, Recurrence
from polydesk.domain.reported import Reported
from polydesk.domain.schedule import ScheduleSpec
from polydesk.store import SqlStore
from tests.store.records import ORG, once, stamp


def caller(scope: str = "inventory.write", *, key: Once | None = None, **said: Any) -> Caller:
    usual: dict[str, Any] = {"roles": {ORG: Role.AGENT, ORG + 1: Role.AGENT}}
    usual |= {"account": 1, "login": "ann", "scope": scope, "once": key}
    return Caller(**(usual | said))


READER = caller("tickets.read", roles={ORG: Role.READER})


@pytest.fixture
async def inventory(store: SqlStore) -> Inventory:
    inventory = Inventory(store=store, clock=SystemClock())
    hourly = Recurrence(frequency=Frequency.HOURLY)
    schedule = Create(id=3, spec=ScheduleSpec(runbook=1, recurrence=hourly))
    await store.schedules.apply(ORG, [schedule], sealed={}, stamp=stamp(), once=None)
    await inventory.add_group(caller(), ORG, "Routers")
    return inventory


def spec(host: str = "r1", **said: Any) -> CiSpec:
    usual: dict[str, Any] = {"host_name": host, "group": 1, "tasks": ("Task1",)}
    return CiSpec(**(usual | said))


async def add(inventory: Inventory, host: str = "r1", **said: Any) -> Ci:
    return await inventory.add(caller(), ORG, spec(host, **said))


async def hosts(inventory: Inventory, **query: Any) -> list[str]:
    page = await inventory.page(READER, ORG, CiQuery(**query), limit=100)
    return [ci.spec.host_name for ci in page.items]


async def report(inventory: Inventory, *reports: CiReport, key: Once | None = None) -> int:
    return await inventory.report(caller(key=key), ORG, reports)


async def statuses(inventory: Inventory, **query: Any) -> Sequence[CiStatus]:
    page = await inventory.statuses(READER, ORG, StatusQuery(**query), limit=100)
    return page.items


async def told(store: SqlStore) -> list[Entry]:
    entries = await store.history.newest_entries(None, limit=1_000)
    return [entry for entry in entries if entry.action.startswith("ci")]


async def test_groups_have_numbers_of_their_own_in_each_org(inventory: Inventory) -> None:
    chosen = await inventory.add_group(caller(), ORG, "Switches", id_=30)
    after = await inventory.add_group(caller(), ORG, "Servers")
    elsewhere = await inventory.add_group(caller(), ORG + 1, "Routers")
    await inventory.remove_group(caller(), ORG, after.id)
    anew = await inventory.add_group(caller(), ORG, "Servers")
    below = await inventory.add_group(caller(), ORG, "Printers", id_=2)

    page = await inventory.groups(READER, ORG, limit=2)
    rest = await inventory.groups(READER, ORG, limit=2, token=page.next_token)
    assert (chosen.id, after.id, elsewhere.id, anew.id, below.id) == (30, 31, 1, 32, 2)
    assert [group.id for group in (*page.items, *rest.items)] == [1, 2, 30, 32]


async def test_a_group_with_a_number_or_a_name_that_is_taken_is_refused(
    inventory: Inventory,
) -> None:
    other = await inventory.add_group(caller(), ORG, "Switches")

    for make in (
        inventory.add_group(caller(), ORG, "Servers", id_=1),
        inventory.add_group(caller(), ORG, "Routers"),
        inventory.rename_group(caller(), ORG, other.id, "Routers"),
    ):
        with pytest.raises(Exists):
            await make
    renamed = await inventory.rename_group(caller(), ORG, other.id, "Hubs", etag=other.etag)
    with pytest.raises(Outdated):
        await inventory.rename_group(caller(), ORG, other.id, "Bridges", etag=other.etag)

    assert renamed.name == "Hubs"
    assert await inventory.group(READER, ORG, other.id) == renamed


async def test_a_group_that_has_cis_stays(inventory: Inventory) -> None:
    made = await add(inventory)

    with pytest.raises(WrongState, match="CI group 1 has CIs"):
        await inventory.remove_group(caller(), ORG, 1)
    await inventory.remove(caller(), ORG, made.id)
    await inventory.remove_group(caller(), ORG, 1)

    with pytest.raises(NotFound):
        await inventory.group(READER, ORG, 1)


async def test_cis_are_found_by_group_task_and_host(inventory: Inventory) -> None:
    await inventory.add_group(caller(), ORG, "Switches")
    await inventory.save(
        caller(),
        ORG,
        [
            spec("R1", tasks=("Task1", "Task2")),
            spec("r2", tasks=("Task2",)),
            spec("r3", tasks=()),
            spec("r1", group=2, tasks=("task1",)),
        ],
    )

    assert await hosts(inventory) == ["R1", "r2", "r3", "r1"]
    assert await hosts(inventory, group=1) == ["R1", "r2", "r3"]
    assert await hosts(inventory, task="Task2") == ["R1", "r2"]
    assert await hosts(inventory, group=2, task="Task1") == []
    assert await hosts(inventory, host_name=" R1") == ["R1", "r1"]
    assert await inventory.of_task(READER, ORG, 1, "none") == []
    with pytest.raises(NotFound, match="no CI group 9"):
        await inventory.of_task(READER, ORG, 9, "Task1")


async def test_a_host_is_in_a_group_once(inventory: Inventory) -> None:
    await inventory.add_group(caller(), ORG, "Switches")
    made = await add(inventory, "R1")
    other = await add(inventory, "r2", group=2)

    with pytest.raises(Exists, match="CI group 1 has the host R1 already"):
        await add(inventory, "r1")
    with pytest.raises(Exists):
        await inventory.change(
            caller(), ORG, other.id, lambda old: replace(old, group=1, host_name="r1")
        )
    with pytest.raises(Invalid, match=r"cis\[1\] is the same host of the same group as cis\[0\]"):
        await inventory.save(caller(), ORG, [spec("x"), spec("X ")])
    with pytest.raises(NotFound, match="no CI group 7"):
        await add(inventory, "r3", group=7)

    assert await hosts(inventory) == ["R1", "r2"]
    assert await inventory.get(READER, ORG, made.id) == made


async def test_saving_again_changes_nothing_and_saving_otherwise_changes(
    inventory: Inventory, store: SqlStore
) -> None:
    both = [spec("r1"), spec("r2")]
    first = await inventory.save(caller(), ORG, both)
    again = await inventory.save(caller(), ORG, both)
    entries = len(await told(store))
    changed = await inventory.save(caller(), ORG, [spec("R1", tasks=("Task9",)), spec("r3")])

    assert again == first
    assert len(await told(store)) == entries + 2
    assert (changed[0].id, changed[0].revision) == (first[0].id, 2)
    assert await hosts(inventory, task="Task1") == ["r2", "r3"]
    assert await hosts(inventory, task="Task9") == ["R1"]


async def test_one_that_is_wrong_keeps_all_out(inventory: Inventory) -> None:
    with pytest.raises(NotFound):
        await inventory.save(caller(), ORG, [spec("r1"), spec("r2", group=8)])
    with pytest.raises(Missing):
        await inventory.save(caller(), ORG, [])

    assert await hosts(inventory) == []


async def test_a_change_is_guarded_by_the_etag(inventory: Inventory) -> None:
    made = await add(inventory)

    moved = await inventory.change(
        caller(if_match=made.etag), ORG, made.id, lambda old: replace(old, location="Bristol")
    )
    with pytest.raises(Outdated, match=f"CI {made.id} was changed meanwhile"):
        await inventory.change(caller(if_match=made.etag), ORG, made.id, lambda old: old)
    with pytest.raises(Outdated):
        await inventory.remove(caller(), ORG, made.id, etag=made.etag)

    assert moved.spec.location == "Bristol"
    assert await inventory.get(READER, ORG, made.id) == moved


async def test_the_latest_report_of_ci_task_and_schedule_is_kept(inventory: Inventory) -> None:
    await inventory.save(caller(), ORG, [spec("r1"), spec("r2", tasks=())])

    whole = await report(inventory, CiReport(state=Reported.QUEUED, group=1, schedule=3))
    tasks = await report(inventory, CiReport(state=Reported.RUNNING, group=1, task="Task1"))
    late = CiReport(state=Reported.FAILED, host_name="R1", schedule=3, remarks="no answer")
    host = await report(inventory, late)

    assert (whole, tasks, host) == (2, 1, 1)
    assert [
        (status.host_name, status.task, status.schedule, status.state, status.remarks)
        for status in await statuses(inventory)
    ] == [
        ("r2", "", 3, Reported.QUEUED, ""),
        ("r1", "Task1", 0, Reported.RUNNING, ""),
        ("r1", "", 3, Reported.FAILED, "no answer"),
    ]
    assert len(await statuses(inventory, schedule=3)) == 2
    assert len(await statuses(inventory, task="Task1", group=1)) == 1
    assert {status.reporter for status in await statuses(inventory)} == {"ann"}


async def test_a_report_that_means_no_ci_keeps_all_out(inventory: Inventory) -> None:
    await add(inventory)
    good = CiReport(state=Reported.RUNNING, host_name="r1")

    for wrong in (
        {"host_name": "r2"},
        {"host_name": "r1", "group": 2},
        {"host_name": "r1", "task": "Task2"},
        {"group": 2},
    ):
        with pytest.raises(NotFound, match=r"has no CI .*\(item 1\)"):
            await report(inventory, good, CiReport(state=Reported.RUNNING, **wrong))
    with pytest.raises(NotFound, match=r"has no schedule 9 \(item 1\)"):
        await report(inventory, good, CiReport(state=Reported.RUNNING, group=1, schedule=9))
    with pytest.raises(Missing):
        CiReport(state=Reported.RUNNING, task="Task1")

    assert await statuses(inventory) == []


async def test_a_removed_ci_takes_what_was_reported_with_it(inventory: Inventory) -> None:
    made = await add(inventory)
    await report(inventory, CiReport(state=Reported.RUNNING, group=1))

    await inventory.remove(caller(), ORG, made.id)
    anew = await add(inventory)

    assert anew.id != made.id
    assert await statuses(inventory) == []
    assert await hosts(inventory, task="Task1") == ["r1"]


async def test_everything_is_told(inventory: Inventory, store: SqlStore) -> None:
    made = await add(inventory, type="Access Point")
    await inventory.change(caller(), ORG, made.id, lambda old: replace(old, type="Router"))
    await report(inventory, CiReport(state=Reported.FAILED, host_name="r1", remarks="why"))
    await inventory.remove(caller(), ORG, made.id)

    entries = await told(store)
    said = [msgspec.json.decode(entry.fields) for entry in entries]
    assert [entry.action for entry in entries] == [
        "ci_group.create",
        "ci.create",
        "ci.update",
        "ci.report",
        "ci.delete",
    ]
    assert {(entry.ticket, entry.org, entry.actor) for entry in entries} == {(0, ORG, "ann")}
    assert (said[2]["old"]["type"], said[2]["new"]["type"]) == ("Access Point", "Router")
    assert (said[3]["new"]["state"], said[3]["new"]["remarks"]) == ("FAILED", "why")
    assert await store.first_broken() is None


async def test_a_write_with_a_key_happens_once(inventory: Inventory, store: SqlStore) -> None:
    made = await inventory.save(caller(key=once("a")), ORG, [spec("r1")])
    queued = CiReport(state=Reported.QUEUED, group=1)
    first = await report(inventory, queued, key=once("b"))
    entries = len(await told(store))

    assert await inventory.save(caller(key=once("a")), ORG, [spec("r1")]) == made
    assert await report(inventory, queued, key=once("b")) == first
    with pytest.raises(Conflict):
        await inventory.save(caller(key=once("a", b"other")), ORG, [spec("r9")])
    assert len(await told(store)) == entries


async def test_of_two_that_make_the_same_ci_one_is_refused(inventory: Inventory) -> None:
    both = await asyncio.gather(add(inventory), add(inventory), return_exceptions=True)

    assert sorted(type(one).__name__ for one in both) == ["Ci", "Exists"]


async def test_who_may_not_is_refused(inventory: Inventory) -> None:
    made = await add(inventory)
    reader = caller(roles={ORG: Role.READER})

    for call in (
        inventory.add_group(reader, ORG, "x"),
        inventory.save(reader, ORG, [spec("x")]),
        inventory.remove(reader, ORG, made.id),
        inventory.report(reader, ORG, [CiReport(state=Reported.FAILED, group=1)]),
    ):
        with pytest.raises(Denied, match=r"lacks inventory\.write"):
            await call
    for foreign in (
        inventory.get(caller("tickets.read"), ORG + 1, made.id),
        inventory.get(caller("tickets.read"), 99, made.id),
        inventory.remove(caller(), ORG + 1, made.id),
    ):
        with pytest.raises(NotFound):
            await foreign


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"host_name": " "}, "host_name is required"),
        ({"host_name": "h" * 256}, "host_name has 256 characters"),
        ({"model": "a\0b"}, "model holds the character NUL"),
        ({"columns": ("x",) * 6}, "columns has 6, at most 5 are taken"),
        ({"columns": ("x" * 1_001,)}, "columns has 1001 characters"),
        ({"tasks": ("a", "a")}, "tasks names one twice"),
        ({"tasks": ("",)}, "tasks has an empty one"),
        ({"tasks": tuple(map(str, range(101)))}, "tasks has 101, at most 100 are taken"),
    ],
)
def test_a_ci_that_cannot_be_is_refused(said: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid) as caught:
        spec(**said)

    assert caught.value.message.startswith(message)
    assert caught.value.field == message.split(maxsplit=1)[0]

"""The catalog in the database, on both engines."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from polydesk.domain.errors import Conflict, Exists, NotFound, Outdated
from polydesk.domain.registered import Registered
from polydesk.domain.runbook import Approve, Node, Runbook
from polydesk.domain.script import Language, Script
from polydesk.domain.target import Target, TargetKind
from polydesk.store import SqlStore
from polydesk.store.script import Read
from tests.store.records import ORG, at, once, stamp


def script(name: str = "restart", source: str = "exit 0") -> Script:
    return Script(name=name, language=Language.SH, source=source)


async def save(store: SqlStore, said: Script, **more: Any) -> Registered[Script]:
    org, key = more.pop("org", ORG), more.pop("once", None)
    usual: dict[str, Any] = {"id_": 0, "etag": "", "stamp": stamp()}
    return await store.scripts.save(org, said, once=key, **(usual | more))


async def remove(store: SqlStore, id_: int, etag: str = "") -> Registered[Script]:
    return await store.scripts.remove(ORG, id_, etag=etag, stamp=stamp(), once=None)


async def test_all_kinds_come_back_as_they_were_said(store: SqlStore) -> None:
    more: dict[str, Any] = {"id_": 0, "etag": "", "stamp": stamp(), "once": None}
    target = Target(name="db-1", kind=TargetKind.LOCAL, patterns=("echo *", 'x "ü" $1 ?1'))
    runbook = Runbook(name="r", nodes=(Node(id="a", work=Approve(message="sure?")),))

    kept_script = await save(store, script("Ünïcode 🔥"))
    kept_target = await store.targets.save(ORG, target, **more)
    kept_runbook = await store.runbooks.save(ORG, runbook, **more)

    assert kept_script.spec == script("Ünïcode 🔥")
    assert await store.scripts.get(ORG, kept_script.id) == kept_script
    assert await store.targets.find(ORG, "db-1") == kept_target
    assert await store.runbooks.get(ORG, kept_runbook.id) == kept_runbook
    assert [kept_script.id, kept_target.id, kept_runbook.id] == [1, 1, 1]


async def test_saving_under_a_name_that_is_there_is_a_new_version(store: SqlStore) -> None:
    first = await save(store, script())

    second = await save(store, script(source="exit 1"), stamp=stamp(5))
    same = await save(store, script(source="exit 1"), stamp=stamp(9))

    assert (second.id, second.revision) == (first.id, 2)
    assert (second.created_at, second.updated_at) == (at(0), at(5))
    assert same == second


async def test_the_id_may_be_the_callers_choice(store: SqlStore) -> None:
    chosen = await save(store, script("chosen"), id_=7611)

    assert chosen.id == 7611
    assert (await save(store, script("next"))).id == 7612
    assert (await save(store, script("renamed"), id_=7611)).revision == 2
    with pytest.raises(Exists, match="renamed already: 7611"):
        await save(store, script("renamed"), id_=3)


async def test_a_removed_id_is_not_given_again(store: SqlStore) -> None:
    await save(store, script("a"))
    last = await save(store, script("b"))

    await remove(store, last.id)

    assert await store.scripts.get(ORG, last.id) is None
    assert (await save(store, script("b"))).id == last.id + 1
    with pytest.raises(NotFound):
        await remove(store, last.id)


async def test_an_etag_guards_both_writes(store: SqlStore) -> None:
    first = await save(store, script())
    await save(store, script(source="exit 1"))

    with pytest.raises(Outdated):
        await save(store, script(source="exit 2"), etag=first.etag)
    with pytest.raises(Outdated):
        await remove(store, first.id, first.etag)
    with pytest.raises(NotFound):
        await save(store, script("unknown"), etag="1")


async def test_an_org_sees_its_own(store: SqlStore) -> None:
    mine = await save(store, script())
    theirs = await save(store, script(), org=ORG + 1)

    assert (mine.id, theirs.id) == (1, 1)
    assert await store.scripts.of_org(ORG, after=0, limit=9) == [mine]
    assert await store.scripts.of_org(ORG, after=1, limit=9) == []


async def test_a_key_makes_a_save_happen_once(store: SqlStore) -> None:
    both = [await save(store, script(), once=once()) for _ in range(2)]
    with pytest.raises(Conflict):
        await save(store, script("other"), once=once(digest=b"other"))

    assert both[0] == both[1]


async def test_saves_at_once_all_have_ids_of_their_own(store: SqlStore) -> None:
    saved = await asyncio.gather(*(save(store, script(f"s{index}")) for index in range(40)))

    assert sorted(each.id for each in saved) == list(range(1, 41))
    assert await store.first_broken() is None


async def test_the_history_tells_what_was_there_and_what_is(store: SqlStore) -> None:
    await save(store, script())
    await save(store, script(source="exit 1"))
    await remove(store, 1)

    rows = await store.engine.rows(
        Read("select ticket, org, actor, action, fields from history order by sequence")
    )
    told = [(*row[:4], msgspec.json.decode(row[4])) for row in rows]
    assert [each[:4] for each in told] == [
        (0, ORG, "ann", "script.save"),
        (0, ORG, "ann", "script.save"),
        (0, ORG, "ann", "script.remove"),
    ]
    assert told[1][4]["old"]["script"]["spec"]["source"] == "exit 0"
    assert told[1][4]["new"]["script"]["spec"]["source"] == "exit 1"
    assert await store.first_broken() is None

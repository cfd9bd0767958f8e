"""Secrets on both engines: what is kept, what is told, rotation while others go on."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from polydesk.composition import SystemClock
from polydesk.domain.errors import (
    Conflict,
    Damaged,
    Denied,
    Exists,
    Invalid,
    Missing,
    NotConfigured,
    NotFound,
    Outdated,
)
from polydesk.domain.history import Entry
from polydesk.domain.identity import Caller, Once, Role
from polydesk.domain.keyring import KeyRing
from polydesk.domain.secret import SecretDraft
from polydesk.domain.vault import Secrets
from polydesk.store import LocalKeys, SqlStore, open_store
from polydesk.store.history import SqlHistory
from polydesk.store.script import Read, Script, Write
from polydesk.store.secret import SqlSecrets
from polydesk.store.sqlite import Sqlite
from tests.store.records import ORG, draft, once, stamp

VALUE = "hush-5f2c91-never-to-be-seen"
OLD, NEW = (f"{id_}:{base64.b64encode(id_[:1].encode() * 32).decode()}" for id_ in ("old", "new"))


def vault(store: SqlStore, *lines: str) -> Secrets:
    keys = LocalKeys(inline=",".join(lines or (OLD,)))
    return Secrets(store=store, keys=keys, clock=SystemClock())


def caller(scope: str = "write", *, key: Once | None = None, **said: Any) -> Caller:
    usual: dict[str, Any] = {"roles": {ORG: Role.ADMIN, ORG + 1: Role.ADMIN}}
    usual |= {"account": 1, "login": "ann", "scope": f"secrets.{scope}", "once": key}
    return Caller(**(usual | said))


async def make(vault: Secrets, name: str = "database", value: str = VALUE, **said: Any) -> Any:
    org, key = said.pop("org", ORG), said.pop("key", None)
    return await vault.create(caller(key=key), org, SecretDraft(name=name, **said), value)


async def value_of(vault: Secrets, name: str = "database", *, org: int = ORG) -> str:
    return (await vault.access(caller("read"), org, name)).value


async def told(store: SqlStore, limit: int = 1_000) -> list[Entry]:
    return await store.history.newest_entries(None, limit=limit)


async def actions(store: SqlStore) -> list[str]:
    return [entry.action.removeprefix("secret.") for entry in await told(store)]


def fields(entry: Entry) -> Any:
    return msgspec.json.decode(entry.fields)


async def everything(store: SqlStore) -> str:
    """Returns all rows of all tables, bytes as they are and in hexadecimal."""
    found = []
    for table in ("secrets", "history", "once", "latest", "counters"):
        rows = await store.engine.rows(Read(f"select * from {table}"))  # noqa: S608 - own words
        found += [str(value) for row in rows for value in tuple(row)]
        found += [value.hex() for row in rows for value in tuple(row) if isinstance(value, bytes)]
    return "\n".join(found)


async def test_a_value_comes_back_and_the_facts_tell_of_it(store: SqlStore) -> None:
    secrets, value = vault(store), "pässwörd 🔥\n" * 5_000

    made = await make(secrets, 'Ünïcode "x" $1 ?1', value, description="for\nthe database")
    opened = await secrets.access(caller("read"), ORG, made.name)

    assert opened.value == value
    assert opened.secret == made == await secrets.get(caller("read"), ORG, made.name)
    assert (made.org, made.description, made.revision) == (ORG, "for\nthe database", 1)
    assert made.created_at == made.updated_at == made.valued_at


async def test_a_new_value_or_description_leaves_the_other_as_it_is(store: SqlStore) -> None:
    secrets = vault(store)
    made = await make(secrets, description="first")

    described = await secrets.update(caller(), ORG, made.name, description="second")
    kept = await value_of(secrets)
    revalued = await secrets.update(caller(), ORG, made.name, value="another")

    assert kept == VALUE
    assert await value_of(secrets) == "another"
    assert (described.description, described.valued_at) == ("second", made.valued_at)
    assert (revalued.description, revalued.revision) == ("second", 3)
    assert revalued.valued_at == revalued.updated_at > described.updated_at
    assert revalued.created_at == made.created_at


async def test_names_are_unique_in_an_org_and_compare_letter_for_letter(store: SqlStore) -> None:
    secrets = vault(store)
    names = ["database", "Database", "database ", "databäse", "databa\u0308se", "d%_\\"]
    for name in names:
        await make(secrets, name, f"of {name}")
    await make(secrets, org=ORG + 1, value="elsewhere")

    with pytest.raises(Exists, match=f"there is a secret database in org {ORG} already"):
        await make(secrets)

    assert [await value_of(secrets, name) for name in names] == [f"of {name}" for name in names]
    assert await value_of(secrets, org=ORG + 1) == "elsewhere"


async def test_of_two_that_make_the_same_one_is_refused(store: SqlStore) -> None:
    secrets = vault(store)

    both = await asyncio.gather(make(secrets), make(secrets), return_exceptions=True)

    assert [type(one).__name__ for one in both] == ["Secret", "Exists"]
    assert await store.first_broken() is None


async def test_everything_is_told_and_nothing_of_a_value(store: SqlStore) -> None:
    secrets = vault(store)
    made = await make(secrets, key=once("c"), description="why")
    await secrets.get(caller("read"), ORG, made.name)
    await secrets.page(caller("read"), ORG, limit=9)
    await secrets.access(caller("read"), ORG, made.name)
    new = await secrets.update(caller(key=once("u")), ORG, made.name, value=VALUE[::-1])
    await vault(store, NEW, OLD).rotate()
    await secrets.remove(caller(), ORG, made.name)

    entries = await told(store)
    said = [fields(entry) for entry in entries]
    assert await actions(store) == ["create", "get", "list", "access", "update", "rotate", "delete"]
    assert {(entry.ticket, entry.org) for entry in entries} == {(0, ORG)}
    assert [entry.actor for entry in entries] == ["ann"] * 5 + ["operator", "ann"]
    assert (said[0]["old"], said[0]["new"]["secret"], said[0]["new"]["description"]) == (
        {}, "database", "why",
    )  # fmt: skip
    assert said[1] == said[3] == {"old": {}, "new": {"secret": "database", "etag": made.etag}}
    assert said[2]["new"] == {"secrets": 1}
    assert (said[4]["old"]["etag"], said[4]["new"]["etag"]) == (made.etag, new.etag)
    assert said[4]["old"]["valued_at"] != said[4]["new"]["valued_at"]
    assert said[5] == {"old": {"key": "old"}, "new": {"secret": "database", "key": "new"}}
    assert (said[6]["old"]["secret"], said[6]["new"]) == ("database", {})
    assert await store.first_broken() is None


async def test_no_table_holds_a_value_in_any_form(store: SqlStore) -> None:
    secrets = vault(store)
    plain = once("c", b"a digest that tells the value to who can guess")
    await make(secrets, key=plain)
    await secrets.update(caller(key=once("u")), ORG, "database", value=VALUE + "2")
    await value_of(secrets)

    held = await everything(store)

    assert "database" in held
    assert VALUE not in held
    assert VALUE.encode().hex() not in held
    assert base64.b64encode(VALUE.encode()).decode() not in held
    assert plain.digest.hex() not in held


async def test_what_is_refused_is_not_told_and_leaves_nothing(store: SqlStore) -> None:
    secrets = vault(store)
    made = await make(secrets)
    who = caller(if_match="0.0")

    for call, refusal in (
        (make(secrets), Exists),
        (secrets.update(who, ORG, "database", value="x"), Outdated),
        (secrets.update(caller(), ORG, "database", value="x", etag="9.9"), Outdated),
        (secrets.remove(who, ORG, "database"), Outdated),
        (secrets.get(caller("read"), ORG, "nothing"), NotFound),
        (secrets.access(caller("read"), ORG, "nothing"), NotFound),
        (secrets.update(caller(), ORG, "nothing", value="x"), NotFound),
        (secrets.remove(caller(), ORG, "nothing"), NotFound),
        (make(secrets, org=99), NotFound),
        (secrets.access(caller("read"), 99, "database"), NotFound),
        (secrets.access(caller("read", roles={ORG: Role.AGENT}), ORG, "database"), Denied),
        (secrets.get(caller("read", roles={ORG: Role.READER}), ORG, "database"), Denied),
    ):
        with pytest.raises(refusal) as caught:
            await call
        assert VALUE not in str(caught.value)

    assert await actions(store) == ["create"]
    assert (await secrets.access(caller("read"), ORG, "database")).secret == made


@pytest.mark.parametrize(
    ("name", "value", "description", "refusal"),
    [
        ("", "x", "", Missing),
        ("n" * 256, "x", "", Invalid),
        ("a/b", "x", "", Invalid),
        ("a\0", "x", "", Invalid),
        ("a", "", "", Missing),
        ("a", VALUE + "x" * 65_536, "", Invalid),
        ("a", VALUE + "\0", "", Invalid),
        ("a", "x", "d" * 1_001, Invalid),
        ("a", "x", "\0", Invalid),
    ],
)
async def test_what_can_be_no_secret_is_refused_without_its_value(
    store: SqlStore, name: str, value: str, description: str, refusal: type[Invalid]
) -> None:
    with pytest.raises(refusal) as caught:
        await make(vault(store), name, value, description=description)

    assert VALUE not in caught.value.message
    assert await told(store) == []


async def test_the_longest_secret_is_taken(store: SqlStore) -> None:
    secrets = vault(store)

    made = await make(secrets, "🔥" * 255, "🔥" * 65_536, description="🔥" * 1_000)

    assert await value_of(secrets, made.name) == "🔥" * 65_536


async def test_a_key_makes_each_write_happen_once(store: SqlStore) -> None:
    secrets = vault(store)

    made = [await make(secrets, key=once("c")) for _ in range(2)]
    with pytest.raises(Conflict):
        await make(secrets, key=once("c", b"another value"))
    new = [
        await secrets.update(caller(key=once("u")), ORG, "database", value="x") for _ in range(2)
    ]
    gone = [await secrets.remove(caller(key=once("d")), ORG, "database") for _ in range(2)]

    assert made[0] == made[1]
    assert new[0] == new[1] == gone[0] == gone[1]
    assert await actions(store) == ["create", "update", "delete"]


async def test_each_access_is_told_whatever_key_comes_with_it(store: SqlStore) -> None:
    secrets = vault(store)
    await make(secrets)

    for _ in range(3):
        await secrets.access(caller("read", key=once()), ORG, "database")

    assert await actions(store) == ["create", "access", "access", "access"]


async def test_a_secret_made_anew_has_another_etag(store: SqlStore) -> None:
    secrets = vault(store)
    first = await make(secrets)
    await secrets.remove(caller(), ORG, "database", etag=first.etag)

    second = await make(secrets, value="another")

    assert second.etag != first.etag
    with pytest.raises(Outdated):
        await secrets.update(caller(), ORG, "database", value="x", etag=first.etag)


async def test_a_row_that_is_moved_does_not_open(store: SqlStore) -> None:
    secrets = vault(store)
    await make(secrets)
    await make(secrets, "mine", "known", org=ORG + 1)
    theft = (
        "update secrets set sealed = (select sealed from secrets where org = $1 and name = $2)"
        " where org = $3 and name = $4"
    )

    await store.engine.write(lambda: _one(theft, (ORG, "database", ORG + 1, "mine")))
    await store.engine.write(
        lambda: _one("update secrets set name = $1 where org = $2", ("renamed", ORG))
    )

    for org, name in ((ORG + 1, "mine"), (ORG, "renamed")):
        with pytest.raises(Damaged, match=r"^the secret cannot be opened$"):
            await value_of(secrets, name, org=org)


def _one(sql: str, row: tuple[Any, ...]) -> Script[None]:
    yield Write(sql, [row])


async def test_pages_hold_each_secret_once_while_others_write(store: SqlStore) -> None:
    secrets = vault(store)
    for index in range(5):
        await make(secrets, f"s{index}")
        await make(secrets, f"s{index}", org=ORG + 1)

    names: list[str] = []
    token = ""
    for _ in range(3):
        page = await secrets.page(caller("read"), ORG, limit=2, token=token)
        names += [secret.name for secret in page.items]
        token = page.next_token
        await secrets.remove(caller(), ORG, names[-1])

    assert names == [f"s{index}" for index in range(5)]
    assert token == ""
    with pytest.raises(Invalid, match="page_token"):
        await secrets.page(caller("read"), ORG, limit=2, token="x")


async def test_rotation_seals_all_with_the_first_key_and_tells_which_may_go(
    store: SqlStore,
) -> None:
    secrets = vault(store)
    for index in range(45):
        await make(secrets, f"s{index}", f"v{index}", org=ORG + index % 2)
    before = (await secrets.access(caller("read"), ORG, "s0")).secret
    both = vault(store, NEW, OLD)
    await make(both, "fresh")

    first = await both.rotate()
    second = await both.rotate()

    assert (first.first, first.renewed, first.failed) == ("new", 45, [])
    assert (first.used, first.ring, first.idle) == ({"new": 46}, ("new", "old"), ["old"])
    assert (second.renewed, second.used) == (0, {"new": 46})
    without = vault(store, NEW)
    for index in range(45):
        assert await value_of(without, f"s{index}", org=ORG + index % 2) == f"v{index}"
    assert (await without.access(caller("read"), ORG, "s0")).secret == before
    assert await store.first_broken() is None


async def test_rotation_goes_on_behind_what_cannot_be_opened(store: SqlStore) -> None:
    await make(vault(store), "a", "lost")
    await make(vault(store, f"third:{NEW.partition(':')[2]}"), "b", "kept")
    spoil = "update secrets set sealed = $1 where name = $2"
    await store.engine.write(lambda: _one(spoil, (b"x" * 40, "a")))

    rotation = await vault(store, NEW, OLD).rotate()

    assert rotation.failed == [(ORG, "a"), (ORG, "b")]
    assert (rotation.renewed, rotation.used, rotation.idle) == (0, {"old": 1, "third": 1}, [])


async def test_rotation_and_writers_do_not_harm_each_other(store: SqlStore) -> None:
    old, both = vault(store, OLD, NEW), vault(store, NEW, OLD)
    names = [f"s{index}" for index in range(60)]
    for name in names:
        await make(old, name, "first")
    last: dict[str, str] = {}

    async def write(some: Sequence[str]) -> None:
        for round_ in range(3):
            for name in some:
                value = f"{name} {round_}"
                await old.update(caller(), ORG, name, value=value)
                last[name] = value
                assert await value_of(old, name) == value

    _, _, rotation, _ = await asyncio.gather(
        write(names[:10]), write(names[30:40]), both.rotate(), make(old, "late", "late")
    )
    settled = await both.rotate()

    assert rotation.failed == settled.failed == []
    assert settled.used == {"new": 61}
    for name in names:
        assert await value_of(vault(store, NEW), name) == last.get(name, "first")
    assert await store.first_broken() is None


async def test_a_rotation_that_is_broken_off_is_taken_up_again(store: SqlStore) -> None:
    secrets, both = vault(store), vault(store, NEW, OLD)
    for index in range(70):
        await make(secrets, f"s{index}", f"v{index}")

    rotating = asyncio.create_task(both.rotate())
    while "rotate" not in await actions(store):
        pass
    rotating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await rotating
    rest = await both.rotate()

    assert rest.renewed < 70
    assert rest.used == {"new": 70}
    assert (await actions(store)).count("rotate") == 70
    assert [await value_of(both, f"s{index}") for index in (0, 69)] == ["v0", "v69"]


async def test_without_keys_nothing_is_sealed_and_facts_are_still_there(store: SqlStore) -> None:
    await make(vault(store))
    keyless = Secrets(store=store, keys=LocalKeys(), clock=SystemClock())

    for call in (
        make(keyless, "another"),
        keyless.update(caller(), ORG, "database", value="x"),
        keyless.access(caller("read"), ORG, "database"),
        keyless.rotate(),
    ):
        with pytest.raises(NotConfigured, match="set POLYDESK_SECRET_KEYS or"):
            await call

    assert (await keyless.get(caller("read"), ORG, "database")).name == "database"
    assert (await keyless.remove(caller(), ORG, "database")).name == "database"


async def test_who_follows_tickets_is_told_of_no_secret(store: SqlStore) -> None:
    secrets = vault(store)
    await make(secrets)
    await store.tickets.save(ORG, [draft("A")], stamp=stamp(), once=None)
    await value_of(secrets)
    await store.tickets.save(ORG + 1, [draft("B")], stamp=stamp(), once=None)
    await make(secrets, org=ORG + 1)

    heard = await store.history.of_org(ORG, after=0, limit=9)
    touched = await store.history.touched(0, limit=9)

    assert [(entry.sequence, entry.action) for entry, _ in heard] == [(2, "create")]
    assert touched == {0: 5, ORG: 2, ORG + 1: 4}
    assert await store.history.touched(4, limit=9) == {0: 5}
    assert await store.tickets.history(0, after=0, limit=9) != []  # which no ticket leads to
    assert await store.tickets.get(0) is None


async def test_the_newest_entries_come_in_their_order(store: SqlStore) -> None:
    secrets = vault(store)
    await store.tickets.save(ORG, [draft("A")], stamp=stamp(), once=None)
    await make(secrets)
    await store.tickets.save(ORG + 1, [draft("B")], stamp=stamp(), once=None)

    newest = await store.history.newest_entries(None, limit=2)
    of_org = await store.history.newest_entries(ORG, limit=9)

    assert [entry.sequence for entry in newest] == [2, 3]
    assert [entry.action for entry in of_org] == ["create", "secret.create"]


class Asked:
    """An engine that notes what it is asked, and answers nothing."""

    def __init__(self) -> None:
        self.reads: list[Read] = []

    async def rows(self, read: Read) -> list[Any]:
        self.reads.append(read)
        return []

    async def write(self, make: Callable[[], Script[Any]]) -> list[Any]:
        """Notes what a script asks first."""
        first = next(make())
        assert isinstance(first, Read)
        self.reads.append(first)
        return []


async def test_an_index_finds_all_that_is_asked(store: SqlStore) -> None:
    asked: Any = Asked()
    await store.engine.write(_many)
    await SqlSecrets(asked).read(1, "7", action="get", stamp=stamp())
    await SqlSecrets(asked).of_org(1, after=3, limit=9, stamp=stamp())
    await SqlHistory(asked).of_org(1, after=3, limit=9)
    await SqlSecrets(asked).sealed_otherwise("old", after=3, limit=20)

    plans = [await _plan(store, read) for read in asked.reads]

    used = ["secrets_name", "secrets_id", "history_org", "INTEGER PRIMARY KEY|secrets_pkey"]
    for index, plan in zip(used, plans, strict=True):
        assert re.search(index, plan)
    assert not any("Seq Scan" in plan or "TEMP B-TREE" in plan for plan in plans)


def _many() -> Script[None]:
    yield Write(
        "insert into secrets (id, org, name, key, document, sealed)"
        " values ($1, $2, $3, 'k', '{}', $4)",
        [(id_, id_ % 100, str(id_), b"x" * 500) for id_ in range(1, 6_000)],
    )
    yield Write(
        "insert into history (sequence, ticket, org, at, actor, via, request_id, action, digest,"
        " fields, hash) values ($1, $2, $3, 0, '', '', '', '', '', '{}', $4)",
        [(id_, id_ % 10, id_ % 99, b"") for id_ in range(1, 6_000)],
    )


async def _plan(store: SqlStore, read: Read) -> str:
    if isinstance(store.engine, Sqlite):
        rows = await store.engine.rows(Read(f"explain query plan {read.sql}", read.args))
    else:
        for table in ("secrets", "history"):
            await store.engine.rows(Read(f"analyze {table}"))
        rows = await store.engine.rows(Read(f"explain {read.sql}", read.args))
    return "\n".join(str(row[-1]) for row in rows)


async def test_the_files_of_the_database_hold_no_value(sqlite_url: str) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    store = await open_store(sqlite_url)
    secrets = vault(store)
    await make(secrets, key=once())
    await secrets.update(caller(), ORG, "database", value=VALUE + "2")
    await value_of(secrets)

    with_log = bytes_of(path)
    await store.close()

    for held in (with_log, bytes_of(path)):
        assert b"database" in held
        assert VALUE.encode() not in held


def bytes_of(path: Path) -> bytes:
    """Returns the bytes of a database and of the log beside it."""
    return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))


def test_a_value_is_printed_with_no_record() -> None:
    ring = KeyRing.read([OLD], source="the test")

    assert VALUE not in repr(ring.seal(VALUE, about=b""))

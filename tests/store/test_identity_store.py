from __future__ import annotations

import asyncio
import hashlib

import msgspec
import pytest

from polydesk.domain.errors import Exists, NotFound
from polydesk.domain.identity import Account, Org, Role
from polydesk.store import SqlStore, open_store
from tests.store.records import account

KEY = hashlib.sha256(b"key").digest()


async def test_orgs_come_by_id(store: SqlStore) -> None:
    for id_ in (9, 2**31 - 1, 3):
        await store.identity.add_org(Org(id=id_, name=f"Org {id_}"))

    assert [org.id for org in await store.identity.orgs()] == [3, 9, 2**31 - 1]


async def test_an_org_exists_once(store: SqlStore) -> None:
    await store.identity.add_org(Org(id=1, name="A"))

    with pytest.raises(Exists):
        await store.identity.add_org(Org(id=1, name="B"))
    assert await store.identity.orgs() == [Org(id=1, name="A")]


async def test_an_account_gets_an_id_and_is_found_by_it(store: SqlStore) -> None:
    said = account(id=99, roles={7: Role.AGENT, 8: Role.READER}, operator=True, default_org=7)

    first = await store.identity.add_account(said)
    second = await store.identity.add_account(account("bob"))

    assert first == msgspec.structs.replace(said, id=1)
    assert second.id == 2
    assert await store.identity.account(1) == first
    assert await store.identity.account(3) is None
    assert await store.identity.accounts() == [first, second]


@pytest.mark.parametrize("login", ["ann@example.org", "ANN@EXAMPLE.ORG", "Ann@Example.org"])
async def test_the_letter_case_of_a_login_does_not_count(store: SqlStore, login: str) -> None:
    made = await store.identity.add_account(account("Ann@example.org"))

    assert await store.identity.account_of(login) == made
    with pytest.raises(Exists):
        await store.identity.add_account(account(login))


async def test_letters_beyond_ascii_fold_alike_in_both_engines(store: SqlStore) -> None:
    made = await store.identity.add_account(account("STRASSE-Ä"))

    assert await store.identity.account_of("straße-ä") == made


async def test_an_account_is_changed(store: SqlStore) -> None:
    made = await store.identity.add_account(account())
    changed = msgspec.structs.replace(made, login="new", token_epoch=3)

    await store.identity.change_account(made.id, lambda _: changed)

    assert await store.identity.account(made.id) == changed
    assert await store.identity.account_of("NEW") == changed
    assert await store.identity.account_of(made.login) is None


async def test_changes_at_once_are_all_kept(store: SqlStore) -> None:
    made = await store.identity.add_account(account())

    def one_more(found: Account) -> Account:
        return msgspec.structs.replace(found, token_epoch=found.token_epoch + 1)

    await asyncio.gather(*(store.identity.change_account(made.id, one_more) for _ in range(20)))

    changed = await store.identity.account(made.id)
    assert changed is not None
    assert changed.token_epoch == made.token_epoch + 20


async def test_a_login_cannot_be_taken_over(store: SqlStore) -> None:
    await store.identity.add_account(account("ann"))
    bob = await store.identity.add_account(account("bob"))

    with pytest.raises(Exists):
        await store.identity.change_account(
            bob.id, lambda found: msgspec.structs.replace(found, login="ANN")
        )


async def test_an_account_that_is_not_there_cannot_be_changed(store: SqlStore) -> None:
    with pytest.raises(NotFound):
        await store.identity.change_account(5, lambda found: found)


async def test_a_key_leads_to_its_account(store: SqlStore) -> None:
    await store.identity.add_account(account("ann"))
    bob = await store.identity.add_account(account("bob"))

    await store.identity.add_key(KEY, account=bob.id, label="laptop")

    assert await store.identity.account_of_key(KEY) == bob
    assert await store.identity.account_of_key(bytes(32)) is None
    with pytest.raises(Exists):
        await store.identity.add_key(KEY, account=bob.id, label="again")


async def test_keys_are_told_apart_by_their_ids_and_ended_one_by_one(store: SqlStore) -> None:
    bob, ann = [await store.identity.add_account(account(login)) for login in ("bob", "ann")]
    other = hashlib.sha256(b"other").digest()
    await store.identity.add_key(KEY, account=bob.id, label="laptop")
    await store.identity.add_key(other, account=bob.id, label="laptop")
    first, second = await store.identity.keys(bob.id)
    version = await store.identity.version()

    with pytest.raises(NotFound, match="no key"):
        await store.identity.remove_key(first.id, account=ann.id)
    await store.identity.remove_key(first.id, account=bob.id)

    assert (first.label, first.id, second.id) == ("laptop", KEY.hex()[:16], other.hex()[:16])
    assert await store.identity.keys(bob.id) == [second]
    assert await store.identity.account_of_key(KEY) is None
    assert await store.identity.account_of_key(other) == bob
    assert await store.identity.version() == version + 1


async def test_another_signing_key_takes_the_place_of_the_first(store: SqlStore) -> None:
    await store.identity.signing_key(b"a" * 32)
    version = await store.identity.version()

    await store.identity.change_signing_key(b"b" * 32)

    assert await store.identity.signing_key(b"c" * 32) == b"b" * 32
    assert await store.identity.version() == version + 1  # by which other hubs hear of it


async def test_a_key_needs_an_account(store: SqlStore) -> None:
    with pytest.raises(NotFound):
        await store.identity.add_key(KEY, account=1, label="")


async def test_the_first_signing_key_stays(store_url: str) -> None:
    one, other = await open_store(store_url), await open_store(store_url)

    keys = await asyncio.gather(
        one.identity.signing_key(b"a" * 32), other.identity.signing_key(b"b" * 32)
    )

    assert keys[0] == keys[1]
    assert await other.identity.signing_key(b"c" * 32) == keys[0]
    await one.close()
    await other.close()


async def test_the_version_grows_with_every_write_of_whoever(store_url: str) -> None:
    one, other = await open_store(store_url), await open_store(store_url)
    seen = [await one.identity.version()]

    await other.identity.add_org(Org(id=1, name="A"))
    seen.append(await one.identity.version())
    made = await other.identity.add_account(account())
    seen.append(await one.identity.version())
    await other.identity.change_account(made.id, lambda found: found)
    seen.append(await one.identity.version())
    await other.identity.add_key(KEY, account=made.id, label="")
    seen.append(await one.identity.version())

    assert seen == sorted(set(seen))
    await one.close()
    await other.close()


async def test_a_refused_write_leaves_the_version(store: SqlStore) -> None:
    await store.identity.add_account(account())
    before = await store.identity.version()

    with pytest.raises(Exists):
        await store.identity.add_account(account())

    assert await store.identity.version() == before

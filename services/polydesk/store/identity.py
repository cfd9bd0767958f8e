"""Orgs, accounts, keys: few rows, each a document; every write makes the version grow."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import msgspec

from polydesk.domain.errors import Exists, NotFound
from polydesk.domain.identity import Account, Key, Org
from polydesk.store.moment import moment
from polydesk.store.script import Engine, Read, Row, Script, Write

_org: Final = msgspec.json.Decoder(Org).decode
_account: Final = msgspec.json.Decoder(Account).decode
_encode: Final = msgspec.json.Encoder().encode
_KEY_ID: Final = 16
_GROW: Final = "update counters set value = value + 1 where name = $1"


class SqlIdentity:
    """Keeps who is who, as org_ports.IdentityStore says."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def version(self) -> int:
        """Returns how often anything was written here."""
        row = await self._engine.row(_counted("identity"))
        return 0 if row is None else int(row[0])

    async def orgs(self) -> list[Org]:
        """Returns all orgs by id."""
        rows = await self._engine.rows(Read("select document from orgs order by id"))
        return [_org(row[0]) for row in rows]

    async def add_org(self, org: Org) -> None:
        """Inserts an org."""
        await self._engine.write(lambda: _add_org(org))

    async def change_org(self, id_: int, change: Callable[[Org], Org]) -> Org:
        """Changes an org, as it stands in the transaction."""
        return await self._engine.write(lambda: _change_org(id_, change))

    async def accounts(self) -> list[Account]:
        """Returns all accounts by id."""
        rows = await self._engine.rows(Read("select document from accounts order by id"))
        return [_account(row[0]) for row in rows]

    async def account(self, id_: int) -> Account | None:
        """Returns the account of an id."""
        return await self._one(Read("select document from accounts where id = $1", (id_,)))

    async def account_of(self, login: str) -> Account | None:
        """Returns the account of a login."""
        return await self._one(
            Read("select document from accounts where login = $1", (login.casefold(),))
        )

    async def account_of_key(self, digest: bytes) -> Account | None:
        """Returns the account that an API key belongs to."""
        return await self._one(
            Read(
                "select document from api_keys join accounts on accounts.id = api_keys.account"
                " where digest = $1",
                (digest,),
            )
        )

    async def add_account(self, account: Account) -> Account:
        """Inserts an account and gives it an id."""
        return await self._engine.write(lambda: _add_account(account))

    async def change_account(self, id_: int, change: Callable[[Account], Account]) -> Account:
        """Changes an account, as it stands in the transaction."""
        return await self._engine.write(lambda: _change_account(id_, change))

    async def add_key(self, digest: bytes, *, account: int, label: str) -> None:
        """Inserts an API key."""
        await self._engine.write(lambda: _add_key(digest, account=account, label=label))

    async def keys(self, account: int) -> list[Key]:
        """Returns what is known of an account's API keys, the oldest first."""
        rows = await self._engine.rows(
            Read(
                "select digest, label, created_at from api_keys where account = $1"
                " order by created_at, digest",
                (account,),
            )
        )
        return [Key(id=_key_id(row[0]), label=row[1], created_at=moment(row[2])) for row in rows]

    async def remove_key(self, id_: str, *, account: int) -> None:
        """Removes an API key of an account."""
        await self._engine.write(lambda: _remove_key(id_, account=account))

    async def signing_key(self, candidate: bytes) -> bytes:
        """Returns the key that signs tokens."""
        row = await self._engine.row(_SIGNING_KEY)
        if row is not None:
            return bytes(row[0])
        return await self._engine.write(lambda: _signing_key(candidate))

    async def change_signing_key(self, key: bytes) -> None:
        """Has a key sign tokens from now on, and forgets the one before."""
        await self._engine.write(lambda: _change_signing_key(key))

    async def _one(self, read: Read) -> Account | None:
        row = await self._engine.row(read)
        return None if row is None else _account(row[0])


_SIGNING_KEY: Final = Read("select secret from signing_keys order by id desc limit 1")


def _add_org(org: Org) -> Script[None]:
    if (yield Read("select 1 from orgs where id = $1", (org.id,))):
        raise Exists(f"there is an org {org.id} already", org=str(org.id))
    yield Write("insert into orgs (id, document) values ($1, $2)", [(org.id, _text(org))])
    yield _grown("identity")


def _add_account(account: Account) -> Script[Account]:
    yield from _claim(account.login, other_than=0)
    last: list[Row] = list((yield _counted("account")))
    account = msgspec.structs.replace(account, id=last[0][0] + 1)
    yield Write(
        "insert into accounts (id, login, document) values ($1, $2, $3)",
        [(account.id, account.login.casefold(), _text(account))],
    )
    yield _grown("account")
    yield _grown("identity")
    return account


def _change_org(id_: int, change: Callable[[Org], Org]) -> Script[Org]:
    rows = yield Read("select document from orgs where id = $1", (id_,))
    if not rows:
        raise NotFound(f"there is no org {id_}", org=str(id_))
    org = change(_org(rows[0][0]))
    yield Write("update orgs set document = $2 where id = $1", [(id_, _text(org))])
    yield _grown("identity")
    return org


def _change_account(id_: int, change: Callable[[Account], Account]) -> Script[Account]:
    rows = yield Read("select document from accounts where id = $1", (id_,))
    if not rows:
        raise NotFound(f"there is no account {id_}")
    account = change(_account(rows[0][0]))
    yield from _claim(account.login, other_than=id_)
    yield Write(
        "update accounts set login = $2, document = $3 where id = $1",
        [(id_, account.login.casefold(), _text(account))],
    )
    yield _grown("identity")
    return account


def _add_key(digest: bytes, *, account: int, label: str) -> Script[None]:
    if (yield Read("select 1 from api_keys where digest = $1", (digest,))):
        raise Exists("there is this API key already")
    if not (yield Read("select 1 from accounts where id = $1", (account,))):
        raise NotFound(f"there is no account {account}")
    yield Write(
        "insert into api_keys (digest, account, label, created_at) values ($1, $2, $3, $4)",
        [(digest, account, label, _now())],
    )
    yield _grown("identity")


def _remove_key(id_: str, *, account: int) -> Script[None]:
    rows = yield Read("select digest from api_keys where account = $1", (account,))
    found = [row[0] for row in rows if _key_id(row[0]) == id_]
    if not found:
        raise NotFound(f"the account has no key {id_}")
    yield Write("delete from api_keys where digest = $1", [(found[0],)])
    yield _grown("identity")


def _key_id(digest: bytes) -> str:
    return bytes(digest).hex()[:_KEY_ID]


def _signing_key(candidate: bytes) -> Script[bytes]:
    rows = yield _SIGNING_KEY
    if rows:
        return bytes(rows[0][0])
    yield from _change_signing_key(candidate)
    return candidate


def _change_signing_key(key: bytes) -> Script[None]:
    yield Write("delete from signing_keys where id > $1", [(0,)])
    yield Write(
        "insert into signing_keys (id, secret, created_at) values ($1, $2, $3)", [(1, key, _now())]
    )
    yield _grown("identity")


def _claim(login: str, *, other_than: int) -> Script[None]:
    taken = yield Read(
        "select 1 from accounts where login = $1 and id <> $2", (login.casefold(), other_than)
    )
    if taken:
        raise Exists(f"there is an account {login} already", login=login)


def _counted(name: str) -> Read:
    return Read("select value from counters where name = $1", (name,))


def _grown(name: str) -> Write:
    return Write(_GROW, [(name,)])


def _now() -> int:
    # No rule reads these times, only operators do: no clock comes in for them.
    return time.time_ns() // 1_000


def _text(record: Org | Account) -> str:
    return _encode(record).decode()

"""People and locations: a document each, found by its id or by its key in the org."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic

import msgspec

from polydesk.domain.errors import Exists, NotFound
from polydesk.domain.history import NO_TICKET
from polydesk.domain.identity import Once, Stamp
from polydesk.domain.location import Location
from polydesk.domain.org_ports import Listed, Registered
from polydesk.domain.person import Person
from polydesk.domain.saving import Change
from polydesk.store import history
from polydesk.store.once import once_only
from polydesk.store.script import Engine, Read, Script, Together, Write

_TABLES: Final[Mapping[type[Any], str]] = {Person: "people", Location: "locations"}
# What an entry goes by besides its key.
_NAMES: Final[Mapping[type[Any], tuple[str, ...]]] = {
    Person: ("name", "login", "sys_id"),
    Location: ("name",),
}


class SqlDirectory(Generic[Listed]):
    """Keeps people, or locations, as org_ports.DirectoryStore says."""

    def __init__(self, kind: type[Listed], engine: Engine) -> None:
        self._kind = kind
        self._engine = engine
        self._table = _TABLES[kind]
        self._decode = msgspec.json.Decoder(kind).decode

    async def add(
        self, org: int, make: Callable[[int], Listed], *, stamp: Stamp, once: Once | None
    ) -> Listed:
        """Inserts an entry."""
        return await self._once(lambda: self._add(org, make, stamp=stamp), stamp=stamp, once=once)

    async def change(
        self,
        org: int,
        id_: int,
        change: Callable[[Listed], Listed],
        *,
        stamp: Stamp,
        once: Once | None,
    ) -> Listed:
        """Changes an entry."""
        return await self._once(
            lambda: self._change(org, id_, change, stamp=stamp), stamp=stamp, once=once
        )

    async def remove(self, org: int, id_: int, *, stamp: Stamp, once: Once | None) -> Listed:
        """Deletes an entry."""
        return await self._once(lambda: self._remove(org, id_, stamp=stamp), stamp=stamp, once=once)

    async def get(self, org: int, id_: int) -> Listed | None:
        """Returns the entry of an id."""
        row = await self._engine.row(self._where("id = $2", org, id_))
        return None if row is None else self._decode(row[0])

    async def find(self, org: int, key: str) -> Listed | None:
        """Returns the entry of a key."""
        row = await self._engine.row(self._where("key = $2", org, key))
        return None if row is None else self._decode(row[0])

    async def known(self, org: int, names: Sequence[str]) -> list[Listed]:
        """Returns the entries that go by one of the names."""
        names_of = (f"lower(document->>'{name}' collate \"C\")" for name in _NAMES[self._kind])
        stored = ["key", *names_of]
        goes_by = " or ".join(f"{each} = any($2)" for each in stored)
        rows = await self._engine.rows(self._where(f"({goes_by}) order by id", org, list(names)))
        return [self._decode(row[0]) for row in rows]

    async def of_org(self, org: int, *, after: int, limit: int) -> list[Listed]:
        """Returns entries of an org by their ids."""
        rows = await self._engine.rows(
            self._where("id > $2 order by id limit $3", org, after, limit)
        )
        return [self._decode(row[0]) for row in rows]

    async def _once(
        self, make: Callable[[], Script[Listed]], *, stamp: Stamp, once: Once | None
    ) -> Listed:
        return await self._engine.write(
            lambda: once_only(make(), self._kind, once=once, stamp=stamp)
        )

    def _add(self, org: int, make: Callable[[int], Listed], *, stamp: Stamp) -> Script[Listed]:
        if not (yield Read("select 1 from orgs where id = $1", (org,))):
            raise NotFound(f"there is no org {org}")
        latest = yield from history.latest()
        entry = make(latest.sequence + 1)
        yield from self._claim(entry)
        insert = f"insert into {self._table} (id, org, key, document) values ($1, $2, $3, $4)"  # noqa: S608  # own words
        yield Together(
            [
                *self._told("create", None, entry, stamp=stamp, latest=latest),
                Write(insert, [(entry.id, org, entry.key, _text(entry))]),
            ]
        )
        return entry

    def _change(
        self, org: int, id_: int, change: Callable[[Listed], Listed], *, stamp: Stamp
    ) -> Script[Listed]:
        old = yield from self._one(org, id_)
        entry = change(old)
        yield from self._claim(entry)
        latest = yield from history.latest()
        update = f"update {self._table} set key = $2, document = $3 where id = $1"  # noqa: S608  # own words
        yield Together(
            [
                *self._told("update", old, entry, stamp=stamp, latest=latest),
                Write(update, [(id_, entry.key, _text(entry))]),
            ]
        )
        return entry

    def _remove(self, org: int, id_: int, *, stamp: Stamp) -> Script[Listed]:
        old = yield from self._one(org, id_)
        latest = yield from history.latest()
        yield Together(
            [
                *self._told("delete", old, None, stamp=stamp, latest=latest),
                Write(f"delete from {self._table} where id = $1", [(id_,)]),  # noqa: S608  # own words
            ]
        )
        return old

    def _one(self, org: int, id_: int) -> Script[Listed]:
        rows = yield self._where("id = $2", org, id_)
        if not rows:
            raise NotFound(f"there is no {self._kind.WHAT} {id_} in org {org}")
        return self._decode(rows[0][0])

    def _claim(self, entry: Listed) -> Script[None]:
        """Refuses a key that another entry has."""
        rows = yield self._where("key = $2 and id <> $3", entry.org, entry.key, entry.id)
        if rows:
            raise Exists(f"org {entry.org} has a {entry.WHAT} {entry.key} already")

    def _where(self, condition: str, *args: object) -> Read:
        return Read(
            f"select document from {self._table} where org = $1 and {condition}",  # noqa: S608  # own words
            args,
        )

    def _told(
        self,
        action: str,
        old: Listed | None,
        new: Listed | None,
        *,
        stamp: Stamp,
        latest: history.Latest,
    ) -> list[Write]:
        entry = new or old
        change = Change(
            ticket=NO_TICKET,
            org=0 if entry is None else entry.org,
            action=f"{self._kind.WHAT}.{action}",
            digest="",
            old={} if old is None else {self._kind.WHAT: old},
            new={} if new is None else {self._kind.WHAT: new},
        )
        return history.append([change], stamp, latest=latest, ticket=latest.ticket)


def _text(entry: Registered) -> str:
    return msgspec.json.encode(entry).decode()

"""The shelf: scripts, targets and runbooks, a document each, found by org and id or name."""

from __future__ import annotations

from typing import Any, Final, Generic

import msgspec

from polydesk.domain.errors import Exists, NotFound
from polydesk.domain.identity import Once, Stamp
from polydesk.domain.registered import Registered, Spec
from polydesk.domain.saving import Change
from polydesk.store import history
from polydesk.store.once import once_only
from polydesk.store.script import Engine, Read, Row, Script, Together, Write

_KEEP: Final = (
    "insert into shelf (org, kind, id, name, document) values ($1, $2, $3, $4, $5)"
    " on conflict (org, kind, id) do update set name = excluded.name,"
    " document = excluded.document"
)
_COUNT: Final = (
    "insert into counters (name, value) values ($1, $2) on conflict (name) do update"
    " set value = excluded.value where counters.value < excluded.value"
)
_BY_ID: Final = "select document from shelf where org = $1 and kind = $2 and id = $3"
_BY_NAME: Final = "select document from shelf where org = $1 and kind = $2 and name = $3"
_OF_ORG: Final = (
    "select document from shelf where org = $1 and kind = $2 and id > $3 order by id limit $4"
)


class SqlShelf(Generic[Spec]):
    """Keeps what is registered of one kind, as run_ports.ShelfStore says."""

    def __init__(self, engine: Engine, kind: str, spec: type[Spec]) -> None:
        self._engine = engine
        self._kind = kind
        self._type: Any = Registered[spec]  # type: ignore[valid-type]  # known when it runs
        self._decode = msgspec.json.Decoder(self._type).decode

    async def save(  # noqa: PLR0913 - as one transaction
        self, org: int, spec: Spec, *, id_: int, etag: str, stamp: Stamp, once: Once | None
    ) -> Registered[Spec]:
        """Inserts or replaces."""

        def script() -> Script[Registered[Spec]]:
            return self._save(org, spec, id_=id_, etag=etag, stamp=stamp)

        return await self._engine.write(
            lambda: once_only(script(), self._type, once=once, stamp=stamp)
        )

    async def remove(
        self, org: int, id_: int, *, etag: str, stamp: Stamp, once: Once | None
    ) -> Registered[Spec]:
        """Deletes."""

        def script() -> Script[Registered[Spec]]:
            return self._remove(org, id_, etag=etag, stamp=stamp)

        return await self._engine.write(
            lambda: once_only(script(), self._type, once=once, stamp=stamp)
        )

    async def get(self, org: int, id_: int) -> Registered[Spec] | None:
        """Returns the record of an id."""
        return self._one(await self._engine.row(Read(_BY_ID, (org, self._kind, id_))))

    async def find(self, org: int, name: str) -> Registered[Spec] | None:
        """Returns the record of a name."""
        return self._one(await self._engine.row(Read(_BY_NAME, (org, self._kind, name))))

    async def of_org(self, org: int, *, after: int, limit: int) -> list[Registered[Spec]]:
        """Returns records by their ids."""
        rows = await self._engine.rows(Read(_OF_ORG, (org, self._kind, after, limit)))
        return [self._decode(row[0]) for row in rows]

    def _one(self, row: Row | None) -> Registered[Spec] | None:
        return None if row is None else self._decode(row[0])

    def _save(
        self, org: int, spec: Spec, *, id_: int, etag: str, stamp: Stamp
    ) -> Script[Registered[Spec]]:
        old, namesake = yield from self._standing(org, spec.name, id_)
        if namesake and namesake.id != id_ and id_:
            raise Exists(f"org {org} has a {self._kind} {spec.name} already: {namesake.id}")
        if old is None and etag:
            raise NotFound(f"org {org} has no {self._kind} {id_ or spec.name}")
        if old is not None:
            old.check_etag(etag)
            if old.spec == spec:
                return old
        counter = f"{self._kind} of {org}"
        rows = yield Read("select value from counters where name = $1", (counter,))
        new = self._next(old, org, spec, id_=id_ or (rows[0][0] if rows else 0) + 1, stamp=stamp)
        latest = yield from history.latest()
        document = msgspec.json.encode(new).decode()
        yield Together(
            [
                *history.append(
                    [self._told("save", old, new)], stamp, latest=latest, ticket=latest.ticket
                ),
                Write(_KEEP, [(org, self._kind, new.id, spec.name, document)]),
                Write(_COUNT, [(counter, new.id)]),
            ]
        )
        return new

    def _standing(
        self, org: int, name: str, id_: int
    ) -> Script[tuple[Registered[Spec] | None, Registered[Spec] | None]]:
        """Returns what would be replaced, and what has the name."""
        rows = yield Read(_BY_NAME, (org, self._kind, name))
        namesake = self._one(rows[0] if rows else None)
        if not id_:
            return namesake, namesake
        rows = yield Read(_BY_ID, (org, self._kind, id_))
        return self._one(rows[0] if rows else None), namesake

    def _next(
        self, old: Registered[Spec] | None, org: int, spec: Spec, *, id_: int, stamp: Stamp
    ) -> Registered[Spec]:
        if old is None:
            return Registered(org=org, id=id_, spec=spec, created_at=stamp.at, updated_at=stamp.at)
        return msgspec.structs.replace(
            old, spec=spec, updated_at=stamp.at, revision=old.revision + 1
        )

    def _remove(self, org: int, id_: int, *, etag: str, stamp: Stamp) -> Script[Registered[Spec]]:
        rows = yield Read(_BY_ID, (org, self._kind, id_))
        if not rows:
            raise NotFound(f"org {org} has no {self._kind} {id_}")
        old = self._decode(rows[0][0])
        old.check_etag(etag)
        latest = yield from history.latest()
        yield Together(
            [
                *history.append(
                    [self._told("remove", old, None)], stamp, latest=latest, ticket=latest.ticket
                ),
                Write(
                    "delete from shelf where org = $1 and kind = $2 and id = $3",
                    [(org, self._kind, id_)],
                ),
            ]
        )
        return old

    def _told(
        self, what: str, old: Registered[Spec] | None, new: Registered[Spec] | None
    ) -> Change:
        """Tells the history, in which ticket 0 stands for none."""
        some = new or old
        return Change(
            ticket=0,
            org=some.org if some else 0,
            action=f"{self._kind}.{what}",
            digest="",
            old={self._kind: old} if old else {},
            new={self._kind: new},
        )

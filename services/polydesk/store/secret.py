"""Secrets: facts in a document, and beside it what a key has sealed; nothing else leaves a trace.

Reading is a write, too: the history tells it in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from polydesk.domain.errors import Exists, NotFound
from polydesk.domain.identity import Once, Stamp
from polydesk.domain.keyring import Sealed
from polydesk.domain.secret import Kept, Secret, SecretDraft, facts, told
from polydesk.store import history
from polydesk.store.once import once_only
from polydesk.store.script import Engine, Read, Row, Script, Together, Write

_INSERT: Final = (
    "insert into secrets (id, org, name, key, document, sealed) values ($1, $2, $3, $4, $5, $6)"
)
_ONE: Final = "select document, key, sealed from secrets where org = $1 and name = $2"
_OF_ORG: Final = "select document from secrets where org = $1 and id > $2 order by id limit $3"
_OTHERWISE: Final = (
    "select document, key, sealed from secrets where key <> $1 and id > $2 order by id limit $3"
)
_decode: Final = msgspec.json.Decoder(Secret).decode
_encode: Final = msgspec.json.Encoder().encode


class SqlSecrets:
    """Keeps secrets, as org_ports.SecretStore says."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def add(
        self, org: int, draft: SecretDraft, sealed: Sealed, *, stamp: Stamp, once: Once | None
    ) -> Secret:
        """Inserts a secret."""
        return await self._once(
            lambda: _add(org, draft, sealed, stamp=stamp), stamp=stamp, once=once
        )

    async def change(  # noqa: PLR0913 - as the port
        self,
        org: int,
        name: str,
        *,
        change: Callable[[Secret], Secret],
        sealed: Sealed | None,
        stamp: Stamp,
        once: Once | None,
    ) -> Secret:
        """Changes a secret."""
        return await self._once(
            lambda: _change(org, name, change=change, sealed=sealed, stamp=stamp),
            stamp=stamp,
            once=once,
        )

    async def remove(
        self,
        org: int,
        name: str,
        *,
        check: Callable[[Secret], None],
        stamp: Stamp,
        once: Once | None,
    ) -> Secret:
        """Deletes a secret."""
        return await self._once(
            lambda: _remove(org, name, check=check, stamp=stamp), stamp=stamp, once=once
        )

    async def read(self, org: int, name: str, *, action: str, stamp: Stamp) -> Kept:
        """Returns a secret, once its reading is told."""
        return await self._engine.write(lambda: _read(org, name, action=action, stamp=stamp))

    async def of_org(self, org: int, *, after: int, limit: int, stamp: Stamp) -> list[Secret]:
        """Returns secrets of an org by their ids, once their reading is told."""
        return await self._engine.write(lambda: _of_org(org, after=after, limit=limit, stamp=stamp))

    async def sealed_otherwise(self, key: str, *, after: int, limit: int) -> list[Kept]:
        """Returns secrets that another key seals."""
        rows = await self._engine.rows(Read(_OTHERWISE, (key, after, limit)))
        return [_kept(row) for row in rows]

    async def reseal(self, renewed: Sequence[tuple[Kept, Sealed]], *, stamp: Stamp) -> int:
        """Replaces what is sealed, where it still is what it was."""
        return await self._engine.write(lambda: _reseal(renewed, stamp=stamp))

    async def keys_in_use(self) -> dict[str, int]:
        """Counts secrets by the keys that seal them."""
        rows = await self._engine.rows(
            Read("select key, count(*) from secrets group by key order by key")
        )
        return {str(key): int(count) for key, count in rows}

    async def _once(
        self, make: Callable[[], Script[Secret]], *, stamp: Stamp, once: Once | None
    ) -> Secret:
        return await self._engine.write(lambda: once_only(make(), Secret, once=once, stamp=stamp))


def _add(org: int, draft: SecretDraft, sealed: Sealed, *, stamp: Stamp) -> Script[Secret]:
    if (yield Read("select 1 from secrets where org = $1 and name = $2", (org, draft.name))):
        raise Exists(f"there is a secret {draft.name} in org {org} already")
    latest = yield from history.latest()
    secret = draft.secret(latest.sequence + 1, org, stamp=stamp)
    made = told(org, "create", old={}, new=facts(secret))
    yield Together(
        [
            *history.append([made], stamp, latest=latest, ticket=latest.ticket),
            inserted(secret, sealed),
        ]
    )
    return secret


def inserted(secret: Secret, sealed: Sealed) -> Write:
    """Keeps a new secret, where another record has told the history of it."""
    return Write(
        _INSERT,
        [(secret.id, secret.org, secret.name, sealed.key, _text(secret), sealed.box)],
    )


def named(org: int, names: Sequence[str]) -> Script[list[Secret]]:
    """Returns the secrets of names, as far as they are there."""
    rows = yield Read(
        "select document from secrets where org = $1 and name = any($2)", (org, names)
    )
    return [_decode(row[0]) for row in rows]


def _change(
    org: int,
    name: str,
    *,
    change: Callable[[Secret], Secret],
    sealed: Sealed | None,
    stamp: Stamp,
) -> Script[Secret]:
    old = yield from _one(org, name)
    secret, sealed = change(old.secret), sealed or old.sealed
    latest = yield from history.latest()
    made = told(org, "update", old=facts(old.secret), new=facts(secret))
    yield Together(
        [
            *history.append([made], stamp, latest=latest, ticket=latest.ticket),
            Write(
                "update secrets set key = $2, document = $3, sealed = $4 where id = $1",
                [(secret.id, sealed.key, _text(secret), sealed.box)],
            ),
        ]
    )
    return secret


def _remove(
    org: int, name: str, *, check: Callable[[Secret], None], stamp: Stamp
) -> Script[Secret]:
    secret = (yield from _one(org, name)).secret
    check(secret)
    latest = yield from history.latest()
    made = told(org, "delete", old=facts(secret), new={})
    yield Together(
        [
            *history.append([made], stamp, latest=latest, ticket=latest.ticket),
            Write("delete from secrets where id = $1", [(secret.id,)]),
        ]
    )
    return secret


def _read(org: int, name: str, *, action: str, stamp: Stamp) -> Script[Kept]:
    kept = yield from _one(org, name)
    asked = {"secret": name, "etag": kept.secret.etag}
    yield from _told(org, action, new=asked, stamp=stamp)
    return kept


def _of_org(org: int, *, after: int, limit: int, stamp: Stamp) -> Script[list[Secret]]:
    rows = yield Read(_OF_ORG, (org, after, limit))
    yield from _told(org, "list", new={"secrets": len(rows)}, stamp=stamp)
    return [_decode(row[0]) for row in rows]


def _reseal(renewed: Sequence[tuple[Kept, Sealed]], *, stamp: Stamp) -> Script[int]:
    ids = [kept.secret.id for kept, _ in renewed]
    rows = yield Read("select id, sealed from secrets where id = any($1)", (ids,))
    boxes = {row[0]: bytes(row[1]) for row in rows}
    # Who was quicker has sealed another value, or deleted it.
    still = [each for each in renewed if boxes.get(each[0].secret.id) == each[0].sealed.box]
    if not still:
        return 0
    latest = yield from history.latest()
    changes = [
        told(
            kept.secret.org,
            "rotate",
            old={"key": kept.sealed.key},
            new={"secret": kept.secret.name, "key": sealed.key},
        )
        for kept, sealed in still
    ]
    yield Together(
        [
            *history.append(changes, stamp, latest=latest, ticket=latest.ticket),
            Write(
                "update secrets set key = $2, sealed = $3 where id = $1",
                [(kept.secret.id, sealed.key, sealed.box) for kept, sealed in still],
            ),
        ]
    )
    return len(still)


def _one(org: int, name: str) -> Script[Kept]:
    rows = yield Read(_ONE, (org, name))
    if not rows:
        raise NotFound(f"there is no secret {name} in org {org}")
    return _kept(rows[0])


def _told(org: int, action: str, *, new: dict[str, Any], stamp: Stamp) -> Script[None]:
    latest = yield from history.latest()
    asked = told(org, action, old={}, new=new)
    yield Together(history.append([asked], stamp, latest=latest, ticket=latest.ticket))


def _kept(row: Row) -> Kept:
    document, key, box = row
    return Kept(secret=_decode(document), sealed=Sealed(key=key, box=bytes(box)))


def _text(secret: Secret) -> str:
    return _encode(secret).decode()

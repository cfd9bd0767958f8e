"""Idempotency: the answer to a write is kept with the write, and given again to its repetition.

A key belongs to the actor who brought it, for a day.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import msgspec

from polydesk.domain.errors import Conflict
from polydesk.domain.identity import Once, Stamp
from polydesk.store.moment import micros
from polydesk.store.script import Read, Script, T, Together, Write

KEPT: Final = timedelta(hours=24)
# More than one goes for each that comes, so the table does not outgrow a day's writes.
_FORGET: Final = (
    "delete from once where (actor, key) in"
    " (select actor, key from once where expires_at <= $1 order by expires_at limit 4)"
    " and not (actor = $2 and key = $3)"
)
_KEEP: Final = (
    "insert into once (actor, key, digest, answer, expires_at) values ($1, $2, $3, $4, $5)"
    " on conflict (actor, key) do update set digest = excluded.digest, answer = excluded.answer,"
    " expires_at = excluded.expires_at"
)


def once_only(
    script: Script[T], answer_type: type[T], *, once: Once | None, stamp: Stamp
) -> Script[T]:
    """Runs a script, unless it was run under this key before."""
    if once is None:
        return (yield from script)
    kept = yield from _recall(once, stamp)
    if kept is not None:
        return msgspec.json.decode(kept, type=answer_type)
    answer = yield from script
    yield from _keep(once, stamp, answer=msgspec.json.encode(answer).decode())
    return answer


def _recall(once: Once, stamp: Stamp) -> Script[str | None]:
    rows = yield Read(
        "select digest, answer from once where actor = $1 and key = $2 and expires_at > $3",
        (stamp.actor, once.key, micros(stamp.at)),
    )
    if not rows:
        return None
    digest, answer = rows[0]
    if digest != once.digest:
        raise Conflict(f"Idempotency-Key {once.key} was used for another request")
    return str(answer)


def _keep(once: Once, stamp: Stamp, *, answer: str) -> Script[None]:
    kept = (stamp.actor, once.key, once.digest, answer, micros(stamp.at + KEPT))
    forgotten = (micros(stamp.at), stamp.actor, once.key)
    yield Together([Write(_KEEP, [kept]), Write(_FORGET, [forgotten])])

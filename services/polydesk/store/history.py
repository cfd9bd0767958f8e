"""The history in the database: each entry seals the one before it, without gaps.

The table `latest` has one row: the last ticket id given out, and the last entry's sequence and
hash. So a write reads one row to go on, whatever it makes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from polydesk.domain.history import Authors, Entry
from polydesk.domain.identity import Stamp
from polydesk.domain.saving import Change
from polydesk.domain.ticket import Ticket
from polydesk.store.moment import micros, moment
from polydesk.store.script import Engine, Read, Row, Script, Write

FIRST_HASH: Final = bytes(32)
_COLUMNS: Final = "sequence, ticket, org, at, actor, via, request_id, action, digest, fields"
_INSERT: Final = (
    f"insert into history ({_COLUMNS}, hash)"  # noqa: S608  # own words
    " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
)
_MOVE: Final = "update latest set ticket = $1, sequence = $2, hash = $3"
# One statement tells the end, too, because others go on writing. It has a row, whatever is there.
_BEHIND: Final = (
    "select history.sequence, history.ticket, org, at, actor, via, request_id, action, digest,"
    " fields, history.hash, latest.sequence, latest.hash"
    " from latest left join history on history.sequence > $1 order by history.sequence limit $2"
)
_PER_SCAN: Final = 1_000
# One statement, so that a ticket is never older than its change. What belongs to no ticket is
# nothing to those who follow tickets, and its index leaves it out.
_OF_ORG: Final = (
    f"select {_COLUMNS}, (select document from tickets where tickets.id = history.ticket)"  # noqa: S608  # own words
    " from history where org = $1 and sequence > $2 and ticket <> 0 order by sequence limit $3"
)
_TOUCHED: Final = (
    "select touched, max(sequence) from"
    " (select case when ticket = 0 then 0 else org end as touched, sequence"
    " from history where sequence > $1 order by sequence limit $2) as behind"
    " group by touched"
)
_NEWEST: Final = f"select {_COLUMNS} from history order by sequence desc limit $1"  # noqa: S608  # own words
_NEWEST_OF_ORG: Final = (
    f"select {_COLUMNS} from history where org = $1 order by sequence desc limit $2"  # noqa: S608  # own words
)
# The entries that made tickets, touched them last, and took them last to where they are solved.
_STATE: Final = "fields->'new'->>'state'"
_AUTHORS: Final = (
    "select marks.ticket, made.actor, touched.actor, made.via, resolved.actor, closed.actor from"  # noqa: S608  # own words
    " (select ticket, min(sequence) as made, max(sequence) as touched,"
    f" max(case when {_STATE} = 'RESOLVED' then sequence end) as resolved,"
    f" max(case when {_STATE} in ('CLOSED', 'CANCELLED') then sequence end) as closed"
    " from history where ticket = any($1) group by ticket) as marks"
    " join history as made on made.sequence = marks.made"
    " join history as touched on touched.sequence = marks.touched"
    " left join history as resolved on resolved.sequence = marks.resolved"
    " left join history as closed on closed.sequence = marks.closed"
)
_decode: Final = msgspec.json.Decoder(Ticket).decode


class Latest(NamedTuple):
    """How far ids and history have got."""

    ticket: int
    sequence: int
    hash: bytes


class SqlHistory:
    """Reads the history of the hub, as ports.HistoryStore says."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def newest(self) -> int:
        """Returns the sequence of the newest change."""
        row = await self._engine.row(Read("select sequence from latest"))
        return 0 if row is None else int(row[0])

    async def of_org(
        self, org: int, *, after: int, limit: int
    ) -> list[tuple[Entry, Ticket | None]]:
        """Returns changes of an org's tickets, and the tickets as they are."""
        rows = await self._engine.rows(Read(_OF_ORG, (org, after, limit)))
        return [(entry(row), _decode(row[10]) if row[10] else None) for row in rows]

    async def touched(self, after: int, *, limit: int) -> dict[int, int]:
        """Returns the newest sequence of each org that was changed."""
        rows = await self._engine.rows(Read(_TOUCHED, (after, limit)))
        return {int(org): int(sequence) for org, sequence in rows}

    async def newest_entries(self, org: int | None, *, limit: int) -> list[Entry]:
        """Returns the newest entries in the order of the history."""
        read = Read(_NEWEST, (limit,)) if org is None else Read(_NEWEST_OF_ORG, (org, limit))
        return [entry(row) for row in reversed(await self._engine.rows(read))]

    def when_written(self, ring: Callable[[], None]) -> None:
        """Has `ring` called after each write of this process."""
        self._engine.when_written(ring)


def latest() -> Script[Latest]:
    """Returns what a write goes on from."""
    rows = yield Read("select ticket, sequence, hash from latest")
    return Latest(*rows[0])


def append(changes: Sequence[Change], stamp: Stamp, *, latest: Latest, ticket: int) -> list[Write]:
    """Adds changes behind the latest; `ticket` is the last ticket id that is given out now."""
    sequence, hash_ = latest.sequence, latest.hash
    # The time is what the database gives back, so that a later check seals the same bytes.
    at = moment(micros(stamp.at))
    rows = []
    for sequence, change in enumerate(changes, start=latest.sequence + 1):
        fields = msgspec.json.encode({"old": change.old, "new": change.new}).decode()
        entry = Entry(
            sequence=sequence,
            ticket=change.ticket,
            org=change.org,
            at=at,
            actor=stamp.actor,
            via=stamp.via,
            request_id=stamp.request_id,
            action=change.action,
            digest=change.digest,
            fields=fields,
        )
        hash_ = entry.seal(hash_)
        said = msgspec.structs.astuple(entry)
        rows.append((*said[:3], micros(at), *said[4:], hash_))
    moved = (ticket, sequence, hash_)
    return [Write(_INSERT, rows), Write(_MOVE, [moved])]


def of_ticket(ticket: int, *, after: int, limit: int) -> Read:
    """Asks for the entries of a ticket, oldest first."""
    return Read(
        f"select {_COLUMNS} from history where ticket = $1 and sequence > $2"  # noqa: S608  # own words
        " order by sequence limit $3",
        (ticket, after, limit),
    )


async def authors(engine: Engine, tickets: Sequence[int]) -> dict[int, Authors]:
    """Returns who did what to tickets, by their ids."""
    rows = await engine.rows(Read(_AUTHORS, (list(tickets),)))
    return {
        ticket: Authors(
            creator=creator,
            updater=updater,
            via=via,
            resolver=resolver or closer or "",
            closer=closer or "",
        )
        for ticket, creator, updater, via, resolver, closer in rows
    }


def entry(row: Row) -> Entry:
    """Returns the entry of a row."""
    sequence, ticket, org, at, actor, via, request_id, action, digest, fields = row[:10]
    return Entry(
        sequence=sequence,
        ticket=ticket,
        org=org,
        at=moment(at),
        actor=actor,
        via=via,
        request_id=request_id,
        action=action,
        digest=digest,
        fields=fields,
    )


async def first_broken(engine: Engine) -> int | None:
    """Computes the chain anew; returns the sequence where it does not hold, if there is one."""
    sequence, hash_ = 0, FIRST_HASH
    while True:
        rows = await engine.rows(Read(_BEHIND, (sequence, _PER_SCAN)))
        for row in rows:
            if row[0] is None:
                break
            sequence += 1
            hash_ = entry(row).seal(hash_)
            if row[0] != sequence or row[10] != hash_:
                return sequence
        if len(rows) < _PER_SCAN:
            end, end_hash = rows[-1][11:]
            if end != sequence:
                return int(min(end, sequence)) + 1
            return None if end_hash == hash_ else sequence

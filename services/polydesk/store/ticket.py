"""Tickets: some indexed columns, and beside them one document that is the record.

Writes come one after another in the whole hub, so what a script reads stays true until it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

import msgspec

from polydesk.domain.errors import Exists, NotFound
from polydesk.domain.history import Authors, Entry
from polydesk.domain.identity import Once, Stamp
from polydesk.domain.pending import PendingFile
from polydesk.domain.query import Query
from polydesk.domain.saving import USUAL, Basis, Key, Saved, Settled, Terms, change_of, settle
from polydesk.domain.ticket import Draft, Execution, Kind, Ticket
from polydesk.store import history, query
from polydesk.store.moment import micros
from polydesk.store.once import once_only
from polydesk.store.pending import attached, claimed
from polydesk.store.script import Engine, Read, Row, Script, Together, Write

PREFIXES: Final[Mapping[Kind, str]] = {
    Kind.INCIDENT: "INC",
    Kind.SERVICE_REQUEST_TASK: "SCTASK",
    Kind.CHANGE_TASK: "CTASK",
    Kind.EVENT: "EVT",
    Kind.SUB_TASK: "STASK",
    Kind.PROBLEM: "PRB",
}
_INSERT: Final = (
    "insert into tickets (id, sys_id, state, assignment_group, opened_at, modified_at,"
    " resolved_at, updated_at, execution, document, deleted_at, org, kind, number, created_at)"
    " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
)
_UPDATE: Final = (
    "update tickets set sys_id = $2, state = $3, assignment_group = $4, opened_at = $5,"
    " modified_at = $6, resolved_at = $7, updated_at = $8, execution = $9, document = $10,"
    " deleted_at = $11 where id = $1"
)
_BY_NUMBER: Final = "select document from tickets where org = $1 and kind = $2 and number = any($3)"
_MOST_TRIED: Final = 1_000
_decode: Final = msgspec.json.Decoder(Ticket).decode
_encode: Final = msgspec.json.Encoder().encode


class SqlTickets:
    """Keeps tickets and their history, as ticket_ports.TicketStore says."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def newest(self) -> int:
        """Returns the highest id that is given out."""
        row = await self._engine.row(Read("select ticket from latest"))
        return int(row[0]) if row else 0

    async def save(
        self,
        org: int,
        drafts: Sequence[Draft],
        *,
        terms: Terms = USUAL,
        stamp: Stamp,
        once: Once | None,
    ) -> Saved:
        """Saves drafts."""
        return await self._engine.write(
            lambda: once_only(
                _save(org, drafts, terms=terms, stamp=stamp), Saved, once=once, stamp=stamp
            )
        )

    async def create(  # noqa: PLR0913 - as the port
        self,
        org: int,
        draft: Draft,
        *,
        terms: Terms = USUAL,
        files: Sequence[str] = (),
        stamp: Stamp,
        once: Once | None,
    ) -> Ticket:
        """Inserts one ticket."""
        return await self._engine.write(
            lambda: once_only(
                created(org, draft, terms=terms, files=files, stamp=stamp),
                Ticket,
                once=once,
                stamp=stamp,
            )
        )

    async def change(  # noqa: PLR0913 - as the port
        self,
        id_: int,
        change: Callable[[Ticket], Ticket],
        *,
        action: str,
        files: Sequence[str] = (),
        stamp: Stamp,
        once: Once | None,
    ) -> Ticket:
        """Changes one ticket, as it stands in the transaction."""
        return await self._engine.write(
            lambda: once_only(
                changed(id_, change, action=action, files=files, stamp=stamp),
                Ticket,
                once=once,
                stamp=stamp,
            )
        )

    async def get(self, id_: int) -> Ticket | None:
        """Returns the ticket of an id."""
        return _ticket(
            await self._engine.row(Read("select document from tickets where id = $1", (id_,)))
        )

    async def find(self, org: int, kind: Kind, *, number: str, sys_id: str) -> Ticket | None:
        """Returns the ticket of a number or of a sys_id."""
        column = "number" if number else "sys_id"
        return _ticket(
            await self._engine.row(
                Read(
                    f"select document from tickets where org = $1 and {column} = $2"  # noqa: S608  # own words
                    " and kind = $3 order by id desc limit 1",
                    (org, number or sys_id, kind.value),
                )
            )
        )

    async def select(self, org: int, query_: Query) -> list[Ticket]:
        """Returns the tickets that fit."""
        return [_decode(row[0]) for row in await self._engine.rows(query.read(org, query_))]

    async def count(self, org: int, query_: Query) -> int:
        """Counts the tickets that fit."""
        [[total]] = await self._engine.rows(query.count(org, query_))
        return int(total)

    async def many(self, ids: Sequence[int]) -> dict[int, Ticket]:
        """Returns tickets by their ids."""
        rows = await self._engine.rows(
            Read("select document from tickets where id = any($1)", (list(ids),))
        )
        return {ticket.id: ticket for ticket in (_decode(row[0]) for row in rows)}

    async def executions(
        self, org: int, kind: Kind, numbers: Sequence[str]
    ) -> dict[str, Execution]:
        """Returns how far automation has got."""
        rows = await self._engine.rows(
            Read(
                "select number, execution from tickets"
                " where org = $1 and kind = $2 and number = any($3) and deleted_at is null",
                (org, kind.value, list(numbers)),
            )
        )
        return {number: Execution(execution) for number, execution in rows}

    async def history(self, ticket: int, *, after: int, limit: int) -> list[Entry]:
        """Returns changes of a ticket."""
        rows = await self._engine.rows(history.of_ticket(ticket, after=after, limit=limit))
        return [history.entry(row) for row in rows]

    async def authors(self, tickets: Sequence[int]) -> dict[int, Authors]:
        """Returns who did what to tickets."""
        return await history.authors(self._engine, tickets)


def ticket_of(id_: int) -> Script[Ticket]:
    """Returns a ticket as it stands in the transaction. Raises NotFound."""
    rows = yield Read("select document from tickets where id = $1", (id_,))
    if not rows:
        raise NotFound(f"there is no ticket {id_}")
    return _decode(rows[0][0])


def replaced(ticket: Ticket) -> Write:
    """Keeps what a ticket has become."""
    return Write(_UPDATE, [_columns(ticket)])


def _save(org: int, drafts: Sequence[Draft], *, terms: Terms, stamp: Stamp) -> Script[Saved]:
    known = yield from _known(org, drafts)
    latest = yield from history.latest()
    new = {(draft.kind, draft.number) for draft in drafts} - known.keys()
    basis = Basis(
        org=org,
        at=stamp.at,
        terms=terms,
        known=known,
        replayed=(yield from _replayed(drafts, known)),
        new_ids=range(latest.ticket + 1, latest.ticket + 1 + len(new)),
    )
    settled = settle(drafts, basis)
    yield from _keep(settled, stamp, latest=latest, ticket=latest.ticket + len(new))
    return Saved(batch=uuid4(), rows=settled.rows)


def created(
    org: int, draft: Draft, *, terms: Terms, files: Sequence[str] = (), stamp: Stamp
) -> Script[Ticket]:
    """Makes a new ticket, with the files that wait for it."""
    pending = yield from claimed(org, files, at=stamp.at)
    latest = yield from history.latest()
    id_ = max(latest.ticket + 1, terms.least_id)
    if not draft.number:
        id_ = yield from _free(org, draft.kind, first=id_)
        draft = msgspec.structs.replace(draft, number=_number(draft.kind, id_))
    elif (yield from _taken(org, draft.kind, numbers=[draft.number])):
        raise Exists(f"org {org} has {draft.kind.value} {draft.number} already")
    basis = Basis(
        org=org,
        at=stamp.at,
        terms=terms,
        known={},
        replayed=_never,
        new_ids=[id_],
    )
    settled = settle([draft], basis)
    ticket = settled.created[0]
    yield from _keep(settled, stamp, latest=latest, ticket=id_, files=pending)
    return ticket


def changed(
    id_: int,
    change: Callable[[Ticket], Ticket],
    *,
    action: str,
    files: Sequence[str] = (),
    stamp: Stamp,
) -> Script[Ticket]:
    """Changes a ticket, with the files that wait for it."""
    old = yield from ticket_of(id_)
    new = change(old)
    if new is not old:
        pending = yield from claimed(old.org, files, at=stamp.at)
        made = change_of(old, new, action=action)
        # What only got files is told by them.
        changes = [made] if made.new or not pending else []
        settled = Settled(created=[], updated=[new], changes=changes, rows=[])
        latest = yield from history.latest()
        yield from _keep(settled, stamp, latest=latest, ticket=latest.ticket, files=pending)
    return new


def _keep(
    settled: Settled,
    stamp: Stamp,
    *,
    latest: history.Latest,
    ticket: int,
    files: Sequence[PendingFile] = (),
) -> Script[None]:
    changes, more = settled.changes, list[Write]()
    if files:
        [owner] = settled.created or settled.updated
        first = latest.sequence + len(changes) + 1
        came, more = yield from attached(files, owner, first=first, stamp=stamp)
        changes = [*changes, *came]
    if not changes:
        return
    writes = history.append(changes, stamp, latest=latest, ticket=ticket) + more
    if settled.created:
        writes.append(Write(_INSERT, [_inserted(ticket) for ticket in settled.created]))
    if settled.updated:
        writes.append(Write(_UPDATE, [_columns(ticket) for ticket in settled.updated]))
    yield Together(writes)


def _known(org: int, drafts: Iterable[Draft]) -> Script[dict[Key, Ticket]]:
    numbers: dict[Kind, set[str]] = {}
    for draft in drafts:
        numbers.setdefault(draft.kind, set()).add(draft.number)
    known: dict[Key, Ticket] = {}
    for kind, of_kind in numbers.items():
        rows = yield Read(_BY_NUMBER, (org, kind.value, sorted(of_kind)))
        for row in rows:
            ticket = _decode(row[0])
            known[kind, ticket.number] = ticket
    return known


def _replayed(drafts: Iterable[Draft], known: Mapping[Key, Ticket]) -> Script[Any]:
    """Returns what tells replays, which there are none of but at an equal modification time."""
    doubtful = {
        old.id
        for draft in drafts
        if (old := known.get((draft.kind, draft.number))) is not None
        and old.modified_at == draft.modified_at
    }
    if not doubtful:
        return _never
    rows = yield Read(
        "select ticket, digest from history where ticket = any($1)", (sorted(doubtful),)
    )
    said = {(ticket, digest) for ticket, digest in rows}
    return lambda ticket, digest: (ticket, digest) in said


def _never(_ticket: int, _digest: str) -> bool:
    return False


def _taken(org: int, kind: Kind, *, numbers: Sequence[str]) -> Script[set[str]]:
    rows = yield Read(
        "select number from tickets where org = $1 and kind = $2 and number = any($3)",
        (org, kind.value, numbers),
    )
    return {row[0] for row in rows}


def _free(org: int, kind: Kind, *, first: int) -> Script[int]:
    """Returns the first id whose number is free; another system may have taken many in a row."""
    size = 1
    while True:
        numbers = {_number(kind, id_): id_ for id_ in range(first, first + size)}
        taken = yield from _taken(org, kind, numbers=list(numbers))
        for number, id_ in numbers.items():
            if number not in taken:
                return id_
        first, size = first + size, min(size * 10, _MOST_TRIED)


def _number(kind: Kind, id_: int) -> str:
    return f"{PREFIXES[kind]}{id_:07d}"


def _columns(ticket: Ticket) -> tuple[Any, ...]:
    return (
        ticket.id,
        ticket.sys_id,
        ticket.state.value,
        ticket.assignment_group,
        micros(ticket.opened_at),
        micros(ticket.modified_at),
        None if ticket.resolved_at is None else micros(ticket.resolved_at),
        micros(ticket.updated_at),
        ticket.execution.value,
        _encode(ticket).decode(),
        None if ticket.deleted_at is None else micros(ticket.deleted_at),
    )


def _inserted(ticket: Ticket) -> tuple[Any, ...]:
    return (
        *_columns(ticket),
        ticket.org,
        ticket.kind.value,
        ticket.number,
        micros(ticket.created_at),
    )


def _ticket(row: Row | None) -> Ticket | None:
    return None if row is None else _decode(row[0])

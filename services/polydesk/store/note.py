"""Notes: a document each, found by its ticket and, within it, in the order of the ids."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

import msgspec

from polydesk.domain.identity import Once, Stamp
from polydesk.domain.note import Note, NoteDraft, NoteKind
from polydesk.domain.part import change
from polydesk.domain.ticket import Ticket
from polydesk.store import history
from polydesk.store.once import once_only
from polydesk.store.script import Engine, Read, Script, Together, Write
from polydesk.store.ticket import replaced, ticket_of

_INSERT: Final = "insert into notes (id, ticket, kind, document) values ($1, $2, $3, $4)"
_decode: Final = msgspec.json.Decoder(Note).decode


class SqlNotes:
    """Keeps notes, as ticket_ports.NoteStore says."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def add(
        self,
        ticket: int,
        draft: NoteDraft,
        *,
        touch: Callable[[Ticket], Ticket],
        stamp: Stamp,
        once: Once | None,
    ) -> Note:
        """Inserts a note."""
        return await self._engine.write(
            lambda: once_only(
                noted(ticket, draft, touch=touch, stamp=stamp), Note, once=once, stamp=stamp
            )
        )

    async def get(self, ticket: int, id_: int) -> Note | None:
        """Returns a note of a ticket."""
        row = await self._engine.row(
            Read("select document from notes where id = $1 and ticket = $2", (id_, ticket))
        )
        return None if row is None else _decode(row[0])

    async def find(self, id_: int) -> Note | None:
        """Returns a note of whatever ticket."""
        row = await self._engine.row(Read("select document from notes where id = $1", (id_,)))
        return None if row is None else _decode(row[0])

    async def of_ticket(
        self, ticket: int, *, kinds: Collection[NoteKind], after: int, limit: int
    ) -> list[Note]:
        """Returns notes of a ticket by their ids."""
        wanted = sorted(kind.value for kind in kinds or NoteKind)
        rows = await self._engine.rows(
            Read(
                "select document from notes where ticket = $1 and id > $2 and kind = any($3)"
                " order by id limit $4",
                (ticket, after, wanted, limit),
            )
        )
        return [_decode(row[0]) for row in rows]


def noted(
    ticket: int, draft: NoteDraft, *, touch: Callable[[Ticket], Ticket], stamp: Stamp
) -> Script[Note]:
    """Adds a note."""
    touched = touch((yield from ticket_of(ticket)))
    latest = yield from history.latest()
    note = draft.note(latest.sequence + 1, ticket, stamp=stamp)
    told = change(touched, "note", old={}, new={"note": note})
    document = msgspec.json.encode(note).decode()
    yield Together(
        [
            *history.append([told], stamp, latest=latest, ticket=latest.ticket),
            Write(_INSERT, [(note.id, ticket, note.kind.value, document)]),
            replaced(touched),
        ]
    )
    return note

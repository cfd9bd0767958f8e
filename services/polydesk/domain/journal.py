"""The journals of tickets: notes are added and read, and stay."""

from __future__ import annotations

from collections.abc import Collection

from polydesk.domain.cursor import MOST_LONG_ONES, Slice, cut, read_cursor
from polydesk.domain.errors import NotFound
from polydesk.domain.identity import Caller
from polydesk.domain.note import Note, NoteDraft, NoteKind
from polydesk.domain.part import reach, reach_present, toucher
from polydesk.domain.ports import Clock, Store


class Notes:
    """Keeps the journals of tickets."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def add(self, caller: Caller, ticket: int, draft: NoteDraft) -> Note:
        """Adds a note to a ticket."""
        await reach(caller, self._store.tickets, ticket)
        stamp = caller.stamp(self._clock.now())
        return await self._store.notes.add(
            ticket, draft, touch=toucher(caller, stamp.at), stamp=stamp, once=caller.once
        )

    async def get(self, caller: Caller, ticket: int, id_: int) -> Note:
        """Returns one note of a ticket."""
        await reach_present(caller, self._store.tickets, ticket)
        note = await self._store.notes.get(ticket, id_)
        if note is None:
            raise NotFound(f"ticket {ticket} has no note {id_}")
        return note

    async def find(self, caller: Caller, id_: int) -> Note:
        """Returns a note of whatever ticket. One that the caller may not see is as good as none."""
        note = await self._store.notes.find(id_)
        if note is None:
            raise NotFound(f"there is no note {id_}")
        await reach_present(caller, self._store.tickets, note.ticket)
        return note

    async def page(
        self,
        caller: Caller,
        ticket: int,
        *,
        kinds: Collection[NoteKind] = (),
        limit: int,
        token: str = "",
    ) -> Slice[Note]:
        """Returns notes in the order in which they were added; of all kinds where none is named."""
        await reach_present(caller, self._store.tickets, ticket)
        wanted = sorted(kind.value for kind in kinds)
        asked = ["notes", ticket, wanted]
        limit = min(limit, MOST_LONG_ONES)
        notes = await self._store.notes.of_ticket(
            ticket, kinds=kinds, after=read_cursor(token, asked=asked), limit=limit + 1
        )
        return cut(notes, limit, asked=asked, id_of=lambda note: note.id)

"""What clients do at the desk in this dialect, whichever way their calls come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from polydesk import wire
from polydesk.dialects.ivanti_sm.entity import Surroundings, from_incident
from polydesk.dialects.ivanti_sm.incident import named_in, read_said, to_changes, to_draft
from polydesk.dialects.ivanti_sm.journal import KINDS, from_note, parent_of, to_note
from polydesk.dialects.ivanti_sm.listing import INCIDENTS, rec_id_is
from polydesk.dialects.ivanti_sm.person import People, names_in
from polydesk.domain.cursor import MOST_LONG_ONES
from polydesk.domain.desk import Desk
from polydesk.domain.errors import NotFound
from polydesk.domain.identity import Caller
from polydesk.domain.note import Note
from polydesk.domain.person import Person
from polydesk.domain.query import All, Comparison, Query
from polydesk.domain.ticket import Ticket

_PAGE: Final = 1_000


class FrontDesk:
    """Takes what is said by the names of Ivanti's fields; works in the caller's own org."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def record(self, caller: Caller, said: Mapping[str, Any]) -> Ticket:
        """Records an incident."""
        read = read_said(said)
        draft = to_draft(read, await self._around(caller, named_in(read)))
        return await self._desk.tickets.record(caller, caller.home(), draft)

    async def change(self, caller: Caller, ticket: Ticket, said: Mapping[str, Any]) -> Ticket:
        """Changes what is said of an incident."""
        read = read_said(said)
        around = await self._around(caller, named_in(read) | names_in([ticket]))
        changes = to_changes(read, ticket, around)
        return await self._desk.incidents.lead(caller, ticket.id, changes)

    async def delete(self, caller: Caller, ticket: Ticket) -> None:
        """Deletes an incident."""
        await self._desk.incidents.delete(caller, ticket.id)

    async def note(self, caller: Caller, said: Mapping[str, Any]) -> tuple[Note, Ticket]:
        """Adds a note to the incident that it names."""
        draft = to_note(said)
        ticket = await self.incident(caller, parent_of(said))
        return await self._desk.notes.add(caller, ticket.id, draft), ticket

    async def incident(self, caller: Caller, rec_id: str) -> Ticket:
        """Returns the incident of a RecId."""
        query = Query(where=All((INCIDENTS, rec_id_is(rec_id))), descending=True, limit=1)
        found = await self._desk.tickets.select(caller, caller.home(), query)
        if not found:
            raise NotFound(f"there is no incident with the RecId {wire.clip(rec_id)}")
        return found[0]

    async def numbered(self, caller: Caller, number: int) -> Ticket:
        """Returns the incident of an IncidentNumber."""
        where = All((INCIDENTS, Comparison("id", "=", number)))
        found = await self._desk.tickets.select(caller, caller.home(), Query(where=where, limit=1))
        if not found:
            raise NotFound(f"there is no incident {number}")
        return found[0]

    async def entities(self, caller: Caller, tickets: Sequence[Ticket]) -> list[dict[str, Any]]:
        """Writes incidents, all of one org."""
        if not tickets:
            return []
        around = replace(
            await self._around(caller, names_in(tickets)),
            authors=await self._desk.tickets.authors(caller, tickets),
        )
        return [from_incident(ticket, around) for ticket in tickets]

    async def entity(self, caller: Caller, ticket: Ticket) -> dict[str, Any]:
        """Writes an incident."""
        [entity] = await self.entities(caller, [ticket])
        return entity

    async def people(self, caller: Caller) -> list[Person]:
        """Returns everybody in the directory."""
        found, token = list[Person](), ""
        while True:
            page = await self._desk.people.page(caller, caller.home(), limit=_PAGE, token=token)
            found += page.items
            token = page.next_token
            if not token:
                return found

    async def notes(self, caller: Caller, ticket: Ticket) -> list[dict[str, Any]]:
        """Writes the notes of an incident, oldest first."""
        found, token = list[Note](), ""
        while True:
            page = await self._desk.notes.page(
                caller, ticket.id, kinds=KINDS, limit=MOST_LONG_ONES, token=token
            )
            found += page.items
            token = page.next_token
            if not token:
                return [from_note(note, ticket) for note in found]

    async def _around(self, caller: Caller, names: set[str]) -> Surroundings:
        people = await self._desk.people.known(caller, caller.home(), names)
        return Surroundings(org=await self._desk.orgs.get(caller.home()), people=People(people))

"""The links of tickets to other systems, found from both ends."""

from __future__ import annotations

from polydesk.domain.cursor import MOST_LONG_ONES, Slice, cut, read_cursor
from polydesk.domain.errors import NotFound
from polydesk.domain.identity import Caller
from polydesk.domain.link import Link, LinkDraft, Linked
from polydesk.domain.part import reach, reach_present, toucher
from polydesk.domain.ports import Clock, Store


class Links:
    """Keeps the links of tickets."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def add(
        self, caller: Caller, ticket: int, draft: LinkDraft, *, sole: bool = False
    ) -> Link:
        """Links a ticket. Raises Exists.

        A `sole` link no other ticket of the org may have; the one the ticket has is returned.
        """
        await reach(caller, self._store.tickets, ticket)
        stamp = caller.stamp(self._clock.now())
        return await self._store.links.add(
            ticket,
            draft,
            sole=sole,
            touch=toucher(caller, stamp.at),
            stamp=stamp,
            once=caller.once,
        )

    async def remove(self, caller: Caller, ticket: int, id_: int) -> Link:
        """Takes a link away; returns what it was."""
        await reach(caller, self._store.tickets, ticket)
        stamp = caller.stamp(self._clock.now())
        return await self._store.links.remove(
            ticket, id_, touch=toucher(caller, stamp.at), stamp=stamp, once=caller.once
        )

    async def get(self, caller: Caller, ticket: int, id_: int) -> Link:
        """Returns one link of a ticket."""
        await reach_present(caller, self._store.tickets, ticket)
        link = await self._store.links.get(ticket, id_)
        if link is None:
            raise NotFound(f"ticket {ticket} has no link {id_}")
        return link

    async def page(
        self, caller: Caller, ticket: int, *, limit: int, token: str = ""
    ) -> Slice[Link]:
        """Returns the links of a ticket in the order in which they were made."""
        await reach_present(caller, self._store.tickets, ticket)
        asked = ["links", ticket]
        links = await self._store.links.of_ticket(
            ticket, after=read_cursor(token, asked=asked), limit=limit + 1
        )
        return cut(links, limit, asked=asked, id_of=lambda link: link.id)

    async def find(
        self, caller: Caller, org: int, *, sought: LinkDraft, limit: int, token: str = ""
    ) -> Slice[Linked]:
        """Returns the tickets of an org that are linked to a key, by their ids."""
        caller.admit(org)
        asked = ["linked", org, sought.system, sought.key]
        limit = min(limit, MOST_LONG_ONES)
        found = await self._store.links.find(
            org, sought, after=read_cursor(token, asked=asked), limit=limit + 1
        )
        return cut(found, limit, asked=asked, id_of=lambda linked: linked.ticket.id)

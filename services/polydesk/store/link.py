"""Links: a document each, found by its ticket or by what it points to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from polydesk.domain.errors import Exists, NotFound
from polydesk.domain.identity import Once, Stamp
from polydesk.domain.link import Link, LinkDraft, Linked
from polydesk.domain.part import change
from polydesk.domain.ticket import Ticket
from polydesk.store import history
from polydesk.store.once import once_only
from polydesk.store.script import Engine, Read, Row, Script, Together, Write
from polydesk.store.ticket import replaced, ticket_of

_INSERT: Final = (
    "insert into links (id, org, system, key, ticket, document) values ($1, $2, $3, $4, $5, $6)"
)
_OF_TICKET: Final = "select document from links where ticket = $1 and id > $2 order by id limit $3"
_FIND: Final = (
    "select links.document, tickets.document from links join tickets on tickets.id = links.ticket"
    " where links.org = $1 and system = $2 and key = $3 and links.ticket > $4"
    " and deleted_at is null order by links.ticket limit $5"
)
_TAKEN: Final = (
    "select 1 from links where org = $1 and system = $2 and key = $3 and ticket = $4 limit 1"
)
_decode: Final = msgspec.json.Decoder(Link).decode
_decode_ticket: Final = msgspec.json.Decoder(Ticket).decode


class SqlLinks:
    """Keeps links, as ticket_ports.LinkStore says."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def add(  # noqa: PLR0913 - each is said or not
        self,
        ticket: int,
        draft: LinkDraft,
        *,
        sole: bool = False,
        touch: Callable[[Ticket], Ticket],
        stamp: Stamp,
        once: Once | None,
    ) -> Link:
        """Inserts a link."""
        return await self._engine.write(
            lambda: once_only(
                linked(ticket, draft, sole=sole, touch=touch, stamp=stamp),
                Link,
                once=once,
                stamp=stamp,
            )
        )

    async def remove(
        self,
        ticket: int,
        id_: int,
        *,
        touch: Callable[[Ticket], Ticket],
        stamp: Stamp,
        once: Once | None,
    ) -> Link:
        """Deletes a link."""
        return await self._engine.write(
            lambda: once_only(
                _remove(ticket, id_, touch=touch, stamp=stamp), Link, once=once, stamp=stamp
            )
        )

    async def get(self, ticket: int, id_: int) -> Link | None:
        """Returns a link of a ticket."""
        row = await self._engine.row(_one(ticket, id_))
        return None if row is None else _decode(row[0])

    async def of_ticket(self, ticket: int, *, after: int, limit: int) -> list[Link]:
        """Returns links of a ticket by their ids."""
        rows = await self._engine.rows(Read(_OF_TICKET, (ticket, after, limit)))
        return [_decode(row[0]) for row in rows]

    async def find(self, org: int, sought: LinkDraft, *, after: int, limit: int) -> list[Linked]:
        """Returns the tickets that are linked to a key."""
        return _all(await self._engine.rows(_find(org, sought, after=after, limit=limit)))


def linked_to(org: int, sought: LinkDraft) -> Script[list[Linked]]:
    """Returns the tickets that are linked to a key and not deleted: two, where there are more."""
    rows = yield _find(org, sought, after=0, limit=2)
    return _all(rows)


def linked(
    ticket: int,
    draft: LinkDraft,
    *,
    sole: bool = False,
    touch: Callable[[Ticket], Ticket],
    stamp: Stamp,
) -> Script[Link]:
    """Links a ticket."""
    touched = touch((yield from ticket_of(ticket)))
    place = (touched.org, draft.system, draft.key, ticket)
    if sole and (found := (yield from linked_to(touched.org, draft))):
        others = [one.ticket for one in found if one.ticket.id != ticket]
        if not others:
            return found[0].link
        raise Exists(f"{draft.system} {draft.key} is linked to {others[0].number} already")
    if (yield Read(_TAKEN, place)):
        raise Exists(f"{touched.number} is linked to {draft.system} {draft.key} already")
    latest = yield from history.latest()
    link = draft.link(latest.sequence + 1, touched, stamp=stamp)
    told = change(touched, "link", old={}, new={"link": link})
    yield Together(
        [
            *history.append([told], stamp, latest=latest, ticket=latest.ticket),
            Write(_INSERT, [(link.id, *place, msgspec.json.encode(link).decode())]),
            replaced(touched),
        ]
    )
    return link


def _remove(
    ticket: int, id_: int, *, touch: Callable[[Ticket], Ticket], stamp: Stamp
) -> Script[Link]:
    touched = touch((yield from ticket_of(ticket)))
    rows = yield _one(ticket, id_)
    if not rows:
        raise NotFound(f"ticket {ticket} has no link {id_}")
    link = _decode(rows[0][0])
    latest = yield from history.latest()
    told = change(touched, "unlink", old={"link": link}, new={"link": None})
    yield Together(
        [
            *history.append([told], stamp, latest=latest, ticket=latest.ticket),
            Write("delete from links where id = $1", [(id_,)]),
            replaced(touched),
        ]
    )
    return link


def _find(org: int, sought: LinkDraft, *, after: int, limit: int) -> Read:
    return Read(_FIND, (org, sought.system, sought.key, after, limit))


def _all(rows: Sequence[Row]) -> list[Linked]:
    return [Linked(link=_decode(row[0]), ticket=_decode_ticket(row[1])) for row in rows]


def _one(ticket: int, id_: int) -> Read:
    return Read("select document from links where id = $1 and ticket = $2", (id_, ticket))

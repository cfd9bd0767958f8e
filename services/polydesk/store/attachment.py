"""Attachments: a document each, found by its ticket or by the bytes it has.

The first attachment with some bytes brings the blob that all later ones with them refer to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from polydesk.domain.attachment import Attachment, Detached, Upload
from polydesk.domain.errors import NotFound
from polydesk.domain.identity import Once, Stamp
from polydesk.domain.part import change
from polydesk.domain.ticket import Ticket
from polydesk.store import history
from polydesk.store.once import once_only
from polydesk.store.pending import ATTACH, WITH_BYTES
from polydesk.store.script import Engine, Read, Script, Together, Write
from polydesk.store.ticket import replaced, ticket_of

_OF_TICKET: Final = (
    "select document from attachments where ticket = $1 and id > $2 order by id limit $3"
)
_NEWEST: Final = "select document from attachments where ticket = $1 order by id desc limit 1"
_NEWEST_NAMED: Final = (
    "select document from attachments where ticket = $1 and document->>'file_name' = $2"
    " order by id desc limit 1"
)
_OF_SOURCE: Final = (
    "select document from attachments where ticket = $1 and document->>'source_id' = $2"
    " order by id desc limit 1"
)
# A number in a document is a text to PostgreSQL and a number to SQLite.
_NOTE: Final = "cast(document->>'note' as text)"
_OF_NOTE: Final = (
    f"select document from attachments where ticket = $1 and id > $2 and {_NOTE} = $4"  # noqa: S608  # own words
    " order by id limit $3"
)
_OF_NOTES: Final = (
    f"select document from attachments where ticket = $1 and {_NOTE} = any($2) order by id"  # noqa: S608  # own words
)
_decode: Final = msgspec.json.Decoder(Attachment).decode


class SqlAttachments:
    """Keeps attachments, as ticket_ports.AttachmentStore says."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def add(
        self,
        ticket: int,
        upload: Upload,
        *,
        touch: Callable[[Ticket], Ticket],
        stamp: Stamp,
        once: Once | None,
    ) -> Attachment:
        """Inserts an attachment."""
        return await self._engine.write(
            lambda: once_only(
                attached(ticket, upload, touch=touch, stamp=stamp),
                Attachment,
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
    ) -> Detached:
        """Deletes an attachment."""
        return await self._engine.write(
            lambda: once_only(
                _remove(ticket, id_, touch=touch, stamp=stamp), Detached, once=once, stamp=stamp
            )
        )

    async def get(self, ticket: int, id_: int) -> Attachment | None:
        """Returns an attachment of a ticket."""
        row = await self._engine.row(_one(ticket, id_))
        return None if row is None else _decode(row[0])

    async def newest(self, ticket: int, *, file_name: str) -> Attachment | None:
        """Returns the newest attachment of a ticket, or the newest of a name."""
        read = Read(_NEWEST_NAMED, (ticket, file_name)) if file_name else Read(_NEWEST, (ticket,))
        row = await self._engine.row(read)
        return None if row is None else _decode(row[0])

    async def of_source(self, ticket: int, source_id: str) -> Attachment | None:
        """Returns the newest attachment of a ticket with an id of where it came from."""
        row = await self._engine.row(Read(_OF_SOURCE, (ticket, source_id)))
        return None if row is None else _decode(row[0])

    async def of_ticket(
        self, ticket: int, *, note: int = 0, after: int, limit: int
    ) -> list[Attachment]:
        """Returns attachments of a ticket, or of one of its notes, by their ids."""
        read = Read(_OF_TICKET, (ticket, after, limit))
        if note:
            read = Read(_OF_NOTE, (ticket, after, limit, str(note)))
        return [_decode(row[0]) for row in await self._engine.rows(read)]

    async def of_notes(self, ticket: int, notes: Sequence[int]) -> list[Attachment]:
        """Returns the attachments of notes by their ids."""
        rows = await self._engine.rows(Read(_OF_NOTES, (ticket, [str(note) for note in notes])))
        return [_decode(row[0]) for row in rows]


def attached(
    ticket: int, upload: Upload, *, touch: Callable[[Ticket], Ticket], stamp: Stamp
) -> Script[Attachment]:
    """Attaches a file."""
    touched = touch((yield from ticket_of(ticket)))
    alike = yield Read(WITH_BYTES, (upload.blob.sha256,))
    blob = _decode(alike[0][0]).blob if alike else upload.blob.key
    latest = yield from history.latest()
    attachment = upload.attachment(latest.sequence + 1, ticket, blob=blob, stamp=stamp)
    told = change(touched, "attach", old={}, new={"attachment": attachment.told()})
    document = msgspec.json.encode(attachment).decode()
    yield Together(
        [
            *history.append([told], stamp, latest=latest, ticket=latest.ticket),
            Write(ATTACH, [(attachment.id, ticket, attachment.sha256, document)]),
            replaced(touched),
        ]
    )
    return attachment


def _remove(
    ticket: int, id_: int, *, touch: Callable[[Ticket], Ticket], stamp: Stamp
) -> Script[Detached]:
    touched = touch((yield from ticket_of(ticket)))
    rows = yield _one(ticket, id_)
    if not rows:
        raise NotFound(f"ticket {ticket} has no attachment {id_}")
    attachment = _decode(rows[0][0])
    alike = yield Read(WITH_BYTES, (attachment.sha256,))
    latest = yield from history.latest()
    told = change(
        touched, "detach", old={"attachment": attachment.told()}, new={"attachment": None}
    )
    yield Together(
        [
            *history.append([told], stamp, latest=latest, ticket=latest.ticket),
            Write("delete from attachments where id = $1", [(id_,)]),
            replaced(touched),
        ]
    )
    return Detached(blob="" if alike[1:] else attachment.blob)


def _one(ticket: int, id_: int) -> Read:
    return Read("select document from attachments where id = $1 and ticket = $2", (id_, ticket))

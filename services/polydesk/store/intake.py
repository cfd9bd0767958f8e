"""What is taken in together is one script, made of those of its parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from polydesk.domain.attachment import Attachment, Upload
from polydesk.domain.identity import Once, Stamp
from polydesk.domain.intake import Noted, Recorded
from polydesk.domain.link import LinkDraft
from polydesk.domain.note import NoteDraft
from polydesk.domain.saving import USUAL, Terms
from polydesk.domain.ticket import Draft, Ticket
from polydesk.store.attachment import attached
from polydesk.store.link import linked, linked_to
from polydesk.store.note import noted
from polydesk.store.once import once_only
from polydesk.store.script import Engine, Script
from polydesk.store.ticket import changed, created, ticket_of


class SqlIntake:
    """Takes in what comes with files, notes or a link, as ticket_ports.IntakeStore says."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def record(  # noqa: PLR0913 - each is said or not
        self,
        org: int,
        draft: Draft,
        *,
        link: LinkDraft | None,
        uploads: Sequence[Upload],
        notes: Sequence[NoteDraft] = (),
        terms: Terms = USUAL,
        stamp: Stamp,
        once: Once | None,
    ) -> Recorded:
        """Inserts a ticket, unless the org has one with the link."""
        return await self._engine.write(
            lambda: once_only(
                _record(
                    org, draft, link=link, uploads=uploads, notes=notes, terms=terms, stamp=stamp
                ),
                Recorded,
                once=once,
                stamp=stamp,
            )
        )

    async def change(  # noqa: PLR0913 - as above
        self,
        id_: int,
        change: Callable[[Ticket], Ticket],
        *,
        notes: Sequence[NoteDraft],
        action: str,
        files: Sequence[str] = (),
        stamp: Stamp,
        once: Once | None,
    ) -> Ticket:
        """Changes one ticket, and inserts notes of it."""
        return await self._engine.write(
            lambda: once_only(
                _change(id_, change, notes=notes, action=action, files=files, stamp=stamp),
                Ticket,
                once=once,
                stamp=stamp,
            )
        )

    async def note(  # noqa: PLR0913 - each is said or not
        self,
        ticket: int,
        draft: NoteDraft,
        *,
        uploads: Sequence[Upload],
        touch: Callable[[Ticket], Ticket],
        stamp: Stamp,
        once: Once | None,
    ) -> Noted:
        """Inserts a note with its files."""
        return await self._engine.write(
            lambda: once_only(
                _note(ticket, draft, uploads=uploads, touch=touch, stamp=stamp),
                Noted,
                once=once,
                stamp=stamp,
            )
        )


def _record(  # noqa: PLR0913 - as above
    org: int,
    draft: Draft,
    *,
    link: LinkDraft | None,
    uploads: Sequence[Upload],
    notes: Sequence[NoteDraft],
    terms: Terms,
    stamp: Stamp,
) -> Script[Recorded]:
    known = (yield from linked_to(org, link)) if link else []
    if known:
        return Recorded(ticket=known[0].ticket, is_new=False)
    ticket = yield from created(org, draft, terms=terms, stamp=stamp)
    if link:
        yield from linked(ticket.id, link, touch=_left, stamp=stamp)
    for note in notes:
        yield from noted(ticket.id, note, touch=_left, stamp=stamp)
    attachments = yield from _attached(ticket.id, uploads, stamp=stamp)
    return Recorded(ticket=ticket, is_new=True, attachments=attachments)


def _change(  # noqa: PLR0913 - as above
    id_: int,
    change: Callable[[Ticket], Ticket],
    *,
    notes: Sequence[NoteDraft],
    action: str,
    files: Sequence[str],
    stamp: Stamp,
) -> Script[Ticket]:
    yield from changed(id_, change, action=action, files=files, stamp=stamp)

    def touch(ticket: Ticket) -> Ticket:
        return replace(ticket, updated_at=stamp.at, revision=ticket.revision + 1)

    for note in notes:
        yield from noted(id_, note, touch=touch, stamp=stamp)
    return (yield from ticket_of(id_))


def _note(
    ticket: int,
    draft: NoteDraft,
    *,
    uploads: Sequence[Upload],
    touch: Callable[[Ticket], Ticket],
    stamp: Stamp,
) -> Script[Noted]:
    note = yield from noted(ticket, draft, touch=touch, stamp=stamp)
    of_note = [replace(each, draft=replace(each.draft, note=note.id)) for each in uploads]
    attachments = yield from _attached(ticket, of_note, stamp=stamp)
    return Noted(note=note, attachments=attachments)


def _attached(
    ticket: int, uploads: Sequence[Upload], *, stamp: Stamp
) -> Script[tuple[Attachment, ...]]:
    attachments: tuple[Attachment, ...] = ()
    for upload in uploads:
        attachment = yield from attached(ticket, upload, touch=_left, stamp=stamp)
        attachments = (*attachments, attachment)
    return attachments


def _left(ticket: Ticket) -> Ticket:
    """Leaves a ticket as what it came with has made it."""
    return ticket

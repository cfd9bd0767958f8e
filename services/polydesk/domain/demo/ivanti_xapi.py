"""The categories and the incidents of the experience API's document (seed 000)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from polydesk.domain.attachment import AttachmentDraft, File
from polydesk.domain.catalog import Catalog
from polydesk.domain.category import Category
from polydesk.domain.cursor import MOST_LONG_ONES
from polydesk.domain.demo.identity import HOME
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Exists, NotFound
from polydesk.domain.identity import Caller
from polydesk.domain.link import LinkDraft
from polydesk.domain.note import Email, NoteDraft, NoteKind
from polydesk.domain.ticket import Draft, Kind, Level, Ticket

# The ids in the sample URLs; ids grow, so the lower one goes first.
WITH_FILE: Final = 855097
WITH_NOTES: Final = 908859
# The id of the attachment in the sample URL.
SOURCE_ID: Final = "1234"
# The Zendesk tickets of the two.
LINKS: Final = {WITH_FILE: "35436", WITH_NOTES: "35437"}
FILE: Final = ("invoice.txt", b"Invoice 17: one certificate, reprinted.\n")

_CATEGORIES: Final = (("How-To", "Service Desk"), ("Certificates", "Exam Administration"))
_OPENED: Final = datetime(2024, 1, 31, 10, 11, 12, 123_000, tzinfo=UTC)
_DESK: Final = "servicedesk@example.com"
_CUSTOMER: Final = "customer@example.com"


async def seed_categories(desk: Desk, operator: Caller) -> None:
    """Seeds the categories that are not there yet."""
    for title, service in _CATEGORIES:
        category = Category(id=0, title=title, service=service)
        with suppress(Exists):
            await desk.catalogs.change(operator, HOME, partial(_with_new, category))


async def seed(desk: Desk, seeder: Caller) -> None:
    """Seeds what is not there yet; the seeder may write tickets."""
    name, data = FILE
    draft = AttachmentDraft(file_name=name, content_type="text/plain", source_id=SOURCE_ID)
    with suppress(NotFound):  # somebody has deleted it
        ticket = await _record(desk, seeder, WITH_FILE, "How do I reprint a certificate?")
        called = _comment("Called back", "The form is on its way.")
        mailed = _mail("The invoice", "Here is the invoice.")
        await _say(desk, seeder, ticket, (called, ()), (mailed, (File(draft=draft, data=data),)))
    with suppress(NotFound):
        ticket = await _record(desk, seeder, WITH_NOTES, "The candidate portal is slow")
        said = (
            _mail("Since when?", "When did it begin?"),
            _mail("Since this morning", "It began at eight."),
            _comment("Seen here, too", "Ten seconds a page."),
            _comment("Passed on", "The network team looks into it."),
        )
        await _say(desk, seeder, ticket, *((note, ()) for note in said))


async def _record(desk: Desk, seeder: Caller, id_: int, summary: str) -> Ticket:
    draft = Draft(
        kind=Kind.INCIDENT,
        number=f"INC0{id_}",
        summary=summary,
        description=f"{summary} Please help.",
        opened_at=_OPENED,
        modified_at=_OPENED,
        requester=_CUSTOMER,
        category=_CATEGORIES[0][0],
        impact=Level.LOW,
        urgency=Level.MEDIUM,
    )
    url = f"https://example.zendesk.com/agent/tickets/{LINKS[id_]}"
    link = LinkDraft(system="zendesk", key=LINKS[id_], url=url)
    try:
        taken = await desk.intake.record(seeder, HOME, draft, link=link, least_id=id_)
    except Exists:  # it is there, and its link is not
        return await desk.tickets.find(seeder, HOME, Kind.INCIDENT, number=draft.number)
    return taken.ticket


async def _say(
    desk: Desk, seeder: Caller, ticket: Ticket, *said: tuple[NoteDraft, Sequence[File]]
) -> None:
    page = await desk.notes.page(seeder, ticket.id, limit=MOST_LONG_ONES)
    known = {note.subject for note in page.items}
    for draft, files in said:
        if draft.subject not in known:
            await desk.intake.note(seeder, ticket.id, draft, files=files)


def _with_new(category: Category, catalog: Catalog) -> Catalog:
    return catalog.with_new_category(category)


def _comment(subject: str, body: str) -> NoteDraft:
    return NoteDraft(
        kind=NoteKind.COMMENT,
        subject=subject,
        body=body,
        source="Phone",
        category="Memo",
        noted_at=_OPENED + timedelta(hours=1),
    )


def _mail(subject: str, body: str) -> NoteDraft:
    return NoteDraft(
        kind=NoteKind.EMAIL,
        subject=subject,
        body=body,
        author=_CUSTOMER,
        source="Email",
        noted_at=_OPENED + timedelta(minutes=30),
        email=Email(
            sender=_CUSTOMER,
            recipients=(_DESK,),
            message_id=f"<{subject.casefold().replace(' ', '-')}@example.com>",
        ),
    )

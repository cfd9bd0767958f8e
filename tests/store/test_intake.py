"""What is taken in together, on both engines: all of it, once, or nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from polydesk.domain.attachment import AttachmentDraft, Blob, Upload
from polydesk.domain.errors import Conflict, Exists, NotFound, Outdated
from polydesk.domain.identity import Once
from polydesk.domain.intake import Noted, Recorded
from polydesk.domain.link import Link, LinkDraft
from polydesk.domain.note import Email, NoteDraft, NoteKind
from polydesk.domain.ticket import Ticket
from polydesk.store import SqlStore
from tests.store.records import ORG, at, draft, once, stamp

ZENDESK = LinkDraft(system="zendesk", key="4711", url="https://example.com/4711")
ALL: dict[str, Any] = {"after": 0, "limit": 100}
EMAIL = NoteDraft(
    kind=NoteKind.EMAIL, subject="fire", body="It burns.", email=Email(sender="ann@example.com")
)


def marked(ticket: Ticket) -> Ticket:
    return replace(ticket, updated_at=at(9), revision=ticket.revision + 1)


def refused(ticket: Ticket) -> Ticket:
    raise Outdated(f"{ticket.number} is another")


def upload(key: str, *, sha256: str = "", **said: Any) -> Upload:
    file = AttachmentDraft(file_name=f"{key}.txt", content_type="text/plain", **said)
    return Upload(draft=file, blob=Blob(key=key, sha256=sha256 or key, size=3))


async def record(
    store: SqlStore,
    number: str = "",
    *uploads: Upload,
    link: LinkDraft | None = ZENDESK,
    org: int = ORG,
    key: Once | None = None,
) -> Recorded:
    return await store.intake.record(
        org, draft(number), link=link, uploads=uploads, stamp=stamp(9), once=key
    )


async def note(
    store: SqlStore, ticket: int, *uploads: Upload, touch: Any = marked, key: Once | None = None
) -> Noted:
    return await store.intake.note(
        ticket, EMAIL, uploads=uploads, touch=touch, stamp=stamp(9), once=key
    )


async def actions(store: SqlStore, ticket: int) -> list[str]:
    return [entry.action for entry in await store.tickets.history(ticket, **ALL)]


async def test_a_ticket_comes_with_its_link_and_its_files(store: SqlStore) -> None:
    taken = await record(store, "", upload("a"), upload("b", source_id="1234"))

    ticket = taken.ticket
    assert taken.is_new
    assert await store.tickets.get(ticket.id) == ticket
    assert ticket.revision == 1
    (link,) = await store.links.of_ticket(ticket.id, **ALL)
    assert (link.system, link.key, link.url) == ("zendesk", "4711", ZENDESK.url)
    assert await store.attachments.of_ticket(ticket.id, **ALL) == [*taken.attachments]
    assert [each.source_id for each in taken.attachments] == ["", "1234"]
    assert await actions(store, ticket.id) == ["create", "link", "attach", "attach"]
    assert await store.first_broken() is None


async def test_a_ticket_that_has_the_link_is_the_one(store: SqlStore) -> None:
    first = await record(store, "A")

    second = await record(store, "B", upload("a"))

    assert second == Recorded(ticket=first.ticket, is_new=False)
    assert await actions(store, first.ticket.id) == ["create", "link"]
    assert await store.attachments.of_ticket(first.ticket.id, **ALL) == []


async def test_of_many_at_once_with_one_link_one_makes_the_ticket(store: SqlStore) -> None:
    taken = await asyncio.gather(*(record(store, "", upload(f"k{n}")) for n in range(20)))

    assert len({each.ticket.id for each in taken}) == 1
    assert [each.is_new for each in taken].count(True) == 1
    assert len(await store.links.find(ORG, ZENDESK, **ALL)) == 1
    assert len(await store.attachments.of_ticket(taken[0].ticket.id, **ALL)) == 1
    assert await store.first_broken() is None


async def test_a_link_of_another_org_or_of_a_deleted_ticket_is_none(store: SqlStore) -> None:
    first = await record(store, "A")
    await store.tickets.change(
        first.ticket.id,
        lambda ticket: replace(ticket, deleted_at=at(10)),
        action="delete",
        stamp=stamp(10),
        once=None,
    )

    again = await record(store, "B")
    elsewhere = await record(store, "A", org=ORG + 1)

    assert (again.is_new, elsewhere.is_new) == (True, True)
    assert len({each.ticket.id for each in (first, again, elsewhere)}) == 3


async def test_a_ticket_without_a_link_is_always_new(store: SqlStore) -> None:
    taken = [await record(store, "", link=None) for _ in range(2)]

    assert taken[0].ticket.id != taken[1].ticket.id
    assert await store.links.of_ticket(taken[0].ticket.id, **ALL) == []


async def test_a_number_that_is_taken_leaves_nothing(store: SqlStore) -> None:
    await record(store, "A", link=None)

    with pytest.raises(Exists, match="A already"):
        await record(store, "A", upload("a"))

    assert await store.links.find(ORG, ZENDESK, **ALL) == []
    assert await store.history.newest() == 1


async def test_a_key_records_once(store: SqlStore) -> None:
    first = await record(store, "A", upload("a"), link=None, key=once())

    again = await record(store, "A", upload("b"), link=None, key=once())

    assert again == first
    with pytest.raises(Conflict, match="another request"):
        await record(store, "A", link=None, key=once(digest=b"other"))


async def test_a_note_comes_with_its_files(store: SqlStore) -> None:
    ticket = (await record(store)).ticket

    taken = await note(store, ticket.id, upload("a"), upload("b", sha256="a"))

    assert await store.notes.get(ticket.id, taken.note.id) == taken.note
    assert [each.note for each in taken.attachments] == [taken.note.id] * 2
    assert [each.blob for each in taken.attachments] == ["a", "a"]
    assert await store.attachments.of_ticket(ticket.id, **ALL) == [*taken.attachments]
    changed = await store.tickets.get(ticket.id)
    assert changed
    assert (changed.revision, changed.updated_at) == (2, at(9))
    assert await actions(store, ticket.id) == ["create", "link", "note", "attach", "attach"]
    assert await store.first_broken() is None


async def test_files_are_found_by_their_note(store: SqlStore) -> None:
    ticket = (await record(store, "", upload("a"))).ticket.id
    first = await note(store, ticket, upload("b"), upload("c"))
    second = await note(store, ticket, upload("d"))
    third = await note(store, ticket)

    of_first = await store.attachments.of_ticket(ticket, note=first.note.id, **ALL)
    behind = first.attachments[0].id
    page = await store.attachments.of_ticket(ticket, note=first.note.id, after=behind, limit=1)
    notes = [each.note.id for each in (first, second, third)]

    assert of_first == [*first.attachments]
    assert page == [first.attachments[1]]
    assert await store.attachments.of_notes(ticket, notes) == [
        *first.attachments,
        *second.attachments,
    ]
    assert await store.attachments.of_notes(ticket + 1, notes) == []
    assert await store.attachments.of_ticket(ticket, note=third.note.id, **ALL) == []


async def test_the_newest_of_a_source_is_found_in_its_ticket(store: SqlStore) -> None:
    ticket = (await record(store, "", upload("a", source_id="1234"))).ticket.id
    other = (await record(store, "", link=None)).ticket.id
    newest = (await note(store, ticket, upload("b", source_id="1234"))).attachments[0]

    assert await store.attachments.of_source(ticket, "1234") == newest
    assert await store.attachments.of_source(ticket, "12") is None
    assert await store.attachments.of_source(other, "1234") is None


async def test_a_note_that_is_refused_leaves_no_file(store: SqlStore) -> None:
    ticket = (await record(store)).ticket.id

    with pytest.raises(Outdated):
        await note(store, ticket, upload("a"), touch=refused)
    with pytest.raises(NotFound):
        await note(store, ticket + 1, upload("a"))

    assert await store.attachments.of_ticket(ticket, **ALL) == []
    assert await actions(store, ticket) == ["create", "link"]


async def test_a_key_adds_a_note_once(store: SqlStore) -> None:
    ticket = (await record(store)).ticket.id

    first = await note(store, ticket, upload("a"), key=once())
    again = await note(store, ticket, upload("b"), key=once())

    assert again == first
    assert len(await store.notes.of_ticket(ticket, kinds=(), **ALL)) == 1


async def test_a_sole_link_has_one_ticket_and_may_be_said_again(store: SqlStore) -> None:
    first, second = [(await record(store, number, link=None)).ticket.id for number in "AB"]

    async def tie(ticket: int) -> Link:
        return await store.links.add(
            ticket, ZENDESK, sole=True, touch=marked, stamp=stamp(9), once=None
        )

    linked = await tie(first)

    assert await tie(first) == linked
    with pytest.raises(Exists, match="zendesk 4711 is linked to A already"):
        await tie(second)
    assert await store.links.of_ticket(second, **ALL) == []
    assert await actions(store, first) == ["create", "link"]


async def test_of_many_sole_links_at_once_one_is_made(store: SqlStore) -> None:
    tickets = [(await record(store, "", link=None)).ticket.id for _ in range(8)]

    made = await asyncio.gather(
        *(
            store.links.add(id_, ZENDESK, sole=True, touch=marked, stamp=stamp(9), once=None)
            for id_ in tickets
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(each, Exists) for each in made) == len(tickets) - 1
    assert len(await store.links.find(ORG, ZENDESK, **ALL)) == 1


async def test_a_ticket_comes_with_its_notes(store: SqlStore) -> None:
    notes = [NoteDraft(kind=NoteKind.COMMENT, body=text) for text in ("one", "two")]

    taken = await store.intake.record(
        ORG, draft("A"), link=None, uploads=(), notes=notes, stamp=stamp(9), once=once()
    )
    again = await store.intake.record(
        ORG, draft("A"), link=None, uploads=(), notes=notes, stamp=stamp(9), once=once()
    )

    assert taken == again
    assert await store.tickets.get(taken.ticket.id) == taken.ticket
    kept = await store.notes.of_ticket(taken.ticket.id, kinds=(), **ALL)
    assert [note.body for note in kept] == ["one", "two"]
    assert await actions(store, taken.ticket.id) == ["create", "note", "note"]
    assert await store.first_broken() is None


async def change(
    store: SqlStore, ticket: int, changed: Any, *notes: str, key: Once | None = None
) -> Ticket:
    return await store.intake.change(
        ticket,
        changed,
        notes=[NoteDraft(kind=NoteKind.WORK_NOTE, body=body) for body in notes],
        action="update",
        stamp=stamp(10),
        once=key,
    )


async def test_a_ticket_is_changed_together_with_its_notes(store: SqlStore) -> None:
    ticket = (await record(store, "A", link=None)).ticket

    changed = await change(
        store, ticket.id, lambda old: replace(old, assignee="bob"), "one", "two", key=once()
    )
    again = await change(
        store, ticket.id, lambda old: replace(old, assignee="carol"), "one", "two", key=once()
    )

    assert (changed.assignee, changed.updated_at) == ("bob", at(10))
    assert changed.revision > ticket.revision
    assert again == changed == await store.tickets.get(ticket.id)
    kept = await store.notes.of_ticket(ticket.id, kinds=(), **ALL)
    assert [note.body for note in kept] == ["one", "two"]
    assert await actions(store, ticket.id) == ["create", "update", "note", "note"]
    assert await store.first_broken() is None


async def test_notes_alone_mark_a_ticket(store: SqlStore) -> None:
    ticket = (await record(store, "A", link=None)).ticket

    noted = await change(store, ticket.id, lambda old: old, "one")

    assert (noted.revision, noted.updated_at) == (ticket.revision + 1, at(10))
    assert await actions(store, ticket.id) == ["create", "note"]


async def test_a_change_that_is_refused_leaves_no_note(store: SqlStore) -> None:
    ticket = (await record(store, "A", link=None)).ticket

    with pytest.raises(Outdated):
        await change(store, ticket.id, refused, "one")
    with pytest.raises(NotFound):
        await change(store, ticket.id + 1, lambda old: old, "one")

    assert await store.tickets.get(ticket.id) == ticket
    assert await store.notes.of_ticket(ticket.id, kinds=(), **ALL) == []

from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from polydesk.domain.errors import Conflict, Exists, NotFound, Outdated
from polydesk.domain.identity import Once
from polydesk.domain.link import Link, LinkDraft
from polydesk.domain.note import Email, Note, NoteDraft, NoteKind
from polydesk.domain.ticket import Ticket
from polydesk.store import SqlStore
from polydesk.store.link import SqlLinks
from polydesk.store.note import SqlNotes
from polydesk.store.script import Read, Script, Write
from polydesk.store.sqlite import Sqlite
from tests.store.records import NOW, ORG, at, draft, once, stamp

EVERYTHING: dict[str, Any] = {"after": 0, "limit": 1_000}


def marked(ticket: Ticket) -> Ticket:
    return replace(ticket, updated_at=at(9), revision=ticket.revision + 1)


def refused(ticket: Ticket) -> Ticket:
    raise Outdated(f"{ticket.number} is another")


async def made(store: SqlStore, *numbers: str, org: int = ORG) -> list[int]:
    saved = await store.tickets.save(
        org, [draft(number) for number in numbers or ("INC1",)], stamp=stamp(), once=None
    )
    return [row.id for row in saved.rows]


async def note(
    store: SqlStore, ticket: int, body: str = "it burns", *, key: Once | None = None, **said: Any
) -> Note:
    usual: dict[str, Any] = {"kind": NoteKind.COMMENT, "body": body}
    noted = NoteDraft(**(usual | said))
    return await store.notes.add(ticket, noted, touch=marked, stamp=stamp(9), once=key)


async def link(store: SqlStore, ticket: int, key: str = "4711", *, system: str = "zendesk") -> Link:
    said = LinkDraft(system=system, key=key)
    return await store.links.add(ticket, said, touch=marked, stamp=stamp(9), once=None)


async def remove(store: SqlStore, tied: Link, *, key: Once | None = None) -> Link:
    return await store.links.remove(tied.ticket, tied.id, touch=marked, stamp=stamp(9), once=key)


async def notes(store: SqlStore, ticket: int, *kinds: NoteKind, **asked: Any) -> list[str]:
    found = await store.notes.of_ticket(ticket, kinds=kinds, **(EVERYTHING | asked))
    return [note.body for note in found]


async def found(store: SqlStore, key: str = "4711", *, org: int = ORG, **asked: Any) -> list[int]:
    sought = LinkDraft(system="zendesk", key=key)
    linked = await store.links.find(org, sought, **(EVERYTHING | asked))
    assert all(one.link.ticket == one.ticket.id for one in linked)
    return [one.ticket.id for one in linked]


async def told(store: SqlStore, ticket: int) -> list[tuple[str, Any]]:
    entries = await store.tickets.history(ticket, **EVERYTHING)
    return [(entry.action, msgspec.json.decode(entry.fields)) for entry in entries]


async def test_a_note_comes_back_as_it_was_said(store: SqlStore) -> None:
    [ticket] = await made(store)
    said = NoteDraft(
        kind=NoteKind.EMAIL,
        subject='Ünïcode "quotes" \\ $1 ?1 %s 🔥',
        body="\x01\n\t" * 3,
        author="bob",
        source="Phone/Fax",
        category="Memo",
        noted_at=at(-5.000001),
        email=Email(sender="a@b", recipients=("c@d", "e@f"), message_id="<1>"),
    )

    note = await store.notes.add(ticket, said, touch=marked, stamp=stamp(9), once=None)

    assert await store.notes.get(ticket, note.id) == note
    assert {name: getattr(note, name) for name in said.__struct_fields__} == msgspec.structs.asdict(
        said
    )
    assert (note.ticket, note.created_at, note.via) == (ticket, at(9), "desk")


async def test_what_a_note_does_not_say_is_who_wrote_it_and_when(store: SqlStore) -> None:
    [ticket] = await made(store)

    added = await note(store, ticket)

    assert (added.author, added.noted_at) == ("ann", at(9))


async def test_notes_come_by_their_ids_and_kinds(store: SqlStore) -> None:
    first, second = await made(store, "A", "B")
    for index, kind in enumerate(NoteKind):
        await note(store, first, f"{index}", kind=kind)
        await note(store, second, "elsewhere")

    assert await notes(store, first) == ["0", "1", "2", "3"]
    assert await notes(store, first, NoteKind.EMAIL, NoteKind.COMMENT) == ["0", "3"]
    assert await notes(store, first, limit=2) == ["0", "1"]


async def test_the_notes_behind_one_stay_the_same_while_others_write(store: SqlStore) -> None:
    [ticket] = await made(store)
    added = [await note(store, ticket, str(index)) for index in range(4)]

    await note(store, ticket, "late")

    assert await notes(store, ticket, after=added[1].id, limit=2) == ["2", "3"]
    assert await notes(store, ticket, after=added[3].id) == ["late"]


async def test_notes_written_at_once_all_stay_and_the_chain_holds(store: SqlStore) -> None:
    tickets = await made(store, "A", "B")

    added: list[Any] = await asyncio.gather(
        *(note(store, tickets[index % 2], str(index)) for index in range(60)),
        *(link(store, tickets[index % 2], str(index)) for index in range(60)),
    )

    first, second = [await store.tickets.get(ticket) for ticket in tickets]
    assert first is not None
    assert second is not None
    assert len({one.id for one in added}) == 120
    assert len(await notes(store, first.id)) == len(await notes(store, second.id)) == 30
    assert (first.revision, second.revision) == (61, 61)
    assert await store.first_broken() is None


async def test_each_write_is_told_by_the_history_and_marks_its_ticket(store: SqlStore) -> None:
    [ticket] = await made(store)

    added = await note(store, ticket)
    tied = await link(store, ticket)
    cut = await remove(store, tied)

    as_it_is = await store.tickets.get(ticket)
    entries = await store.tickets.history(ticket, **EVERYTHING)
    assert as_it_is is not None
    assert (as_it_is.revision, as_it_is.updated_at, as_it_is.modified_at) == (4, at(9), NOW)
    assert [entry.action for entry in entries] == ["create", "note", "link", "unlink"]
    assert [entry.sequence for entry in entries[1:3]] == [added.id, tied.id]
    [_, (_, noted), (_, linked), (_, unlinked)] = await told(store, ticket)
    assert noted["old"] == {}
    assert msgspec.convert(noted["new"]["note"], Note) == added
    assert msgspec.convert(linked["new"]["link"], Link) == tied == cut
    assert unlinked == {"old": linked["new"], "new": {"link": None}}
    assert await store.first_broken() is None


async def test_what_is_refused_leaves_nothing_behind(store: SqlStore) -> None:
    [ticket] = await made(store)
    tied = await link(store, ticket)
    before = await told(store, ticket)
    said, tie = NoteDraft(kind=NoteKind.COMMENT, body="x"), LinkDraft(system="a", key="b")
    kept: dict[str, Any] = {"stamp": stamp(), "once": once()}

    for call in (
        store.notes.add(ticket, said, touch=refused, **kept),
        store.links.add(ticket, tie, touch=refused, **kept),
        store.links.remove(ticket, tied.id, touch=refused, **kept),
    ):
        with pytest.raises(Outdated):
            await call

    assert await told(store, ticket) == before
    assert await notes(store, ticket) == []
    assert await store.links.of_ticket(ticket, **EVERYTHING) == [tied]
    assert await store.first_broken() is None


async def test_a_note_that_cannot_be_kept_is_not_told_either(store: SqlStore) -> None:
    [ticket] = await made(store)
    added = await note(store, ticket)
    before = await told(store, ticket)
    await store.engine.write(lambda: _moved(added.id, added.id + 1))

    with pytest.raises(Exists):
        await note(store, ticket)

    as_it_is = await store.tickets.get(ticket)
    assert as_it_is is not None
    assert as_it_is.revision == 2
    assert await told(store, ticket) == before
    assert await store.first_broken() is None


def _moved(old: int, new: int) -> Script[None]:
    yield Write("update notes set id = $2 where id = $1", [(old, new)])


async def test_a_ticket_that_is_not_there_is_refused(store: SqlStore) -> None:
    for call in (note(store, 99), link(store, 99)):
        with pytest.raises(NotFound, match="there is no ticket 99"):
            await call


async def test_a_key_makes_each_write_happen_once(store: SqlStore) -> None:
    [ticket] = await made(store)
    tied = await link(store, ticket)

    added = [await note(store, ticket, key=once("n")) for _ in range(2)]
    cut = [await remove(store, tied, key=once("u")) for _ in range(2)]
    with pytest.raises(Conflict):
        await note(store, ticket, key=once("n", b"another"))

    assert added[0] == added[1]
    assert cut == [tied, tied]
    assert len(await told(store, ticket)) == 4


async def test_a_link_is_there_once(store: SqlStore) -> None:
    [ticket] = await made(store)
    await link(store, ticket)

    both = await asyncio.gather(
        link(store, ticket),
        link(store, ticket, "new"),
        link(store, ticket, "new"),
        return_exceptions=True,
    )

    assert [type(one) for one in both] == [Exists, Link, Exists]
    assert len(await store.links.of_ticket(ticket, **EVERYTHING)) == 2
    assert await store.first_broken() is None


async def test_links_are_found_from_both_ends(store: SqlStore) -> None:
    first, second, third = await made(store, "A", "B", "C")
    [foreign] = await made(store, "A", org=ORG + 1)
    for ticket in (third, first, second, foreign):
        await link(store, ticket)
    await link(store, first, "4712")
    await link(store, first, system="jira")

    keys = [one.key for one in await store.links.of_ticket(first, **EVERYTHING)]
    assert keys == ["4711", "4712", "4711"]
    assert await found(store) == [first, second, third]
    assert await found(store, org=ORG + 1) == [foreign]
    assert await found(store, after=first, limit=1) == [second]
    assert await found(store, "471") == []


async def test_keys_compare_letter_for_letter(store: SqlStore) -> None:
    [ticket] = await made(store)
    await link(store, ticket, "aB%_ \\é")

    assert await found(store, "aB%_ \\é") == [ticket]
    for other in ("ab%_ \\é", "aB%_ \\e", "aB%_ \\é "):
        assert await found(store, other) == []


async def test_the_link_of_a_deleted_ticket_leads_nowhere(store: SqlStore) -> None:
    first, second = await made(store, "A", "B")
    for ticket in (first, second):
        await link(store, ticket)

    await store.tickets.change(
        first,
        lambda ticket: replace(ticket, deleted_at=NOW),
        action="delete",
        stamp=stamp(),
        once=None,
    )

    assert await found(store) == [second]


async def test_the_id_of_a_link_is_not_given_again(store: SqlStore) -> None:
    [ticket] = await made(store)
    tied = await link(store, ticket)
    await remove(store, tied)

    again = await link(store, ticket)

    assert again.id > tied.id
    assert await store.links.get(ticket, tied.id) is None
    with pytest.raises(NotFound, match=f"has no link {tied.id}"):
        await remove(store, tied)


async def test_one_is_found_under_its_own_ticket_alone(store: SqlStore) -> None:
    first, second = await made(store, "A", "B")
    added, tied = await note(store, first), await link(store, first)

    assert await store.notes.get(second, added.id) is None
    assert await store.links.get(second, tied.id) is None


class Asked:
    """An engine that notes what it is asked, and answers nothing."""

    def __init__(self) -> None:
        self.reads: list[Read] = []

    async def rows(self, read: Read) -> list[Any]:
        self.reads.append(read)
        return []

    async def row(self, read: Read) -> None:
        self.reads.append(read)


async def test_an_index_finds_all_that_is_asked(store: SqlStore) -> None:
    asked: Any = Asked()
    await store.engine.write(_many)
    sought = LinkDraft(system="zendesk", key="4711")

    await SqlNotes(asked).of_ticket(7, kinds=(), after=3, limit=51)
    await SqlNotes(asked).get(7, 3)
    await SqlLinks(asked).of_ticket(7, after=3, limit=51)
    await SqlLinks(asked).get(7, 3)
    await SqlLinks(asked).find(1, sought, after=3, limit=51)

    plans = [await _plan(store, read) for read in asked.reads]
    either = "INTEGER PRIMARY KEY|_pkey|_ticket"
    used = ["notes_ticket", either, "links_ticket", either, "links_key"]
    for index, plan in zip(used, plans, strict=True):
        assert re.search(index, plan)
        assert not re.search(r"SCAN (notes|links|tickets)|Seq Scan|TEMP B-TREE", plan)


def _many() -> Script[None]:
    """Fills the tables, whose statistics PostgreSQL gathers by itself sooner or later."""
    noted = "insert into notes (id, ticket, kind, document) values ($1, $2, 'COMMENT', '{}')"
    tied = (
        "insert into links (id, org, system, key, ticket, document)"
        " values ($1, $2, 'zendesk', $3, $4, '{}')"
    )
    worked = (
        "insert into tickets (id, org, kind, number, sys_id, state, assignment_group, opened_at,"
        " modified_at, created_at, updated_at, execution, document)"
        " values ($1, $2, 'INCIDENT', $3, '', '', '', 0, 0, 0, 0, '', '{}')"
    )
    ids = range(1, 3_000)
    yield Write(noted, [(id_, id_ // 50) for id_ in ids])
    yield Write(tied, [(id_, id_ % 3, str(id_), id_ // 2) for id_ in ids])
    yield Write(worked, [(id_, id_ % 3, str(id_)) for id_ in ids])


async def _plan(store: SqlStore, read: Read) -> str:
    if isinstance(store.engine, Sqlite):
        rows = await store.engine.rows(Read(f"explain query plan {read.sql}", read.args))
    else:
        for table in ("notes", "links", "tickets"):
            await store.engine.rows(Read(f"analyze {table}"))
        rows = await store.engine.rows(Read(f"explain {read.sql}", read.args))
    return "\n".join(str(row[-1]) for row in rows)

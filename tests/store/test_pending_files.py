"""Files that wait for their tickets, on both engines."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from polydesk.domain.attachment import Attachment, AttachmentDraft, Blob, Upload
from polydesk.domain.errors import Invalid
from polydesk.domain.pending import WAITING, PendingFile, new_reference
from polydesk.domain.ticket import Ticket
from polydesk.store import SqlStore
from tests.store.records import NOW, ORG, at, draft, once, stamp


def renamed(ticket: Ticket) -> Ticket:
    return replace(ticket, summary="new", updated_at=at(9), revision=ticket.revision + 1)


def marked(ticket: Ticket) -> Ticket:
    return replace(ticket, updated_at=at(9), revision=ticket.revision + 1)


async def hold(store: SqlStore, key: str = "k1", *, sha256: str = "aa", org: int = ORG) -> str:
    upload = Upload(
        draft=AttachmentDraft(file_name="error.log", content_type="text/plain"),
        blob=Blob(key=key, sha256=sha256, size=3),
    )
    file = PendingFile(
        reference=new_reference(), org=org, upload=upload, uploader="ann", created_at=NOW
    )
    assert await store.pending_files.add(file, stamp=stamp(), once=None) == file
    return file.reference


async def create(store: SqlStore, *files: str, **more: Any) -> Ticket:
    said: dict[str, Any] = {"files": files, "stamp": stamp(1), "once": None} | more
    return await store.tickets.create(ORG, draft(""), **said)


async def attachments(store: SqlStore, ticket: Ticket) -> list[Attachment]:
    return await store.attachments.of_ticket(ticket.id, after=0, limit=100)


async def told(store: SqlStore, ticket: Ticket) -> list[str]:
    return [entry.action for entry in await store.tickets.history(ticket.id, after=0, limit=100)]


async def test_files_become_the_attachments_of_a_new_ticket(store: SqlStore) -> None:
    one, two = await hold(store), await hold(store, "k2", sha256="bb")

    ticket = await create(store, two, one)

    first, second = await attachments(store, ticket)
    assert [(each.reference, each.blob) for each in (first, second)] == [(two, "k2"), (one, "k1")]
    assert (first.uploader, first.created_at, first.ticket) == ("ann", at(1), ticket.id)
    assert await told(store, ticket) == ["create", "attach", "attach"]
    entries = await store.tickets.history(ticket.id, after=0, limit=100)
    assert [entry.sequence for entry in entries[1:]] == [first.id, second.id]
    assert msgspec.json.decode(entries[1].fields)["new"] == {"attachment": first.told()}
    assert await store.pending_files.many(ORG, [one, two], at=at(1)) == []
    assert await store.first_broken() is None


@pytest.mark.parametrize(
    ("change", "actions"),
    [(renamed, ["create", "update", "attach"]), (marked, ["create", "attach"])],
)
async def test_files_become_attachments_of_a_ticket_that_changes(
    store: SqlStore, change: Any, actions: list[str]
) -> None:
    ticket, reference = await create(store), await hold(store)

    changed = await store.tickets.change(
        ticket.id, change, action="update", files=[reference], stamp=stamp(9), once=None
    )

    assert changed.revision == 2
    assert await store.tickets.get(ticket.id) == changed
    assert [each.reference for each in await attachments(store, ticket)] == [reference]
    assert await told(store, ticket) == actions


async def test_a_file_is_good_for_one_ticket(store: SqlStore) -> None:
    reference = await hold(store)
    await create(store, reference)

    with pytest.raises(Invalid, match=f"there is no uploaded file {reference}"):
        await create(store, reference)

    assert await store.tickets.get(2) is None


async def test_one_file_that_is_not_there_keeps_the_ticket_from_changing(store: SqlStore) -> None:
    ticket, reference = await create(store), await hold(store)

    with pytest.raises(Invalid):
        await store.tickets.change(
            ticket.id,
            renamed,
            action="update",
            files=[reference, "0123456789"],
            stamp=stamp(9),
            once=None,
        )

    assert await store.tickets.get(ticket.id) == ticket
    assert await attachments(store, ticket) == []
    assert len(await store.pending_files.many(ORG, [reference], at=at(9))) == 1


async def test_a_foreign_file_is_as_one_that_is_not_there(store: SqlStore) -> None:
    reference = await hold(store, org=ORG + 1)

    with pytest.raises(Invalid, match="there is no uploaded file"):
        await create(store, reference)


async def test_the_same_bytes_are_kept_once(store: SqlStore) -> None:
    before = await create(store, await hold(store, "k1"))
    assert await store.pending_files.blob_of("aa") == "k1"

    ticket = await create(store, await hold(store, "k2"), await hold(store, "k3"))

    assert {each.blob for each in await attachments(store, ticket)} == {"k1"}
    assert [each.blob for each in await attachments(store, before)] == ["k1"]
    assert await store.pending_files.blob_of("bb") == ""


async def test_a_day_later_a_file_is_gone(store: SqlStore) -> None:
    reference = await hold(store)
    late = NOW + WAITING

    assert await store.pending_files.expire(at=late - timedelta(seconds=1), limit=9) == []
    assert await store.pending_files.many(ORG, [reference], at=late) == []
    with pytest.raises(Invalid):
        await create(store, reference, stamp=replace(stamp(), at=late))
    (expired,) = await store.pending_files.expire(at=late, limit=9)

    assert expired.reference == reference
    assert await store.pending_files.expire(at=late, limit=9) == []


async def test_a_repeated_call_attaches_once(store: SqlStore) -> None:
    reference = await hold(store)

    first = await create(store, reference, once=once())
    again = await create(store, reference, once=once())

    assert again == first
    assert len(await attachments(store, first)) == 1

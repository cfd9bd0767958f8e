"""What is known of attachments, on both engines."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from polydesk.domain.attachment import Attachment, AttachmentDraft, Blob, Detached, Upload
from polydesk.domain.errors import Conflict, NotFound, Outdated
from polydesk.domain.identity import Once
from polydesk.domain.ticket import Ticket
from polydesk.store import SqlStore
from tests.store.records import ORG, at, draft, once, stamp


def marked(ticket: Ticket) -> Ticket:
    return replace(ticket, updated_at=at(9), revision=ticket.revision + 1)


def refused(ticket: Ticket) -> Ticket:
    raise Outdated(f"{ticket.number} is another")


async def made(store: SqlStore) -> int:
    return (await store.tickets.create(ORG, draft(""), stamp=stamp(), once=None)).id


async def attach(
    store: SqlStore, ticket: int, key: str = "k1", *, sha256: str = "aa", **more: Any
) -> Attachment:
    upload = Upload(
        draft=AttachmentDraft(file_name="error.log", content_type="text/plain"),
        blob=Blob(key=key, sha256=sha256, size=3),
    )
    said: dict[str, Any] = {"touch": marked, "stamp": stamp(9), "once": None} | more
    return await store.attachments.add(ticket, upload, **said)


async def detach(store: SqlStore, attachment: Attachment, *, key: Once | None = None) -> Detached:
    return await store.attachments.remove(
        attachment.ticket, attachment.id, touch=marked, stamp=stamp(9), once=key
    )


async def listed(store: SqlStore, ticket: int, **asked: int) -> list[Attachment]:
    return await store.attachments.of_ticket(ticket, **({"after": 0, "limit": 100} | asked))


async def test_an_attachment_is_kept_with_its_ticket_and_the_history(store: SqlStore) -> None:
    ticket = await made(store)

    attachment = await attach(store, ticket)

    assert attachment == Attachment(
        id=2,
        ticket=ticket,
        file_name="error.log",
        content_type="text/plain",
        size=3,
        sha256="aa",
        blob="k1",
        created_at=at(9),
        uploader="ann",
    )
    assert await store.attachments.get(ticket, attachment.id) == attachment
    assert await store.attachments.get(ticket + 1, attachment.id) is None
    kept = await store.tickets.get(ticket)
    assert kept
    assert (kept.revision, kept.updated_at) == (2, at(9))
    (entry,) = await store.tickets.history(ticket, after=1, limit=9)
    assert (entry.sequence, entry.action) == (attachment.id, "attach")
    told = msgspec.json.decode(entry.fields)
    assert told == {"old": {}, "new": {"attachment": attachment.told()}}
    assert await store.first_broken() is None


async def test_equal_bytes_refer_to_the_blob_of_the_first(store: SqlStore) -> None:
    ticket, other = await made(store), await made(store)

    attachments = [
        await attach(store, ticket, "k1"),
        await attach(store, other, "k2"),
        await attach(store, other, "k3", sha256="bb"),
    ]

    assert [attachment.blob for attachment in attachments] == ["k1", "k1", "k3"]


async def test_a_blob_is_left_by_the_last_that_refers_to_it(store: SqlStore) -> None:
    ticket, other = await made(store), await made(store)
    first, second = await attach(store, ticket, "k1"), await attach(store, other, "k2")

    left = [(await detach(store, each)).blob for each in (first, second)]
    again = await attach(store, ticket, "k3")

    assert left == ["", "k1"]
    assert again.blob == "k3"
    assert again.id > second.id
    assert await listed(store, other) == []


async def test_of_many_at_once_one_brings_the_blob(store: SqlStore) -> None:
    ticket = await made(store)

    attachments = await asyncio.gather(*(attach(store, ticket, f"k{n}") for n in range(20)))
    left = await asyncio.gather(*(detach(store, each) for each in attachments))

    (blob,) = {attachment.blob for attachment in attachments}
    assert sorted(each.blob for each in left) == [""] * 19 + [blob]
    assert await store.first_broken() is None


async def test_attachments_come_in_the_order_of_their_ids(store: SqlStore) -> None:
    ticket, other = await made(store), await made(store)
    attachments = [await attach(store, each) for each in (ticket, other, ticket, ticket)]
    mine = [each for each in attachments if each.ticket == ticket]

    assert await listed(store, ticket) == mine
    assert await listed(store, ticket, after=mine[0].id, limit=1) == [mine[1]]


async def test_what_is_refused_leaves_nothing(store: SqlStore) -> None:
    ticket = await made(store)
    attachment = await attach(store, ticket)
    missing = replace(attachment, id=99)

    with pytest.raises(Outdated):
        await attach(store, ticket, touch=refused)
    with pytest.raises(NotFound, match="no ticket 99"):
        await attach(store, 99)
    with pytest.raises(NotFound, match="has no attachment 99"):
        await detach(store, missing)

    assert await listed(store, ticket) == [attachment]
    assert len(await store.tickets.history(ticket, after=0, limit=9)) == 2


async def test_a_key_makes_a_write_happen_once(store: SqlStore) -> None:
    ticket = await made(store)

    first = await attach(store, ticket, "k1", once=once())
    again = await attach(store, ticket, "k2", once=once())
    with pytest.raises(Conflict):
        await attach(store, ticket, "k3", once=once(digest=b"other"))
    left = [await detach(store, first, key=once("k-2")) for _ in range(2)]

    assert first == again
    assert left == [Detached(blob="k1")] * 2
    assert await listed(store, ticket) == []

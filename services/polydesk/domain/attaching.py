"""The attachments of tickets: bytes first, then the record that refers to them.

So a record never refers to bytes that are not there. What is left over the other way round, by a
hub that dies in between, nobody sees.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Final

import msgspec

from polydesk.domain.attachment import Attachment, AttachmentDraft, Upload
from polydesk.domain.cursor import Slice, cut, read_cursor
from polydesk.domain.errors import (
    Invalid,
    NotFound,
    PolydeskError,
    TimedOut,
    TooLarge,
    Unavailable,
)
from polydesk.domain.history import NO_TICKET
from polydesk.domain.identity import Caller, Once, Stamp
from polydesk.domain.part import reach, reach_present, toucher
from polydesk.domain.pending import MOST_FILES, PendingFile, new_reference
from polydesk.domain.ports import Blobs, Clock, Store

# More than one goes for each that comes.
_FORGET: Final = 4


class Attachments:
    """Keeps the files of tickets."""

    def __init__(self, *, store: Store, blobs: Blobs, clock: Clock, largest: int) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._largest = largest

    async def upload(
        self, caller: Caller, ticket: int, draft: AttachmentDraft, chunks: AsyncIterator[bytes]
    ) -> Attachment:
        """Attaches a file to a ticket."""
        await reach_present(caller, self._store.tickets, ticket)
        if draft.note and await self._store.notes.get(ticket, draft.note) is None:
            raise NotFound(f"ticket {ticket} has no note {draft.note}")
        async with aclosing(self._limited(chunks)) as limited:
            blob = await self._blobs.put(limited)
        stamp = caller.stamp(self._clock.now())
        try:
            upload = Upload(draft=draft, blob=blob)
            attachment = await self._attach(caller, ticket, upload, stamp=stamp)
        except (Unavailable, TimedOut):
            raise  # nobody knows whether the record was kept, so its bytes are
        except PolydeskError:
            await self._blobs.discard(blob.key)
            raise
        if attachment.created_at != stamp.at:  # the answer to an earlier call with the same key
            await self._blobs.discard(blob.key)
        elif attachment.blob != blob.key:
            await self._blobs.unite(blob.key, into=attachment.blob)
        return attachment

    async def get(self, caller: Caller, ticket: int, id_: int) -> Attachment:
        """Returns one attachment of a ticket."""
        await reach_present(caller, self._store.tickets, ticket)
        attachment = await self._store.attachments.get(ticket, id_)
        if attachment is None:
            raise NotFound(f"ticket {ticket} has no attachment {id_}")
        return attachment

    async def newest(self, caller: Caller, ticket: int, *, file_name: str = "") -> Attachment:
        """Returns the newest attachment of a ticket, or the newest of a name."""
        await reach_present(caller, self._store.tickets, ticket)
        attachment = await self._store.attachments.newest(ticket, file_name=file_name)
        if attachment is None:
            named = f" {file_name}" if file_name else ""
            raise NotFound(f"ticket {ticket} has no attachment{named}")
        return attachment

    async def of_source(self, caller: Caller, ticket: int, source_id: str) -> Attachment | None:
        """Returns the newest attachment that has this id where it came from, if there is one."""
        await reach_present(caller, self._store.tickets, ticket)
        return await self._store.attachments.of_source(ticket, source_id)

    async def of_notes(
        self, caller: Caller, ticket: int, notes: Sequence[int]
    ) -> dict[int, list[Attachment]]:
        """Returns the attachments of notes of a ticket, by the ids of the notes."""
        await reach_present(caller, self._store.tickets, ticket)
        found: dict[int, list[Attachment]] = {note: [] for note in notes}
        for attachment in await self._store.attachments.of_notes(ticket, notes):
            found[attachment.note].append(attachment)
        return found

    def read(self, attachment: Attachment) -> AsyncGenerator[bytes, None]:
        """Yields the bytes of an attachment; raises before the last of them if they are damaged."""
        return self._blobs.read(attachment.blob, sha256=attachment.sha256)

    async def page(
        self, caller: Caller, ticket: int, *, note: int = 0, limit: int, token: str = ""
    ) -> Slice[Attachment]:
        """Returns the attachments of a ticket, or of one of its notes, oldest first."""
        await reach_present(caller, self._store.tickets, ticket)
        asked = ["attachments", ticket, *([note] if note else [])]
        found = await self._store.attachments.of_ticket(
            ticket, note=note, after=read_cursor(token, asked=asked), limit=limit + 1
        )
        return cut(found, limit, asked=asked, id_of=lambda attachment: attachment.id)

    async def remove(self, caller: Caller, ticket: int, id_: int) -> None:
        """Deletes an attachment, and its bytes where no other attachment has them."""
        await reach(caller, self._store.tickets, ticket)
        stamp = caller.stamp(self._clock.now())
        detached = await self._store.attachments.remove(
            ticket, id_, touch=toucher(caller, stamp.at), stamp=stamp, once=caller.once
        )
        if detached.blob:
            await self._blobs.discard(detached.blob)

    async def hold(
        self, caller: Caller, org: int, draft: AttachmentDraft, chunks: AsyncIterator[bytes]
    ) -> PendingFile:
        """Keeps a file that belongs to no ticket yet, for a day."""
        caller.admit(org)
        await self._expire(limit=_FORGET)
        async with aclosing(self._limited(chunks)) as limited:
            blob = await self._blobs.put(limited)
        stamp = caller.stamp(self._clock.now())
        upload = Upload(draft=draft, blob=blob)
        file = PendingFile(
            reference=new_reference(),
            org=org,
            upload=upload,
            uploader=stamp.actor,
            created_at=stamp.at,
        )
        try:
            kept = await self._store.pending_files.add(
                file, stamp=stamp, once=_once(caller.once, NO_TICKET, upload)
            )
        except (Unavailable, TimedOut):
            raise  # as above
        except PolydeskError:
            await self._blobs.discard(blob.key)
            raise
        if kept.reference != file.reference:  # as above
            await self._blobs.discard(blob.key)
        return kept

    async def held(self, org: int, references: Sequence[str]) -> list[PendingFile]:
        """Returns the files that wait under references; those that do not are left out."""
        if len(references) > MOST_FILES:
            raise Invalid(f"at most {MOST_FILES} files are attached at once", field="files")
        if not references:
            return []
        return await self._store.pending_files.many(org, references, at=self._clock.now())

    async def settle(self, files: Sequence[PendingFile]) -> None:
        """Gives up the bytes of files that were attached, where others have the same."""
        for file in files:
            came = file.upload.blob
            kept = await self._store.pending_files.blob_of(came.sha256)
            if not kept:  # whoever was quicker has deleted them again
                await self._blobs.discard(came.key)
            elif kept != came.key:
                await self._blobs.unite(came.key, into=kept)

    async def sweep(self) -> None:
        """Deletes what is left of uploads that a dying hub broke off, or nobody came back for."""
        await self._blobs.sweep()
        while await self._expire(limit=MOST_FILES) == MOST_FILES:
            pass

    async def close(self) -> None:
        """Ends what is under way with the bytes of files."""
        await self._blobs.close()

    async def _expire(self, *, limit: int) -> int:
        files = await self._store.pending_files.expire(at=self._clock.now(), limit=limit)
        for file in files:
            await self._blobs.discard(file.upload.blob.key)
        return len(files)

    async def _attach(
        self, caller: Caller, ticket: int, upload: Upload, *, stamp: Stamp
    ) -> Attachment:
        came = upload.blob
        if upload.draft.sha256 not in ("", came.sha256):
            raise Invalid(
                f"the {came.size} bytes that came have the SHA-256 {came.sha256}", field="sha256"
            )
        return await self._store.attachments.add(
            ticket,
            upload,
            touch=toucher(caller, stamp.at),
            stamp=stamp,
            once=_once(caller.once, ticket, upload),
        )

    async def _limited(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        size = 0
        async for chunk in chunks:
            size += len(chunk)
            if size > self._largest:
                raise TooLarge(f"the file is larger than {self._largest} bytes")
            yield chunk


def _once(once: Once | None, ticket: int, upload: Upload) -> Once | None:
    """Has a key stand for the bytes, too, which nobody knew when the call began."""
    if once is None:
        return None
    said = once.digest + msgspec.json.encode([ticket, upload.draft, upload.blob.sha256])
    return msgspec.structs.replace(once, digest=hashlib.sha256(said).digest())

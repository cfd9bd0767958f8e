"""What another system sends together is taken in together, whole or not at all.

That is a ticket with its link, its files and its notes, or a note with its files.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar

from polydesk.domain.attachment import File, Upload
from polydesk.domain.custom_field import check_given
from polydesk.domain.errors import Invalid, PolydeskError, TimedOut, TooLarge, Unavailable
from polydesk.domain.identity import Caller, Org
from polydesk.domain.intake import Noted, Recorded
from polydesk.domain.link import LinkDraft
from polydesk.domain.note import NoteDraft
from polydesk.domain.org import Orgs
from polydesk.domain.part import reach, toucher
from polydesk.domain.ports import Blobs, Clock, Store
from polydesk.domain.saving import Terms
from polydesk.domain.ticket import Draft, Kind

MOST_FILES: Final = 100
Taken = TypeVar("Taken", Recorded, Noted)


class Intake:
    """Takes in what belongs together."""

    def __init__(
        self, *, store: Store, blobs: Blobs, clock: Clock, orgs: Orgs, largest: int
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._orgs = orgs
        self._largest = largest

    async def record(  # noqa: PLR0913 - each is said or not
        self,
        caller: Caller,
        org: int,
        draft: Draft,
        *,
        link: LinkDraft | None = None,
        files: Sequence[File] = (),
        notes: Sequence[NoteDraft] = (),
        least_id: int = 0,
    ) -> Recorded:
        """Makes a new ticket with a link, files and notes; or returns the one that has the link."""
        caller.admit(org)
        decided = await self._orgs.get(org)
        check_new(decided, draft)
        stamp = caller.stamp(self._clock.now())
        terms = Terms(priorities=decided.policy.priorities, least_id=least_id)

        async def write(uploads: list[Upload]) -> Recorded:
            return await self._store.intake.record(
                org,
                draft,
                link=link,
                uploads=uploads,
                notes=notes,
                terms=terms,
                stamp=stamp,
                once=caller.once,
            )

        return await self._with(files, write, at=stamp.at)

    async def note(
        self, caller: Caller, ticket: int, draft: NoteDraft, *, files: Sequence[File] = ()
    ) -> Noted:
        """Adds a note to a ticket, with its files."""
        await reach(caller, self._store.tickets, ticket)
        stamp = caller.stamp(self._clock.now())
        touch = toucher(caller, stamp.at)

        async def write(uploads: list[Upload]) -> Noted:
            return await self._store.intake.note(
                ticket, draft, uploads=uploads, touch=touch, stamp=stamp, once=caller.once
            )

        return await self._with(files, write, at=stamp.at)

    async def _with(
        self,
        files: Sequence[File],
        write: Callable[[list[Upload]], Awaitable[Taken]],
        *,
        at: datetime,
    ) -> Taken:
        """Keeps the bytes of files, then what refers to them; bytes that nothing refers to go."""
        self._check(files)
        uploads: list[Upload] = []
        try:
            for file in files:
                blob = await self._blobs.put(_once(file.data))
                uploads.append(Upload(draft=file.draft, blob=blob))
        except PolydeskError:
            await self._discard(uploads)
            raise
        try:
            taken = await write(uploads)
        except (Unavailable, TimedOut):
            raise  # nobody knows whether the records were kept, so their bytes are
        except PolydeskError:
            await self._discard(uploads)
            raise
        await self._settle(uploads, taken, at=at)
        return taken

    async def _settle(self, uploads: Sequence[Upload], taken: Taken, *, at: datetime) -> None:
        fresh = [each for each in taken.attachments if each.created_at == at]
        if len(fresh) != len(uploads):  # the answer to an earlier call
            await self._discard(uploads)
            return
        for upload, attachment in zip(uploads, fresh, strict=True):
            if attachment.blob != upload.blob.key:
                await self._blobs.unite(upload.blob.key, into=attachment.blob)

    async def _discard(self, uploads: Sequence[Upload]) -> None:
        for upload in uploads:
            await self._blobs.discard(upload.blob.key)

    def _check(self, files: Sequence[File]) -> None:
        if len(files) > MOST_FILES:
            raise Invalid(
                f"{len(files)} files came, at most {MOST_FILES} are taken at once", field="files"
            )
        if any(len(file.data) > self._largest for file in files):
            raise TooLarge(f"a file is larger than {self._largest} bytes")


def check_new(org: Org, draft: Draft) -> None:
    """Refuses a new ticket whose custom fields are not what the org has decided."""
    org.catalog.check_values(draft.custom)
    if draft.kind is Kind.INCIDENT:
        check_given(org.catalog.by_key, draft.custom)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data

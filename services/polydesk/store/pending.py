"""Files that wait for their tickets: a document each, known by a reference, deleted when they go.

What makes attachments of them runs inside the transaction that makes or changes their ticket.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from polydesk.domain.attachment import Attachment
from polydesk.domain.errors import Invalid
from polydesk.domain.identity import Once, Stamp
from polydesk.domain.part import change
from polydesk.domain.pending import PendingFile
from polydesk.domain.saving import Change
from polydesk.domain.ticket import Ticket
from polydesk.store import history
from polydesk.store.moment import micros
from polydesk.store.once import once_only
from polydesk.store.script import Engine, Read, Script, Together, Write

ATTACH: Final = "insert into attachments (id, ticket, sha256, document) values ($1, $2, $3, $4)"
WITH_BYTES: Final = "select document from attachments where sha256 = $1 order by id limit 2"
_INSERT: Final = (
    "insert into pending_files (reference, org, expires_at, document) values ($1, $2, $3, $4)"
)
_MANY: Final = (
    "select document from pending_files where org = $1 and reference = any($2) and expires_at > $3"
)
_EXPIRED: Final = (
    "select document from pending_files where expires_at <= $1 order by expires_at limit $2"
)
_DELETE: Final = "delete from pending_files where reference = $1"
_decode: Final = msgspec.json.Decoder(PendingFile).decode
_attachment: Final = msgspec.json.Decoder(Attachment).decode


class SqlPendingFiles:
    """Keeps files that wait, as ticket_ports.PendingFileStore says."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def add(self, file: PendingFile, *, stamp: Stamp, once: Once | None) -> PendingFile:
        """Inserts a file."""
        return await self._engine.write(
            lambda: once_only(_add(file, stamp), PendingFile, once=once, stamp=stamp)
        )

    async def many(self, org: int, references: Sequence[str], *, at: datetime) -> list[PendingFile]:
        """Returns the files of an org that wait under these references."""
        rows = await self._engine.rows(Read(_MANY, (org, list(references), micros(at))))
        return [_decode(row[0]) for row in rows]

    async def expire(self, *, at: datetime, limit: int) -> list[PendingFile]:
        """Deletes files whose time is over, and returns what they were."""
        if await self._engine.row(Read(_EXPIRED, (micros(at), 1))) is None:
            return []
        return await self._engine.write(lambda: _expire(at, limit))

    async def blob_of(self, sha256: str) -> str:
        """Returns the key under which attachments have these bytes; empty where none has."""
        row = await self._engine.row(Read(WITH_BYTES, (sha256,)))
        return "" if row is None else _attachment(row[0]).blob


class Attached(NamedTuple):
    """What becomes of files when they get their ticket."""

    changes: list[Change]
    writes: list[Write]


def claimed(org: int, references: Sequence[str], *, at: datetime) -> Script[list[PendingFile]]:
    """Returns the files that wait under references, in their order. Raises Invalid."""
    if not references:
        return []
    rows = yield Read(_MANY, (org, list(references), micros(at)))
    known = {file.reference: file for file in (_decode(row[0]) for row in rows)}
    for reference in references:
        if reference not in known:
            raise Invalid(
                f"there is no uploaded file {reference}: one is kept for 24 hours, and is good "
                "for one ticket",
                field="files",
            )
    return [known[reference] for reference in references]


def attached(
    files: Sequence[PendingFile], ticket: Ticket, *, first: int, stamp: Stamp
) -> Script[Attached]:
    """Makes attachments of files; the first one's entry in the history is `first`."""
    blobs: dict[str, str] = {}
    changes: list[Change] = []
    rows: list[tuple[object, ...]] = []
    for id_, file in enumerate(files, start=first):
        came = file.upload.blob
        if came.sha256 not in blobs:
            alike = yield Read(WITH_BYTES, (came.sha256,))
            blobs[came.sha256] = _attachment(alike[0][0]).blob if alike else came.key
        attachment = file.attachment(id_, ticket.id, blob=blobs[came.sha256], stamp=stamp)
        changes.append(change(ticket, "attach", old={}, new={"attachment": attachment.told()}))
        document = msgspec.json.encode(attachment).decode()
        rows.append((id_, ticket.id, came.sha256, document))
    writes = [Write(ATTACH, rows), Write(_DELETE, [(file.reference,) for file in files])]
    return Attached(changes, writes if files else [])


def _add(file: PendingFile, stamp: Stamp) -> Script[PendingFile]:
    latest = yield from history.latest()
    document = msgspec.json.encode(file).decode()
    yield Together(
        [
            *history.append([file.told()], stamp, latest=latest, ticket=latest.ticket),
            Write(_INSERT, [(file.reference, file.org, micros(file.expires_at), document)]),
        ]
    )
    return file


def _expire(at: datetime, limit: int) -> Script[list[PendingFile]]:
    rows = yield Read(_EXPIRED, (micros(at), limit))
    files = [_decode(row[0]) for row in rows]
    if files:
        yield Write(_DELETE, [(file.reference,) for file in files])
    return files

"""Files of tickets, up and down: never by half, and never other than they were."""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
import os
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

from google.api.httpbody_pb2 import HttpBody

from polydesk.api.v1.attachment_pb2 import (
    Attachment,
    DownloadAttachmentRequest,
    GetAttachmentRequest,
    UploadAttachmentRequest,
)
from polydesk.api.v1.attachment_pb2_grpc import AttachmentServiceStub
from polydesk.client.errors import Damaged
from polydesk.client.patience import Patience

# Is told how many bytes have gone, and how many there are.
Progress: TypeAlias = Callable[[int, int], None]
_PIECE: Final = 256 * 1024
# The slowest way that is put up with, and what a call takes besides.
_BYTES_A_SECOND: Final = 100_000
_BESIDES: Final = 60.0


class Attachments:
    """Moves files between a disk and a hub."""

    def __init__(self, stub: AttachmentServiceStub, *, patience: Patience) -> None:
        self._stub = stub
        self._patience = patience

    async def upload(
        self, first: UploadAttachmentRequest, path: Path, *, progress: Progress
    ) -> Attachment:
        """Attaches a file; a repeated attempt does not attach it twice."""
        size, first.sha256 = await asyncio.to_thread(facts_of, path)
        key = (("idempotency-key", uuid.uuid4().hex),)

        async def attempt(seconds: float | None) -> Attachment:
            with path.open("rb") as file:
                pieces = _pieces(first, file, size=size, progress=progress)
                return await self._stub.UploadAttachment(pieces, metadata=key, timeout=seconds)

        attached = await self._patience.repeat(attempt, seconds=_seconds(size))
        if attached.sha256 != first.sha256:
            raise Damaged(f"the hub has other bytes of {path} than were sent")
        return attached

    async def download(self, name: str, path: Path, *, progress: Progress) -> Attachment:
        """Writes an attachment to a file, which is there as a whole or not at all."""
        known = await self._stub.GetAttachment(GetAttachmentRequest(name=name))
        part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")

        async def attempt(seconds: float | None) -> None:
            answers = self._stub.DownloadAttachment(
                DownloadAttachmentRequest(name=name), timeout=seconds
            )
            with part.open("wb") as file:
                await _receive(answers, file, known, progress=progress)

        try:
            await self._patience.repeat(attempt, seconds=_seconds(known.size_bytes))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return known


def first_request(
    ticket: str, path: Path, *, file_name: str, content_type: str
) -> UploadAttachmentRequest:
    """Returns the first message of an upload; what is not said is told by the path."""
    guessed = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return UploadAttachmentRequest(
        parent=ticket,
        file_name=file_name or path.name,
        data=HttpBody(content_type=content_type or guessed),
    )


def facts_of(path: Path) -> tuple[int, str]:
    """Returns the size and the SHA-256 of a file."""
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


async def _pieces(
    first: UploadAttachmentRequest, file: IO[bytes], *, size: int, progress: Progress
) -> AsyncIterator[UploadAttachmentRequest]:
    yield first
    sent = 0
    while piece := await asyncio.to_thread(file.read, _PIECE):
        yield UploadAttachmentRequest(data=HttpBody(data=piece))
        sent += len(piece)
        progress(sent, size)


async def _receive(answers: Any, file: IO[bytes], known: Attachment, *, progress: Progress) -> None:
    digest, received = hashlib.sha256(), 0
    async with aclosing(aiter(answers)) as pieces:
        async for piece in pieces:
            digest.update(piece.data)
            received += len(piece.data)
            await asyncio.to_thread(file.write, piece.data)
            progress(received, known.size_bytes)
    if digest.hexdigest() != known.sha256:
        raise Damaged(f"{known.name} arrived with other bytes than the hub has")
    await asyncio.to_thread(_settle, file)


def _settle(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _seconds(size: int) -> float:
    return _BESIDES + size / _BYTES_A_SECOND

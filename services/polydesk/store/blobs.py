"""Blobs in a folder: `ab/cdef….token`, the SHA-256 of the bytes and a token of the upload.

The token makes a key that is given up never come again: who deletes a file cannot take it away
from an upload of the same bytes, on whatever machine. One record of the database says for all
attachments with the same bytes which file has them, so bytes are kept once all the same.

A file comes into being whole: written beside, synced, renamed. Nothing here runs in the loop's
thread.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Final, ParamSpec, TypeVar
from uuid import uuid4

from polydesk.domain.attachment import Blob
from polydesk.domain.errors import Damaged, Unavailable

P = ParamSpec("P")
T = TypeVar("T")
PIECE: Final = 256 * 1024
# No upload takes so long, so the file is that of a hub that died.
ABANDONED_SECONDS: Final = 24 * 3600
_INCOMING: Final = "incoming"
_THREADS: Final = 4


class LocalBlobs:
    """Keeps blobs in a folder, which may be shared by machines, as ports.Blobs says."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="blobs")

    async def put(self, chunks: AsyncIterator[bytes]) -> Blob:
        """Keeps bytes; when it answers, they are synced."""
        incoming = _Incoming(self._folder)
        try:
            async for chunk in chunks:
                await self._run(incoming.write, chunk)
            return await self._run(incoming.keep)
        except BaseException:
            # Not awaited: a cancelled upload cleans up, too, even one whose thread still writes.
            self._afterwards(incoming.discard)
            raise

    async def read(self, key: str, *, sha256: str) -> AsyncGenerator[bytes, None]:
        """Yields bytes, at least one piece; the last one only if all are what they were."""
        outgoing = _Outgoing(_path(self._folder, key))
        try:
            held = await self._run(outgoing.take)
            while piece := await self._run(outgoing.take):
                yield held
                held = piece
            if outgoing.sha256 != sha256:
                raise Damaged("the bytes of the file are not what they were")
            yield held
        finally:
            self._afterwards(outgoing.close)

    async def unite(self, key: str, *, into: str) -> None:
        """Gives a key up for another one of the same bytes, which are there then in any case."""
        await self._run(_unite, _path(self._folder, key), _path(self._folder, into))

    async def discard(self, key: str) -> None:
        """Deletes bytes, if they are there."""
        await self._run(_path(self._folder, key).unlink, missing_ok=True)

    async def sweep(self) -> None:
        """Deletes what uploads left that a dying hub broke off."""
        await self._run(_sweep, self._folder / _INCOMING)

    async def close(self) -> None:
        """Ends what is under way."""
        await asyncio.to_thread(self._threads.shutdown)

    async def _run(self, work: Callable[P, T], /, *args: P.args, **named: P.kwargs) -> T:
        try:
            return await asyncio.wrap_future(self._threads.submit(work, *args, **named))
        except OSError as error:
            raise Unavailable(f"the files cannot be reached: {error.strerror}") from error

    def _afterwards(self, work: Callable[[], None]) -> None:
        try:
            self._threads.submit(work)
        except RuntimeError:  # closed: a call outlived the hub's patience
            work()


class _Incoming:
    """A file on its way in; one thread at a time has it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._token = uuid4().hex
        self._path = folder / _INCOMING / self._token
        self._file: BinaryIO | None = None
        self._given_up = False
        self._seal = hashlib.sha256()
        self._size = 0
        self._lock = Lock()

    def write(self, chunk: bytes) -> None:
        with self._lock:
            self._opened().write(chunk)
            self._seal.update(chunk)
            self._size += len(chunk)

    def keep(self) -> Blob:
        with self._lock:
            with self._opened() as file:
                file.flush()
                os.fsync(file.fileno())
            sha256 = self._seal.hexdigest()
            key = f"{sha256}.{self._token}"
            path = _path(self._folder, key)
            _make_folder(path.parent)
            self._path = self._path.rename(path)
            _sync_folder(path.parent)
            return Blob(key=key, sha256=sha256, size=self._size)

    def discard(self) -> None:
        with self._lock:
            self._given_up = True
            if self._file is not None:
                with suppress(OSError):  # what it still holds may not fit on the disk
                    self._file.close()
                self._path.unlink(missing_ok=True)

    def _opened(self) -> BinaryIO:
        if self._given_up:
            raise OSError(0, "the upload was given up")
        if self._file is None:
            _make_folder(self._path.parent)
            self._file = open(self._path, "xb", opener=_private)  # noqa: SIM115  # Path takes no opener; closed by keep and discard
        return self._file


class _Outgoing:
    """A file on its way out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._seal = hashlib.sha256()
        self._lock = Lock()

    @property
    def sha256(self) -> str:
        return self._seal.hexdigest()

    def take(self) -> bytes:
        with self._lock:
            if self._file is None:
                self._file = self._path.open("rb", buffering=0)
            piece = self._file.read(PIECE)
            self._seal.update(piece)
            return piece

    def close(self) -> None:
        with self._lock:
            if self._file is not None:
                self._file.close()


def _path(folder: Path, key: str) -> Path:
    return folder / key[:2] / key[2:]


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _make_folder(folder: Path) -> None:
    """Makes a folder that only its owner reads, and that is still there after a power cut."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    _sync_folder(folder.parent)


def _unite(one: Path, other: Path) -> None:
    if other.exists():
        return one.unlink(missing_ok=True)
    one.rename(other)
    return _sync_folder(other.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(folder: Path) -> None:
    oldest = time.time() - ABANDONED_SECONDS
    for path in folder.glob("*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()

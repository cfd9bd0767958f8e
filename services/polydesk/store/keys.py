"""Where the keys of the vault are: in the environment, in a file, or in a file of the hub's own.

A file is for its owner alone. The hub's own comes into being whole and once, whoever else makes
it at the same time: written beside, synced, linked to its name.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from polydesk.domain.errors import NotConfigured
from polydesk.domain.keyring import KeyRing, new_line

_OTHERS: Final = 0o077
_SETTING: Final = "POLYDESK_SECRET_KEYS"
_FILE: Final = "the file of POLYDESK_SECRET_KEY_FILE"
_OWN: Final = "secrets.key in the data folder"
_NOWHERE: Final = (
    f"the hub has no keys for secrets: set {_SETTING} or POLYDESK_SECRET_KEY_FILE;"
    " polydesk secret key prints a key"
)


class LocalKeys:
    """Finds keys, as org_ports.Keys says; `own` is the file that the hub may make itself."""

    def __init__(
        self, *, inline: str = "", file: Path | None = None, own: Path | None = None
    ) -> None:
        self._inline = inline
        self._file = file
        self._own = own
        self._ring: KeyRing | None = None

    async def check(self) -> None:
        """Refuses keys that the operator has named and that are none."""
        if self._inline or self._file:
            await self._read()

    async def to_seal(self) -> KeyRing:
        """Returns the keys; makes the first one of the hub's own file."""
        if self._ring is not None:
            return self._ring
        if self._own and not self._inline and not self._file:
            await asyncio.to_thread(make, self._own)
        return await self._read()

    async def to_open(self, key: str) -> KeyRing:
        """Returns the keys, read anew where they lack one: somebody may have added it."""
        if self._ring is not None and key in self._ring:
            return self._ring
        return await self._read()

    async def _read(self) -> KeyRing:
        self._ring = await asyncio.to_thread(self._find)
        return self._ring

    def _find(self) -> KeyRing:
        if self._inline and self._file:
            raise NotConfigured(
                f"set either {_SETTING} or POLYDESK_SECRET_KEY_FILE: keys come from one place"
            )
        if self._inline:
            return KeyRing.read(self._inline.split(","), source=_SETTING)
        if self._file:
            return read(self._file, source=_FILE)
        if self._own:
            return read(self._own, source=_OWN)
        raise NotConfigured(_NOWHERE)


def read(path: Path, *, source: str) -> KeyRing:
    """Reads a file of keys, a line each, which none but its owner can read."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & _OTHERS:
                raise NotConfigured(f"others can read {source}: chmod 600 it")
            text = file.read().decode()
    except OSError as error:
        raise NotConfigured(f"{source} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise NotConfigured(f"{source} is no text") from error
    return KeyRing.read((line for line in text.splitlines() if line.strip()), source=source)


def make(path: Path) -> None:
    """Makes a file with one fresh key, unless there is a file; when it is back, all is synced."""
    try:
        if not path.exists():
            _make(path)
        _sync(path.parent)  # what another process has made, too, before anything is sealed with it
    except OSError as error:
        raise NotConfigured(f"{_OWN} cannot be made: {error.strerror}") from error


def _make(path: Path) -> None:
    descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{new_line()}\n")
            file.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):  # another process was quicker, and its key is the one
            path.hardlink_to(beside)
    finally:
        Path(beside).unlink()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

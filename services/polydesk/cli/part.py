"""A JSONL file under way: beside its place until it is whole, with a note of how far it has got."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from polydesk.cli.row import write_row
from polydesk.client.messages import ticket_pb2


class Part:
    """Grows by a page at a time, and takes its place at the end.

    `token` is the page to go on with, where an earlier one was noted and is to be resumed.
    """

    def __init__(self, file: Path, key: str, *, resume: bool) -> None:
        self.rows = 0
        self.token = ""
        self._file = file
        self._part = file.with_name(f"{file.name}.part")
        self._note = file.with_name(f"{file.name}.progress")
        self._key = hashlib.sha256(key.encode()).hexdigest()
        self._keeps = resume
        self._digest = hashlib.sha256()
        self._size = 0
        self._out: BinaryIO

    def __enter__(self) -> Self:
        if self._keeps:
            self._take_up()
        self._out = self._part.open("r+b" if self.token else "wb")
        self._out.truncate(self._size)
        self._out.seek(self._size)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._out.flush()
        os.fsync(self._out.fileno())
        self._out.close()
        if kind is None:
            self._part.replace(self._file)
        if kind is None or not self._keeps:
            self._part.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)

    @property
    def digest(self) -> str:
        """Returns the SHA-256 of what was written."""
        return self._digest.hexdigest()

    def add(self, tickets: Iterable[ticket_pb2.Ticket], token: str) -> None:
        """Writes a page; `token` is that of the next."""
        page = b"".join(map(write_row, tickets))
        self._out.write(page)
        self._digest.update(page)
        self._size += len(page)
        self.rows += page.count(b"\n")
        if self._keeps and token:
            self._out.flush()
            noted = {"key": self._key, "token": token, "size": self._size}
            fresh = self._note.with_suffix(".new")
            fresh.write_text(json.dumps(noted))
            fresh.replace(self._note)

    def _take_up(self) -> None:
        try:
            noted = json.loads(self._note.read_text())
            written = self._part.read_bytes()[: noted["size"]]
            if noted["key"] != self._key or len(written) != noted["size"]:
                return
            self.token, self._size = noted["token"], len(written)
        except (OSError, ValueError, KeyError, TypeError):
            return
        self._digest.update(written)
        self.rows = written.count(b"\n")

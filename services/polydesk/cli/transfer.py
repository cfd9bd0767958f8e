"""One import under way: batches in their order, progress, and where to go on another time."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import typer
from rich.progress import Progress

from polydesk.cli.failure import Failure
from polydesk.cli.mapping import Mapped
from polydesk.cli.pusher import Pusher, Refused, Ticket
from polydesk.cli.table import Content, Table


class Numbered(NamedTuple):
    """A ticket, and the line of the file that it comes from."""

    line: int
    ticket: Ticket


class Bookmark:
    """A note beside the file: the last line that the hub has acknowledged."""

    def __init__(self, file: Path, key: str) -> None:
        self._path = file.with_name(f"{file.name}.progress")
        self._key = hashlib.sha256(key.encode()).hexdigest()
        self.line = self._read()

    def note(self, line: int) -> None:
        """Notes that everything up to a line is in."""
        self.line = line
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps({"key": self._key, "line": line}))
        fresh.replace(self._path)

    def remove(self) -> None:
        """Ends the note: all is in."""
        self._path.unlink(missing_ok=True)

    def _read(self) -> int:
        try:
            noted = json.loads(self._path.read_text())
            return int(noted["line"]) if noted["key"] == self._key else 0
        except (OSError, ValueError, KeyError, TypeError):
            return 0


class Transfer:
    """Brings a file's rows to a hub, batch after batch."""

    def __init__(self, table: Table, mapped: Mapped, *, content: Content, batch: int) -> None:
        self._table = table
        self._mapped = mapped
        self._content = content
        self._batch = batch
        self._rows = 0
        self._numbers: set[str] = set()
        self._seconds = 0.0

    @classmethod
    def prepare(cls, file: Path, mapping: Path, *, batch: int) -> Self:
        """Reads the mapping and looks through the file, before anything is pushed."""
        mapped = Mapped.read(mapping)
        table = Table(file, delimiter=mapped.plan.delimiter, encoding=mapped.plan.encoding)
        mapped.check_columns(table.head())
        return cls(table, mapped, content=table.content(), batch=batch)

    @property
    def key(self) -> str:
        """Tells imports apart: by the file's content and the mapping's."""
        return f"{self._content.digest} {self._mapped.plan!r}"

    @property
    def summary(self) -> str:
        """Says what has been brought."""
        return f"{self._rows} rows of {len(self._numbers)} tickets in {self._seconds:.1f} s"

    async def run(self, pusher: Pusher, *, bookmark: Bookmark | None = None) -> None:
        """Pushes what is not yet acknowledged."""
        begin = time.monotonic()
        after = bookmark.line if bookmark else 0
        if after:
            typer.echo(f"polydesk: going on after line {after}", err=True)
        with Progress(disable=not sys.stdout.isatty()) as progress:
            bar = progress.add_task("Importing", total=self._content.lines, completed=after)
            for rows in self._batches(after=after):
                await self._push(pusher, rows)
                progress.update(bar, completed=rows[-1].line)
                if bookmark:
                    bookmark.note(rows[-1].line)
            progress.update(bar, completed=self._content.lines)
        if bookmark:
            bookmark.remove()
        self._seconds = time.monotonic() - begin

    def _batches(self, *, after: int) -> Iterator[list[Numbered]]:
        rows: list[Numbered] = []
        for line in self._table.rows():
            if line.number <= after:
                continue
            try:
                rows.append(Numbered(line.number, self._mapped.ticket(line.row)))
            except Failure as failure:
                if rows:
                    yield rows
                raise self._stopped(line.number, failure.message) from failure
            if len(rows) == self._batch:
                yield rows
                rows = []
        if rows:
            yield rows

    async def _push(self, pusher: Pusher, rows: Sequence[Numbered]) -> None:
        try:
            await self._deliver(pusher, rows)
        except Refused as refused:
            if len(rows) == 1:
                raise self._stopped(rows[0].line, str(refused)) from refused
            # The hub has taken none of them: one by one shows which it does not take.
            for row in rows:
                await self._push(pusher, [row])

    async def _deliver(self, pusher: Pusher, rows: Sequence[Numbered]) -> None:
        position = f"{self._content.digest} {rows[0].line}"
        await pusher.push([row.ticket for row in rows], position=position)
        self._rows += len(rows)
        self._numbers.update(row.ticket["TicketNumber"] for row in rows)

    def _stopped(self, line: int, why: str) -> Failure:
        return Failure(
            f"line {line} of {self._table.path}: {why}; "
            f"the {self._rows} rows pushed before it are in: mend the line and import again"
        )

"""One import of a JSONL file under way: batches of tickets, each saved once."""

from __future__ import annotations

import gzip
import hashlib
import re
import sys
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, NamedTuple, cast

import typer
from rich.progress import Progress

from polydesk.cli.failure import Failure
from polydesk.cli.row import Unreadable, read_row
from polydesk.cli.transfer import Bookmark
from polydesk.client import Client, errors
from polydesk.client.messages import ticket_pb2

_CHUNK = 1 << 20


class Numbered(NamedTuple):
    """A ticket, and the line that it stands in."""

    line: int
    ticket: ticket_pb2.Ticket


class Intake:
    """Brings the tickets of a file into an org, batch after batch."""

    def __init__(self, file: Path, *, org: int, batch: int) -> None:
        self._file = file
        self._org = org
        self._batch = batch
        self._digest, self._lines = _content(file)
        self._outcomes: Counter[str] = Counter()
        self._seconds = 0.0
        self._saved = 0

    @property
    def key(self) -> str:
        """Tells imports apart: by the file's content and the org."""
        return f"{self._digest} {self._org}"

    @property
    def summary(self) -> str:
        """Says what has been brought."""
        told = ", ".join(f"{count} {name}" for name, count in sorted(self._outcomes.items()))
        rows = sum(self._outcomes.values())
        return f"{rows} rows in {self._seconds:.1f} s: {told or 'nothing to do'}"

    async def run(self, client: Client, *, bookmark: Bookmark | None = None) -> None:
        """Saves what is not yet acknowledged."""
        begin = time.monotonic()
        self._saved = bookmark.line if bookmark else 0
        if self._saved:
            typer.echo(f"polydesk: going on after line {self._saved}", err=True)
        with Progress(disable=not sys.stdout.isatty()) as progress:
            bar = progress.add_task("Importing", total=self._lines, completed=self._saved)
            with closing(self._batches(after=self._saved)) as batches:
                for rows in batches:
                    await self._save(client, rows)
                    progress.update(bar, completed=self._saved)
                    if bookmark:
                        bookmark.note(self._saved)
        if bookmark:
            bookmark.remove()
        self._seconds = time.monotonic() - begin

    async def _save(self, client: Client, rows: Sequence[Numbered]) -> None:
        request = ticket_pb2.SaveTicketsRequest(
            parent=f"orgs/{self._org}", tickets=[row.ticket for row in rows]
        )
        try:
            answer = await client.tickets.SaveTickets(request)
        except errors.Invalid as error:
            raise self._refused(rows, error) from error
        for result in answer.results:
            name = ticket_pb2.SaveTicketsResponse.Outcome.Name(result.outcome)
            self._outcomes[name.removeprefix("OUTCOME_").lower()] += 1
        self._saved = rows[-1].line

    def _batches(self, *, after: int) -> Generator[list[Numbered], None, None]:
        rows: list[Numbered] = []
        with _open(self._file) as lines:
            for number, line in enumerate(lines, 1):
                if number <= after or not line.strip():
                    continue
                try:
                    rows.append(Numbered(number, read_row(line)))
                except Unreadable as error:
                    raise self._stopped(number, str(error)) from error
                if len(rows) == self._batch:
                    yield rows
                    rows = []
        if rows:
            yield rows

    def _refused(self, rows: Sequence[Numbered], error: errors.Invalid) -> Failure:
        index = re.match(r"tickets\[(\d+)\]\.", error.field)
        if index is None:
            return Failure(error.message)
        return self._stopped(rows[int(index[1])].line, error.message.replace(index[0], "", 1))

    def _stopped(self, line: int, why: str) -> Failure:
        return Failure(
            f"line {line} of {self._file}: {why}; "
            f"the lines up to {self._saved} are in: mend the line and import again"
        )


def _content(file: Path) -> tuple[str, int]:
    """Returns the digest of a file and how many lines it has."""
    digest, lines, last = hashlib.sha256(), 0, b"\n"
    with _open(file) as content:
        try:
            while chunk := content.read(_CHUNK):
                digest.update(chunk)
                lines += chunk.count(b"\n")
                last = chunk[-1:]
        except (OSError, EOFError) as error:
            raise _unreadable(file, error) from error
    return digest.hexdigest(), lines + (last != b"\n")


def _open(file: Path) -> IO[bytes]:
    try:
        if file.suffix == ".gz":
            return cast("IO[bytes]", gzip.open(file))
        return file.open("rb")
    except OSError as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> Failure:
    return Failure(f"{file} cannot be read: {getattr(error, 'strerror', '') or error}")

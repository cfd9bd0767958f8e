"""The CSV file of an import: its rows with their line numbers, and what it holds as a whole."""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple, cast

from polydesk.cli.failure import Failure

_CHUNK = 1 << 20


class Line(NamedTuple):
    """One row, and the line of the file that it begins in."""

    number: int
    row: dict[str, str]


class Content(NamedTuple):
    """A file's digest, and how many lines it has."""

    digest: str
    lines: int


class Table:
    """A CSV file with a head; `.gz` is unpacked while it is read."""

    def __init__(self, path: Path, *, delimiter: str, encoding: str) -> None:
        self.path = path
        self._delimiter = delimiter
        self._encoding = encoding

    def content(self) -> Content:
        """Reads the whole file once."""
        digest, lines = hashlib.sha256(), 0
        try:
            with self._open() as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
                    lines += chunk.count(b"\n")
        except (OSError, EOFError) as error:
            raise self._unreadable(error) from error
        return Content(digest.hexdigest(), lines)

    def head(self) -> list[str]:
        """Returns the names of the columns."""
        with self._open() as file:
            head = next(self._records(file), None)
        if head is None:
            raise Failure(f"{self.path} is empty")
        return head[1]

    def rows(self) -> Iterator[Line]:
        """Yields the rows below the head."""
        with self._open() as file:
            records = self._records(file)
            _, head = next(records)
            for number, record in records:
                if len(record) != len(head):
                    raise Failure(
                        f"line {number} of {self.path} has {len(record)} columns, "
                        f"and the head has {len(head)}"
                    )
                yield Line(number, dict(zip(head, record, strict=True)))

    def _records(self, file: IO[bytes]) -> Iterator[tuple[int, list[str]]]:
        texts = (self._decode(line, number) for number, line in enumerate(file, 1))
        reader = csv.reader(texts, delimiter=self._delimiter, strict=True)
        begin = 1
        try:
            for record in reader:
                if record:
                    yield begin, record
                begin = reader.line_num + 1
        except csv.Error as error:
            raise Failure(f"line {reader.line_num} of {self.path} is no CSV: {error}") from error
        except (OSError, EOFError) as error:
            raise self._unreadable(error) from error

    def _decode(self, line: bytes, number: int) -> str:
        encoding = self._encoding if number == 1 else self._encoding.removesuffix("-sig")
        try:
            return line.decode(encoding)
        except (UnicodeDecodeError, LookupError) as error:
            raise Failure(f"line {number} of {self.path} is not {encoding}: {error}") from error

    def _open(self) -> IO[bytes]:
        try:
            if self.path.suffix == ".gz":
                return cast("IO[bytes]", gzip.open(self.path))
            return self.path.open("rb")
        except OSError as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> Failure:
        return Failure(f"{self.path} cannot be read: {getattr(error, 'strerror', '') or error}")

"""The output of runs: numbered lines, each kept once, without secrets and without end.

What a command prints lies in files until it is kept; how much of a file has been kept is on record
in the same transaction, so that a worker that dies loses no line and repeats none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from enum import Enum
from typing import Final

import msgspec

LONGEST_LINE: Final = 4_096
MOST_BYTES: Final = 1_048_576
_MASK: Final = "***"
_SHORTEST_SECRET: Final = 3
_LONGEST_CHARACTER: Final = 4


class Stream(Enum):
    """Tells who says a line: the command on one of its outputs, or the desk itself."""

    STDOUT = "STDOUT"
    STDERR = "STDERR"
    NOTE = "NOTE"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a run; `cut` says that the next one goes on with what was a single line."""

    number: int
    node: str
    attempt: int
    stream: Stream
    text: str
    cut: bool = False


class Piece(msgspec.Struct, frozen=True):
    """A line that has no number yet."""

    text: str
    cut: bool = False


class Cutter:
    """Makes lines of bytes, and secrets unreadable."""

    def __init__(self, secrets: Collection[str]) -> None:
        parts = {part for secret in secrets for part in secret.splitlines()}
        # The longest first: one may be a part of another.
        known = sorted((p for p in parts if len(p) >= _SHORTEST_SECRET), key=len, reverse=True)
        self._secrets = [part.encode() for part in known]

    def cut(self, data: bytes, *, final: bool) -> tuple[list[Piece], int]:
        """Returns the lines that are complete, and how many bytes they came from."""
        end = len(data) if final else data.rfind(b"\n") + 1
        if end == 0 and len(data) >= LONGEST_LINE + 2 * self._longest:
            end = self._bound(data)
            return [*self._pieces(data[:end], more=True)], end
        lines = data[:end].split(b"\n")
        if not lines[-1]:
            lines.pop()
        return [piece for line in lines for piece in self._pieces(line)], end

    def mask(self, data: bytes) -> str:
        """Returns a text without secrets, and without the character that no database keeps."""
        for secret in self._secrets:
            data = data.replace(secret, _MASK.encode())
        return data.decode(errors="replace").replace("\0", "\ufffd")

    @property
    def _longest(self) -> int:
        return max(map(len, self._secrets), default=0)

    def _bound(self, data: bytes) -> int:
        """Returns where a line without end is cut: in no character, and in no secret."""
        end = len(data) - max(self._longest, _LONGEST_CHARACTER)
        for secret in self._secrets:
            at = data.find(secret, max(0, end - len(secret) + 1))
            if 0 <= at < end < at + len(secret):
                end = at
        while end > 1 and data[end] & 0xC0 == 0x80:  # noqa: PLR2004 - UTF-8 goes on with these
            end -= 1
        return max(end, 1)

    def _pieces(self, line: bytes, *, more: bool = False) -> Iterator[Piece]:
        text = self.mask(line).removesuffix("\r")
        parts = [text[at : at + LONGEST_LINE] for at in range(0, len(text), LONGEST_LINE)]
        for index, part in enumerate(parts or [""]):
            yield Piece(part, cut=more or index < len(parts) - 1)

"""What is executed for a node: a job, where its output goes, and how it ended."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import NamedTuple, Protocol

import msgspec

from polydesk.domain.output import Stream
from polydesk.domain.run import Outcome
from polydesk.domain.target import Target


class Place(NamedTuple):
    """One output of one attempt."""

    node: str
    attempt: int
    stream: Stream


class Tail(NamedTuple):
    """Up to where an output was taken, and how many bytes of it are kept."""

    offset: int
    kept: int


class Standing(Enum):
    """Tells whether the engine knows a phase of a run, and how far it has got with it."""

    UNKNOWN = "UNKNOWN"
    WAITING = "WAITING"
    TAKEN = "TAKEN"
    OVER = "OVER"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of a node, as a launcher executes it.

    Where there is a `source`, the words are those of its interpreter, which is given its path.
    `fresh` is false where the attempt was on record before; what has not been launched by then is
    not launched any more where there is a `refusal`. `key` is what SSH logs in with, and `mark`
    tells apart what two hubs number alike.
    """

    org: int
    run: int
    node: str
    attempt: int
    argv: tuple[str, ...]
    seconds: int
    fresh: bool
    refusal: str = ""
    stdin: bytes = b""
    source: str = ""
    suffix: str = ""
    target: Target | None = None
    key: str = ""
    mark: str = ""
    stop: asyncio.Event

    @property
    def place(self) -> str:
        """Names it among all jobs; a path of two parts."""
        return f"{self.run}/{self.node}.{self.attempt}"


class Exit(msgspec.Struct, frozen=True, kw_only=True):
    """How a job ended, and the beginning of what it printed on its standard output."""

    outcome: Outcome
    code: int | None = None
    message: str = ""
    stdout: bytes = b""


class Output(Protocol):
    """Keeps what a job prints."""

    async def offset(self, stream: Stream) -> int:
        """Returns up to where an output has been taken."""

    async def take(self, stream: Stream, data: bytes, *, final: bool) -> int:
        """Keeps lines of what an output holds behind its offset; returns the new offset."""

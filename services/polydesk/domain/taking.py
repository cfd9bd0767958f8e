"""Takes what a job prints: lines into the store, as far as they are worth keeping."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from polydesk.domain.job import Place, Tail
from polydesk.domain.output import MOST_BYTES, Cutter, Piece, Stream
from polydesk.domain.patience import Patience
from polydesk.domain.run_ports import RunStore

_TOO_MUCH: Final = Piece(f"what is printed beyond {MOST_BYTES:,} bytes is not kept", cut=True)


class Taker:
    """Takes the output of one attempt, for the worker that owns the run."""

    def __init__(  # noqa: PLR0913 - what an attempt is
        self,
        *,
        store: RunStore,
        patience: Patience,
        run: int,
        node: str,
        attempt: int,
        owner: str,
        secrets: Collection[str],
    ) -> None:
        self._store = store
        self._patience = patience
        self._run = run
        self._node = node
        self._attempt = attempt
        self._owner = owner
        self._cutter = Cutter(secrets)
        self._tails: dict[Stream, Tail] = {}

    async def offset(self, stream: Stream) -> int:
        """Returns up to where an output has been taken."""
        return (await self._tail(stream)).offset

    async def take(self, stream: Stream, data: bytes, *, final: bool) -> int:
        """Keeps the lines that are complete, all of them if `final`; returns the new offset."""
        old = await self._tail(stream)
        pieces: list[Piece] = []
        end = len(data)
        if old.kept < MOST_BYTES:
            pieces, end = self._cutter.cut(data, final=final)
        if not end:
            return old.offset
        kept = old.kept + end
        if old.kept < MOST_BYTES <= kept:
            pieces.append(_TOO_MUCH)
        new = await self._keep(stream, pieces, old, Tail(old.offset + end, kept))
        return new.offset

    async def note(self, index: int, text: str) -> None:
        """Says something as the desk, once."""
        tail = await self._tail(Stream.NOTE)
        if tail.offset == index:
            text = self._cutter.mask(text.encode())[:1_000]
            await self._keep(Stream.NOTE, [Piece(text)], tail, Tail(index + 1, 0))

    def mask(self, data: bytes) -> str:
        """Returns a text without secrets."""
        return self._cutter.mask(data)

    async def _keep(self, stream: Stream, pieces: list[Piece], old: Tail, new: Tail) -> Tail:
        # An answer may get lost: then the second attempt finds the tail moved, and does nothing.
        self._tails[stream] = await self._patience.until_done(
            lambda: self._store.keep(
                self._run, self._place(stream), pieces, owner=self._owner, old=old, new=new
            )
        )
        return self._tails[stream]

    async def _tail(self, stream: Stream) -> Tail:
        if stream not in self._tails:
            self._tails[stream] = await self._patience.until_done(
                lambda: self._store.tail(self._run, self._place(stream))
            )
        return self._tails[stream]

    def _place(self, stream: Stream) -> Place:
        return Place(self._node, self._attempt, stream)

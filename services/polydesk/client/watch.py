"""Following the changes of an org, over whatever happens to the hub and the way to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Final, NamedTuple, Self

import grpc.aio

from polydesk.api.v1.ticket_pb2 import (
    Ticket,
    TicketChange,
    WatchTicketsRequest,
    WatchTicketsResponse,
)
from polydesk.client.errors import HubError, TimedOut, Unavailable, read_status
from polydesk.client.patience import Patience

# A connection is taken for lost after so many silences, and some seconds for the way.
_SILENCES: Final = 2
_ON_THE_WAY: Final = 5.0


class Change(NamedTuple):
    """One change; a watch that begins with its cursor goes on behind it."""

    cursor: str
    change: TicketChange
    # As it is now, which may be newer than the change.
    ticket: Ticket | None


class Watch:
    """Yields the changes of an org, each once and in order, until it is closed or cancelled.

    When a stream breaks, whatever the reason, the next begins behind the last answer. What is
    raised is why the hub lets none begin: credentials that have expired, an org that is not there.
    """

    def __init__(
        self,
        method: grpc.aio.UnaryStreamMultiCallable[WatchTicketsRequest, WatchTicketsResponse],
        request: WatchTicketsRequest,
        *,
        patience: Patience,
        on_loss: Callable[[HubError], None] | None = None,
    ) -> None:
        self.cursor = request.cursor
        # Set once the hub has answered: what happens from then on will be told.
        self.begun = asyncio.Event()
        self._method = method
        self._request = request
        self._patience = patience
        self._on_loss = on_loss
        self._silence = _SILENCES * (request.heartbeat_seconds or 15) + _ON_THE_WAY
        self._changes = self._follow()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change:
        return await anext(self._changes)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Ends the watch."""
        await self._changes.aclose()

    async def _follow(self) -> AsyncGenerator[Change, None]:
        failures = 0
        while True:
            heard = False
            try:
                async with aclosing(self._listen()) as answers:
                    async for answer in answers:
                        heard = True
                        if self._take(answer):
                            failures = 0
                        if answer.HasField("changed"):
                            yield _change(answer)
            except HubError as error:
                if not (heard or error.passing or isinstance(error, TimedOut)):
                    raise
                lost = error
            failures += 1
            if self._on_loss:
                self._on_loss(lost)
            await asyncio.sleep(self._patience.pause(failures, lost))

    def _take(self, answer: WatchTicketsResponse) -> bool:
        """Tells whether an answer is behind the last one; raises the error that it may be."""
        is_new = answer.cursor not in ("", self.cursor)
        if is_new:
            self.cursor = answer.cursor
        self.begun.set()
        if answer.HasField("error"):
            raise read_status(answer.error)
        return is_new

    async def _listen(self) -> AsyncGenerator[WatchTicketsResponse, None]:
        """Yields what one stream says, and raises why it has ended."""
        self._request.cursor = self.cursor
        call = self._method(self._request)
        try:
            while True:
                async with asyncio.timeout(self._silence):
                    answer = await call.read()
                if not isinstance(answer, WatchTicketsResponse):  # it is grpc.aio.EOF
                    raise Unavailable("the stream has ended")
                yield answer
        except TimeoutError:
            raise Unavailable(f"nothing was heard for {self._silence:g} seconds") from None
        finally:
            call.cancel()


def _change(answer: WatchTicketsResponse) -> Change:
    changed = answer.changed
    ticket = changed.ticket if changed.HasField("ticket") else None
    return Change(answer.cursor, changed.change, ticket)

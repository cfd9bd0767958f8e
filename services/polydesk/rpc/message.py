"""Messages as they come off the wire and go on to it, damaged ones among them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final

from google.protobuf.message import DecodeError

from polydesk.domain.errors import Invalid, Missing, TimedOut
from polydesk.rpc.errors import SPOILT
from polydesk.rpc.method import Method
from polydesk.rpc.required import check_required

_MALFORMED: Final = object()
# A sender that pauses for longer has gone.
_LONGEST_PAUSE: Final = 60.0


def tolerant(deserialize: Any) -> Any:
    """Keeps grpc from answering a message that protobuf cannot read with its stack trace."""

    def read(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError:
            return _MALFORMED

    return read


def spoiling(serialize: Any) -> Any:
    """Has SPOILT go out as bytes that no protobuf can read."""

    def write(answer: Any) -> bytes:
        data: bytes = b"\xff" if answer is SPOILT else serialize(answer)
        return data

    return write


def check_form(message: Any) -> None:
    """Refuses a message that could not be read."""
    if message is _MALFORMED:
        raise Invalid("the message cannot be read: it is nested too deeply or damaged")


async def received(messages: AsyncIterator[Any], method: Method) -> AsyncGenerator[Any, None]:
    """Yields what a caller sends, of which the first message has to hold what is required."""
    source = aiter(messages)
    first = True
    while True:
        try:
            async with asyncio.timeout(_LONGEST_PAUSE):
                message = await anext(source)
        except StopAsyncIteration:
            break
        except TimeoutError as error:
            raise TimedOut(f"nothing came for {_LONGEST_PAUSE:g} seconds") from error
        check_form(message)
        if first:
            check_required(method.required, message)
        first = False
        yield message
    if first:
        raise Missing("at least one message is required")

"""Following a run to its end, over whatever happens to the hub and the way to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Final

import grpc.aio

from polydesk.api.v1.run_pb2 import Run, WatchRunOutputRequest, WatchRunOutputResponse
from polydesk.client.errors import HubError, TimedOut, Unavailable, read_status
from polydesk.client.patience import Patience

ENDED: Final = frozenset({Run.STATE_FAILED, Run.STATE_SUCCEEDED, Run.STATE_CANCELLED})
_SILENCE: Final = 35.0


async def follow_run(
    method: Callable[[WatchRunOutputRequest], Any],
    request: WatchRunOutputRequest,
    *,
    patience: Patience,
    on_loss: Callable[[HubError], None] | None = None,
) -> AsyncGenerator[WatchRunOutputResponse, None]:
    """Yields each line once and each state of a run, until it has ended.

    When a stream breaks, the next one begins behind the last answer.
    """
    failures = 0
    while True:
        try:
            async with aclosing(_listen(method, request)) as answers:
                async for answer in answers:
                    failures = 0
                    request.cursor = answer.cursor
                    if not answer.HasField("heartbeat"):
                        yield answer
                    if answer.HasField("run") and answer.run.state in ENDED:
                        return
        except HubError as error:
            if not (error.passing or isinstance(error, TimedOut)):
                raise
            lost = error
        else:
            lost = Unavailable("the stream has ended before the run has")
        failures += 1
        if on_loss:
            on_loss(lost)
        await asyncio.sleep(patience.pause(failures, lost))


async def _listen(
    method: Callable[[WatchRunOutputRequest], Any], request: WatchRunOutputRequest
) -> AsyncGenerator[WatchRunOutputResponse, None]:
    call = method(request)
    try:
        while True:
            async with asyncio.timeout(_SILENCE):
                answer = await call.read()
            if answer is grpc.aio.EOF:
                return
            if answer.HasField("error"):
                raise read_status(answer.error)
            yield answer
    except TimeoutError:
        raise Unavailable(f"nothing was heard for {_SILENCE:g} seconds") from None
    finally:
        call.cancel()

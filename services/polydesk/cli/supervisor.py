"""Runs hubs, a worker and Envoy together on one machine, and ends them in the right order."""

from __future__ import annotations

import asyncio
import signal
from asyncio import TaskGroup
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from polydesk.cli.address import Address
from polydesk.cli.child import Child
from polydesk.cli.envoy import DRAIN_SECONDS
from polydesk.cli.failure import Failure, Status
from polydesk.cli.probe import Admin, answers

_START_SECONDS: Final = 60.0
_FLUSH_SECONDS: Final = 3.0
_ENVOY_SECONDS: Final = 3.0


class Supervisor:
    """Keeps hubs, their worker and the Envoy before them running until a signal comes.

    The first SIGTERM or SIGINT lets calls under way end, the second does not.
    """

    def __init__(  # noqa: PLR0913 - what it runs
        self,
        *,
        hubs: Sequence[Child],
        worker: Child,
        envoy: Child,
        admin: Admin,
        address: Address,
        grace: float,
        tls: bool,
    ) -> None:
        self._hubs = hubs
        self._worker = worker
        self._envoy = envoy
        self._admin = admin
        self._address = address
        self._grace = grace
        self._tls = tls
        self._stop = asyncio.Event()
        self._answers = False
        self._killed = False

    async def run(
        self, *, prepare: Callable[[], Awaitable[None]], announce: Callable[[], None]
    ) -> None:
        """Prepares, starts all, announces when the whole answers, returns when all has ended."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:  # as nohup leaves SIGHUP
                asyncio.get_running_loop().add_signal_handler(number, self._on_signal)
        try:
            async with TaskGroup() as group:
                starting = group.create_task(self._start(group, prepare, announce))
                await self._stop.wait()
                starting.cancel()
                await self._wind_down()
        except BaseExceptionGroup as failed:
            await self._end()
            raise _first(failed) from None
        if self._killed:
            raise Failure("ended at once", status=Status.INTERRUPTED)

    async def _start(
        self,
        group: TaskGroup,
        prepare: Callable[[], Awaitable[None]],
        announce: Callable[[], None],
    ) -> None:
        await prepare()
        for child in self._all:
            group.create_task(child.keep())
        await self._until_answering()
        self._answers = True
        for child in self._all:
            child.settled = True
        announce()

    async def _is_answering(self) -> bool:
        # Whoever is not let in without a certificate has to believe Envoy.
        return await (self._admin.ready() if self._tls else answers(self._address.reachable))

    async def _until_answering(self) -> None:
        try:
            async with asyncio.timeout(_START_SECONDS):
                while not await self._is_answering():  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise Failure(
                f"nothing answers on {self._address} after {_START_SECONDS:.0f} seconds"
            ) from None

    async def _wind_down(self) -> None:
        for child in self._all:
            child.retire()
        if self._answers:
            await self._admin.drain()
            await asyncio.sleep(DRAIN_SECONDS)
        await self._end()

    async def _end(self) -> None:
        async with TaskGroup() as group:
            for child in (*self._hubs, self._worker):
                group.create_task(child.stop(seconds=self._grace))
        if self._answers:
            await self._flush()
        await self._envoy.stop(seconds=_ENVOY_SECONDS)

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + _FLUSH_SECONDS
        while loop.time() < end and await self._admin.active():  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.05)

    def _on_signal(self) -> None:
        if self._stop.is_set():
            self._killed = True
            for child in self._all:
                child.kill()
        self._stop.set()

    @property
    def _all(self) -> tuple[Child, ...]:
        return (*self._hubs, self._worker, self._envoy)


def _first(group: BaseExceptionGroup) -> BaseException:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first

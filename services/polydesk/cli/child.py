"""The programs of a hub, each kept running until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import typer

from polydesk.cli import tether
from polydesk.cli.failure import Failure, Status

_SHORTEST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
# Who ran this long was well.
_WELL: Final = 10.0


class Child:
    """One program, which ends with this process at the latest."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        descriptors: Sequence[int] = (),
        socket: Path | None = None,
    ) -> None:
        self.name = name
        # Until the whole answers, a child that gives up ends the others too.
        self.settled = False
        self._command = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), *command]
        self._environment = environment
        self._descriptors = descriptors
        self._socket = socket
        self._process: Process | None = None
        self._stopping = asyncio.Event()

    async def run(self) -> int:
        """Runs the program once and returns its exit status."""
        if self._socket:
            self._socket.unlink(missing_ok=True)
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=self._descriptors,
            start_new_session=True,  # Ctrl-C is this process's to handle
        )
        return await self._process.wait()

    async def keep(self) -> None:
        """Runs the program again whenever it ends, until it is told to stop."""
        pause = _SHORTEST_PAUSE
        while not self._stopping.is_set():
            started = time.monotonic()
            status = await self.run()
            if self._stopping.is_set():
                return
            self._judge(status)
            if time.monotonic() - started > _WELL:
                pause = _SHORTEST_PAUSE
            typer.echo(f"polydesk: {self.name} {_told(status)}; it is started again", err=True)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def stop(self, *, seconds: float) -> None:
        """Asks the program to end, and ends it when it has not by then."""
        self.retire()
        if not self._running:
            return
        self._running.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._running.wait()
        self.kill()

    def retire(self) -> None:
        """Lets the program end without a successor."""
        self._stopping.set()

    def kill(self) -> None:
        """Ends the program at once."""
        self.retire()
        if self._running:
            self._running.kill()

    @property
    def _running(self) -> Process | None:
        process = self._process
        return process if process and process.returncode is None else None

    def _judge(self, status: int) -> None:
        gave_up = status > 0 and not self.settled
        if gave_up or status == Status.MISCONFIGURED:
            raise Failure(f"{self.name} cannot start, for the reason above")


def _told(status: int) -> str:
    return f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"

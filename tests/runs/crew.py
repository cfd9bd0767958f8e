"""A hub and its workers as processes of their own, which tests may kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from polydesk.client import Client, Patience

_PATIENCE: Final = 60.0
_POLYDESK: Final = (sys.executable, "-P", "-m", "polydesk")


class Member:
    """One process, which can be killed and started again."""

    def __init__(self, name: str, *words: str, environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self._words = words
        self._environment = {**os.environ, **environment}
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            self._begins = log.tell()
            return subprocess.Popen(
                [*_POLYDESK, *self._words], env=self._environment, stdout=log, stderr=log
            )

    @property
    def is_ready(self) -> bool:
        """Tells whether it has begun to serve or to work."""
        said = self.log.read_bytes()[self._begins :]
        return b'"serving"' in said or b'"working"' in said

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Kills it."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
        if number is signal.SIGKILL:
            self.process.wait(_PATIENCE)

    def revive(self) -> None:
        """Starts it again if it has ended."""
        if self.process.poll() is not None:
            self.process = self._start()


class Crew:
    """`polydesk serve` and some `polydesk work`, of which each has a folder of its own."""

    def __init__(self, folder: Path, *, url: str, workers: int, shared: bool = False) -> None:
        self.folder = folder
        self.socket = folder / "hub.sock"
        base = {
            "POLYDESK_DATABASE_URL": url,
            "POLYDESK_DEMO": "true",
            "GRPC_ENABLE_FORK_SUPPORT": "0",
        }
        self.hub = Member(
            "serve",
            "serve",
            environment={**base, "POLYDESK_DATA": str(folder), "POLYDESK_HUB": self.address},
            log=folder / "serve.log",
        )
        self.workers = [
            Member(
                f"work-{number}",
                "work",
                environment={
                    **base,
                    "POLYDESK_DATA": str(folder / ("all" if shared else str(number))),
                },
                log=folder / f"work-{number}.log",
            )
            for number in range(workers)
        ]

    @property
    def address(self) -> str:
        """Returns where the hub listens."""
        return f"unix:{self.socket}"

    @property
    def members(self) -> list[Member]:
        """Returns all of them."""
        return [self.hub, *self.workers]

    def client(self) -> Client:
        """Returns a client that calls for as long as it takes."""
        patience = Patience(attempts=100)
        return Client(
            self.address, login="demo@example.com", secret="demo", timeout=60, patience=patience
        )

    def started(self) -> Crew:
        """Waits until the hub serves and all workers work."""
        end = time.monotonic() + _PATIENCE
        for member in self.members:
            while not member.is_ready:
                if time.monotonic() > end or member.process.poll() is not None:
                    raise RuntimeError(self.log)
                time.sleep(0.05)
        return self

    @property
    def log(self) -> str:
        """Returns what all of them have said."""
        return "".join(member.log.read_text() for member in self.members)

    def end(self) -> None:
        """Kills all of them."""
        for member in self.members:
            member.kill(signal.SIGCONT)
            member.kill()

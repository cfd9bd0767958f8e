"""Envoy by itself, as containers run it: started as configured, and taken out of service."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from polydesk.cli.failure import Failure
from polydesk.cli.probe import Admin

DRAIN_SECONDS: Final = 1
# So long others may send calls here after this gateway has said that it goes.
_NOTICE_SECONDS: Final = 5.0
_FLUSH_SECONDS: Final = 20.0


def command(envoy: Path, bootstrap: Path, *, threads: int) -> tuple[str, ...]:
    """Returns the words by which Envoy is started."""
    # A SIGTERM is no warning.
    told = ("--log-level", "warn", "--component-log-level", "main:error")
    drain = ("--drain-time-s", str(DRAIN_SECONDS), "--drain-strategy", "immediate")
    rest = ("--concurrency", str(threads), "--disable-hot-restart")
    return (str(envoy), "-c", str(bootstrap), *told, *rest, *drain)


def environment() -> Mapping[str, str]:
    """Returns its environment: the hub's settings, keys among them, are nothing to Envoy."""
    return {name: said for name, said in os.environ.items() if not name.startswith("POLYDESK_")}


def become(envoy: Path, configuration: str, *, admin: str) -> None:
    """Has this process go on as Envoy."""
    if admin.startswith("unix:"):
        Path(admin.removeprefix("unix:")).unlink(missing_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="polydesk-"))
    bootstrap = folder / "envoy.json"
    bootstrap.write_text(configuration)
    words = command(envoy, bootstrap, threads=len(os.sched_getaffinity(0)))
    os.execve(words[0], words, environment())  # noqa: S606 - our own program


def drain(admin: str) -> None:
    """Takes an Envoy out of service, and returns when the calls under way have ended."""
    if not admin.startswith("unix:"):
        raise Failure("--drain needs --admin unix:/path, the socket file that Envoy was given")
    asyncio.run(_drain(Admin(Path(admin.removeprefix("unix:")))))


async def _drain(admin: Admin) -> None:
    if not await admin.fail():
        raise Failure("no Envoy answers at its admin socket")
    await asyncio.sleep(_NOTICE_SECONDS)
    await admin.drain()
    loop = asyncio.get_running_loop()
    end = loop.time() + _FLUSH_SECONDS
    while loop.time() < end and await admin.active():  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.1)

"""Launches jobs on this machine, each under a guard that outlives this process.

A folder for each job tells how it stands, to whichever process of this machine looks:

    `end` is there            it has ended so
    `lock` is held            it runs: wait for it
    no `started`              it was never begun: begin it
    else                      it died together with its guard: nobody can tell how it ended
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from polydesk.domain.job import Exit, Job, Output
from polydesk.domain.output import Stream
from polydesk.domain.run import LONGEST_RESULT, Outcome
from polydesk.runs import guard

_LOOK_SECONDS: Final = 0.05
_ATTEMPTS: Final = 3
_WINDOW: Final = 256 * 1024
_FILES: Final = {Stream.STDOUT: "out", Stream.STDERR: "err"}
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_OUTCOMES: Final = {"late": Outcome.TIMED_OUT, "stopped": Outcome.CANCELLED}


class LocalLauncher:
    """Launches jobs on this machine, below a folder that its processes share."""

    def __init__(self, root: Path, *, machine: str) -> None:
        self._root = root
        self.machine = machine

    async def launch(self, job: Job, *, output: Output) -> Exit:
        """Launches a job, or goes on with one that was launched."""
        folder = Folder(self._root / job.place)
        for _ in range(_ATTEMPTS):
            refused = await asyncio.to_thread(self._begin, folder, job)
            ended = refused or await self._follow(folder, job, output)
            if ended is not _NEVER:
                return ended
        return _NEVER

    async def clear(self, job: Job) -> None:
        """Removes what is left of a job."""
        folder = self._root / job.place
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        with suppress(OSError):
            folder.parent.rmdir()

    async def sweep(self, is_over: Callable[[int], Awaitable[bool]]) -> None:
        """Removes what workers that died have left of runs that are over."""
        runs = [path for path in self._root.glob("[0-9]*") if path.name.isdecimal()]
        for path in runs:
            idle = not any(Folder(each).held for each in path.iterdir())
            if idle and await is_over(int(path.name)):
                await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)

    def _begin(self, folder: Folder, job: Job) -> Exit | None:
        """Sees that a job is begun; returns how it ended where there is nothing to wait for."""
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = folder.lock()
        if lock is None:
            return None
        try:
            if folder.has("end"):
                return None
            if folder.has("started"):
                return _UNKNOWN
            if job.stop.is_set():
                return Exit(outcome=Outcome.CANCELLED, message="cancelled before it began")
            if refusal := job.refusal or _missing(job):
                return Exit(outcome=Outcome.FAILED, message=refusal)
            _GUARDS[:] = [each for each in _GUARDS if each.poll() is None]
            _GUARDS.append(folder.begin(job, lock))
        finally:
            os.close(lock)
        return None

    async def _follow(self, folder: Folder, job: Job, output: Output) -> Exit:
        while True:
            ended = folder.has("end")
            died = not ended and not folder.held and not folder.has("end")
            for stream in _FILES:
                await _take(folder, stream, output, final=ended or died)
            if ended:
                return folder.exit()
            if died:
                return _UNKNOWN if folder.has("started") else _NEVER
            if job.stop.is_set():
                folder.stop()
            await asyncio.sleep(_LOOK_SECONDS)


class Folder:
    """What a guard and those who look at its job share."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def has(self, name: str) -> bool:
        """Tells whether there is a file of a name."""
        return (self.path / name).exists()

    def lock(self) -> int | None:
        """Takes the lock; returns nothing while somebody has it."""
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    @property
    def held(self) -> bool:
        """Tells whether somebody has the lock."""
        descriptor = self.lock()
        if descriptor is None:
            return True
        os.close(descriptor)
        return False

    def begin(self, job: Job, lock: int) -> subprocess.Popen[bytes]:
        """Starts a guard, hands it the lock and the job."""
        argv = list(job.argv)
        if job.source:
            source = self.path / f"source{job.suffix}"
            source.write_text(job.source)
            argv.append(str(source))
        work = str(self.path / "work")
        said: dict[str, Any] = {
            "argv": argv,
            "stdin": job.stdin.decode(),
            "seconds": job.seconds,
            "environment": _environment(work),
            "memory": job.suffix != ".ps1",  # .NET reserves more than anybody has
        }
        body = json.dumps(said).encode()
        process = subprocess.Popen(  # noqa: S603 - our own guard
            [sys.executable, "-I", "-S", guard.__file__, str(self.path), str(lock)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_environment("/"),
            pass_fds=(lock,),
            start_new_session=True,
        )
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        with suppress(BrokenPipeError), process.stdin as stdin:
            stdin.write(b"%d\n" % len(body) + body)
        return process

    def stop(self) -> None:
        """Has the guard end the job. While the lock is held, its process id is its own."""
        with suppress(OSError, ValueError):
            pid = int((self.path / "started").read_text())
            if self.held:
                os.kill(pid, signal.SIGTERM)

    def exit(self) -> Exit:
        """Returns how the job has ended."""
        end = json.loads((self.path / "end").read_text())
        usual = Outcome.FAILED if end["code"] else Outcome.SUCCEEDED
        outcome = _OUTCOMES.get(end["how"], usual)
        message = end["message"] or _told(outcome, end["code"])
        stdout = b""
        with suppress(OSError), (self.path / "out").open("rb") as out:
            stdout = out.read(LONGEST_RESULT + 1)
        return Exit(outcome=outcome, code=end["code"], message=message, stdout=stdout)


# Those that this process has started, so that none stays behind as a zombie.
_GUARDS: Final[list[subprocess.Popen[bytes]]] = []
_UNKNOWN: Final = Exit(
    outcome=Outcome.UNKNOWN, message="nobody can tell how it ended: it died with its guard"
)
_NEVER: Final = Exit(outcome=Outcome.FAILED, message="its guard could not be started")


async def _take(folder: Folder, stream: Stream, output: Output, *, final: bool) -> None:
    path = folder.path / _FILES[stream]
    while True:
        offset = await output.offset(stream)
        data = _read(path, offset)
        last = final and len(data) < _WINDOW
        if not data or await output.take(stream, data, final=last) == offset:
            return


def _read(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(_WINDOW)
    except FileNotFoundError:
        return b""


def _environment(home: str) -> Mapping[str, str]:
    return {"PATH": _PATH, "LANG": "C.UTF-8", "HOME": home}


def _missing(job: Job) -> str:
    program = job.argv[0]
    if job.source and shutil.which(program, path=_PATH) is None:
        return f"{program} is not installed on this machine"
    return ""


def _told(outcome: Outcome, code: int) -> str:
    if outcome is Outcome.TIMED_OUT:
        return "it took longer than it may, and was ended"
    if outcome is Outcome.CANCELLED:
        return "it was ended on demand"
    if code < 0:
        return f"it was ended by signal {-code}"
    return f"it ended with exit code {code}" if code else ""

"""Watches over one job, and outlives whoever launched it.

Run by its path, with Python's -I and -S, as `guard.py FOLDER DESCRIPTOR`; the latter is its lock.
The job comes on stdin: a length in decimal, a line feed, and JSON. The folder tells what happens:

    lock      is held for as long as the guard or the job lives
    started   is there before the job begins, and holds the guard's process id
    out, err  are what the job prints
    end       is there, whole, when the job has ended: how

A job that came by half is not begun. SIGTERM ends the job, and so does its time.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

GRACE: Final = 2.0
_PR_SET_CHILD_SUBREAPER: Final = 36
_WATCHED: Final = frozenset({signal.SIGCHLD, signal.SIGTERM})
_FILE_BYTES: Final = 64 * 1024 * 1024
_MEMORY_BYTES: Final = 2 * 1024 * 1024 * 1024
_FILES: Final = 256
_PROCESSES: Final = 1_024
_NOT_FOUND: Final = 127


def main() -> None:
    """Runs the job that comes on stdin."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    os.chdir(sys.argv[1])
    job = _read_job()
    if job is None or not _mark_started():
        return
    _adopt_orphans()
    try:
        ended = _run(job)
    except OSError as error:
        ended = {"code": _NOT_FOUND, "how": "failed", "message": f"{error.strerror or error}"}
    _tell("end", json.dumps(ended))


def _read_job() -> dict[str, Any] | None:
    """Returns the job, or nothing where whoever sent it has died over it."""
    data = sys.stdin.buffer
    head = data.readline()
    body = data.read()
    if not head.endswith(b"\n") or len(body) != int(head):
        return None
    job: dict[str, Any] = json.loads(body)
    return job


def _mark_started() -> bool:
    try:
        mark = os.open("started", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    os.write(mark, str(os.getpid()).encode())
    os.fsync(mark)
    os.close(mark)
    return True


def _run(job: dict[str, Any]) -> dict[str, Any]:
    Path("work").mkdir(mode=0o700)
    # A time that passes while the machine sleeps is not the job's.
    end = time.monotonic() + job["seconds"]
    with Path("out").open("wb") as out, Path("err").open("wb") as err:
        process = subprocess.Popen(  # noqa: S603 - what policy has allowed, no shell
            job["argv"],
            stdin=_stdin(job["stdin"].encode()),
            stdout=out,
            stderr=err,
            cwd="work",
            env=job["environment"],
            start_new_session=True,
            pass_fds=(int(sys.argv[2]),),
            preexec_fn=lambda: _limit(job),  # noqa: PLW1509 - the guard has no threads
        )
    how = _watch(process, end)
    _end_group(process.pid, signal.SIGKILL)
    _end_orphans()
    return {"code": process.returncode, "how": how, "message": ""}


def _watch(process: subprocess.Popen[bytes], end: float) -> str:
    """Waits for the job, and ends it when it is late or not wanted any more; tells which."""
    how = "ended"
    while process.poll() is None:
        told = signal.sigtimedwait(_WATCHED, max(0.0, end - time.monotonic()))
        if told is None or told.si_signo == signal.SIGTERM:
            _end_group(process.pid, signal.SIGKILL if how != "ended" else signal.SIGTERM)
            how = how if how != "ended" else ("late" if told is None else "stopped")
            end = time.monotonic() + GRACE
    return how


def _stdin(data: bytes) -> int:
    """Returns what the job reads; nobody finds it in a folder."""
    descriptor = os.memfd_create("stdin")
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _limit(job: dict[str, Any]) -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: job["seconds"] + 1,
        resource.RLIMIT_FSIZE: _FILE_BYTES,
        resource.RLIMIT_NOFILE: _FILES,
        resource.RLIMIT_NPROC: _PROCESSES,
    }
    if job["memory"]:
        limits[resource.RLIMIT_AS] = _MEMORY_BYTES
    for limit, most in limits.items():
        highest = resource.getrlimit(limit)[1]
        most = most if highest == resource.RLIM_INFINITY else min(most, highest)  # noqa: PLW2901
        resource.setrlimit(limit, (most, most))


def _adopt_orphans() -> None:
    """Has what a job leaves behind become the guard's own children."""
    import ctypes  # noqa: PLC0415 - after the mark, for it takes a while

    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _end_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _end_orphans() -> None:
    """Ends what has left the job's session and lives on."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    for _ in range(100):
        pids = children.read_text().split() if children.exists() else []
        if not pids:
            return
        for pid in map(int, pids):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _tell(name: str, text: str) -> None:
    """Writes a file that is there as a whole or not at all."""
    with Path(f"{name}.new").open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(f"{name}.new").rename(name)


if __name__ == "__main__":
    main()

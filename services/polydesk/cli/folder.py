"""The data folder of a hub, which one `polydesk up` holds at a time."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from polydesk.cli.failure import Failure

# A killed hub lets go of its folder when its last process is gone.
_PATIENCE: Final = 1.0


def make_folder(path: Path) -> None:
    """Makes a folder that only its owner reads, if it is not there."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"{path} cannot hold the data: {error.strerror}") from error


class DataFolder:
    """Makes the folder, and locks it for as long as a process has `descriptor` open."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.logs = self.path / "logs"
        self.descriptor = -1

    def __enter__(self) -> Self:
        make_folder(self.path)
        make_folder(self.logs)
        try:
            self.descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Failure(f"{self.path} cannot hold the data: {error.strerror}") from error
        self._lock()
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{os.getpid()}\n".encode(), 0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self.descriptor)

    def _lock(self) -> None:
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                return fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    break
                time.sleep(0.05)
        holder = os.pread(self.descriptor, 32, 0).decode().strip() or "unknown"
        os.close(self.descriptor)
        raise Failure(
            f"{self.path} is in use by another hub (pid {holder}); "
            "end that one, or choose another folder with --data"
        )

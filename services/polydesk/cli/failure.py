"""What stops a command: one line on stderr and an exit status, never a traceback."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """The exit statuses that mean something, as sysexits.h numbers them."""

    FAILED = 1
    USAGE = 2
    # The hub may start later as it is: its database is down.
    TRY_AGAIN = 75
    # The hub cannot start as it is set up.
    MISCONFIGURED = 78
    INTERRUPTED = 130


class Failure(Exception):
    """Stops a command; the message tells the operator what to mend."""

    def __init__(self, message: str, *, status: Status = Status.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.status = status

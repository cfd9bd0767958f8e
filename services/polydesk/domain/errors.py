"""What can go wrong, in the desk's words.

`rpc/errors.py` gives each class its gRPC status; a dialect gives it the vendor's own body.
"""

from __future__ import annotations

from typing import ClassVar, Final

LONGEST_MESSAGE: Final = 1_000


class PolydeskError(Exception):
    """A call that the desk refuses: the message tells the caller what to mend."""

    reason: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, **metadata: str) -> None:
        super().__init__(message)
        # It travels in a header, and may quote what the caller sent.
        self.message = (
            message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]}…"
        )
        self.metadata = metadata


class Invalid(PolydeskError):
    """Something in the request is not as it must be; `field` says where."""

    reason = "INVALID"

    def __init__(self, message: str, *, field: str = "", **metadata: str) -> None:
        super().__init__(message, **metadata)
        self.field = field


class Missing(Invalid):
    """A field that must be given is not."""

    reason = "MISSING"


class Unauthenticated(PolydeskError):
    """Nobody can tell who is calling; the reason tells why."""

    reason = "CREDENTIALS_INVALID"


class CredentialsMissing(Unauthenticated):
    """No credentials came with the call."""

    reason = "CREDENTIALS_MISSING"


class CredentialsExpired(Unauthenticated):
    """The token was good once."""

    reason = "CREDENTIALS_EXPIRED"


class Denied(PolydeskError):
    """The caller is known and may not do this."""

    reason = "DENIED"


class NotFound(PolydeskError):
    """There is no such thing, or none that the caller may see."""

    reason = "NOT_FOUND"


class Exists(PolydeskError):
    """There is such a thing already."""

    reason = "EXISTS"


class Conflict(PolydeskError):
    """Somebody else was faster, or an idempotency key was used for something else."""

    reason = "CONFLICT"


class Outdated(Conflict):
    """The etag that guards a write is no longer the record's."""

    reason = "OUTDATED"


class WrongState(PolydeskError):
    """The request is sound, and the record is not in a state for it."""

    reason = "WRONG_STATE"


class NotConfigured(WrongState):
    """The operator has yet to set up, or to mend, what the call needs; the message says what."""

    reason = "NOT_CONFIGURED"


class TooLarge(PolydeskError):
    """The request is larger than the hub takes."""

    reason = "TOO_LARGE"


class Overloaded(PolydeskError):
    """The caller is asked to slow down."""

    reason = "OVERLOADED"


class Unavailable(PolydeskError):
    """Something the desk needs is down; the same call may work later."""

    reason = "UNAVAILABLE"


class TimedOut(PolydeskError):
    """The answer took longer than the caller waits."""

    reason = "TIMED_OUT"


class Damaged(PolydeskError):
    """What the desk keeps is not what it was given any more."""

    reason = "DAMAGED"


class UnknownRoute(NotFound):
    """The dialect documents no such path."""

    reason = "UNKNOWN_ROUTE"


class WrongMethod(PolydeskError):
    """The path is known under another HTTP method."""

    reason = "WRONG_METHOD"


class Internal(PolydeskError):
    """The hub failed; the message holds nothing but the id of the request."""

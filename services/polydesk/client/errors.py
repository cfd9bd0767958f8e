"""What can go wrong with a call, as one family of exceptions.

Each is made from what the hub said; the `grpc.aio.AioRpcError` it came in is its `__cause__`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import grpc
import grpc.aio
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2


class HubError(Exception):
    """A call that the hub refused, or that did not reach it; `message` is for people.

    `reason` and `metadata` are for programs, `request_id` is what the hub's log knows the call by.
    """

    # Whether the same call may do well a little later.
    passing: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        code: grpc.StatusCode = grpc.StatusCode.UNKNOWN,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = reason
        self.metadata = dict(metadata or {})
        self.request_id = self.metadata.get("request_id", "")


class Invalid(HubError):
    """Something in the request is not as it must be; `field` says where."""

    field = ""


class Missing(Invalid):
    """A field that must be given is not."""


class NotFound(HubError):
    """There is no such thing, or none that the caller may see."""


class Exists(HubError):
    """There is such a thing already."""


class Conflict(HubError):
    """Somebody else was faster, or an idempotency key was used for something else."""


class Outdated(Conflict):
    """The etag that guards a write is no longer the record's."""


class WrongState(HubError):
    """The request is sound, and the record is not in a state for it."""

    @property
    def state(self) -> str:
        """Names the state the record is in."""
        return self.metadata.get("state", "")

    @property
    def allowed(self) -> list[str]:
        """Lists the states it may go to, where the hub says so."""
        return [state for state in self.metadata.get("allowed", "").split(", ") if state]


class Unauthenticated(HubError):
    """The hub cannot tell who is calling."""


class Denied(HubError):
    """The caller is known and may not do this."""


class TooLarge(HubError):
    """The request or its answer is larger than what is taken."""


class Overloaded(HubError):
    """The caller is asked to slow down; `retry_after` says for how many seconds."""

    passing = True
    retry_after = 0.0


class Unavailable(HubError):
    """The hub is not there, or something it needs is down; the same call may work later."""

    passing = True
    retry_after = 0.0


class TimedOut(HubError):
    """The answer took longer than the deadline. Whether a write was done is not known."""


class Unsupported(HubError):
    """The hub does not know the method."""


class Damaged(HubError):
    """What arrived is not what was sent."""


class Internal(HubError):
    """The hub failed; its log has more under the `request_id`."""


_BY_REASON: Final[Mapping[str, type[HubError]]] = {
    "MISSING": Missing,
    "OUTDATED": Outdated,
    "TOO_LARGE": TooLarge,
    "OVERLOADED": Overloaded,
}
_BY_CODE: Final[Mapping[grpc.StatusCode, type[HubError]]] = {
    grpc.StatusCode.INVALID_ARGUMENT: Invalid,
    grpc.StatusCode.OUT_OF_RANGE: Invalid,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: Denied,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.UNIMPLEMENTED: Unsupported,
    grpc.StatusCode.ALREADY_EXISTS: Exists,
    grpc.StatusCode.ABORTED: Conflict,
    grpc.StatusCode.FAILED_PRECONDITION: WrongState,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Overloaded,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.CANCELLED: Unavailable,  # by the other side: our own is no AioRpcError
    grpc.StatusCode.DEADLINE_EXCEEDED: TimedOut,
    grpc.StatusCode.INTERNAL: Internal,
    grpc.StatusCode.DATA_LOSS: Damaged,
}
# How gRPC words a connection that was torn, under INTERNAL and UNKNOWN.
_TORN: Final = ("RST_STREAM", "Stream removed", "Socket closed", "GOAWAY")
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


def read_error(error: grpc.aio.AioRpcError) -> HubError:
    """Returns what a failed call says."""
    said = _headers(error)
    status = status_pb2.Status()
    try:
        status.MergeFromString(said.get("grpc-status-details-bin", b""))
    except DecodeError:
        status.Clear()
    message = status.message or error.details() or error.code().name
    read = _read(error.code(), message, status)
    if isinstance(read, Overloaded | Unavailable):
        read.retry_after = _seconds(said.get("retry-after", ""))
    read.request_id = read.request_id or str(said.get("x-request-id", ""))
    return read


def read_status(status: status_pb2.Status) -> HubError:
    """Returns what an error in a stream says."""
    code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    return _read(code, status.message or code.name, status)


def _read(code: grpc.StatusCode, message: str, status: status_pb2.Status) -> HubError:
    info = _detail(status, error_details_pb2.ErrorInfo())
    kind = _BY_REASON.get(info.reason) or _kind(code, message, told=bool(info.reason))
    error = kind(message, code=code, reason=info.reason, metadata=info.metadata)
    bad = _detail(status, error_details_pb2.BadRequest())
    if isinstance(error, Invalid) and bad.field_violations:
        error.field = bad.field_violations[0].field
    return error


def _kind(code: grpc.StatusCode, message: str, *, told: bool) -> type[HubError]:
    """Returns the class of a status; one that the hub did not explain comes from the way to it."""
    if not told and code in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN):
        if any(torn in message for torn in _TORN):
            return Unavailable
    elif not told and code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in message:
        return TooLarge
    return _BY_CODE.get(code, HubError)


def _detail(status: status_pb2.Status, wanted: Any) -> Any:
    for detail in status.details:
        if detail.Is(_descriptor(wanted)):
            detail.Unpack(wanted)
            break
    return wanted


def _descriptor(message: Message) -> Any:
    return message.DESCRIPTOR


def _headers(error: grpc.aio.AioRpcError) -> dict[str, Any]:
    return {
        **dict(error.initial_metadata() or ()),
        **dict(error.trailing_metadata() or ()),
    }


def _seconds(text: object) -> float:
    return float(text) if isinstance(text, str) and text.isdecimal() else 0.0

"""One call on its way through the gate, as those see it who run the hub: counted, and told.

A call that fails is one line of the log, with the reason and never with what the caller sent.
"""

from __future__ import annotations

from asyncio import CancelledError
from types import TracebackType
from typing import Any, Final, Self

import grpc.aio
import structlog

from polydesk.domain.errors import Internal, PolydeskError, Unauthenticated
from polydesk.domain.meter import Meter
from polydesk.domain.ports import Clock
from polydesk.rpc.errors import codes_of
from polydesk.rpc.method import Method
from polydesk.wire import REQUEST_ID, request_id_in

_log = structlog.get_logger()
_SCHEMES: Final = frozenset({"basic", "bearer", "apikey", "rest_api_key"})


class Passage:
    """A call with its headers and the one id by which it is known from here on."""

    __slots__ = ("_began", "_clock", "_failed", "_meter", "headers", "method")

    def __init__(
        self,
        method: Method,
        context: grpc.aio.ServicerContext[Any, Any],
        *,
        meter: Meter,
        clock: Clock,
    ) -> None:
        metadata = context.invocation_metadata() or ()
        headers = {key: value for key, value in metadata if isinstance(value, str)}
        headers[REQUEST_ID] = request_id_in(headers)
        self.method = method
        self.headers = headers
        self._meter = meter
        self._clock = clock
        self._failed: PolydeskError | None = None
        self._began = 0.0

    @property
    def request_id(self) -> str:
        """Returns the id of the request."""
        return self.headers[REQUEST_ID]

    @property
    def is_rest(self) -> bool:
        """Tells whether the gateway has translated it."""
        return "x-envoy-original-path" in self.headers

    def fails(self, error: PolydeskError) -> None:
        """Notes why the call fails."""
        self._failed = error

    def __enter__(self) -> Self:
        self._began = self._clock.monotonic()
        self._meter.call_began(self.method.label, self.method.dialect)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        seconds = self._clock.monotonic() - self._began
        code = self._code(raised)
        self._meter.call_ended(
            self.method.label,
            self.method.dialect,
            code=code,
            seconds=seconds,
            lasting=self.method.streams,
        )
        self._tell(code, seconds)

    def _code(self, raised: BaseException | None) -> str:
        if self._failed:
            return codes_of(self._failed)[0].name
        if raised is None:
            return grpc.StatusCode.OK.name
        left = isinstance(raised, CancelledError | GeneratorExit)
        return (grpc.StatusCode.CANCELLED if left else grpc.StatusCode.UNKNOWN).name

    def _tell(self, code: str, seconds: float) -> None:
        failed = self._failed
        if failed is None:
            _log.debug("call", **self._facts(code, seconds))
            return
        if isinstance(failed, Unauthenticated):
            self._meter.credentials_refused(_scheme(self.headers.get("authorization", "")))
        facts = self._facts(code, seconds) | {"reason": failed.reason}
        if isinstance(failed, Internal):
            _log.error("call failed", exc_info=failed.__cause__, **facts)
        else:
            _log.warning("call failed", **facts)

    def _facts(self, code: str, seconds: float) -> dict[str, Any]:
        return {
            "rpc": self.method.label,
            "dialect": self.method.dialect,
            "code": code,
            "ms": round(seconds * 1_000, 1),
            "request_id": self.request_id,
        }


def _scheme(authorization: str) -> str:
    """Names the form of credentials; nothing that a caller makes up."""
    word = authorization.replace("=", " ").partition(" ")[0].lower()
    if not word:
        return "none"
    return word if word in _SCHEMES else "other"

"""What goes with every call: credentials, a deadline, a request id, a key, and repetition."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc.aio

from polydesk.client.contract import changes_something
from polydesk.client.errors import HubError, read_error
from polydesk.client.patience import Patience


@dataclass(frozen=True, kw_only=True)
class Manners:
    """How a client calls; `authorization` is empty for one that shows no credentials."""

    authorization: str
    timeout: float
    patience: Patience

    def details(self, given: grpc.aio.ClientCallDetails) -> grpc.aio.ClientCallDetails:
        """Returns the details of a call with all that belongs to it; what is given goes before."""
        method = _text(given.method)
        metadata = grpc.aio.Metadata(*(given.metadata or ()))
        known = {name for name, _ in metadata}
        usual = {"authorization": self.authorization, "x-request-id": uuid.uuid4().hex}
        if changes_something(method):
            usual["idempotency-key"] = uuid.uuid4().hex
        for name, value in usual.items():
            if value and name not in known:
                metadata.add(name, value)
        return grpc.aio.ClientCallDetails(
            given.method, given.timeout, metadata, given.credentials, given.wait_for_ready
        )

    def interceptors(self) -> Sequence[grpc.aio.ClientInterceptor]:
        """Returns what a channel needs to call like this."""
        return Single(self), Answers(self), Requests(self)


class Single(grpc.aio.UnaryUnaryClientInterceptor):
    """Repeats a call until its deadline, under one request id and one idempotency key."""

    def __init__(self, manners: Manners) -> None:
        self._manners = manners

    async def intercept_unary_unary(
        self, continuation: Any, client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        """Returns the call that has done well."""
        details = self._manners.details(client_call_details)

        async def attempt(seconds: float | None) -> Any:
            call = await continuation(_within(details, seconds), request)
            try:
                await call
            except grpc.aio.AioRpcError as error:
                raise _read(error, details) from error
            return call

        seconds = client_call_details.timeout
        return await self._manners.patience.repeat(
            attempt, seconds=self._manners.timeout if seconds is None else seconds
        )


class Answers(grpc.aio.UnaryStreamClientInterceptor):
    """Repeats a call until it has answered once; then what breaks off is told to the caller."""

    def __init__(self, manners: Manners) -> None:
        self._manners = manners

    async def intercept_unary_stream(
        self, continuation: Any, client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        """Returns the answers. A stream lasts as long as it likes, unless the call says else."""
        details = self._manners.details(client_call_details)

        async def begin(seconds: float | None) -> tuple[Any, Any]:
            call = await continuation(_within(details, seconds), request)
            try:
                return call, await call.read()
            except grpc.aio.AioRpcError as error:
                raise _read(error, details) from error

        seconds = client_call_details.timeout
        call, first = await self._manners.patience.repeat(begin, seconds=seconds)
        return _answers(call, first, details)


class Requests(grpc.aio.StreamUnaryClientInterceptor):
    """Sends a stream once: what was read of it cannot be said again."""

    def __init__(self, manners: Manners) -> None:
        self._manners = manners

    async def intercept_stream_unary(
        self,
        continuation: Any,
        client_call_details: grpc.aio.ClientCallDetails,
        request_iterator: Any,
    ) -> Any:
        """Returns the call."""
        details = self._manners.details(client_call_details)
        call = await continuation(details, request_iterator)
        try:
            await call
        except grpc.aio.AioRpcError as error:
            raise _read(error, details) from error
        return call


async def _answers(
    call: Any, first: Any, details: grpc.aio.ClientCallDetails
) -> AsyncIterator[Any]:
    answer = first
    try:
        while answer is not grpc.aio.EOF:
            yield answer
            answer = await call.read()
    except grpc.aio.AioRpcError as error:
        raise _read(error, details) from error
    finally:
        call.cancel()


def _within(
    details: grpc.aio.ClientCallDetails, seconds: float | None
) -> grpc.aio.ClientCallDetails:
    return grpc.aio.ClientCallDetails(
        details.method, seconds, details.metadata, details.credentials, details.wait_for_ready
    )


def _read(error: grpc.aio.AioRpcError, details: grpc.aio.ClientCallDetails) -> HubError:
    """Returns what a call says; the gateway gives a request an id of its own, and answers it."""
    read = read_error(error)
    read.request_id = read.request_id or str(dict(details.metadata or ()).get("x-request-id"))
    return read


def _text(method: str | bytes) -> str:
    return method.decode() if isinstance(method, bytes) else method

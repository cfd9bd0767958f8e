"""What every call passes: query, credentials, presence, time, and errors on the way back.

One interceptor that wraps each handler once, rather than a stack of them: a call of grpc.aio
costs what its Python layers cost.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

import grpc
import grpc.aio
from google.api import httpbody_pb2

from polydesk.domain.errors import Internal, PolydeskError, TimedOut
from polydesk.domain.gatekeeper import Gatekeeper
from polydesk.domain.meter import UNMETERED, Meter
from polydesk.domain.ports import Clock
from polydesk.rpc.auth import identify, with_key
from polydesk.rpc.binding import check_query
from polydesk.rpc.errors import abort, canonical, last_answer
from polydesk.rpc.message import check_form, received, spoiling, tolerant
from polydesk.rpc.method import Method
from polydesk.rpc.passage import Passage
from polydesk.rpc.required import check_required
from polydesk.wire import (
    ADMIT_AGAIN,
    CALLER,
    Blank,
    Refusal,
    TimeFormat,
    write_time,
)

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]  # at run time it takes no parameters

_TIME: Final = TimeFormat("T", "milliseconds", "Z")

Refuse = Callable[[PolydeskError, str], Refusal]
Behaviour = Callable[[Any, grpc.aio.ServicerContext[Any, Any]], Awaitable[Any]]
Streaming = Callable[[Any, grpc.aio.ServicerContext[Any, Any]], AsyncGenerator[Any, None]]


class Gate(grpc.aio.ServerInterceptor):
    """Guards the methods of our contracts; lets health and reflection pass."""

    def __init__(  # noqa: PLR0913 - what a call passes
        self,
        *,
        methods: Mapping[str, Method],
        gatekeeper: Gatekeeper,
        refusers: Mapping[str, Refuse],
        clock: Clock,
        seconds: float,
        meter: Meter = UNMETERED,
    ) -> None:
        self._methods = methods
        self._gatekeeper = gatekeeper
        self._refusers = refusers
        self._clock = clock
        self._seconds = seconds
        self._meter = meter
        self._handlers: dict[str, Handler] = {}
        # When the last call came in.
        self.called_at = 0.0

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Returns the guarded handler of a method."""
        path = handler_call_details.method
        if path in self._handlers:
            return self._handlers[path]
        handler = await continuation(handler_call_details)
        method = self._methods.get(path)
        if method is None or handler is None:
            return handler
        guarded = self._handlers[path] = self._guard(handler, method)
        return guarded

    def _guard(self, handler: Handler, method: Method) -> Handler:
        if handler.response_streaming:
            return self._guard_stream(handler, method)
        if handler.request_streaming:
            return self._guard_upload(handler, method)
        behaviour: Behaviour = handler.unary_unary  # type: ignore[assignment]  # typed for the synchronous server

        async def call(message: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            with self._passage(method, context) as passage:
                try:
                    async with asyncio.timeout(self._seconds):
                        await self._admit(message, passage)
                        return await behaviour(message, context)
                except PolydeskError as error:
                    await self._refuse(context, passage, error)
                except TimeoutError:
                    late = TimedOut(f"no answer within {self._seconds:g} seconds")
                    await self._refuse(context, passage, late)
                except Exception as error:  # noqa: BLE001 - the one place where the unexpected is caught
                    await self._refuse(context, passage, _unexpected(error, passage))

        return grpc.unary_unary_rpc_method_handler(
            call,
            request_deserializer=tolerant(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )

    def _guard_stream(self, handler: Handler, method: Method) -> Handler:
        """Has the deadline left to the client; once it has answered, says an error in band."""
        behaviour: Streaming = handler.unary_stream  # type: ignore[assignment]  # typed for the synchronous server

        async def call(message: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            with self._passage(method, context) as passage:
                answer = None

                async def admit() -> None:
                    async with asyncio.timeout(self._seconds):
                        await self._admit(message, passage)

                ADMIT_AGAIN.set(admit)
                failed: PolydeskError
                try:
                    await admit()
                    async with aclosing(behaviour(message, context)) as answers:
                        async for answer in answers:
                            yield answer
                except PolydeskError as error:
                    failed = error
                except TimeoutError:
                    failed = TimedOut(f"nobody could be admitted within {self._seconds:g} seconds")
                except Exception as error:  # noqa: BLE001 - as above
                    failed = _unexpected(error, passage)
                else:
                    return
                if answer is None or (
                    isinstance(answer, httpbody_pb2.HttpBody) and not passage.is_rest
                ):
                    await self._refuse(context, passage, failed)
                passage.fails(failed)
                yield last_answer(answer, failed)

        return grpc.unary_stream_rpc_method_handler(
            call,
            request_deserializer=tolerant(handler.request_deserializer),
            response_serializer=spoiling(handler.response_serializer),
        )

    def _guard_upload(self, handler: Handler, method: Method) -> Handler:
        """Admits the caller before a byte is taken; what has a deadline is each piece."""
        behaviour: Behaviour = handler.stream_unary  # type: ignore[assignment]  # typed for the synchronous server

        async def call(
            messages: AsyncIterator[Any], context: grpc.aio.ServicerContext[Any, Any]
        ) -> Any:
            with self._passage(method, context) as passage:
                try:
                    async with asyncio.timeout(self._seconds):
                        await self._admit(None, passage)
                    async with aclosing(received(messages, method)) as pieces:
                        return await behaviour(pieces, context)
                except PolydeskError as error:
                    await self._refuse(context, passage, error)
                except Exception as error:  # noqa: BLE001 - as above
                    await self._refuse(context, passage, _unexpected(error, passage))

        return grpc.stream_unary_rpc_method_handler(
            call,
            request_deserializer=tolerant(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )

    def _passage(self, method: Method, context: grpc.aio.ServicerContext[Any, Any]) -> Passage:
        self.called_at = self._clock.monotonic()
        return Passage(method, context, meter=self._meter, clock=self._clock)

    async def _admit(self, message: Any, passage: Passage) -> None:
        method, headers = passage.method, passage.headers
        caller = await identify(
            self._gatekeeper, method, headers, message, request_id=passage.request_id
        )
        check_form(message)
        check_query(method, headers.get("x-envoy-original-path", ""))
        if message is not None:
            check_required(method.required, message)
        CALLER.set(with_key(caller, method, headers, message))

    async def _refuse(
        self,
        context: grpc.aio.ServicerContext[Any, Any],
        passage: Passage,
        error: PolydeskError,
    ) -> None:
        passage.fails(error)
        refusal = None
        if passage.is_rest:
            method = passage.method
            refuse = self._refusers.get(method.service)
            refusal = refuse(error, method.name) if refuse else canonical(error)
            blanks = {
                Blank.REQUEST_ID: passage.request_id,
                Blank.TIME: write_time(self._clock.now(), _TIME),
            }
            refusal = refusal.filled(blanks)
        await abort(context, error, refusal)


def _unexpected(error: Exception, passage: Passage) -> Internal:
    request_id = passage.request_id
    internal = Internal(f"internal error, request {request_id}", request_id=request_id)
    internal.__cause__ = error
    return internal

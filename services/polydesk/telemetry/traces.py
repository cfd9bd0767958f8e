"""Traces: a span for each call, and within it one for each thing that the store does.

They carry methods, codes and statements with their values left out, never what a caller sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import Token
from importlib.metadata import version
from threading import Timer
from typing import Any, Final

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from polydesk.domain.meter import Load
from polydesk.domain.tracing import Span
from polydesk.store.script import Engine, Read, Row, Script, T
from polydesk.wire import REQUEST_ID

_PATH: Final = "/v1/traces"
_SECONDS: Final = 5
_FAREWELL: Final = 2.0
# What is the hub's fault; the rest is the caller's.
_FAULTS: Final = frozenset({"UNKNOWN", "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED", "DATA_LOSS"})
_reader: Final = TraceContextTextMapPropagator()


class Traces:
    """Tells spans to a collector, by OTLP over HTTP."""

    def __init__(self, url: str, *, name: str) -> None:
        resource = Resource({"service.name": name, "service.version": version("polydesk")})
        self._exporter = OTLPSpanExporter(url.rstrip("/") + _PATH, timeout=_SECONDS)
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("polydesk")

    def call(
        self, method: str, headers: Mapping[str, str], *, dialect: str, lasting: bool
    ) -> Span | None:
        """Begins the span of a call."""
        service, _, name = method.partition("/")
        span = self._tracer.start_span(
            method,
            context=_reader.extract(headers),
            kind=SpanKind.SERVER,
            attributes={
                "rpc.system": "grpc",
                "rpc.service": service,
                "rpc.method": name,
                "polydesk.dialect": dialect,
                "polydesk.request_id": headers.get(REQUEST_ID, ""),
            },
        )
        return CallSpan(span, attached=not lasting)

    def engine(self, engine: Engine) -> Engine:
        """Returns an engine whose work is told as parts of calls."""
        return TracedEngine(engine, self._tracer)

    def close(self) -> None:
        """Tells what has not been told yet, if the collector takes it soon."""
        patience = Timer(_FAREWELL, self._exporter.shutdown)
        patience.start()
        self._provider.shutdown()
        patience.cancel()


class CallSpan:
    """The span of a call; where it is attached, what the call does becomes a part of it."""

    def __init__(self, span: trace.Span, *, attached: bool) -> None:
        self._span = span
        self._token: Token[Any] | None = None
        if attached:
            self._token = context.attach(trace.set_span_in_context(span))

    def end(self, *, code: str) -> None:
        """Ends it."""
        if self._token:
            context.detach(self._token)
        self._span.set_attribute("rpc.grpc.status", code)
        if code in _FAULTS:
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class TracedEngine:
    """Does what another engine does, and tells how long it took, where a call has it done."""

    def __init__(self, engine: Engine, tracer: trace.Tracer) -> None:
        self._engine = engine
        self._tracer = tracer

    async def write(self, make: Callable[[], Script[T]]) -> T:
        """Runs a script, in a transaction that it may share with others."""
        script = make.__qualname__.partition(".<locals>")[0]
        with self._span("store.write", {"polydesk.script": script}):
            return await self._engine.write(make)

    async def rows(self, read: Read) -> Sequence[Row]:
        """Reads."""
        with self._span("store.read", {"db.query.text": read.sql}):
            return await self._engine.rows(read)

    async def row(self, read: Read) -> Row | None:
        """Reads."""
        with self._span("store.read", {"db.query.text": read.sql}):
            return await self._engine.row(read)

    def when_written(self, ring: Callable[[], None]) -> None:
        """Has `ring` called after each group of writes."""
        self._engine.when_written(ring)

    def load(self) -> Load:
        """Returns how much there is to do."""
        return self._engine.load()

    async def close(self) -> None:
        """Ends what is under way."""
        await self._engine.close()

    @contextmanager
    def _span(self, name: str, facts: Mapping[str, str]) -> Iterator[None]:
        """Tells nothing of what the hub does by itself."""
        if not trace.get_current_span().get_span_context().is_valid:
            yield
            return
        with self._tracer.start_as_current_span(
            name,
            kind=SpanKind.CLIENT,
            attributes=dict(facts),
            record_exception=False,  # it may quote what a caller sent
            set_status_on_exception=False,
        ):
            yield

"""A collector of traces, as OTLP over HTTP has it: it takes spans, and keeps them."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

PATIENCE = 60.0


class Told(NamedTuple):
    """A span, with the service that told it."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    kind: int
    facts: dict[str, str]
    failed: bool


class Collector:
    """What has come so far; `url` is where it is told."""

    def __init__(self) -> None:
        self.url = ""
        self.spans: list[Told] = []
        self.raw = b""

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Collector]:
        collector = cls()

        class Taking(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.read_body()
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                if self.path == "/v1/traces":
                    collector.take(body)
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def read_body(self) -> bytes:
                if length := self.headers.get("content-length"):
                    return self.rfile.read(int(length))
                chunks = []  # as Envoy sends it
                while size := int(self.rfile.readline(), 16):
                    chunks.append(self.rfile.read(size))
                    self.rfile.readline()
                return b"".join(chunks)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
            collector.url = f"http://127.0.0.1:{server.server_port}"
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield collector
            server.shutdown()

    def take(self, body: bytes) -> None:
        self.raw += body
        request = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            facts = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [
                    Told(
                        service=facts["service.name"],
                        name=span.name,
                        trace=span.trace_id.hex(),
                        id=span.span_id.hex(),
                        parent=span.parent_span_id.hex(),
                        kind=span.kind,
                        facts={each.key: each.value.string_value for each in span.attributes},
                        failed=span.status.code == span.status.STATUS_CODE_ERROR,
                    )
                    for span in scope.spans
                ]

    def until(self, holds: Callable[[list[Told]], bool]) -> list[Told]:
        """Waits until the spans are as they are wanted, and returns them."""
        end = time.monotonic() + PATIENCE
        while not holds(self.spans) and time.monotonic() < end:
            time.sleep(0.05)
        return self.spans

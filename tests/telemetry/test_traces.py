"""Traces: one call from Envoy to the statement, told to a collector; off unless it is asked for."""

from __future__ import annotations

import base64
import http.client
import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import grpc.aio
import pytest

from polydesk.api.v1 import incident_pb2, ticket_pb2
from polydesk.api.v1.incident_pb2_grpc import IncidentServiceStub
from tests.conftest import Native
from tests.stack import Stack
from tests.telemetry.collector import Collector, Told

pytestmark = pytest.mark.envoy

PLANTED = "hush-7d1f"
SERVER, CLIENT = 2, 3


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector.running() as running:
        yield running


@pytest.fixture(scope="module")
def stack(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("POLYDESK_OTLP", collector.url)
        running = Stack.start(tmp_path_factory.mktemp("traces") / "var")
    yield running
    assert running.stop() == 0


def get(stack: Stack, path: str, **headers: str) -> tuple[int, str]:
    """Sends a GET as the demo user; returns the status and the id of its trace."""
    trace = secrets.token_hex(16)
    basic = base64.b64encode(b"demo@example.com:demo").decode()
    sent = {
        "authorization": f"Basic {basic}",
        "traceparent": f"00-{trace}-00f067aa0ba902b7-01",
        **headers,
    }
    with closing(http.client.HTTPConnection("127.0.0.1", stack.port, timeout=30)) as connection:
        connection.request("GET", path, headers=sent)
        answer = connection.getresponse()
        answer.read()
        return answer.status, trace


def of(spans: list[Told], trace: str, service: str) -> list[Told]:
    return [span for span in spans if (span.trace, span.service) == (trace, service)]


def test_a_call_is_traced_from_envoy_to_the_statement(stack: Stack, collector: Collector) -> None:
    status, trace = get(stack, "/desk/v1/orgs/5/tickets?page_size=3")

    spans = collector.until(
        lambda spans: bool(
            of(spans, trace, "polydesk-hub") and len(of(spans, trace, "polydesk-gateway")) >= 2
        )
    )

    assert status == 200
    gateway = {span.kind: span for span in of(spans, trace, "polydesk-gateway")}
    hub = {span.name: span for span in of(spans, trace, "polydesk-hub")}
    call, read = hub["TicketService/ListTickets"], hub["store.read"]
    assert gateway[SERVER].parent == "00f067aa0ba902b7"
    assert gateway[CLIENT].parent == gateway[SERVER].id
    assert call.parent == gateway[CLIENT].id
    assert read.parent == call.id
    assert (call.facts["polydesk.dialect"], call.facts["rpc.grpc.status"]) == ("desk", "OK")
    assert "select" in read.facts["db.query.text"]


async def test_a_write_is_traced_as_what_it_was_for(stack: Stack, collector: Collector) -> None:
    trace = secrets.token_hex(16)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{stack.port}") as channel:
        await IncidentServiceStub(channel).CreateIncident(
            incident_pb2.CreateIncidentRequest(
                parent="orgs/5", incident=ticket_pb2.Ticket(summary=f"printer {PLANTED}")
            ),
            metadata=(*Native.headers(), ("traceparent", f"00-{trace}-00f067aa0ba902b7-01")),
        )

    spans = collector.until(lambda spans: bool(of(spans, trace, "polydesk-hub")))

    scripts = [span.facts.get("polydesk.script") for span in of(spans, trace, "polydesk-hub")]
    assert any(script and script.startswith("SqlTickets.") for script in scripts)


def test_who_does_not_want_a_trace_has_none(stack: Stack, collector: Collector) -> None:
    unwanted = secrets.token_hex(16)
    get(stack, "/desk/v1/caller", traceparent=f"00-{unwanted}-00f067aa0ba902b7-00")
    _, wanted = get(stack, "/desk/v1/caller")

    spans = collector.until(lambda spans: bool(of(spans, wanted, "polydesk-hub")))

    assert not [span for span in spans if span.trace == unwanted]


def test_a_call_that_fails_by_its_callers_fault_is_no_error(
    stack: Stack, collector: Collector
) -> None:
    _, trace = get(stack, "/desk/v1/tickets/987654")

    spans = collector.until(lambda spans: bool(of(spans, trace, "polydesk-hub")))

    call = next(span for span in of(spans, trace, "polydesk-hub") if span.kind == SERVER)
    assert call.facts["rpc.grpc.status"] == "NOT_FOUND"
    assert not call.failed


def test_nothing_that_a_caller_sent_is_in_a_span(stack: Stack, collector: Collector) -> None:
    wrong = base64.b64encode(f"demo@example.com:{PLANTED}".encode()).decode()
    get(stack, f"/desk/v1/orgs/5/tickets?filter=summary%3A%22{PLANTED}%22")
    get(stack, f"/desk/v1/orgs/5/tickets/{PLANTED}")
    get(stack, "/desk/v1/caller", authorization=f"Basic {wrong}")
    get(stack, "/desk/v1/caller", authorization=f"Bearer {PLANTED}")
    _, last = get(stack, "/desk/v1/caller", cookie=PLANTED)

    collector.until(
        lambda spans: bool(of(spans, last, "polydesk-hub") and of(spans, last, "polydesk-gateway"))
    )

    assert PLANTED.encode() not in collector.raw
    assert wrong.encode() not in collector.raw


def test_a_collector_that_is_gone_fails_no_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYDESK_OTLP", "http://127.0.0.1:9")
    running = Stack.start(tmp_path / "var")
    try:
        assert get(running, "/desk/v1/caller")[0] == 200
    finally:
        assert running.stop() == 0

"""What load balancers ask a gateway: whether it lives, and whether a hub behind it does."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.gateway.conftest import Start, serve_echo
from tests.gateway.envoy import PATIENCE, Answer, Envoy

pytestmark = pytest.mark.envoy


def until(envoy: Envoy, path: str, status: int) -> Answer:
    """Asks until the answer has the status, and returns it."""
    end = time.monotonic() + PATIENCE
    while (answer := envoy.ask("GET", path)).status != status and time.monotonic() < end:
        time.sleep(0.05)
    return answer


def test_a_gateway_is_ready_while_a_hub_answers(start: Start) -> None:
    with serve_echo() as (address, process):
        envoy = start(hubs=[address])
        before = until(envoy, "/readyz", 200)
        process.kill()

        after = until(envoy, "/readyz", 503)

    assert (before.status, before.body) == (200, b"ok\n")
    assert before.headers["content-type"] == "text/plain"
    assert (after.status, after.body) == (503, b"out of service, or no hub answers\n")
    assert envoy.ask("GET", "/healthz").status == 200
    assert envoy.ask("HEAD", "/healthz").status == 200


def test_a_gateway_that_is_taken_out_of_service_says_so(start: Start, echo: str) -> None:
    envoy = start(hubs=[echo])
    assert until(envoy, "/readyz", 200).status == 200

    envoy.admin("/healthcheck/fail", "POST")

    assert envoy.ask("GET", "/readyz").status == 503
    assert envoy.ask("GET", "/healthz").status == 503


def test_probes_are_not_limited_nor_logged(start: Start, echo: str, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    envoy = start(hubs=[echo], rate=1, access_log=str(log))

    answers = {envoy.ask("GET", "/healthz").status for _ in range(20)}
    until(envoy, "/logged", 404)
    end = time.monotonic() + PATIENCE
    while "/logged" not in log.read_text() and time.monotonic() < end:
        time.sleep(0.05)

    assert answers == {200}
    assert {json.loads(line)["path"] for line in log.read_text().splitlines()} == {"/logged"}


@pytest.mark.parametrize(("method", "path"), [("POST", "/healthz"), ("GET", "/healthz/x")])
def test_what_is_no_probe_is_no_route(start: Start, echo: str, method: str, path: str) -> None:
    answer = start(hubs=[echo]).ask(method, path)

    assert answer.status == 404
    assert answer.json()["code"] == 5

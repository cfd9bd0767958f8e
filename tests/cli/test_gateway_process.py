"""`polydesk gateway --run` and `--drain`: a container starts Envoy, and takes it out of service."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.gateway.conftest import serve_echo
from tests.stack import free_port

from .conftest import POLYDESK, Command, wait_until

pytestmark = pytest.mark.envoy


class Running(NamedTuple):
    process: subprocess.Popen[bytes]
    port: int
    admin: str

    def ask(self, path: str) -> int:
        asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with suppress(OSError, http.client.HTTPException), closing(asked):
            asked.request("GET", path)
            return asked.getresponse().status
        return 0


@pytest.fixture
def gateway() -> Iterator[Running]:
    port = free_port()
    environment = {**os.environ, "POLYDESK_SECRET_KEYS": "k1:hush"}
    with serve_echo() as (hub, _), tempfile.TemporaryDirectory(dir="/tmp") as folder:
        admin = f"unix:{folder}/admin"
        words = ["--listen", f"127.0.0.1:{port}", "--hub", hub, "--admin", admin, "--run"]
        with (
            subprocess.Popen(
                [*POLYDESK, "gateway", *words], env=environment, stdout=subprocess.DEVNULL
            ) as process,
        ):
            running = Running(process, port, admin)
            try:
                wait_until(lambda: running.ask("/readyz") == 200, process=process)
                yield running
            finally:
                process.kill()


def test_the_process_goes_on_as_envoy_and_keeps_no_settings(gateway: Running) -> None:
    words = Path(f"/proc/{gateway.process.pid}/cmdline").read_bytes().split(b"\0")
    environment = Path(f"/proc/{gateway.process.pid}/environ").read_bytes()

    assert words[0].endswith(b"envoy")
    assert b"POLYDESK_" not in environment
    gateway.process.send_signal(signal.SIGTERM)
    assert gateway.process.wait(30) == 0


def test_a_gateway_that_is_drained_says_so_and_takes_no_more(
    gateway: Running, command: Command
) -> None:
    done = command("gateway", "--admin", gateway.admin, "--drain")

    assert done.status == 0, done.err
    wait_until(lambda: gateway.ask("/healthz") == 0)
    assert gateway.process.poll() is None


def test_what_cannot_be_drained_is_told(command: Command) -> None:
    nowhere = command("gateway", "--admin", "unix:/tmp/no-such-socket", "--drain")
    nothing = command("gateway", "--drain")

    assert (nowhere.status, nothing.status) == (1, 1)
    assert "no Envoy answers" in nowhere.err
    assert "--drain needs --admin unix:/path" in nothing.err

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from polydesk.dialects import Dialect
from polydesk.domain.desk import Desk
from polydesk.domain.errors import PolydeskError
from polydesk.gateway import Gateway, render
from polydesk.wire import Refusal
from tests.gateway.echo import SERVICE
from tests.gateway.envoy import Envoy

ROOT = Path(__file__).resolve().parents[2]
STATUS = {
    "INVALID": 400,
    "UNKNOWN_ROUTE": 404,
    "WRONG_METHOD": 405,
    "TOO_LARGE": 413,
    "OVERLOADED": 429,
    "UNAVAILABLE": 503,
    "TIMED_OUT": 504,
}


class StandIn:
    """A dialect that words every error with its reason and the method it was asked for."""

    SERVICE = SERVICE
    PREFIXES: Mapping[str, str] = {
        "/v2/": "GetIncidentsV2",
        "/v2/event": "GetEventStatus",
        "/iAutomateAPI": "GetIncidentsV1",
        "/token": "IssueToken",
    }

    def register(self, server: grpc.aio.Server, desk: Desk) -> None:
        del server, desk

    def refuse(self, error: PolydeskError, rpc: str) -> Refusal:
        body = {"z": rpc, "Status": "Fail", "a": f'100% "{error.reason}"'}
        return Refusal(http=STATUS[error.reason], body=body)


@contextmanager
def serve_echo() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    folder = Path(tempfile.mkdtemp(prefix="hub-"))
    address = f"unix:{folder / 'hub'}"
    command = [sys.executable, "-m", "tests.gateway.echo", address]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"serving\n"
        try:
            yield address, process
        finally:
            process.kill()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def echo() -> Iterator[str]:
    """The address of a hub that tells what reached it."""
    with serve_echo() as (address, _):
        yield address


Start = Callable[..., Envoy]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts gateways that a single test wants for itself."""
    with ExitStack() as running:

        def one(*speaking: Dialect, **settings: Any) -> Envoy:
            gateway = Gateway(**{"listen": "127.0.0.1:0", "access_log": "/dev/null"} | settings)
            envoy = Envoy.start(render(gateway, speaking or [StandIn()]))
            running.callback(envoy.stop)
            return envoy

        yield one


@pytest.fixture(scope="session")
def access_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gateway") / "access.log"


@pytest.fixture(scope="session")
def gateway(echo: str, access_log: Path) -> Iterator[Envoy]:
    """The gateway that tests share, in front of the echoing hub."""
    shared = Gateway(listen="127.0.0.1:0", hubs=[echo], access_log=str(access_log), rest_seconds=1)
    envoy = Envoy.start(render(shared, [StandIn()]))
    yield envoy
    envoy.stop()

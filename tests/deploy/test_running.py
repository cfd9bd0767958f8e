"""What compose.yaml starts, started here: the same words and settings, other addresses and folders.

There is no container engine in a test, so the image, its network and its volumes are not tried.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from polydesk.domain.keyring import new_line
from tests.cli.conftest import wait_until
from tests.deploy.plan import Process, in_compose
from tests.postgres import Server
from tests.stack import free_port
from tests.telemetry.page import Page, ask

pytestmark = [pytest.mark.envoy, pytest.mark.postgres]


class Machine:
    """This machine in the place of the containers of one project."""

    def __init__(self, folder: Path, socket_folder: Path, database: str) -> None:
        self._folder = folder
        self._database = database
        self._keys = new_line()
        self._ports: dict[tuple[str, str], int] = {}
        self._sockets = socket_folder
        self._running: list[subprocess.Popen[bytes]] = []

    def here(self, name: str, said: str) -> str:
        """Returns what stands here for an address, a folder or a secret of the plan."""
        if said.startswith("postgresql://"):
            return self._database
        if said == "${POLYDESK_SECRET_KEYS:?}":
            return self._keys
        if said == "/blobs":
            return str(self._folder / "blobs")
        host, _, port = said.rpartition(":")
        if host == "0.0.0.0":  # noqa: S104 - what a plan says
            return f"127.0.0.1:{self.port(name, port)}"
        return f"127.0.0.1:{self.port(host, port)}" if host == "hub" else said

    def port(self, name: str, port: str) -> int:
        """Returns the port here of a port there."""
        return self._ports.setdefault((name, port), free_port())

    def start(self, process: Process) -> subprocess.Popen[bytes]:
        words = [self._word(process.name, word) for word in process.words]
        data = self._folder / process.name
        data.mkdir()
        settings = {name: self.here(process.name, said) for name, said in process.settings.items()}
        with (self._folder / f"{process.name}.log").open("wb") as log:
            started = subprocess.Popen(
                [sys.executable, "-P", "-m", "polydesk", *words],
                env={**os.environ, "POLYDESK_DATA": str(data), **settings},
                stdout=log,
                stderr=log,
            )
        self._running.append(started)
        return started

    def _word(self, name: str, word: str) -> str:
        option, _, said = word.partition("=")
        if not said:
            return word
        if said.startswith("unix:"):
            return f"{option}=unix:{self._sockets}/admin"
        return f"{option}={self.here(name, said)}"

    def stop(self) -> None:
        for process in reversed(self._running):
            process.terminate()
        for process in self._running:
            process.wait(60)


@pytest.fixture
def machine(postgres: Server, tmp_path: Path) -> Iterator[Machine]:
    (tmp_path / "blobs").mkdir()
    url = postgres.database(f"deploy_{free_port()}")
    sockets = Path("/tmp", f"deploy-{os.getpid()}")  # noqa: S108 - a socket's path is short
    sockets.mkdir()
    running = Machine(tmp_path, sockets, url)
    try:
        yield running
    finally:
        running.stop()
        with suppress(FileNotFoundError):
            (sockets / "admin").unlink()
        sockets.rmdir()


def answers(address: str, path: str) -> bool:
    with suppress(OSError):
        return ask(address, path)[0] == 200
    return False


def test_what_compose_starts_answers_and_tells_its_metrics(machine: Machine) -> None:
    plan = {process.name: process for process in in_compose()}

    assert machine.start(plan["migrate"]).wait(120) == 0
    for name in ("hub", "worker", "gateway"):
        machine.start(plan[name])
    private = {name: f"127.0.0.1:{machine.port(name, '9464')}" for name in ("hub", "worker")}
    door = f"127.0.0.1:{machine.port('gateway', '8080')}"
    for address in (*private.values(), door):
        wait_until(lambda address=address: answers(address, "/readyz"))  # type: ignore[misc]  # bound at once

    status, text = ask(door, "/desk/v1/caller")
    assert (status, "CREDENTIALS_MISSING" in text) == (401, True)  # a hub says that, not Envoy
    told = Page.of(f"127.0.0.1:{machine.port('gateway', '9464')}", "/stats/prometheus")
    assert told.sum("envoy_cluster_membership_healthy", envoy_cluster_name="hubs") == 1
    assert Page.of(private["hub"]).sum("polydesk_calls_total") >= 1
    assert "polydesk_runs_going" in Page.of(private["worker"]).text

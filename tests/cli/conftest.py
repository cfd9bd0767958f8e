"""What the tests of the command line share: free ports, commands, a site of their own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import structlog

from polydesk.cli import run
from tests.stack import free_port

POLYDESK = (sys.executable, "-P", "-m", "polydesk")
AS_DEMO = ("--user", "demo@example.com")
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "servicenow-audit-log.toml"


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str


Command = Callable[..., Done]


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Command]:
    """Runs `polydesk` in this process, on data of the test's own; leaves the log as it was."""
    log = structlog.get_config()
    monkeypatch.setenv("POLYDESK_DATA", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "120")

    def execute(*arguments: str) -> Done:
        status = run(arguments)
        return Done(status, *capsys.readouterr())

    yield execute
    structlog.configure(**log)


class Site:
    """A `polydesk up --demo` in a process of its own."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.listen = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.listen}"
        self.log = data.parent / f"{data.name}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*POLYDESK, "up", "--demo", "--listen", self.listen, "--data", str(data)],
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def started(self) -> Site:
        """Waits for the welcome."""
        wait_until(lambda: "Stop: Ctrl-C" in self.log.read_text(), process=self.process)
        return self

    def ask(self, path: str) -> int:
        """Returns the HTTP status of an answer, 0 where none comes."""
        try:
            return self.call("GET", path)[0]
        except (OSError, http.client.HTTPException):
            return 0

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Returns the HTTP status and the JSON of an answer to the demo user."""
        headers = {
            "authorization": "Basic ZGVtb0BleGFtcGxlLmNvbTpkZW1v",
            "content-type": "application/json",
        }
        with closing(http.client.HTTPConnection(self.listen, timeout=30)) as connection:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def children(self) -> dict[str, int]:
        """Returns the pids of the hub, of the worker and of Envoy."""
        pid = self.process.pid
        pids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        lines = {int(each): Path(f"/proc/{each}/cmdline").read_bytes() for each in pids}
        known = {b"serve": "hub", b"work": "worker"}
        last = {each: line.rstrip(b"\0").rpartition(b"\0")[2] for each, line in lines.items()}
        return {known.get(word, "envoy"): each for each, word in last.items()}

    def end(self) -> int:
        """Ends the site and returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running site that a module shares."""
    running = Site(tmp_path_factory.mktemp("site") / "data")
    try:
        yield running.started()
    finally:
        running.end()


@pytest.fixture
def desk(site: Site, command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command against the site, as the demo user."""
    monkeypatch.setenv("POLYDESK_PASSWORD", "demo")
    options = ("--url", site.url, *AS_DEMO)
    return lambda *arguments: command(*arguments, *options)


def created(desk: Command, *options: str, org: str = "7") -> dict[str, Any]:
    done = desk("incident", "create", org, "--json", *(options or ("--summary", "printer on fire")))
    assert done.status == 0, done.err
    incident: dict[str, Any] = json.loads(done.out)
    return incident


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[Site]:
    """A running site for one test, which may end it."""
    running = Site(tmp_path / "data")
    try:
        yield running.started()
    finally:
        running.process.kill()
        running.process.wait()


def wait_until(
    holds: Callable[[], bool],
    *,
    seconds: float = 60,
    process: subprocess.Popen[bytes] | None = None,
) -> None:
    """Waits until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it took too long"
        assert process is None or process.poll() is None, "the process has ended"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Tells whether a process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]

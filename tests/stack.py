"""The whole of it, as a user runs it: `polydesk up` with its hub and its Envoy."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, Self

import aiohttp
from yarl import URL

PATIENCE = 60.0
DEMO = {"Authorization": "Basic " + base64.b64encode(b"demo@example.com:demo").decode()}


class Answer(NamedTuple):
    """What came back over REST."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Rest:
    """A REST client of a gateway that sends paths exactly as given, as the demo user."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session = session
        self.base = f"http://127.0.0.1:{port}"

    async def request(self, method: str, path: str, **more: Any) -> Answer:
        """Sends a request; `headers` go before the usual ones, an empty value leaves one out."""
        headers = {**DEMO, **more.pop("headers", {})}
        sent = {name: value for name, value in headers.items() if value}
        url = URL(self.base + path, encoded=True)
        if isinstance(body := more.get("data"), str):
            more["data"] = io.BytesIO(body.encode())  # aiohttp warns of long texts
        async with self._session.request(method, url, headers=sent, **more) as response:
            return Answer(response.status, response.headers, await response.read())

    @asynccontextmanager
    async def stream(self, path: str, **more: Any) -> AsyncIterator[aiohttp.StreamReader]:
        """Begins a GET whose answer comes line by line."""
        headers = {**DEMO, **more.pop("headers", {})}
        url = URL(self.base + path, encoded=True)
        async with self._session.get(url, headers=headers, **more) as response:
            yield response.content


class Stack:
    """A running `polydesk up`; `port` is that of its gateway."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.port = port
        self.process = process
        self.log = log

    @classmethod
    def start(cls, data: Path, *options: str, demo: bool = True, announced: bool = False) -> Self:
        """Starts it on a free port and waits until a hub answers, or until it says so."""
        port = free_port()
        command = [sys.executable, "-m", "polydesk", "up", "--listen", f"127.0.0.1:{port}"]
        command += ["--data", str(data), *(["--demo"] if demo else []), *options]
        log = data.with_suffix(".log")
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output)
        stack = cls(process, port, log)
        try:
            stack.wait_for_word() if announced else stack.wait()
        except BaseException:
            stack.stop()
            raise
        return stack

    @classmethod
    @contextmanager
    def running(cls, data: Path, *options: str) -> Iterator[Self]:
        """Lends one, which then has to end well."""
        stack = cls.start(data, *options)
        try:
            yield stack
        finally:
            assert stack.stop() == 0

    def wait(self) -> None:
        """Waits until a hub answers: it, and not Envoy, asks for credentials."""
        try:
            await_answer(self.port, b" 401 ", unless=self.process.poll)
        except TimeoutError as error:
            raise RuntimeError(f"polydesk up does not answer:\n{self.log.read_text()}") from error

    def wait_for_word(self) -> None:
        """Waits until it says that it answers."""
        end = time.monotonic() + PATIENCE
        while "answers REST" not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"polydesk up does not answer:\n{self.log.read_text()}")
            time.sleep(0.05)

    def hubs(self) -> list[int]:
        """Returns the process ids of the hubs."""
        return [pid for pid, line in children(self.process.pid).items() if "serve" in line]

    def envoy(self) -> int:
        """Returns the process id of Envoy."""
        return next(pid for pid, line in children(self.process.pid).items() if "envoy" in line[0])

    def stop(self) -> int:
        """Ends it as Ctrl-C does, and returns its exit code."""
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGTERM)
        return self.process.wait(PATIENCE)


def free_port() -> int:
    """Returns a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_answer(
    port: int, status: bytes, *, unless: Callable[[], int | None] = lambda: None
) -> None:
    """Waits until a call through a gateway has the status; `unless` tells that it never will."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and unless() is None:
        if status in _ask(port):
            return
        time.sleep(0.05)
    raise TimeoutError


def _ask(port: int) -> bytes:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        connection.sendall(b"GET /desk/v1/caller HTTP/1.0\r\n\r\n")
        return connection.recv(1_024)
    return b""


def children(parent: int) -> dict[int, list[str]]:
    """Returns the processes that a process started, with their command lines."""
    found: dict[int, list[str]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(stat[1]) == parent:
                found[int(folder.name)] = (folder / "cmdline").read_text().split("\0")
    return found

"""A real Envoy for tests: started on a free port, asked over HTTP, stopped by its own process."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from polydesk.gateway import envoy_binary
from polydesk.gateway.template import to_json

PATIENCE = 30.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Envoy:
    """A running Envoy; `port` is where its first listener is, `ports` are all of them by name."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, admin: str) -> None:
        self.port = 0
        self.ports: dict[str, int] = {}
        self._admin = admin
        self.pid = process.pid
        self._process = process
        self._folder = folder

    @classmethod
    def start(cls, config: dict[str, Any], *, threads: int = 1) -> Self:
        """Starts it with a configuration, best one that listens on port 0, and waits for it.

        An admin that it has been given has to be a socket file.
        """
        # Not tmp_path: a socket's path is short.
        folder = Path(tempfile.mkdtemp(prefix="envoy-"))
        admin = config["admin"] or {"address": {"pipe": {"path": str(folder / "admin")}}}
        file = folder / "envoy.json"
        file.write_text(to_json(config | {"admin": admin}))
        options = ["--concurrency", str(threads), "--disable-hot-restart", "--log-level", "warning"]
        options += ["--file-flush-interval-msec", "50"]
        with (folder / "log").open("wb") as log:
            command: list[str | Path] = [envoy_binary(), "-c", file, *options]
            process = subprocess.Popen(command, stdout=log, stderr=log)
        envoy = cls(process, folder, admin["address"]["pipe"]["path"])
        try:
            envoy._wait()
        except BaseException:
            envoy.stop()
            raise
        return envoy

    def _wait(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError):
                if self.admin("/ready") == b"LIVE\n":
                    status = json.loads(self.admin("/listeners?format=json"))["listener_statuses"]
                    self.ports = {
                        each["name"]: each["local_address"]["socket_address"]["port_value"]
                        for each in status
                    }
                    self.port = self.ports[status[0]["name"]]
                    return
            time.sleep(0.02)
        raise RuntimeError(f"Envoy does not start: {(self._folder / 'log').read_text()}")

    def stop(self) -> None:
        """Ends this process, and only this one."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder)

    def admin(self, path: str, method: str = "GET") -> bytes:
        """Asks its admin interface."""
        connection = http.client.HTTPConnection("admin", timeout=PATIENCE)
        with socket.socket(socket.AF_UNIX) as connection.sock:
            connection.sock.connect(self._admin)
            connection.request(method, path)
            return connection.getresponse().read()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Sends a request with its path exactly as given: bytes as they are, an iterator of bytes
        in chunks, anything else as JSON."""
        sent = {"content-type": "application/json"} if body is not None else {}
        is_raw = body is None or isinstance(body, bytes | Iterator)
        data = body if is_raw else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            # An answer may come, and the connection close, while a body is still on its way.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, path, data, sent | dict(headers or {}))
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

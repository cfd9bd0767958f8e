"""What `polydesk up` runs: which programs, with which sockets, files and words."""

from __future__ import annotations

import os
import sys
from asyncio import TaskGroup
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.panel import Panel

from polydesk.cli import envoy
from polydesk.cli.address import Address
from polydesk.cli.child import Child
from polydesk.cli.failure import Failure
from polydesk.cli.folder import DataFolder
from polydesk.cli.private import Private
from polydesk.cli.probe import Admin
from polydesk.cli.supervisor import Supervisor
from polydesk.config import Settings
from polydesk.domain import demo

# The hub's own lame duck and grace, and a little more.
_GRACE: Final = 20.0
_POLYDESK: Final = (sys.executable, "-P", "-m", "polydesk")


class Site:
    """One machine with hubs, an Envoy before them, and a worker beside them."""

    def __init__(
        self,
        settings: Settings,
        address: Address,
        *,
        folder: DataFolder,
        runtime: Path,
        program: Path,
    ) -> None:
        self._settings = settings
        self._address = address
        self._folder = folder
        self._envoy = program
        self._admin = runtime / "admin.sock"
        self._bootstrap = runtime / "envoy.json"
        self._sockets = [runtime / f"hub-{number}.sock" for number in range(settings.workers)]
        self._access_log = folder.logs / "access.log"
        self._private = Private.of(settings)

    async def run(self) -> None:
        """Serves until a signal comes."""
        supervisor = Supervisor(
            hubs=[self._hub(number) for number in range(len(self._sockets))],
            worker=self._worker(),
            envoy=self._gateway(),
            admin=Admin(self._admin),
            address=self._address,
            grace=_GRACE,
            tls=self._settings.tls,
        )
        await supervisor.run(prepare=self._prepare, announce=self._announce)

    async def _prepare(self) -> None:
        async with TaskGroup() as group:
            group.create_task(_once(self._rendering()))
            if self._settings.embedded:
                group.create_task(_once(self._migration()))

    def _migration(self) -> Child:
        return Child(
            "the migration",
            (*_POLYDESK, "migrate"),
            environment=self._settings.environment(),
            descriptors=[self._folder.descriptor],
        )

    def _rendering(self) -> Child:
        hubs = [f"--hub=unix:{socket}" for socket in self._sockets]
        files = [
            f"--admin=unix:{self._admin}",
            f"--metrics={self._private.envoy}",
            f"--access-log={self._access_log}",
            f"--output={self._bootstrap}",
        ]
        return Child(
            "the gateway's configuration",
            (*_POLYDESK, "gateway", f"--listen={self._address}", *hubs, *files),
            environment=self._settings.environment(),
        )

    def _hub(self, number: int) -> Child:
        socket = self._sockets[number]
        settings = self._settings.model_copy(
            update={
                "hub": f"unix:{socket}",
                "metrics": self._private.hubs[number],
                "channelz": self._private.channelz[number],
            }
        )
        return Child(
            socket.stem if len(self._sockets) > 1 else "the hub",
            (*_POLYDESK, "serve"),
            environment=settings.environment(),
            descriptors=[self._folder.descriptor],
            socket=socket,
        )

    def _worker(self) -> Child:
        settings = self._settings.model_copy(update={"metrics": self._private.worker})
        return Child(
            "the worker",
            (*_POLYDESK, "work"),
            environment=settings.environment(),
            descriptors=[self._folder.descriptor],
        )

    def _gateway(self) -> Child:
        threads = len(os.sched_getaffinity(0))
        return Child(
            "Envoy",
            envoy.command(self._envoy, self._bootstrap, threads=threads),
            environment=envoy.environment(),
            socket=self._admin,
        )

    def _announce(self) -> None:
        url = f"{'https' if self._settings.tls else 'http'}://{self._address.reachable}"
        lines = [
            f"[bold]{url}[/] answers REST, gRPC and gRPC-Web",
            f"its data is in {self._folder.path if self._settings.embedded else 'PostgreSQL'}",
            f"each call is in {self._access_log}",
        ]
        if self._private.envoy:
            told = (*self._private.hubs, self._private.worker, self._private.envoy)
            lines.append(f"metrics are told at {', '.join(told)}")
        if self._settings.demo:
            lines += [
                "",
                "[yellow]demo[/]: everybody knows these, so it listens on loopback only",
                f"  user    {demo.USER[0]} / {demo.USER[1]}",
                f"  client  {demo.CLIENT[0]} / {demo.CLIENT[1]}",
                f"  key     {demo.KEY}",
            ]
        console = Console(highlight=False)
        console.print(Panel("\n".join(lines), title="Polydesk", expand=False))
        for line in self._first_steps(url):
            console.print(line, soft_wrap=True, markup=False)

    def _first_steps(self, url: str) -> list[str]:
        if self._settings.demo:
            user = ":".join(demo.USER)
            path = "/v2/incident/TicketStatus/INC0303863/1"
            return [f"Try:  curl -u {user} {url}{path}", "Stop: Ctrl-C"]
        data = f" --data {self._folder.path}" if self._settings.embedded else ""
        return [
            f"Then: polydesk org add 1 'Our company'{data}",
            f"      polydesk user add you@example.com --org 1:agent{data}",
            "Stop: Ctrl-C",
        ]


async def _once(child: Child) -> None:
    if await child.run():
        raise Failure(f"{child.name} failed, for the reason above")

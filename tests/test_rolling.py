"""Hubs are replaced one by one, under load, through Envoy: no call fails, no watch misses any."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp
import grpc.aio
import pytest

from polydesk import dialects
from polydesk.api.v1 import ticket_pb2
from polydesk.api.v1.ticket_pb2_grpc import TicketServiceStub
from polydesk.domain.keyring import new_line
from polydesk.gateway import Gateway, render
from tests.conftest import Native
from tests.gateway.envoy import Envoy
from tests.stack import PATIENCE, Rest
from tests.telemetry.page import told

pytestmark = [pytest.mark.envoy, pytest.mark.postgres]

ORG = 5
CALLERS = 2
TICKET = {
    "Summary": "rolling", "sys_id": "1", "StatusCode": "1", "Description": "It smokes.",
    "CreationDate": "2026-01-31 09:00:00", "LastModifiedDate": "2026-01-31 09:05:00",
    "TimeZone": "IST", "IsTimeZoneOrOffset": "TIMEZONE", "IsEpoch": "N", "ModuleId": "1",
}  # fmt: skip


class Served:
    """A `polydesk serve`, which can be replaced."""

    def __init__(self, folder: Path, sockets: Path, *, number: int, **settings: str) -> None:
        self._socket = sockets / f"hub-{number}"
        self._log = folder / f"hub-{number}.log"
        self._environment = {**os.environ, **settings, "POLYDESK_HUB": self.address}
        self._served = 0
        self.process = self._start()

    @property
    def address(self) -> str:
        return f"unix:{self._socket}"

    def _start(self) -> subprocess.Popen[bytes]:
        self._socket.unlink(missing_ok=True)
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "polydesk", "serve"],
                env=self._environment,
                stdout=log,
                stderr=log,
            )

    async def until_serving(self) -> None:
        self._served += 1
        async with asyncio.timeout(PATIENCE):
            while len(told(self._log, "serving")) < self._served:
                assert self.process.poll() is None, self._log.read_text()
                await asyncio.sleep(0.05)

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    async def replace(self) -> int:
        """Ends it as an orchestrator does, and starts another; returns how the old one ended."""
        status = await asyncio.to_thread(self.end)
        self.process = self._start()
        await self.until_serving()
        return status


@pytest.fixture
def hubs(postgres_url: str, tmp_path: Path) -> Iterator[list[Served]]:
    settings = {
        "POLYDESK_DATA": str(tmp_path),
        "POLYDESK_DATABASE_URL": postgres_url,
        "POLYDESK_SECRET_KEYS": new_line(),
        "POLYDESK_DEMO": "1",
    }
    with tempfile.TemporaryDirectory(prefix="rolling-", dir="/tmp") as sockets:
        served = [Served(tmp_path, Path(sockets), number=number, **settings) for number in range(2)]
        yield served
        for hub in served:
            hub.process.kill()
            hub.process.wait()


class Door:
    """An Envoy before the hubs."""

    def __init__(self, envoy: Envoy) -> None:
        self.port = envoy.port
        self._envoy = envoy

    @classmethod
    @asynccontextmanager
    async def before(cls, hubs: list[Served]) -> AsyncIterator[Self]:
        gateway = Gateway(listen="127.0.0.1:0", hubs=[hub.address for hub in hubs])
        envoy = await asyncio.to_thread(Envoy.start, render(gateway, dialects.load()))
        try:
            yield cls(envoy)
        finally:
            await asyncio.to_thread(envoy.stop)

    async def until_healthy(self, hubs: int) -> None:
        """Waits until it takes so many hubs for well."""
        wanted = f"membership_healthy: {hubs}\n".encode()
        async with asyncio.timeout(PATIENCE):
            while wanted not in await self._stats():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)

    async def _stats(self) -> bytes:
        return await asyncio.to_thread(self._envoy.admin, "/stats?filter=hubs.membership_healthy")


class Load:
    """Callers who call on until they are told to stop; none of them tries a call again."""

    def __init__(self, port: int, session: aiohttp.ClientSession) -> None:
        self.pushed: list[str] = []
        self.failed: list[Any] = []
        self.heard: list[str] = []
        self.calls = 0
        self.resumed = 0
        self.over = asyncio.Event()
        self.complete = False
        self._port = port
        self._rest = Rest(session, port)
        self._numbers = itertools.count()

    async def push(self) -> None:
        while not self.over.is_set():
            number = f"ROLL{next(self._numbers)}"
            row = TICKET | {"TicketNumber": number, "sys_id": number}
            answer = await self._rest.request("POST", f"/v2/incident/orgentityid/{ORG}", json=[row])
            self._note(*([answer] if answer.status != 200 else []))
            if answer.status == 200:
                self.pushed.append(number)

    async def read(self) -> None:
        while not self.over.is_set():
            answer = await self._rest.request("GET", f"/desk/v1/orgs/{ORG}/tickets?page_size=5")
            self._note(*([answer] if answer.status != 200 else []))

    async def call(self) -> None:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self._port}") as channel:
            tickets = TicketServiceStub(channel)
            request = ticket_pb2.ListTicketsRequest(parent=f"orgs/{ORG}", page_size=5)
            while not self.over.is_set():
                try:
                    await tickets.ListTickets(request, metadata=Native.headers(), timeout=30)
                except grpc.aio.AioRpcError as error:
                    self._note(error)
                else:
                    self._note()

    async def watch(self) -> None:
        """Watches by REST from the first push on; comes back with its cursor when a hub stops."""
        cursor = "0"
        while not self._has_heard_all():
            path = f"/desk/v1/orgs/{ORG}/tickets:watch?heartbeat_seconds=1&cursor={cursor}"
            lines = {"accept": "application/x-ndjson"}
            async with self._rest.stream(path, headers=lines) as stream:
                async for line in stream:
                    event = json.loads(line)
                    cursor = event["cursor"]
                    if "error" in event:
                        assert event["error"]["code"] == 14  # UNAVAILABLE: come back
                        self.resumed += 1
                        break
                    self._hear(event)
                    if self._has_heard_all():
                        return

    def _hear(self, event: dict[str, Any]) -> None:
        number = event.get("changed", {}).get("ticket", {}).get("number", "")
        if number.startswith("ROLL"):
            self.heard.append(number)

    def _has_heard_all(self) -> bool:
        return self.complete and len(self.heard) >= len(self.pushed)

    def _note(self, *failures: Any) -> None:
        self.calls += 1
        self.failed.extend(failures)


async def test_hubs_are_replaced_under_load_and_no_call_fails(hubs: list[Served]) -> None:
    for hub in hubs:
        await hub.until_serving()
    async with (
        Door.before(hubs) as door,
        aiohttp.ClientSession() as session,
        asyncio.TaskGroup() as group,
    ):
        await door.until_healthy(2)
        load = Load(door.port, session)
        group.create_task(load.watch())
        async with asyncio.TaskGroup() as callers:
            for each in (load.push, load.read, load.call) * CALLERS:
                callers.create_task(each())
            ended = [await replaced(hub, door, load) for hub in hubs * 2]
            load.over.set()
        load.complete = True

    assert load.failed == []
    assert ended == [0] * 4
    assert load.calls > 200
    assert load.resumed >= 1
    assert sorted(load.heard) == sorted(load.pushed)


async def replaced(hub: Served, door: Door, load: Load) -> int:
    """Replaces a hub, and waits until it has its share of the calls."""
    calls = load.calls
    status = await hub.replace()
    await door.until_healthy(2)
    assert load.calls > calls
    return status

"""What all tests share: a seeded database, a hub on it, native clients."""

from __future__ import annotations

import asyncio
import base64
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
import grpc.aio
import hypothesis
import pytest
from tests.gateway.envoy import Envoy
from tests.stack import Rest

from polydesk import dialects
from polydesk.api.v1.identity_pb2_grpc import IdentityServiceStub
from polydesk.api.v1.incident_pb2_grpc import IncidentServiceStub
from polydesk.api.v1.ticket_pb2_grpc import TicketServiceStub
from polydesk.config import Settings
from polydesk.domain.identity import Role
from polydesk.domain.registry import Registry
from polydesk.gateway import Gateway, render
from polydesk.server import Hub, migrate

# Machines are shared and noisy: no test asserts an absolute time, nor does hypothesis.
hypothesis.settings.register_profile("shared", deadline=None)
hypothesis.settings.load_profile("shared")


class Native(NamedTuple):
    """A gRPC client of a hub, without the gateway; calls as the demo user unless told otherwise."""

    channel: grpc.aio.Channel
    tickets: TicketServiceStub
    incidents: IncidentServiceStub
    identity: IdentityServiceStub
    registry: Registry
    agent: Role = Role.AGENT
    reader: Role = Role.READER

    @staticmethod
    def headers(
        *, login: str = "demo@example.com", secret: str = "demo", **more: str
    ) -> tuple[tuple[str, str], ...]:
        """Returns the metadata of a call."""
        basic = base64.b64encode(f"{login}:{secret}".encode()).decode()
        return (("authorization", f"Basic {basic}"), *more.items())


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file with the demo in it, to be copied."""
    path = tmp_path_factory.mktemp("seeded") / "polydesk.db"
    settings = Settings(database_url=f"sqlite:///{path}", demo=True)

    async def seed() -> None:
        await migrate(settings)
        await (await Hub.start(settings)).stop()

    asyncio.run(seed())
    return path


@pytest.fixture
async def hub(seeded: Path, tmp_path: Path) -> AsyncIterator[Hub]:
    """A hub of this process, on its own copy of the seeded database."""
    path = shutil.copy(seeded, tmp_path / "polydesk.db")
    running = await Hub.start(Settings(database_url=f"sqlite:///{path}"))
    yield running
    await running.stop()


@pytest.fixture
async def rest(hub: Hub) -> AsyncIterator[Rest]:
    """A REST client of the hub, through a real Envoy."""
    gateway = Gateway(listen="127.0.0.1:0", hubs=[hub.address])
    envoy = await asyncio.to_thread(Envoy.start, render(gateway, dialects.load()))
    async with aiohttp.ClientSession() as session:
        yield Rest(session, envoy.port)
    await asyncio.to_thread(envoy.stop)


@pytest.fixture
async def native(hub: Hub) -> AsyncIterator[Native]:
    """A native client of the hub."""
    async with grpc.aio.insecure_channel(hub.address) as channel:
        yield Native(
            channel=channel,
            tickets=TicketServiceStub(channel),
            incidents=IncidentServiceStub(channel),
            identity=IdentityServiceStub(channel),
            registry=hub.desk.registry,
        )

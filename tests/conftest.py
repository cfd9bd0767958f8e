"""What all tests share: databases on both engines, a hub, its clients, the whole stack."""

from __future__ import annotations

import asyncio
import base64
import logging
import shutil
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

import aiohttp
import grpc.aio
import hypothesis
import pytest
import structlog

from polydesk import dialects
from polydesk.api.v1.identity_pb2_grpc import IdentityServiceStub
from polydesk.api.v1.incident_pb2_grpc import IncidentServiceStub
from polydesk.api.v1.ticket_pb2_grpc import TicketServiceStub
from polydesk.config import Settings
from polydesk.domain.identity import Role
from polydesk.domain.keyring import new_line
from polydesk.domain.registry import Registry
from polydesk.gateway import Gateway, render
from polydesk.server import Hub
from polydesk.store import migrate
from tests.gateway.envoy import Envoy
from tests.oidc.realm import Realm
from tests.postgres import Server
from tests.stack import Rest, Stack

# Machines are shared and noisy: no test asserts an absolute time, nor does hypothesis.
hypothesis.settings.register_profile("shared", deadline=None)
hypothesis.settings.load_profile("shared")

# What a hub of this process tells while it is tested is for nobody.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))

TEMPLATE = "migrated"
ENGINES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
_numbers = count(1)


class Native(NamedTuple):
    """A gRPC client of a hub, without the gateway; calls as the demo user unless told otherwise."""

    channel: grpc.aio.Channel
    tickets: TicketServiceStub
    incidents: IncidentServiceStub
    identity: IdentityServiceStub
    registry: Registry
    admin: Role = Role.ADMIN
    agent: Role = Role.AGENT
    reader: Role = Role.READER

    @staticmethod
    def headers(
        *, login: str = "demo@example.com", secret: str = "demo", **more: str
    ) -> tuple[tuple[str, str], ...]:
        """Returns the metadata of a call."""
        basic = base64.b64encode(f"{login}:{secret}".encode()).decode()
        return (("authorization", f"Basic {basic}"), *more.items())


@pytest.fixture
def warnings_told() -> Iterator[None]:
    """Has the log tell warnings, which tests usually do without."""
    usual = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    yield
    structlog.configure(wrapper_class=usual)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    server = Server()
    try:
        server.start()
        asyncio.run(migrate(server.database(TEMPLATE)))
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "polydesk.db"
    asyncio.run(migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    path = shutil.copy(migrated_file, tmp_path / "polydesk.db")
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres: Server) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    yield postgres.database(name, template=TEMPLATE)
    postgres.drop(name)


@pytest.fixture
def postgres_empty(postgres: Server) -> Iterator[str]:
    """A database in which nothing is, not even tables."""
    name = f"empty_{next(_numbers)}"
    yield postgres.database(name)
    postgres.drop(name)


@pytest.fixture(params=ENGINES)
def store_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file with the demo in it, to be copied; keys and blobs lie beside it."""
    path = tmp_path_factory.mktemp("seeded") / "polydesk.db"
    settings = Settings(data=path.parent, demo=True)

    async def seed() -> None:
        await migrate(settings.store_url)
        await (await Hub.start(settings)).stop()

    asyncio.run(seed())
    return path


@pytest.fixture
async def hub(seeded: Path, tmp_path: Path) -> AsyncIterator[Hub]:
    """A hub of this process, on its own copy of the seeded data."""
    shutil.copytree(seeded.parent, tmp_path, dirs_exist_ok=True)
    running = await Hub.start(Settings(data=tmp_path))
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


@pytest.fixture(scope="session")
def realm() -> Iterator[Realm]:
    """A realm that tests share; they leave its keys and its pace alone."""
    running = Realm.start()
    yield running
    running.stop()


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


@pytest.fixture(params=ENGINES)
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    """A `polydesk up --demo` on either engine."""
    options = []
    if request.param == "postgres":
        options = ["--database-url", request.getfixturevalue("postgres_url")]
    with Stack.running(tmp_path / "var", *options) as running:
        yield running


@pytest.fixture(scope="session")
def shared_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A `polydesk up --demo` that tests share which mind their own records."""
    with Stack.running(tmp_path_factory.mktemp("shared") / "var") as running:
        yield running


@pytest.fixture(scope="session")
def shared_postgres(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The same on PostgreSQL."""
    url = postgres.database("shared", template=TEMPLATE)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("POLYDESK_SECRET_KEYS", new_line())
        running = Stack.start(tmp_path_factory.mktemp("shared") / "var", "--database-url", url)
    yield running
    assert running.stop() == 0


@pytest.fixture(params=ENGINES)
def shared(request: pytest.FixtureRequest) -> Stack:
    """The stack that tests share, on either engine."""
    running: Stack = request.getfixturevalue(f"shared_{request.param}")
    return running

"""The composition root: settings become a store, a desk, servicers, a gRPC server."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final, Self

import grpc.aio
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from polydesk import dialects, openapi, outbound, store
from polydesk.config import Settings
from polydesk.domain import demo
from polydesk.domain.attaching import Attachments
from polydesk.domain.classifying import Catalogs
from polydesk.domain.desk import Desk, Tickets
from polydesk.domain.directory import Directory
from polydesk.domain.errors import Unavailable
from polydesk.domain.following import Followers
from polydesk.domain.gatekeeper import Gatekeeper
from polydesk.domain.history import Entry
from polydesk.domain.identity import Role
from polydesk.domain.incident import Incidents
from polydesk.domain.intaking import Intake
from polydesk.domain.inventory import Inventory
from polydesk.domain.journal import Notes
from polydesk.domain.linking import Links
from polydesk.domain.location import Location
from polydesk.domain.org import Orgs
from polydesk.domain.overview import Overviews
from polydesk.domain.password import Hasher
from polydesk.domain.person import Person
from polydesk.domain.ports import Clock, Store
from polydesk.domain.realm import Realm, RealmPolicy
from polydesk.domain.registry import Registry
from polydesk.domain.ruling import Rules
from polydesk.domain.running import Runs
from polydesk.domain.scheduling import Schedules
from polydesk.domain.service_level import ServiceLevels
from polydesk.domain.shelf import Scripts, Shelf, Targets
from polydesk.domain.vault import Secrets
from polydesk.domain.watch import Watches
from polydesk.rpc import SERVICES, reflection, register
from polydesk.rpc.interceptor import Gate
from polydesk.rpc.method import methods_of
from polydesk.rpc.page import PageServicer
from polydesk.telemetry import Telemetry
from polydesk.telemetry.log import configure_log

# The gateway asks each second whether a hub is well; for so long a stopping hub still serves, and
# longer where calls still come, for a busy hub is asked late: what it has not begun would fail.
_LAME_DUCK: Final = 1.5
_QUIET: Final = 0.5
_LONGEST_DUCK: Final = 6.0
_GRACE: Final = 10.0
_MESSAGE_LIMIT: Final = 64 * 1024 * 1024
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", _MESSAGE_LIMIT),
    ("grpc.max_send_message_length", _MESSAGE_LIMIT),
    # Long comma lists stand in a path, and paths travel as metadata.
    ("grpc.max_metadata_size", 128 * 1024),
    ("grpc.absolute_max_metadata_size", 160 * 1024),
    ("grpc.so_reuseport", 0),
)


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Returns the time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Returns seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)


class Hub:
    """A running hub: `address` is where its gRPC server listens."""

    def __init__(
        self,
        *,
        desk: Desk,
        store: Store,
        gate: Gate,
        server: grpc.aio.Server,
        telemetry: Telemetry,
    ) -> None:
        self.desk = desk
        self.address = ""
        self.telemetry = telemetry
        self._serving = False
        self._store = store
        self._gate = gate
        self._server = server
        self._health = health.aio.HealthServicer()

    @classmethod
    async def start(cls, settings: Settings, *, clock: Clock | None = None) -> Self:
        """Opens the store and serves."""
        telemetry = Telemetry(settings)
        opened = await store.open_store(
            settings.store_url, meter=telemetry.meter, wrap=telemetry.wrap
        )
        try:
            return await cls._start(settings, opened, clock or SystemClock(), telemetry)
        except BaseException:
            await opened.close()
            raise

    @classmethod
    async def _start(
        cls, settings: Settings, opened: Store, clock: Clock, telemetry: Telemetry
    ) -> Self:
        desk = open_desk(settings, opened, clock)
        gate = Gate(
            methods=methods_of(services()),
            gatekeeper=desk.gatekeeper,
            refusers={dialect.SERVICE: dialect.refuse for dialect in dialects.load()},
            clock=clock,
            seconds=settings.call_seconds,
            meter=telemetry.meter,
            tracer=telemetry.tracer,
        )
        hub = cls(
            desk=desk,
            store=opened,
            gate=gate,
            server=grpc.aio.server(interceptors=[gate], options=_OPTIONS),
            telemetry=telemetry,
        )
        try:
            await hub._listen(settings)
        except BaseException:
            await telemetry.close()
            await hub._server.stop(None)
            raise
        return hub

    async def _listen(self, settings: Settings) -> None:
        await self.desk.secrets.check_keys()
        pages = PageServicer(openapi.documents(), switched_on=settings.pages)
        register(self._server, self.desk, pages)
        for dialect in dialects.load():
            dialect.register(self._server, self.desk)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if settings.reflection:
            reflection.enable(self._server, (*services(), health.SERVICE_NAME))
        if settings.demo:
            await demo.seed(self.desk)
        await self.desk.attachments.sweep()
        try:
            port = self._server.add_insecure_port(settings.hub or "127.0.0.1:0")
        except RuntimeError as error:
            raise Unavailable(f"the hub cannot listen on {settings.hub}: {error}") from error
        self.telemetry.see_store(self._store)
        self.telemetry.see_desk(self.desk)
        await self.telemetry.open(self._ready)
        await self._server.start()
        host, _, _ = (settings.hub or "127.0.0.1:0").rpartition(":")
        self.address = settings.hub if host == "unix" else f"{host}:{port}"
        for name in ("", *services()):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        self._serving = True

    async def _ready(self) -> str:
        """Returns why no call should come here, or nothing."""
        if not self._serving:
            return "the hub is starting or stopping"
        await self._store.identity.version()
        return ""

    async def stop(self, *, lame_duck: float = 0.0) -> None:
        """Turns new calls away, lets those under way end, lets go of the store."""
        self._serving = False
        await self._health.enter_graceful_shutdown()
        await self._until_quiet(lame_duck)
        self.desk.watches.close()
        self.desk.followers.close()
        await self._server.stop(_GRACE)
        await self.desk.gatekeeper.close()
        await self.telemetry.close()
        await self.desk.attachments.close()
        await self._store.close()

    async def _until_quiet(self, lame_duck: float) -> None:
        """Serves on for so long, and then until no more calls come."""
        end = time.monotonic() + _LONGEST_DUCK
        await asyncio.sleep(lame_duck)
        while lame_duck and self._is_called and time.monotonic() < end:  # noqa: ASYNC110 - by many
            await asyncio.sleep(_QUIET / 5)

    @property
    def _is_called(self) -> bool:
        return time.monotonic() - self._gate.called_at < _QUIET


def services() -> Sequence[str]:
    """Returns the names of our gRPC services."""
    return (*SERVICES, *(dialect.SERVICE for dialect in dialects.load()))


def open_desk(settings: Settings, opened: Store, clock: Clock) -> Desk:
    """Builds the domain services on a store."""
    hasher = Hasher()
    orgs = Orgs(store=opened.identity, clock=clock)
    realm = open_realm(settings, orgs, clock)
    gatekeeper = Gatekeeper(store=opened.identity, clock=clock, hasher=hasher, realm=realm)
    blobs = store.LocalBlobs(settings.blobs_folder)
    attachments = Attachments(store=opened, blobs=blobs, clock=clock, largest=settings.largest_file)
    local = settings.local_targets or settings.demo
    runs = Runs(store=opened, clock=clock, local=local)
    secrets = open_secrets(settings, opened, clock)
    return Desk(
        orgs=orgs,
        tickets=Tickets(store=opened.tickets, clock=clock, orgs=orgs, attachments=attachments),
        incidents=Incidents(store=opened, clock=clock, orgs=orgs, attachments=attachments),
        notes=Notes(store=opened, clock=clock),
        links=Links(store=opened, clock=clock),
        attachments=attachments,
        intake=Intake(
            store=opened, blobs=blobs, clock=clock, orgs=orgs, largest=settings.largest_file
        ),
        people=Directory(Person, store=opened.people, clock=clock),
        locations=Directory(Location, store=opened.locations, clock=clock),
        secrets=secrets,
        inventory=Inventory(store=opened, clock=clock),
        schedules=Schedules(store=opened, secrets=secrets, clock=clock),
        levels=ServiceLevels(orgs=orgs, tickets=opened.tickets, clock=clock),
        catalogs=Catalogs(orgs=orgs),
        watches=Watches(store=opened.history, clock=clock),
        scripts=Scripts(store=opened.scripts, clock=clock),
        targets=Targets(store=opened.targets, clock=clock, local=local),
        runbooks=Shelf("runbook", store=opened.runbooks, clock=clock),
        rules=Rules(store=opened, clock=clock),
        runs=runs,
        followers=Followers(runs=runs, store=opened.runs, clock=clock),
        overviews=Overviews(store=opened.overview, clock=clock),
        registry=Registry(store=opened.identity, hasher=hasher, gatekeeper=gatekeeper),
        gatekeeper=gatekeeper,
    )


def open_realm(settings: Settings, orgs: Orgs, clock: Clock) -> Realm | None:
    """Builds what knows the realm of the settings, if they name one."""
    if not settings.oidc_issuer:
        return None
    policy = RealmPolicy(
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        org_claim=settings.oidc_org_claim,
        role_claim=settings.oidc_role_claim,
        role=None if settings.oidc_role == "NONE" else Role[settings.oidc_role],
    )
    provider = outbound.OidcProvider(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        seconds=settings.oidc_seconds,
    )
    return Realm(policy=policy, provider=provider, orgs=orgs, clock=clock)


def open_secrets(settings: Settings, opened: Store, clock: Clock) -> Secrets:
    """Builds the vault on a store."""
    keys = store.LocalKeys(
        inline=settings.secret_keys.get_secret_value(),
        file=settings.named_keys,
        own=settings.own_keys,
    )
    return Secrets(store=opened, keys=keys, clock=clock)


async def serve(settings: Settings) -> None:
    """Serves until the process is told to end."""
    configure_log(settings.log_level)
    hub = await Hub.start(settings)
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    structlog.get_logger().info("serving", address=hub.address)
    await told.wait()
    await hub.stop(lame_duck=_LAME_DUCK)


async def migrate(settings: Settings) -> None:
    """Brings the database up to date."""
    await store.migrate(settings.store_url)


async def copy_database(settings: Settings, target: str) -> dict[str, int]:
    """Copies the database into an empty one; returns how many rows each table has."""
    return await store.copy(settings.store_url, target)


async def verify_history(settings: Settings) -> int | None:
    """Returns the entry at which the history has been tampered with, if there is one."""
    opened = await store.open_store(settings.store_url)
    try:
        return await opened.first_broken()
    finally:
        await opened.close()


async def newest_entries(settings: Settings, org: int | None, *, limit: int) -> list[Entry]:
    """Returns the newest entries of the history, oldest first."""
    opened = await store.open_store(settings.store_url)
    try:
        return await opened.history.newest_entries(org, limit=limit)
    finally:
        await opened.close()


@asynccontextmanager
async def open_registry(settings: Settings) -> AsyncIterator[Registry]:
    """Opens the registry of orgs and accounts for one command."""
    async with _open_desk(settings) as desk:
        yield desk.registry


@asynccontextmanager
async def open_vault(settings: Settings) -> AsyncIterator[Secrets]:
    """Opens the secrets of all orgs for one command."""
    async with _open_desk(settings) as desk:
        yield desk.secrets


@asynccontextmanager
async def _open_desk(settings: Settings) -> AsyncIterator[Desk]:
    opened = await store.open_store(settings.store_url)
    try:
        yield open_desk(settings, opened, SystemClock())
    finally:
        await opened.close()

"""A hub: a gRPC server with all servicers on a desk, from its start to its end."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Sequence
from typing import Final, Self

import grpc.aio
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from polydesk import dialects, openapi, store
from polydesk.composition import SystemClock, open_desk
from polydesk.config import Settings
from polydesk.domain import demo
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Unavailable
from polydesk.domain.ports import Clock, Store
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

"""The private port of a process: its metrics, and how it is. Never the public one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Self

import structlog
from aiohttp import web

from polydesk.domain.errors import NotConfigured, PolydeskError, Unavailable
from polydesk.telemetry.metrics import Metrics

Ready = Callable[[], Awaitable[str]]
_log = structlog.get_logger()
_SECONDS: Final = 5.0


class PrivatePort:
    """Answers `/metrics`, `/healthz` and `/readyz`; `address` is where."""

    def __init__(self, metrics: Metrics, ready: Ready) -> None:
        self.address = ""
        self._metrics = metrics
        self._ready = ready
        application = web.Application()
        application.router.add_get("/metrics", self._tell)
        application.router.add_get("/healthz", self._live)
        application.router.add_get("/readyz", self._stand)
        self._runner = web.AppRunner(application, access_log=None)

    @classmethod
    async def open(cls, address: str, *, metrics: Metrics, ready: Ready) -> Self:
        """Listens at `host:port`; `ready` returns why the process is not, or nothing."""
        host, port = parse(address)
        opened = cls(metrics, ready)
        await opened._runner.setup()
        try:
            await web.TCPSite(opened._runner, host, port).start()
        except OSError as error:
            await opened._runner.cleanup()
            raise Unavailable(f"metrics cannot be told at {address}: {error.strerror}") from error
        port = opened._runner.addresses[0][1]
        opened.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        _log.info("metrics and health", address=opened.address)
        return opened

    async def close(self) -> None:
        """Ends it."""
        await self._runner.cleanup()

    async def _tell(self, request: web.Request) -> web.Response:
        page, content_type = await self._metrics.page(request.headers.get("accept", ""))
        return web.Response(body=page, headers={"content-type": content_type})

    async def _live(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _stand(self, _: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(_SECONDS):
                lacking = await self._ready()
        except PolydeskError as error:
            lacking = error.message
        except TimeoutError:
            lacking = "the store does not answer"
        return web.Response(status=503 if lacking else 200, text=f"{lacking or 'ok'}\n")


def parse(address: str) -> tuple[str, int]:
    """Reads `127.0.0.1:9464` or `[::1]:9464`; port 0 is any that is free."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:  # noqa: PLR2004 - TCP has no more
        raise NotConfigured(f"{address!r} is no address for metrics: write 127.0.0.1:9464")
    return host.strip("[]"), int(port)

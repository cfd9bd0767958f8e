"""Asks a running gateway: whether the hub behind it answers, and over its admin socket to drain."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Final

from polydesk.cli.address import Address

_SECONDS: Final = 2.0
# grpc.health.v1.Health/Check in gRPC-Web: an empty request, and the answer SERVING.
_CHECK: Final = (
    b"POST /grpc.health.v1.Health/Check HTTP/1.1\r\nhost: polydesk\r\nconnection: close\r\n"
    b"content-type: application/grpc-web+proto\r\ncontent-length: 5\r\n\r\n\0\0\0\0\0"
)
_SERVING: Final = b"\0\0\0\0\2\x08\1"


async def answers(address: Address) -> bool:
    """Tells whether a call through the public port reaches a hub that serves."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_SECONDS):
            streams = await asyncio.open_connection(str(address.ip), address.port)
            return _SERVING in await _exchange(streams, _CHECK)
    return False


class Admin:
    """Envoy's admin interface on its unix socket."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def fail(self) -> bool:
        """Has its probes say that it is out of service; tells whether it has heard."""
        return b"OK" in await self._ask("POST /healthcheck/fail")

    async def drain(self) -> None:
        """Closes the listeners after Envoy's drain time, and connections as they answer."""
        await self._ask("POST /drain_listeners?graceful")

    async def ready(self) -> bool:
        """Tells whether Envoy takes connections and has a hub that is well."""
        live = b"LIVE" in await self._ask("GET /ready")
        hosts = await self._ask("GET /clusters")
        return live and any(
            line.startswith(b"hubs::") and line.endswith(b"::health_flags::healthy")
            for line in hosts.splitlines()
        )

    async def active(self) -> int:
        """Returns how many requests are under way; none when Envoy does not say."""
        answer = await self._ask("GET /stats?filter=http\\..*downstream_rq_active$")
        lines = [line.rsplit(b": ", 1) for line in answer.splitlines() if b"rq_active: " in line]
        return sum(int(count) for name, count in lines if not name.startswith(b"http.admin."))

    async def _ask(self, request: str) -> bytes:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_SECONDS):
                streams = await asyncio.open_unix_connection(self._socket)
                head = f"{request} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n"
                return await _exchange(streams, f"{head}content-length: 0\r\n\r\n".encode())
        return b""


async def _exchange(
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], request: bytes
) -> bytes:
    reader, writer = streams
    try:
        writer.write(request)
        return await reader.read(-1)
    finally:
        writer.close()

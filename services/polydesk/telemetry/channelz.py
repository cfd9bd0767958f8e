"""Channelz: what gRPC's servers and sockets do. It names who calls, so it is for loopback alone."""

from __future__ import annotations

import ipaddress

import grpc.aio
import structlog
from grpc_channelz.v1 import channelz

from polydesk.domain.errors import NotConfigured, Unavailable

_log = structlog.get_logger()


async def serve(address: str) -> grpc.aio.Server:
    """Answers channelz for this process at `host:port`."""
    check(address)
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    channelz.add_channelz_servicer(server)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise Unavailable(f"channelz cannot be answered at {address}: {error}") from error
    await server.start()
    _log.info("channelz", address=f"{address.rpartition(':')[0]}:{port}")
    return server


def check(address: str) -> None:
    """Refuses an address that others can reach."""
    host, _, port = address.rpartition(":")
    try:
        ip = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))
    except ValueError:
        ip = None
    if ip is None or not ip.is_loopback or not port.isdecimal():
        raise NotConfigured(
            f"POLYDESK_CHANNELZ is {address!r}: it shows who calls, so it has to be loopback,"
            " such as 127.0.0.1:9465"
        )

"""How the client reaches a gateway: a channel, plain or over TLS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import grpc
import grpc.aio

_MESSAGE_LIMIT: Final = 64 * 1024 * 1024
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", _MESSAGE_LIMIT),
    ("grpc.max_send_message_length", _MESSAGE_LIMIT),
    # Comes back quickly to a hub that was away; gRPC itself would wait for up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.primary_user_agent", "polydesk-client"),
)


class Certificate(NamedTuple):
    """What a client shows to a gateway that asks for it, as PEM."""

    chain: bytes
    key: bytes


def credentials(
    root_certificates: bytes | None, certificate: Certificate | None
) -> grpc.ChannelCredentials:
    """Returns what TLS needs: whom to trust, else whom the machine trusts, and what to show."""
    chain, key = certificate or (None, None)
    return grpc.ssl_channel_credentials(root_certificates, key, chain)


def open_channel(
    address: str,
    tls: grpc.ChannelCredentials | None,
    interceptors: Sequence[grpc.aio.ClientInterceptor],
) -> grpc.aio.Channel:
    """Opens a channel to `host:port`, by TLS where there are credentials for it."""
    if tls is None:
        return grpc.aio.insecure_channel(address, options=_OPTIONS, interceptors=interceptors)
    return grpc.aio.secure_channel(address, tls, options=_OPTIONS, interceptors=interceptors)

"""Reflection that also describes methods: grpcurl asks for them, protobuf's pool says no."""

from __future__ import annotations

from collections.abc import Iterable

import grpc.aio
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from grpc_reflection.v1alpha import reflection


class MethodPool:
    """Looks a method up by the service that holds it; the rest is the default pool's."""

    def __init__(self) -> None:
        self._pool = descriptor_pool.Default()

    def __getattr__(self, name: str) -> object:
        return getattr(self._pool, name)

    def FindFileContainingSymbol(self, symbol: str) -> FileDescriptor:
        """Returns the file of a symbol, a method included."""
        try:
            return self._pool.FindFileContainingSymbol(symbol)
        except KeyError:
            return self._pool.FindFileContainingSymbol(symbol.rpartition(".")[0])


def enable(server: grpc.aio.Server, services: Iterable[str]) -> None:
    """Answers reflection for the services."""
    names = (*services, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server, pool=MethodPool())  # type: ignore[arg-type]  # it answers like a pool

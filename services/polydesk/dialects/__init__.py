"""The dialects: one module a vendor, found by looking, so that there is no list to edit."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol

import grpc

from polydesk.domain.desk import Desk
from polydesk.domain.errors import PolydeskError
from polydesk.wire import Refusal


class Dialect(Protocol):
    """What a dialect's module offers.

    A package may name more of its kind in `DOORS`: other APIs to the same vendor's product.
    """

    # The full name of its gRPC service.
    SERVICE: str
    # The path prefixes it owns, each with the RPC whose error bodies an unknown path below it gets.
    # In a prefix, `*` is any one segment.
    PREFIXES: Mapping[str, str]

    def register(self, server: grpc.aio.Server, desk: Desk) -> None:
        """Adds its servicer."""

    def refuse(self, error: PolydeskError, rpc: str) -> Refusal:
        """Words an error as the vendor's document has it for the RPC of that short name.

        What it leaves blank, the hub and the gateway fill in, each as it knows it.
        """


@cache
def load() -> tuple[Dialect, ...]:
    """Imports every dialect of this folder."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules: list[Any] = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(door for each in modules for door in (each, *getattr(each, "DOORS", ())))

"""Who makes the call that is being served, and from where."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final

import grpc.aio

from polydesk.domain.identity import Caller

# Set before a servicer is called, read by `caller_of`.
CALLER: Final[ContextVar[Caller]] = ContextVar("CALLER")
# Set as well for a stream, which may outlive what its caller may do; sets CALLER anew.
ADMIT_AGAIN: Final[ContextVar[Callable[[], Awaitable[None]]]] = ContextVar("ADMIT_AGAIN")

_LONGEST_QUOTE: Final = 60


def caller_of() -> Caller:
    """Returns who makes the call that is being served."""
    return CALLER.get()


async def caller_again() -> Caller:
    """Returns who makes the stream that is being served, by what its credentials are worth now."""
    await ADMIT_AGAIN.get()()
    return CALLER.get()


def address_of(context: grpc.aio.ServicerContext[Any, Any]) -> str:
    """Returns the address that a call comes from."""
    return address_in({key: str(value) for key, value in context.invocation_metadata() or ()})


def address_in(headers: Mapping[str, str]) -> str:
    """Returns the address that a call comes from, as the gateway saw it; empty without one."""
    # The gateway adds the last one; those before it are the client's own words.
    nearest = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return headers.get("x-envoy-external-address") or nearest


def clip(text: str) -> str:
    """Shortens what a caller wrote, to quote it in a message."""
    return text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "…"

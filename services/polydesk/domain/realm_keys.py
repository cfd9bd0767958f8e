"""The keys of a realm, and the port through which a realm is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from polydesk.domain.errors import Unauthenticated, Unavailable
from polydesk.domain.flight import Flights
from polydesk.domain.ports import Clock
from polydesk.domain.realm_token import Key, read_keys

_KEYS: Final = b"keys"
# The realm is asked for its keys no sooner than so long after it was asked.
_PAUSE: Final = 3.0
# Keys that the realm has withdrawn are good for no longer than that.
_OLD: Final = 600.0


class Provider(Protocol):
    """Asks a realm. All of it raises Unavailable, soon."""

    async def keys(self) -> Mapping[str, Any]:
        """Returns the realm's JWK set."""

    async def exchange(self, offline_token: str) -> str:
        """Returns an access token for an offline token. Raises Unauthenticated."""

    async def close(self) -> None:
        """Ends what is under way."""


class PublishedKeys:
    """The keys that a realm publishes; those that are known stay while nobody answers.

    `reading` counts how often they were read.
    """

    def __init__(self, *, provider: Provider, clock: Clock, flights: Flights) -> None:
        self._provider = provider
        self._clock = clock
        self._flights = flights
        self._known: dict[str, Key] = {}
        self._known_at = 0.0
        self.reading = 0
        self._ask_at = 0.0
        self._failure = ""

    async def find(self, id_: object) -> Key:
        """Returns the key of an id."""
        name = id_ if isinstance(id_, str) else ""
        if name not in self._known:
            await self._ask()
        elif self._clock.monotonic() > self._known_at + _OLD and self._may_ask():
            self._flights.start(_KEYS, self._read)
        if name in self._known:
            return self._known[name]
        raise Unauthenticated("the token is signed with a key that the realm does not publish")

    async def _ask(self) -> None:
        if _KEYS in self._flights or self._may_ask():
            await self._flights.join(_KEYS, self._read)
        elif self._failure:
            raise Unavailable(self._failure)

    def _may_ask(self) -> bool:
        return self._clock.monotonic() >= self._ask_at

    async def _read(self) -> None:
        try:
            self._known = read_keys(await self._provider.keys())
            self._known_at, self._failure = self._clock.monotonic(), ""
            self.reading += 1
        except Unavailable as error:
            self._failure = error.message
            raise
        finally:
            self._ask_at = self._clock.monotonic() + _PAUSE

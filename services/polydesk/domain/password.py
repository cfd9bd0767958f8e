"""Passwords and client secrets: argon2id, off the event loop, and guesses slowed down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from polydesk.domain.errors import Invalid, Overloaded
from polydesk.domain.ports import Clock

SHORTEST: Final = 4
LONGEST: Final = 1_024
_AT_ONCE: Final = 2
_FREE_GUESSES: Final = 5
_FORGET_AFTER: Final = 900.0
_LONGEST_DELAY: Final = 2.0
_MOST_WAITING: Final = 16
_MOST_REMEMBERED: Final = 10_000


class Hasher:
    """Hashes and verifies, at most two at a time: each takes some 20 MB and 50 ms."""

    def __init__(self, *, memory_kib: int = 19_456, rounds: int = 2) -> None:
        self._argon2 = PasswordHasher(time_cost=rounds, memory_cost=memory_kib, parallelism=1)
        self._places = asyncio.Semaphore(_AT_ONCE)
        # Verified against when a login is unknown, so that both cases take as long.
        self._nobody = self._argon2.hash("nobody's password")

    async def hash(self, secret: str, *, shortest: int = SHORTEST) -> str:
        """Returns the argon2id hash of a new secret."""
        if not shortest <= len(secret) <= LONGEST:
            raise Invalid(f"a secret has {shortest} to {LONGEST} characters", field="secret")
        async with self._places:
            return await asyncio.to_thread(self._argon2.hash, secret)

    async def verify(self, hashed: str | None, secret: str) -> bool:
        """Tells whether the secret is the hashed one; None is nobody's."""
        async with self._places:
            right = await asyncio.to_thread(self._verify, hashed or self._nobody, secret)
        return right and hashed is not None

    def _verify(self, hashed: str, secret: str) -> bool:
        try:
            return len(secret) <= LONGEST and self._argon2.verify(hashed, secret)
        except (VerificationError, InvalidHashError):
            return False


class _Guesses:
    """What is remembered of the wrong guesses at one login or from one address."""

    def __init__(self) -> None:
        self.wrong = 0
        self.last = 0.0
        self.waiting = 0
        self.turn = asyncio.Lock()


class Throttle:
    """Slows logins down after wrong guesses, by login and by address, one guess at a time."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._guesses: dict[str, _Guesses] = {}

    @asynccontextmanager
    async def attempt(self, *keys: str) -> AsyncIterator[None]:
        """Waits as long as the worst of the keys has earned."""
        slowed = [guesses for key in keys if (guesses := self._slowed(key))]
        if any(guesses.waiting >= _MOST_WAITING for guesses in slowed):
            raise Overloaded("too many wrong logins; try again in a minute")
        for guesses in slowed:
            guesses.waiting += 1
        try:
            for guesses in slowed:
                async with guesses.turn:
                    over = guesses.wrong - _FREE_GUESSES
                    await self._clock.sleep(min(0.125 * 2.0 ** min(over, 10), _LONGEST_DELAY))
            yield
        finally:
            for guesses in slowed:
                guesses.waiting -= 1

    def wrong(self, *keys: str) -> None:
        """Remembers a wrong guess."""
        if len(self._guesses) >= _MOST_REMEMBERED:
            self._guesses.pop(next(iter(self._guesses)))
        for key in keys:
            guesses = self._guesses.setdefault(key, _Guesses())
            guesses.wrong += 1
            guesses.last = self._clock.monotonic()

    def right(self, key: str) -> None:
        """Forgets the wrong guesses at a login."""
        self._guesses.pop(key, None)

    def _slowed(self, key: str) -> _Guesses | None:
        guesses = self._guesses.get(key)
        if guesses is None or guesses.wrong < _FREE_GUESSES:
            return None
        if self._clock.monotonic() - guesses.last > _FORGET_AFTER:
            del self._guesses[key]
            return None
        return guesses

"""The vault of each org: its secrets, sealed at rest, with everything that is done told.

A value comes in and goes out as a text of its own, in no record. Whoever asks for one is told by
the history before it is answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from polydesk.domain.cursor import MOST_LONG_ONES, Slice, cut, read_cursor
from polydesk.domain.errors import Damaged, NotConfigured
from polydesk.domain.identity import Caller, Once, Stamp
from polydesk.domain.keyring import KeyRing, Sealed
from polydesk.domain.org_ports import Keys
from polydesk.domain.ports import Clock, Store
from polydesk.domain.secret import (
    Kept,
    Opened,
    Rotation,
    Secret,
    SecretDraft,
    changed,
    check_description,
    check_etag,
    check_name,
    check_value,
    place,
)

# A transaction holds others up for as long as it takes to seal so many.
_PER_ROTATION: Final = 20
_OPERATOR: Final = "operator"


class Secrets:
    """Keeps the secrets of orgs."""

    def __init__(self, *, store: Store, keys: Keys, clock: Clock) -> None:
        self._store = store.secrets
        self._keys = keys
        self._clock = clock

    async def check_keys(self) -> None:
        """Refuses keys that the operator has named and that are none. Raises NotConfigured."""
        await self._keys.check()

    async def create(self, caller: Caller, org: int, draft: SecretDraft, value: str) -> Secret:
        """Makes a secret. Raises Exists."""
        caller.admit(org)
        check_value(value)
        ring = await self._keys.to_seal()
        return await self._store.add(
            org,
            draft,
            ring.seal(value, about=place(org, draft.name)),
            stamp=caller.stamp(self._clock.now()),
            once=_keyed(caller.once, ring),
        )

    async def update(  # noqa: PLR0913 - each is said or not
        self,
        caller: Caller,
        org: int,
        name: str,
        *,
        value: str | None = None,
        description: str | None = None,
        etag: str = "",
    ) -> Secret:
        """Gives a secret a new value or description; None leaves one as it is."""
        caller.admit(org)
        check_name(name)
        check_description(description or "")
        stamp = caller.stamp(self._clock.now())
        once, sealed = caller.once, None
        if value is not None:
            check_value(value)
            ring = await self._keys.to_seal()
            once, sealed = _keyed(once, ring), ring.seal(value, about=place(org, name))

        def change(secret: Secret) -> Secret:
            check_etag(secret, etag or caller.if_match)
            revalued = sealed is not None
            return changed(secret, stamp.at, description=description, revalued=revalued)

        return await self._store.change(
            org, name, change=change, sealed=sealed, stamp=stamp, once=once
        )

    async def remove(self, caller: Caller, org: int, name: str, *, etag: str = "") -> Secret:
        """Deletes a secret and its value; returns what it was."""
        caller.admit(org)
        check_name(name)
        return await self._store.remove(
            org,
            name,
            check=lambda secret: check_etag(secret, etag or caller.if_match),
            stamp=caller.stamp(self._clock.now()),
            once=caller.once,
        )

    async def get(self, caller: Caller, org: int, name: str) -> Secret:
        """Returns the facts of a secret."""
        caller.admit(org)
        check_name(name)
        stamp = caller.stamp(self._clock.now())
        return (await self._store.read(org, name, action="get", stamp=stamp)).secret

    async def page(self, caller: Caller, org: int, *, limit: int, token: str = "") -> Slice[Secret]:
        """Returns the facts of an org's secrets in the order in which they were made."""
        caller.admit(org)
        asked = ["secrets", org]
        limit = min(limit, MOST_LONG_ONES)
        after = read_cursor(token, asked=asked)
        stamp = caller.stamp(self._clock.now())
        secrets = await self._store.of_org(org, after=after, limit=limit + 1, stamp=stamp)
        return cut(secrets, limit, asked=asked, id_of=lambda secret: secret.id)

    async def access(self, caller: Caller, org: int, name: str) -> Opened:
        """Returns a secret with its value, once the history tells that it was asked for."""
        caller.admit(org)
        check_name(name)
        stamp = caller.stamp(self._clock.now())
        kept = await self._store.read(org, name, action="access", stamp=stamp)
        ring = await self._keys.to_open(kept.sealed.key)
        return Opened(secret=kept.secret, value=ring.open(kept.sealed, about=place(org, name)))

    async def seal(
        self, org: int, values: Mapping[str, str], once: Once | None
    ) -> tuple[dict[str, Sealed], Once | None]:
        """Seals values by their names, for a store that keeps them with what they belong to.

        Returns `once`, too, as it is when the request it came with holds them.
        """
        if not values:
            return {}, once
        for value in values.values():
            check_value(value)
        ring = await self._keys.to_seal()
        sealed = {name: ring.seal(value, about=place(org, name)) for name, value in values.items()}
        return sealed, _keyed(once, ring)

    async def rotate(self) -> Rotation:
        """Seals all that other keys seal with the first one, a few at a time while others go on.

        It may be broken off, and begun again.
        """
        ring = await self._keys.to_seal()
        renewed, after = 0, 0
        failed: list[tuple[int, str]] = []
        while kept := await self._store.sealed_otherwise(
            ring.first, after=after, limit=_PER_ROTATION
        ):
            after = kept[-1].secret.id
            renewed += await self._renew(ring, kept, failed)
        return Rotation(
            first=ring.first,
            renewed=renewed,
            failed=failed,
            used=await self._store.keys_in_use(),
            ring=ring.ids,
        )

    async def _renew(
        self, ring: KeyRing, kept: Sequence[Kept], failed: list[tuple[int, str]]
    ) -> int:
        renewed: list[tuple[Kept, Sealed]] = []
        for each in kept:
            about = place(each.secret.org, each.secret.name)
            try:
                value = ring.open(each.sealed, about=about)
            except (Damaged, NotConfigured):
                failed.append((each.secret.org, each.secret.name))
            else:
                renewed.append((each, ring.seal(value, about=about)))
        stamp = Stamp(at=self._clock.now(), actor=_OPERATOR, via="cli", request_id="")
        return await self._store.reseal(renewed, stamp=stamp) if renewed else 0


def _keyed(once: Once | None, ring: KeyRing) -> Once | None:
    """Keeps a value from being guessed by the digest of the request it came with."""
    return None if once is None else replace(once, digest=ring.digest(once.digest))

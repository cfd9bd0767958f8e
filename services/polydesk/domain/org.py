"""What the orgs have decided, at hand for every call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from polydesk.domain.identity import Org
from polydesk.domain.org_ports import IdentityStore
from polydesk.domain.ports import Clock

_REMEMBER: Final = 1.0
_HIGHEST: Final = 2**31 - 1


class Orgs:
    """Knows the orgs; what another process changes is known a second later."""

    def __init__(self, *, store: IdentityStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[int, Org] = {}
        self._known_until = 0.0

    async def get(self, id_: int) -> Org:
        """Returns an org; one that is not there has decided nothing."""
        return (await self._all()).get(id_) or Org(id=id_, name="")

    async def called(self, text: str) -> Org | None:
        """Returns the org of a number, else the only one of a name."""
        known = await self._all()
        if text.isascii() and text.isdecimal() and len(text) <= len(str(_HIGHEST)):
            org = known.get(int(text))
            if org:
                return org
        named = [org for org in known.values() if org.name == text]
        return named[0] if len(named) == 1 else None

    async def change(self, id_: int, change: Callable[[Org], Org]) -> Org:
        """Changes an org, as it stands in the transaction; `change` may refuse. Raises NotFound."""
        changed = await self._store.change_org(id_, change)
        self._known_until = 0.0
        return changed

    async def _all(self) -> dict[int, Org]:
        if self._clock.monotonic() >= self._known_until:
            self._known = {each.id: each for each in await self._store.orgs()}
            self._known_until = self._clock.monotonic() + _REMEMBER
        return self._known

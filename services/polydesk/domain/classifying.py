"""The catalogs of the orgs: everybody in an org reads its own, operators change them."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from polydesk.domain.catalog import Catalog
from polydesk.domain.identity import Caller
from polydesk.domain.org import Orgs


class Catalogs:
    """Keeps the catalogs of the orgs."""

    def __init__(self, *, orgs: Orgs) -> None:
        self._orgs = orgs

    async def get(self, caller: Caller, org: int) -> Catalog:
        """Returns the catalog of an org."""
        caller.admit(org)
        return (await self._orgs.get(org)).catalog

    async def change(
        self, caller: Caller, org: int, change: Callable[[Catalog], Catalog]
    ) -> Catalog:
        """Changes the catalog of an org, as an operator; `change` may refuse."""
        caller.admit_to_hub()
        changed = await self._orgs.change(
            org, lambda old: replace(old, catalog=change(old.catalog))
        )
        return changed.catalog

    async def remove(
        self, caller: Caller, org: int, without: Callable[[Catalog], Catalog]
    ) -> Catalog:
        """Takes something out of the catalog; returns what the catalog was before."""
        before: list[Catalog] = []

        def removed(old: Catalog) -> Catalog:
            before[:] = [old]
            return without(old)

        await self.change(caller, org, removed)
        return before[0]

"""The shelf: what operators register for runs to use, of three kinds alike.

Scripts, targets and runbooks are each a record in an org with an id, a name of its own, and a
revision that grows; whoever saves one under a name or an id that is there replaces it.
"""

from __future__ import annotations

from typing import Generic

from polydesk.domain.cursor import MOST_LONG_ONES, Slice, cut, read_cursor
from polydesk.domain.errors import Denied, Invalid, NotFound
from polydesk.domain.identity import Caller
from polydesk.domain.ports import Clock
from polydesk.domain.registered import HIGHEST_ID, Registered, Spec
from polydesk.domain.run_ports import ShelfStore
from polydesk.domain.script import Script
from polydesk.domain.target import Target, TargetKind


class Shelf(Generic[Spec]):
    """Keeps what is registered of one kind, which `kind` names: script, target or runbook."""

    def __init__(self, kind: str, *, store: ShelfStore[Spec], clock: Clock) -> None:
        self._kind = kind
        self._store = store
        self._clock = clock

    async def save(
        self, caller: Caller, org: int, spec: Spec, *, id_: int = 0, etag: str = ""
    ) -> Registered[Spec]:
        """Registers, or replaces what is there under the id or, without one, under the name."""
        caller.admit(org)
        if not 0 <= id_ <= HIGHEST_ID:
            raise Invalid(f"the id of a {self._kind} is 1 to {HIGHEST_ID}", field="name")
        return await self._store.save(
            org,
            spec,
            id_=id_,
            etag=etag or caller.if_match,
            stamp=caller.stamp(self._clock.now()),
            once=caller.once,
        )

    async def get(self, caller: Caller, org: int, id_: int) -> Registered[Spec]:
        """Returns what is registered under an id."""
        caller.admit(org)
        found = await self._store.get(org, id_)
        if found is None:
            raise NotFound(f"org {org} has no {self._kind} {id_}")
        return found

    async def find(self, caller: Caller, org: int, name: str) -> Registered[Spec]:
        """Returns what is registered under a name."""
        caller.admit(org)
        found = await self._store.find(org, name)
        if found is None:
            raise NotFound(f"org {org} has no {self._kind} {name[:100]}")
        return found

    async def page(
        self, caller: Caller, org: int, *, limit: int, token: str = ""
    ) -> Slice[Registered[Spec]]:
        """Returns what is registered, by the ids."""
        caller.admit(org)
        asked = [self._kind, org]
        limit = min(limit, MOST_LONG_ONES)
        found = await self._store.of_org(
            org, after=read_cursor(token, asked=asked), limit=limit + 1
        )
        return cut(found, limit, asked=asked, id_of=lambda each: each.id)

    async def remove(
        self, caller: Caller, org: int, *, id_: int = 0, name: str = "", etag: str = ""
    ) -> None:
        """Removes what is registered under an id or, without one, under a name."""
        found = await (self.get(caller, org, id_) if id_ else self.find(caller, org, name))
        await self._store.remove(
            org,
            found.id,
            etag=etag or caller.if_match,
            stamp=caller.stamp(self._clock.now()),
            once=caller.once,
        )


class Scripts(Shelf[Script]):
    """Keeps scripts. They run as the worker's user, so an operator of the hub alone adds one."""

    def __init__(self, *, store: ShelfStore[Script], clock: Clock) -> None:
        super().__init__("script", store=store, clock=clock)

    async def save(
        self, caller: Caller, org: int, spec: Script, *, id_: int = 0, etag: str = ""
    ) -> Registered[Script]:
        """Registers a script, or replaces what is there under the id or the name."""
        caller.admit(org)
        caller.admit_to_hub()
        return await super().save(caller, org, spec, id_=id_, etag=etag)


class Targets(Shelf[Target]):
    """Keeps targets; the machine of the hub itself is one only where its operator lets it."""

    def __init__(self, *, store: ShelfStore[Target], clock: Clock, local: bool) -> None:
        super().__init__("target", store=store, clock=clock)
        self._local = local

    async def save(
        self, caller: Caller, org: int, spec: Target, *, id_: int = 0, etag: str = ""
    ) -> Registered[Target]:
        """Registers a target under its name, or replaces the one that has it."""
        caller.admit(org)
        if spec.kind is TargetKind.LOCAL and not self._local:
            raise Denied("this hub has no local targets: POLYDESK_LOCAL_TARGETS is not set")
        return await super().save(caller, org, spec, id_=id_, etag=etag)

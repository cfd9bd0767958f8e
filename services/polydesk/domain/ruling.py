"""Rules, as operators keep them and as a worker follows them.

Ids of tickets grow in the order in which tickets are recorded, so a rule has dealt with all up to
some id. A run is started by a key of its rule and ticket, and the rule moves on then: whoever
comes between, or after a crash, is answered the same run.
"""

from __future__ import annotations

from typing import Final

import structlog
from msgspec.structs import replace

from polydesk.domain.errors import NotFound, PolydeskError
from polydesk.domain.firing import agent, why_not
from polydesk.domain.identity import Caller
from polydesk.domain.meter import UNMETERED, Meter
from polydesk.domain.order import Order
from polydesk.domain.ports import Clock, Store
from polydesk.domain.query import Query
from polydesk.domain.registered import Registered
from polydesk.domain.rule import Rule, told
from polydesk.domain.running import Runs
from polydesk.domain.shelf import Shelf
from polydesk.domain.ticket import Ticket

_log = structlog.get_logger()
_PER_LOOK: Final = 100


class Rules(Shelf[Rule]):
    """Keeps rules; each is for the tickets that come after it was made, or switched on."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        super().__init__("rule", store=store.rules, clock=clock)
        self._records = store

    async def save(
        self, caller: Caller, org: int, spec: Rule, *, id_: int = 0, etag: str = ""
    ) -> Registered[Rule]:
        """Registers a rule, or replaces the one of the id or, without one, of the name."""
        caller.admit(org)
        if await self._records.runbooks.get(org, spec.runbook) is None:
            raise NotFound(f"org {org} has no runbook {spec.runbook}")
        known = await (
            self._records.rules.get(org, id_) if id_ else self._records.rules.find(org, spec.name)
        )
        since = known.spec.since if known else 0
        if spec.enabled and not (known and known.spec.enabled):
            since = await self._records.tickets.newest()
        return await super().save(caller, org, replace(spec, since=since), id_=id_, etag=etag)


class Ruler:
    """Starts the runs that rules want for new tickets; several may do so beside each other."""

    def __init__(self, *, runs: Runs, store: Store, clock: Clock, meter: Meter = UNMETERED) -> None:
        self._meter = meter
        self._runs = runs
        self._store = store
        self._clock = clock
        self._seen = 0

    async def look(self) -> None:
        """Deals with the tickets that have come. Raises what passes, such as Unavailable."""
        newest = await self._store.tickets.newest()
        if newest == self._seen:
            return
        well = True
        for rule, position in await self._store.rules.standing():
            if not rule.spec.enabled:
                continue
            try:
                await self._follow(rule, max(position, rule.spec.since), newest)
            except PolydeskError:
                raise
            except Exception:  # noqa: BLE001 - one rule does not hold up the others
                _log.exception("a rule failed", org=rule.org, rule=rule.id)
                well = False
        if well:
            self._seen = newest

    async def _follow(self, rule: Registered[Rule], position: int, newest: int) -> None:
        stamp = _agent(rule).stamp(self._clock.now())
        while position < newest:
            query = Query(where=rule.spec.condition, after=(position,), limit=_PER_LOOK)
            found = await self._store.tickets.select(rule.org, query)
            for ticket in found:
                reason = await why_not(self._start(rule, ticket))
                left_out = told(rule, ticket, reason) if reason else None
                if await self._store.rules.advance(rule, ticket.id, left_out=left_out, stamp=stamp):
                    self._meter.fired("rule", started=not reason)
            position = found[-1].id if len(found) == _PER_LOOK else newest
        await self._store.rules.advance(rule, newest, left_out=None, stamp=stamp)

    async def _start(self, rule: Registered[Rule], ticket: Ticket) -> None:
        spec = rule.spec
        runbook = await self._store.runbooks.get(rule.org, spec.runbook)
        if runbook:
            spec.check_parameters(runbook.spec.parameters)
        order = Order(
            runbook=spec.runbook,
            parameters=spec.told(ticket),
            ticket=ticket.id,
            key=f"rule-{rule.id}-{ticket.id}",
            rule=rule.id,
            approval=spec.approval,
        )
        await self._runs.start(_agent(rule), rule.org, order)


def _agent(rule: Registered[Rule]) -> Caller:
    return agent("rule", rule.id, rule.org)

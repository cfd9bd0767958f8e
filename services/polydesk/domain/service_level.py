"""Service levels: what an org promises, and how its tickets stand to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from polydesk.domain.identity import Caller, Org
from polydesk.domain.org import Orgs
from polydesk.domain.part import reach_present
from polydesk.domain.policy import Policy, check_policy
from polydesk.domain.ports import Clock
from polydesk.domain.ticket import Ticket
from polydesk.domain.ticket_ports import TicketStore


class ServiceLevel(msgspec.Struct, frozen=True, kw_only=True):
    """How a ticket stands; without a target nothing is due."""

    ticket: int
    spent: timedelta
    target: timedelta | None = None
    due_at: datetime | None = None
    breached: bool = False


def measure(ticket: Ticket, policy: Policy, now: datetime) -> ServiceLevel:
    """Tells how a ticket stands; the time in which it waited does not count."""
    calendar = policy.calendar
    end = ticket.resolved_at or ticket.closed_at or now
    waited = sum(
        (
            calendar.elapsed(wait.start, min(wait.end or end, end))
            for wait in ticket.waits
            if wait.start < end
        ),
        timedelta(),
    )
    spent = max(calendar.elapsed(ticket.opened_at, end) - waited, timedelta())
    seconds = policy.targets.get(ticket.priority) if ticket.priority else None
    if seconds is None:
        return ServiceLevel(ticket=ticket.id, spent=spent)
    target = timedelta(seconds=seconds)
    return ServiceLevel(
        ticket=ticket.id,
        spent=spent,
        target=target,
        due_at=calendar.due(ticket.opened_at, target + waited),
        breached=spent > target,
    )


class ServiceLevels:
    """Keeps the policies of the orgs, and measures tickets by them."""

    def __init__(self, *, orgs: Orgs, tickets: TicketStore, clock: Clock) -> None:
        self._orgs = orgs
        self._tickets = tickets
        self._clock = clock

    async def get_policy(self, caller: Caller, org: int) -> Policy:
        """Returns the policy of an org."""
        caller.admit(org)
        return (await self._orgs.get(org)).policy

    async def change_policy(
        self, caller: Caller, org: int, change: Callable[[Policy], Policy]
    ) -> Policy:
        """Changes the policy of an org, as an operator."""
        caller.admit_to_hub()

        def checked(org: Org) -> Org:
            policy = change(org.policy)
            check_policy(policy)
            return replace(org, policy=policy)

        return (await self._orgs.change(org, checked)).policy

    async def measure(self, caller: Caller, id_: int) -> ServiceLevel:
        """Tells how a ticket stands."""
        ticket = await reach_present(caller, self._tickets, id_)
        org = await self._orgs.get(ticket.org)
        return measure(ticket, org.policy, self._clock.now())

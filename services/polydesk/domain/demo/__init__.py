"""What `--demo` seeds, once: enough that each sample the vendors' documents print is answered."""

from __future__ import annotations

from polydesk.domain.demo import (
    iautomate,
    identity,
    inventory,
    ivanti_sm,
    ivanti_xapi,
    runs,
    schedule,
    serviceops,
    smartops,
)
from polydesk.domain.demo.identity import API_USER, CLIENT, HOME, KEY, ORGS, TIM, TIMS_CLIENT, USER
from polydesk.domain.desk import Desk
from polydesk.domain.identity import HUB_ADMIN, Caller

__all__ = ["API_USER", "CLIENT", "HOME", "KEY", "ORGS", "TIM", "TIMS_CLIENT", "USER", "seed"]


async def seed(desk: Desk) -> None:
    """Seeds what is not there yet."""
    await identity.seed(desk.registry)
    await serviceops.seed_directory(desk, await _seeder(desk, HUB_ADMIN))
    seeder = await _seeder(desk, "tickets.write")
    # Ids grow: what has the id 1 comes first.
    await serviceops.seed_incident(desk, seeder, serviceops.FIRST)
    await iautomate.seed(desk, seeder)
    await serviceops.seed_incident(desk, seeder, serviceops.SECOND)
    await smartops.seed(desk, seeder)
    await inventory.seed(desk, await _seeder(desk, "inventory.write"))
    await schedule.seed(desk, await _seeder(desk, "runbooks.write"))
    await iautomate.seed_secret(desk, await _seeder(desk, "secrets.write"))
    await runs.seed_registered(desk, await _seeder(desk, "runbooks.write"))
    await runs.seed_runs(desk, await _seeder(desk, "runs.write"))
    # Last, for their tickets have high ids, and ids grow.
    await ivanti_sm.seed_people(desk, await _seeder(desk, HUB_ADMIN))
    await ivanti_sm.seed(desk, await _seeder(desk, "tickets.write"))
    await ivanti_xapi.seed_categories(desk, await _seeder(desk, HUB_ADMIN))
    await ivanti_xapi.seed(desk, await _seeder(desk, "tickets.write"))


async def _seeder(desk: Desk, scope: str) -> Caller:
    account = await desk.registry.account_of(USER[0])
    return Caller(
        account=account.id,
        login=account.login,
        roles=account.roles,
        scope=scope,
        operator=account.operator,
        via="demo",
    )

"""What `--demo` seeds, once: enough that each sample the vendors' documents print is answered."""

from __future__ import annotations

from polydesk.domain.demo import iautomate, identity, inventory, schedule
from polydesk.domain.demo.identity import API_USER, CLIENT, KEY, ORGS, USER
from polydesk.domain.desk import Desk
from polydesk.domain.identity import Caller

__all__ = ["API_USER", "CLIENT", "KEY", "ORGS", "USER", "seed"]


async def seed(desk: Desk) -> None:
    """Seeds what is not there yet."""
    await identity.seed(desk.registry)
    await iautomate.seed(desk, await _seeder(desk, "tickets.write"))
    await inventory.seed(desk, await _seeder(desk, "inventory.write"))
    await schedule.seed(desk, await _seeder(desk, "runbooks.write"))
    await iautomate.seed_secret(desk, await _seeder(desk, "secrets.write"))


async def _seeder(desk: Desk, scope: str) -> Caller:
    account = await desk.registry.account_of(USER[0])
    return Caller(
        account=account.id, login=account.login, roles=account.roles, scope=scope, via="demo"
    )

"""What `--demo` seeds, once: enough that each sample the vendors' documents print is answered."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from polydesk.domain.desk import Desk
from polydesk.domain.errors import Exists, NotConfigured
from polydesk.domain.identity import Caller, Role
from polydesk.domain.registry import Registry
from polydesk.domain.secret import SecretDraft
from polydesk.domain.ticket import Draft, Kind, State

# The org ids in the samples of the iAutomate guide.
ORGS: Final = {1: "Demo", 5: "Demo 5", 7: "Demo 7", 19: "Demo 19", 119: "Demo 119"}
USER: Final = ("demo@example.com", "demo")
# The API user of the guide's token sample (seed 004, section 5).
API_USER: Final = ("APIuser@hcl.com", "User password")
CLIENT: Final = ("demo-client", "demo-secret")
# The secret of the guide's samples, in org 1.
SECRET: Final = ("demo", "DemoPassword")
KEY: Final = "demo-key-0123456789abcdef0123456789abcdef"

_MOMENT: Final = datetime(2019, 11, 18, 0, 54, 52, tzinfo=UTC)
_COLUMNS: Final = {f"Col{number}": " " for number in range(1, 21)}


async def seed(desk: Desk) -> None:
    """Seeds what is not there yet."""
    await _seed_identity(desk.registry)
    await _seed_tickets(desk)
    await _seed_secret(desk)


async def _seed_identity(registry: Registry) -> None:
    for id_, name in ORGS.items():
        with suppress(Exists):
            await registry.add_org(id_, name)
    admin, agent = (dict.fromkeys(ORGS, role) for role in (Role.ADMIN, Role.AGENT))
    with suppress(Exists):
        await registry.add_user(*USER, name="Demo user", roles=admin, operator=True)
    with suppress(Exists):
        await registry.add_user(*API_USER, name="Demo API user", roles=admin)
    with suppress(Exists):
        await registry.add_client(*CLIENT, name="Demo client", roles=agent, default_org=1)
    with suppress(Exists):
        await registry.add_key(CLIENT[0], KEY, label="demo")
    for login, _ in (USER, API_USER):
        await _raise(registry, login)


async def _raise(registry: Registry, login: str) -> None:
    """Makes an admin of who is an agent because an older version has seeded the demo."""
    account = await registry.account_of(login)
    for org in ORGS:
        if account.roles.get(org) is Role.AGENT:
            await registry.set_role(login, org, Role.ADMIN)


async def _seed_secret(desk: Desk) -> None:
    seeder = await _seeder(desk, "secrets.write")
    name, value = SECRET
    # With PostgreSQL, keys are the operator's to give, and a demo may go without.
    with suppress(Exists, NotConfigured):
        await desk.secrets.create(seeder, 1, SecretDraft(name=name), value)


async def _seeder(desk: Desk, scope: str) -> Caller:
    account = await desk.registry.account_of(USER[0])
    return Caller(
        account=account.id, login=account.login, roles=account.roles, scope=scope, via="demo"
    )


async def _seed_tickets(desk: Desk) -> None:
    seeder = await _seeder(desk, "tickets.write")
    for org in ORGS:
        await desk.tickets.save(seeder, org, [_sample(Kind.INCIDENT), _sample(Kind.EVENT)])


def _sample(kind: Kind) -> Draft:
    """The ticket of the guide's samples, as a push through V2 leaves it."""
    return Draft(
        kind=kind,
        number="INC0303863",
        summary="testing",
        description="testing data",
        sys_id="2b535ab3dbc988506d7550d3dc96190e",
        assignment_group="02cc6a39376e4f00c72b2b2943990e68",
        state=State.LOGGED,
        opened_at=_MOMENT,
        modified_at=_MOMENT,
        resolved_at=_MOMENT,
        extra={"iautomate": {"StatusCode": "1", "State": "LOGGED", **_COLUMNS}},
    )

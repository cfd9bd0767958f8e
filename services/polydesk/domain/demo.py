"""What `--demo` seeds, once: enough that each sample the vendors' documents print is answered."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from polydesk.domain.desk import Desk
from polydesk.domain.errors import Exists
from polydesk.domain.identity import Caller, Role
from polydesk.domain.registry import Registry
from polydesk.domain.ticket import Draft, Kind, State

# The org ids in the samples of the iAutomate guide.
ORGS: Final = {1: "Demo", 5: "Demo 5", 7: "Demo 7", 19: "Demo 19", 119: "Demo 119"}
USER: Final = ("demo@example.com", "demo")
# The API user of the guide's token sample (seed 004, section 5).
API_USER: Final = ("APIuser@hcl.com", "User password")
CLIENT: Final = ("demo-client", "demo-secret")
KEY: Final = "demo-key-0123456789abcdef0123456789abcdef"

_MOMENT: Final = datetime(2019, 11, 18, 0, 54, 52, tzinfo=UTC)
_COLUMNS: Final = {f"Col{number}": " " for number in range(1, 21)}


async def seed(desk: Desk) -> None:
    """Seeds what is not there yet."""
    await _seed_identity(desk.registry)
    await _seed_tickets(desk)


async def _seed_identity(registry: Registry) -> None:
    for id_, name in ORGS.items():
        with suppress(Exists):
            await registry.add_org(id_, name)
    roles = dict.fromkeys(ORGS, Role.AGENT)
    admin = dict.fromkeys(ORGS, Role.ADMIN)
    with suppress(Exists):
        await registry.add_user(*USER, name="Demo user", roles=admin, operator=True)
    with suppress(Exists):
        await registry.add_user(*API_USER, name="Demo API user", roles=roles)
    with suppress(Exists):
        await registry.add_client(*CLIENT, name="Demo client", roles=roles, default_org=1)
    with suppress(Exists):
        await registry.add_key(CLIENT[0], KEY, label="demo")


async def _seed_tickets(desk: Desk) -> None:
    account = await desk.registry.account_of(USER[0])
    seeder = Caller(
        account=account.id,
        login=account.login,
        roles=account.roles,
        scope="tickets.write",
        via="demo",
    )
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

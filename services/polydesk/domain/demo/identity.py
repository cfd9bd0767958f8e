"""Who is who in the demo."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from polydesk.domain.errors import Exists
from polydesk.domain.identity import Account, AccountKind, Role
from polydesk.domain.registry import Registry

# The org ids in the samples of the iAutomate guide.
ORGS: Final = {1: "Demo", 5: "Demo 5", 7: "Demo 7", 19: "Demo 19", 119: "Demo 119"}
# Where calls work that name no org.
HOME: Final = 1
USER: Final = ("demo@example.com", "demo")
# The API user of the guide's token sample (seed 004, section 5).
API_USER: Final = ("APIuser@hcl.com", "User password")
# The user and the client of the ServiceOps guide's token sample (seed 001), in org 1.
TIM: Final = ("tim@acme.com", "123")
TIMS_CLIENT: Final = ("main-web-app-client", "main-web-app-secret")
CLIENT: Final = ("demo-client", "demo-secret")
KEY: Final = "demo-key-0123456789abcdef0123456789abcdef"


async def seed(registry: Registry) -> None:
    """Opens orgs and accounts."""
    for id_, name in ORGS.items():
        with suppress(Exists):
            await registry.add_org(id_, name)
    admin, agent = (dict.fromkeys(ORGS, role) for role in (Role.ADMIN, Role.AGENT))
    with suppress(Exists):
        await registry.add_user(
            *USER, name="Demo user", roles=admin, operator=True, default_org=HOME
        )
    with suppress(Exists):
        await registry.add_user(*API_USER, name="Demo API user", roles=admin, default_org=HOME)
    with suppress(Exists):
        await registry.add_client(*CLIENT, name="Demo client", roles=agent, default_org=HOME)
    with suppress(Exists):
        await registry.add_key(CLIENT[0], KEY, label="demo")
    await _seed_tim(registry)
    for login, _ in (USER, API_USER):
        await _raise(registry, login)


async def _seed_tim(registry: Registry) -> None:
    login, secret = TIM
    tim = Account(
        id=0,
        kind=AccountKind.USER,
        login=login,
        name="Tim",
        secret_hash="",
        roles={1: Role.AGENT},
    )
    with suppress(Exists):
        # The guide's own password is shorter than any that the hub takes from others.
        await registry.add_account(tim, secret, shortest=len(secret))
    with suppress(Exists):
        await registry.add_client(
            *TIMS_CLIENT, name="Main web app", roles={1: Role.AGENT}, default_org=1
        )


async def _raise(registry: Registry, login: str) -> None:
    """Gives who was seeded by an older version what the demo has by now."""
    account = await registry.account_of(login)
    if not account.default_org:
        await registry.set_default_org(login, HOME)
    for org in ORGS:
        if account.roles.get(org) is Role.AGENT:
            await registry.set_role(login, org, Role.ADMIN)

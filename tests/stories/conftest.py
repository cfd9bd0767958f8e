"""Stories of the canonical API: a running `polydesk up` on each engine, both ways to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count

import aiohttp
import grpc.aio
import pytest

from tests.conftest import Native
from tests.stack import Stack

from .way import NativeWay, RestWay, Way

_orgs = count(1_000)


@pytest.fixture(params=["grpc", "rest"])
async def way(request: pytest.FixtureRequest, shared: Stack) -> AsyncIterator[Way]:
    """A way to the shared stack, as the demo user."""
    if request.param == "rest":
        async with aiohttp.ClientSession() as session:
            yield RestWay(session, shared.port)
        return
    async with grpc.aio.insecure_channel(f"127.0.0.1:{shared.port}") as channel:
        yield NativeWay(channel, Native.headers())


@pytest.fixture
async def org(way: Way) -> str:
    """An org of the story's own, in which the demo user is an agent."""
    return await new_org(way, "ROLE_AGENT")


@pytest.fixture
async def own(way: Way, org: str) -> str:
    """An org in which the demo user is an admin."""
    caller = await way.call("IdentityService.GetCaller", {})
    said = {"name": caller["name"], "org": org, "role": "ROLE_ADMIN"}
    await way.call("IdentityService.SetRole", said)
    return org


async def new_org(way: Way, role: str) -> str:
    """Opens an org in which the demo user has a role."""
    name = f"orgs/{next(_orgs)}"
    await way.call("IdentityService.CreateOrg", {"org": {"name": name, "displayName": "Story"}})
    caller = await way.call("IdentityService.GetCaller", {})
    await way.call("IdentityService.SetRole", {"name": caller["name"], "org": name, "role": role})
    return name

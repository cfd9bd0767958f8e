"""A running site that lets the people of a realm in; the tests of the dialect share both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.dialects.smartops.contract import Smart
from tests.oidc.realm import Realm
from tests.stack import Rest, Stack
from tests.stories.way import RestWay


@pytest.fixture(scope="package")
def site(realm: Realm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A `polydesk up --demo`."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in realm.environment.items():
            environment.setenv(name, value)
        running = Stack.start(tmp_path_factory.mktemp("smartops") / "var")
    yield running
    assert running.stop() == 0


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def rest(session: aiohttp.ClientSession, site: Stack) -> Rest:
    """A REST client of the site, as the demo user."""
    return Rest(session, site.port)


@pytest.fixture
def smart(rest: Rest) -> Smart:
    """A client of the dialect, as the demo user."""
    return Smart(rest)


@pytest.fixture
def desk(session: aiohttp.ClientSession, site: Stack) -> RestWay:
    """The canonical API as the demo user."""
    return RestWay(session, site.port)

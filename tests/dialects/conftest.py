"""A running site that the tests of the dialects share: each makes records of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.stack import Rest, Stack
from tests.stories.way import RestWay


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A `polydesk up --demo`."""
    running = Stack.start(tmp_path_factory.mktemp("dialects") / "var")
    yield running
    assert running.stop() == 0


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def caller(session: aiohttp.ClientSession, site: Stack) -> Rest:
    """A REST client of the site, as the demo user."""
    return Rest(session, site.port)


@pytest.fixture
def desk(session: aiohttp.ClientSession, site: Stack) -> RestWay:
    """The canonical API of the site, as the demo user."""
    return RestWay(session, site.port)

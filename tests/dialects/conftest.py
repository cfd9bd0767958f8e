"""Clients of the running site that each dialect's tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.stack import Rest, Stack
from tests.stories.way import RestWay


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

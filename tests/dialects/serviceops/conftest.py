"""A running site that the tests of the dialect share: each makes incidents of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.dialects.serviceops.guide import Ops
from tests.stack import Rest, Stack


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A `polydesk up --demo`."""
    running = Stack.start(tmp_path_factory.mktemp("serviceops") / "var")
    yield running
    assert running.stop() == 0


@pytest.fixture
async def ops(site: Stack) -> AsyncIterator[Ops]:
    """A client of the site."""
    async with aiohttp.ClientSession() as session:
        yield Ops(Rest(session, site.port))

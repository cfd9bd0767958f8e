"""The store on both engines, each test with a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from polydesk.store import SqlStore, open_store


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[SqlStore]:
    store = await open_store(store_url)
    yield store
    await store.close()

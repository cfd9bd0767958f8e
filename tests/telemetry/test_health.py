"""What orchestrators ask a process itself: whether it lives, and whether calls should come here."""

from __future__ import annotations

import asyncio

import pytest

from polydesk.config import Settings
from polydesk.server import Hub
from polydesk.store import migrate
from tests.postgres import Server
from tests.telemetry.page import Page, ask


@pytest.mark.postgres
async def test_a_hub_without_its_database_lives_and_is_not_ready() -> None:
    server = await asyncio.to_thread(Server().start)
    try:
        url = server.database("ready")
        await migrate(url)
        hub = await Hub.start(Settings(database_url=url, metrics="127.0.0.1:0"))
        address = hub.telemetry.address
        before = await asyncio.to_thread(ask, address, "/readyz")
        await asyncio.to_thread(server.stop)

        lives = await asyncio.to_thread(ask, address, "/healthz")
        ready = await asyncio.to_thread(ask, address, "/readyz")
        found = await asyncio.to_thread(Page.of, address)
        await hub.stop()
    finally:
        await asyncio.to_thread(server.remove)

    assert before == lives == (200, "ok\n")
    assert ready == (503, "the database cannot be reached\n")
    assert found.sum("process_cpu_seconds_total") > 0


async def test_a_hub_that_stops_is_not_ready_while_it_still_serves(sqlite_url: str) -> None:
    hub = await Hub.start(Settings(database_url=sqlite_url, metrics="127.0.0.1:0"))
    before = await asyncio.to_thread(ask, hub.telemetry.address, "/readyz")

    stopping = asyncio.create_task(hub.stop(lame_duck=2))
    await asyncio.sleep(0.1)
    during = await asyncio.to_thread(ask, hub.telemetry.address, "/readyz")
    await stopping

    assert before[0] == 200
    assert during == (503, "the hub is starting or stopping\n")

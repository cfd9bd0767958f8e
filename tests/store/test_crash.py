from __future__ import annotations

import asyncio
import sys
from collections import Counter

import pytest

from polydesk.domain.query import Query
from polydesk.store import open_store
from tests.store.records import ORG, draft, stamp

SIZE = 5
PROGRAM = f"""
import asyncio, sys
from polydesk.store import open_store
from tests.store.records import ORG, drafts, stamp

async def write(store, name):
    for index in range(1_000_000):
        batch = f"{{name}}.{{index}}"
        await store.tickets.save(ORG, drafts(batch, {SIZE}), stamp=stamp(), once=None)
        print(batch, flush=True)

async def main():
    store = await open_store(sys.argv[1])
    async with asyncio.TaskGroup() as group:
        for worker in range(8):
            group.create_task(write(store, sys.argv[2] + str(worker)))

asyncio.run(main())
"""


async def killed_after(acknowledged: int, url: str, name: str) -> list[str]:
    """Lets a process write, kills it, and returns the batches that it knew to be saved."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, url, name, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    lines = [await process.stdout.readline() for _ in range(acknowledged)]
    process.kill()
    lines += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    return [line.decode().strip() for line in lines if line.endswith(b"\n")]


@pytest.mark.parametrize("acknowledged", [1, 30, 107])
async def test_a_kill_loses_nothing_acknowledged_and_leaves_nothing_half(
    store_url: str, acknowledged: int
) -> None:
    saved = await killed_after(acknowledged, store_url, "a")
    saved += await killed_after(acknowledged, store_url, "b")

    store = await open_store(store_url)
    tickets = await store.tickets.select(ORG, Query(limit=1_000_000))
    batches = Counter(ticket.number.partition("-")[0] for ticket in tickets)
    assert set(batches.values()) == {SIZE}
    assert set(saved) <= batches.keys()
    assert [ticket.id for ticket in tickets] == list(range(1, len(tickets) + 1))
    assert await store.first_broken() is None
    made = await store.tickets.create(ORG, draft(""), stamp=stamp(), once=None)
    assert made.id == len(tickets) + 1
    await store.close()

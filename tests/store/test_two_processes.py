"""Two processes write one SQLite file, as hub and worker do: nothing is lost or out of order."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

from polydesk.store import open_store
from polydesk.store.script import Read

EACH = 150
WRITER = """
import asyncio, sys
from polydesk.store import open_store
from tests.store.records import ORG, draft, once, stamp
async def main(url, name, count):
    store = await open_store(url)
    async def write(index):
        made = await store.tickets.create(
            ORG, draft(f"{name}-{index}"), stamp=stamp(), once=once(f"{name}-{index}")
        )
        print(made.id, flush=True)
    for first in range(0, count, 10):
        await asyncio.gather(*(write(first + index) for index in range(10)))
    await store.close()
asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


def writer(url: str, name: str, count: int = EACH) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, url, name, str(count)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": "."},
    )


async def _kept(url: str) -> tuple[list[int], list[int], int | None]:
    store = await open_store(url)
    ids = [row[0] for row in await store.engine.rows(Read("select id from tickets order by id"))]
    told = await store.engine.rows(Read("select sequence from history order by sequence"))
    broken = await store.first_broken()
    await store.close()
    return ids, [row[0] for row in told], broken


def test_ids_and_the_history_have_no_gaps_whoever_writes(sqlite_url: str) -> None:
    writers = [writer(sqlite_url, name) for name in "abc"]

    said = [int(line) for each in writers for line in each.communicate()[0].split()]
    ids, told, broken = asyncio.run(_kept(sqlite_url))

    assert [each.returncode for each in writers] == [0, 0, 0]
    assert sorted(said) == ids == told == list(range(1, 3 * EACH + 1))
    assert broken is None


def test_a_writer_that_is_killed_leaves_the_others_a_sound_file(sqlite_url: str) -> None:
    survivor = writer(sqlite_url, "s")
    acknowledged: list[int] = []
    for round_ in range(4):
        victim = writer(sqlite_url, f"v{round_}", 10_000)
        assert victim.stdout is not None
        acknowledged += [int(victim.stdout.readline()) for _ in range(15)]
        victim.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in victim.communicate()[0].split()[:-1]]

    acknowledged += [int(line) for line in survivor.communicate()[0].split()]
    ids, told, broken = asyncio.run(_kept(sqlite_url))

    assert survivor.returncode == 0
    assert set(acknowledged) <= set(ids)
    assert len(set(acknowledged)) == len(acknowledged)
    assert ids == told == list(range(1, len(ids) + 1))
    assert broken is None

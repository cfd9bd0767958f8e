from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from polydesk.cli.child import Child
from polydesk.cli.failure import Failure


def child(code: str, *, settled: bool = True) -> Child:
    made = Child("the child", [sys.executable, "-I", "-S", "-c", code])
    made.settled = settled
    return made


async def test_a_child_that_ends_is_started_again(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.touch()
    kept = child(f"open({str(notes)!r}, 'a').write('once more;'); raise SystemExit(1)")

    async with asyncio.TaskGroup() as group, asyncio.timeout(30):
        keeping = group.create_task(kept.keep())
        while notes.read_text().count("once more;") < 3:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
        kept.retire()
        await keeping


@pytest.mark.parametrize(("status", "settled"), [(78, True), (1, False)])
async def test_a_child_that_gives_up_ends_the_whole(status: int, *, settled: bool) -> None:
    with pytest.raises(Failure, match="the child cannot start"):
        await child(f"raise SystemExit({status})", settled=settled).keep()


async def test_a_child_is_asked_to_end_and_not_started_again() -> None:
    kept = child("import time; time.sleep(60)")

    async with asyncio.TaskGroup() as group, asyncio.timeout(30):
        keeping = group.create_task(kept.keep())
        await asyncio.sleep(0.3)
        await kept.stop(seconds=10)
        await keeping


async def test_a_child_that_does_not_listen_is_killed() -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    kept = child(deaf)

    async with asyncio.TaskGroup() as group, asyncio.timeout(30):
        keeping = group.create_task(kept.keep())
        await asyncio.sleep(0.5)
        await kept.stop(seconds=0.2)
        await keeping

"""The durable engine by itself, in a process of its own: it cannot be opened twice in one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from polydesk.store import sqlite_library

PROGRAM = """
import asyncio, json, os, sys
from datetime import timedelta
from polydesk.runs import engine
from polydesk.store import sqlite_library

async def main(url, worker, what):
    driven, go_on = [], asyncio.Event()

    async def drive(run, phase):
        driven.append([run, phase])
        if run == 13:
            raise RuntimeError("a bug")
        if what == "hang":
            print(json.dumps(driven), flush=True)
            await go_on.wait()

    runner = await engine.DbosRunner.open(
        url, library=sqlite_library(), worker=worker, drive=drive, at_once=4
    )
    if what == "take over":
        await runner.take_over("first")
    else:
        for phase in ([1, 1], [1, 1], [2, 1], [1, 2], [13, 1]):
            await runner.enqueue(*phase)
    async def settled():
        while True:
            standing = await runner.standing([(1, 1), (2, 1), (1, 2), (13, 1), (99, 1)])
            if not {"WAITING", "TAKEN"} & {each.value for each in standing}:
                return [each.value for each in standing]
            await asyncio.sleep(0.05)
    said = {"standing": await asyncio.wait_for(settled(), 40), "driven": sorted(driven)}
    engine._KEPT = timedelta(seconds=-5)
    await runner.prune()
    said["pruned"] = [each.value for each in await runner.standing([(1, 1), (2, 1), (13, 1)])]
    print(json.dumps(said), flush=True)
    os._exit(0)

asyncio.run(main(*sys.argv[1:]))
"""
ALL = [[1, 1], [1, 2], [2, 1], [13, 1]]


@pytest.fixture
def engine_url(store_url: str) -> str:
    if store_url.startswith("postgresql"):
        return store_url
    path = Path(store_url.removeprefix("sqlite:///")).with_name("runs.db")
    return f"sqlite:///{path}"


def start(url: str, what: str, *, worker: str = "first") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, url, worker, what],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DBOS_CONDUCTOR_KEY": ""},
    )


def answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    said: dict[str, Any] = json.loads(out.splitlines()[-1])
    return said


def test_each_phase_is_carried_out_once_and_one_that_fails_is_over(engine_url: str) -> None:
    said = answer(start(engine_url, "work"))

    assert said["driven"] == ALL
    assert said["standing"] == ["OVER", "OVER", "OVER", "OVER", "UNKNOWN"]
    assert said["pruned"] == ["UNKNOWN", "UNKNOWN", "UNKNOWN"]


def test_the_phases_of_a_dead_worker_are_carried_out_by_the_next(engine_url: str) -> None:
    dead = start(engine_url, "hang")
    assert dead.stdout is not None
    dead.stdout.readline()
    dead.send_signal(signal.SIGKILL)
    dead.communicate()

    on_postgres = engine_url.startswith("postgresql")
    said = answer(
        start(engine_url, "take over", worker="second")
        if on_postgres
        else start(engine_url, "work")
    )

    assert [1, 1] in said["driven"]
    assert said["standing"][:4] == ["OVER"] * 4 or on_postgres


def test_what_it_keeps_can_be_read_and_runs_nothing(engine_url: str) -> None:
    said = start(engine_url, "hang")
    assert said.stdout is not None
    said.stdout.readline()
    said.kill()
    said.communicate()

    texts = asyncio.run(_kept(engine_url))

    assert texts
    assert all(json.loads(text)["args"] for text in texts)


async def _kept(url: str) -> list[str]:
    if url.startswith("sqlite"):
        connection = sqlite_library().connect(url.removeprefix("sqlite:///"))
        journal = connection.execute("pragma journal_mode").fetchone()[0]
        rows = connection.execute("select inputs from workflow_input").fetchall()
        connection.close()
        assert journal == "wal"
        return [row[0] for row in rows]
    database = await asyncpg.connect(url)
    rows = await database.fetch("select inputs from dbos.workflow_input")
    await database.close()
    return [row[0] for row in rows]

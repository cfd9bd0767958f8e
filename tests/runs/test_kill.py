"""kill -9 while runs are under way: each reaches one end, and nothing is launched or said twice.

`POLYDESK_TEST_KILLS` says how often somebody is killed; `make chaos` kills 100 times, per engine.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from polydesk.client import Client, HubError
from polydesk.client.messages import (
    rule_pb2,
    run_pb2,
    runbook_pb2,
    schedule_pb2,
    script_pb2,
    ticket_pb2,
)
from polydesk.domain.demo.runs import OUTSIDE
from polydesk.store import migrate, open_store
from polydesk.store.script import Read
from tests.conftest import ENGINES
from tests.runs.crew import Crew, Member

KILLS = int(os.environ.get("POLYDESK_TEST_KILLS", "4"))
STARTERS = 3
# So many runs of each starter are under way at most, however long a worker is away.
UNDER_WAY = 6
LINES = 30
# One of ten kills on PostgreSQL is none: a worker is held up for longer than it may be silent.
LAGS = 2
ORG = "orgs/5"
Run = run_pb2.Run
ENDED = (Run.STATE_FAILED, Run.STATE_SUCCEEDED, Run.STATE_CANCELLED)
# What a node does: it puts itself into the ledger when it begins, and says numbered lines.
SOURCE = f"""
import json, os, sys, time
said = json.load(sys.stdin)
ledger = os.open(said["ledger"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
os.write(ledger, (said["token"] + "\\n").encode())
for number in range({LINES}):
    print(said["token"], number, file=sys.stderr, flush=True)
    time.sleep(float(said["pause"]))
print(json.dumps(said["token"]))
"""


class Setting(NamedTuple):
    """An engine with a crew that works on it."""

    crew: Crew
    url: str
    runbook: int


class Heard(NamedTuple):
    """What a follower of a run has been told."""

    name: str
    token: str
    lines: list[tuple[int, str]]
    ends: list[int]


@pytest.fixture(params=ENGINES)
def setting(request: pytest.FixtureRequest) -> Iterator[Setting]:
    url: str = request.getfixturevalue(f"{request.param}_url")
    asyncio.run(migrate(url))
    # A socket's path is short, so not below pytest's folder.
    with tempfile.TemporaryDirectory(prefix="polydesk-", dir="/tmp") as folder:
        crew = Crew(Path(folder), url=url, workers=3 if request.param == "postgres" else 1)
        try:
            crew.started()
            yield Setting(crew, url, asyncio.run(_register(crew)))
        finally:
            crew.end()


async def _register(crew: Crew) -> int:
    """Registers a runbook of two nodes, of which the second may well be done twice."""
    node, parameter = runbook_pb2.Runbook.Node, runbook_pb2.Runbook.Parameter
    async with crew.client() as client:
        script = script_pb2.Script(display_name="work", language="LANGUAGE_PYTHON", source=SOURCE)
        await client.scripts.SaveScript(script_pb2.SaveScriptRequest(parent=ORG, script=script))
        book = runbook_pb2.Runbook(
            display_name="both",
            parameters=[parameter(name=each) for each in ("ledger", "token", "pause")],
            nodes=[
                node(
                    id="first", script=node.Script(script=1), when_unknown=node.WHEN_UNKNOWN_RERUN
                ),
                node(id="second", needs=["first"], script=node.Script(script=1)),
            ],
        )
        saved = await client.runbooks.SaveRunbook(
            runbook_pb2.SaveRunbookRequest(parent=ORG, runbook=book)
        )
        told = {"ledger": str(crew.folder / "ledger"), "token": "{number}", "pause": "0.01"}
        rule = rule_pb2.Rule(
            display_name="events", filter="kind = EVENT", runbook=saved.name, parameters=told
        )
        await client.rules.SaveRule(rule_pb2.SaveRuleRequest(parent=ORG, rule=rule))
    return int(saved.name.rpartition("/")[2])


class Starter:
    """Starts runs for ever, and follows each that was acknowledged to its end."""

    def __init__(self, name: str, setting: Setting) -> None:
        self.heard: list[Heard] = []
        self._name = name
        self._setting = setting
        self._following: list[asyncio.Task[None]] = []

    async def start_on(self, client: Client) -> None:
        number = 0
        while True:
            await asyncio.sleep(random.uniform(0.2, 0.8))  # noqa: S311 - no secret
            if sum(not task.done() for task in self._following) >= UNDER_WAY:
                continue
            number += 1
            token = f"{self._name}-{number}"
            request = run_pb2.StartRunRequest(
                parent=ORG,
                runbook=self._setting.runbook,
                key=token,
                parameters={
                    "ledger": str(self._setting.crew.folder / "ledger"),
                    "token": token,
                    "pause": f"{random.uniform(0, 0.1):.4f}",  # noqa: S311 - no secret
                },
            )
            with suppress(HubError):
                run = await client.runs.StartRun(request)
                heard = Heard(run.name, token, [], [])
                self.heard.append(heard)
                self._following.append(asyncio.create_task(_follow(client, heard)))

    async def finish(self) -> None:
        """Waits for the ends of all runs."""
        async with asyncio.timeout(240):
            await asyncio.gather(*self._following)


class Timetable:
    """Makes schedules for ever, each of which is due once, in some seconds."""

    def __init__(self, setting: Setting) -> None:
        self.due: dict[int, str] = {}
        self._setting = setting

    async def make_on(self, client: Client) -> None:
        for number in count(1):
            await asyncio.sleep(random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            token = f"due-{number}"
            told = {"ledger": str(self._setting.crew.folder / "ledger"), "token": token}
            schedule = schedule_pb2.Schedule(
                runbook=f"{ORG}/runbooks/{self._setting.runbook}",
                parameters=[
                    schedule_pb2.Schedule.Parameter(name=name, value=value)
                    for name, value in (told | {"pause": "0.01"}).items()
                ],
            )
            schedule.run_time.FromDatetime(datetime.now(UTC) + timedelta(seconds=2))
            request = schedule_pb2.CreateScheduleRequest(
                parent=ORG, schedule=schedule, schedule_id=number
            )
            with suppress(HubError):
                await client.schedules.CreateSchedule(request)
                self.due[number] = token

    async def runs(self, client: Client) -> list[Run]:
        """Waits until each schedule has had its run; returns the runs."""
        async with asyncio.timeout(120):
            return [await self._run(client, number) for number in self.due]

    async def _run(self, client: Client, schedule: int) -> Run:
        request = run_pb2.ListRunsRequest(parent=ORG, schedule=schedule)
        while True:
            runs = (await client.runs.ListRuns(request)).runs
            if runs and runs[0].state in ENDED:
                assert len(runs) == 1, "a schedule has run more than once"
                return runs[0]
            await asyncio.sleep(0.2)


class Monitor:
    """Records events for ever, for each of which a rule has the runbook run."""

    def __init__(self) -> None:
        self.recorded: list[tuple[str, str]] = []

    async def record_on(self, client: Client) -> None:
        for number in count(1):
            await asyncio.sleep(random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            event = ticket_pb2.Ticket(
                kind="KIND_EVENT", number=f"event-{number}", summary="it smells of smoke"
            )
            request = ticket_pb2.SaveTicketsRequest(parent=ORG, tickets=[event])
            with suppress(HubError):
                saved = await client.tickets.SaveTickets(request)
                self.recorded.append((saved.results[0].name, event.number))

    async def runs(self, client: Client) -> list[Run]:
        """Waits until each event has had its run; returns the runs."""
        async with asyncio.timeout(120):
            return [await self._run(client, ticket) for ticket, _ in self.recorded]

    async def _run(self, client: Client, ticket: str) -> Run:
        request = run_pb2.ListRunsRequest(parent=ORG, ticket=ticket)
        while True:
            runs = (await client.runs.ListRuns(request)).runs
            if runs and runs[0].state in ENDED:
                assert len(runs) == 1, "a rule has started more than one run for an event"
                return runs[0]
            await asyncio.sleep(0.2)


async def _follow(client: Client, heard: Heard) -> None:
    async for answer in client.watch_run(heard.name):
        heard.lines.extend((line.number, line.text) for line in answer.output.lines)
        if answer.HasField("run") and answer.run.state in ENDED:
            heard.ends.append(answer.run.state)


async def _kill(setting: Setting, kills: int) -> Counter[str]:
    """Kills somebody at some moment, or holds a worker up for longer than it may be silent."""
    killed: Counter[str] = Counter()
    tasks = []
    for index in range(kills):
        everybody = [*setting.crew.workers, setting.crew.hub]
        member = everybody[index % len(everybody)]
        async with asyncio.timeout(120):
            while not member.is_ready:
                await asyncio.sleep(0.1)
                member.revive()  # as a supervisor does with one that has taken itself for dead
        # Long enough that others sometimes take over before they are killed themselves.
        await asyncio.sleep(random.uniform(0.2, 4))  # noqa: S311 - no secret
        lagging = index % 10 == LAGS and len(setting.crew.workers) > 1
        killed["stopped" if lagging else member.name.partition("-")[0]] += 1
        tasks.append(asyncio.create_task(_hold(member) if lagging else _replace(member)))
    await asyncio.gather(*tasks)
    for member in setting.crew.members:
        member.revive()
    return killed


async def _replace(member: Member) -> None:
    await asyncio.to_thread(member.kill)
    await asyncio.sleep(random.uniform(0, 1))  # noqa: S311 - no secret
    member.revive()


async def _hold(member: Member) -> None:
    member.kill(signal.SIGSTOP)
    await asyncio.sleep(17)
    member.kill(signal.SIGCONT)
    await asyncio.sleep(3)
    member.revive()


async def test_every_run_reaches_one_end_and_no_launch_or_line_is_hidden_or_lost(
    setting: Setting,
) -> None:
    starters = [Starter(f"S{number}", setting) for number in range(STARTERS)]
    async with setting.crew.client() as client:
        timetable, monitor = Timetable(setting), Monitor()
        starting = [asyncio.create_task(each.start_on(client)) for each in starters]
        starting.append(asyncio.create_task(timetable.make_on(client)))
        starting.append(asyncio.create_task(monitor.record_on(client)))
        killed = await _kill(setting, KILLS)
        for task in starting:
            task.cancel()
        await asyncio.gather(*starting, return_exceptions=True)
        try:
            await asyncio.gather(*(each.finish() for each in starters))
        except TimeoutError:
            left = [each.name for starter in starters for each in starter.heard if not each.ends]
            told = [await client.runs.GetRun(run_pb2.GetRunRequest(name=name)) for name in left[:3]]
            pytest.fail(f"{len(left)} runs do not end: {told}\n{setting.crew.log[-20_000:]}")
        scheduled = await timetable.runs(client)
        ruled = await monitor.runs(client)
        heard = [each for starter in starters for each in starter.heard]
        runs = {
            each.token: await client.runs.GetRun(run_pb2.GetRunRequest(name=each.name))
            for each in heard
        }

    await _check_store(setting.url, len(heard) + len(scheduled) + len(ruled))
    launches = Counter((setting.crew.folder / "ledger").read_text().split())
    for each in heard:
        _check(each, runs[each.token], launches[each.token])
    for run in (*scheduled, *ruled):
        attempts = [attempt for node in run.nodes for attempt in node.attempts]
        assert launches[run.parameters["token"]] <= len(attempts)
    states = Counter(Run.State.Name(run.state) for run in runs.values())
    again = sum(len(node.attempts) > 1 for run in runs.values() for node in run.nodes)
    print(
        f"{dict(killed)} kills, {len(heard)} runs acknowledged: {dict(states)}, {again} relaunched,"
        f" {len(scheduled)} scheduled, {len(ruled)} by a rule"
    )
    assert len(heard) >= min(KILLS // 2, 10)
    assert len(scheduled) >= KILLS // 4
    assert len(ruled) >= KILLS // 4
    if len(setting.crew.workers) == 1:  # all is found again by whoever works on the machine
        assert states.keys() == {"STATE_SUCCEEDED"}


def _check(heard: Heard, run: Run, launches: int) -> None:
    attempts = [attempt for node in run.nodes for attempt in node.attempts]
    assert heard.ends == [run.state], "more than one end, or none"
    assert launches <= len(attempts), f"{run.name} was launched more often than it says"
    assert all(attempt.outcome != Run.Attempt.OUTCOME_RUNNING for attempt in attempts)
    assert [number for number, _ in heard.lines] == list(range(1, len(heard.lines) + 1))
    said = Counter(text for _, text in heard.lines if text.startswith(f"{heard.token} "))
    assert max(said.values(), default=0) <= len(attempts)
    if run.state == Run.STATE_SUCCEEDED:
        succeeded = len(run.nodes)
        wanted = {f"{heard.token} {number}" for number in range(LINES)}
        assert said.keys() == wanted
        assert min(said.values()) >= succeeded
        assert json.loads(run.nodes[1].result_json) == heard.token
    if len(attempts) == len(run.nodes) and run.state == Run.STATE_SUCCEEDED:
        assert set(said.values()) == {len(run.nodes)}, "a line was lost or repeated"
        assert launches == len(run.nodes)


async def _check_store(url: str, acknowledged: int) -> None:
    store = await open_store(url)
    rows: Any = await store.engine.rows(
        Read("select action, fields from history where action in ('run.start', 'run.end')")
    )
    actions = Counter((action, json.loads(fields)["new"]["run"]["id"]) for action, fields in rows)
    broken = await store.first_broken()
    await store.close()
    assert broken is None
    assert set(actions.values()) == {1}
    starts = {id_ for action, id_ in actions if action == "run.start"}
    starts.discard(OUTSIDE)  # the demo's own, which goes on
    assert starts == {id_ for action, id_ in actions if action == "run.end"}
    assert len(starts) >= acknowledged

"""Driving runs, on both engines and with real processes, without the durable engine."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from polydesk.composition import SystemClock
from polydesk.domain.driving import Drivers
from polydesk.domain.errors import Conflict, Denied, Invalid, NotFound, WrongState
from polydesk.domain.identity import Caller, Once, Role
from polydesk.domain.order import Order
from polydesk.domain.output import MOST_BYTES, Line, Stream
from polydesk.domain.run import NodeState, Outcome, Run, RunQuery, RunState
from polydesk.domain.runbook import (
    Approve,
    Await,
    Node,
    Parameter,
    ParameterType,
    Runbook,
    RunCommand,
    RunRunbook,
    RunScript,
    Tool,
    Wait,
    WhenUnknown,
)
from polydesk.domain.running import Runs
from polydesk.domain.script import Language, Script
from polydesk.domain.shelf import Shelf, Targets
from polydesk.domain.target import Target, TargetKind
from polydesk.domain.ticket import Execution
from polydesk.runs.local import LocalLauncher
from polydesk.store import SqlStore, open_store
from polydesk.store.script import Read
from tests.store.records import ORG, draft, stamp

ANN = Caller(account=1, login="ann", roles={ORG: Role.ADMIN}, scope="runbooks.write")
SECRET = "pa55-w0rd"


class Desk:
    """A store with a worker's driver beside it."""

    def __init__(self, store: SqlStore, folder: Path) -> None:
        self.store = store
        self.folder = folder
        clock = SystemClock()
        self.runs = Runs(store=store, clock=clock, local=True)
        self.targets = Targets(store=store.targets, clock=clock, local=True)
        self.scripts = Shelf("script", store=store.scripts, clock=clock)
        self.runbooks = Shelf("runbook", store=store.runbooks, clock=clock)

    def drivers(self, *, worker: str = "w", machine: str = "here") -> Drivers:
        return Drivers(
            store=self.store,
            clock=SystemClock(),
            launchers={TargetKind.LOCAL: LocalLauncher(self.folder, machine=machine)},
            secret_of=_secret_of,
            worker=worker,
            local=True,
        )

    async def target(self, *patterns: str, **said: Any) -> None:
        await self.targets.save(
            ANN, ORG, Target(name="here", kind=TargetKind.LOCAL, patterns=patterns, **said)
        )

    async def script(self, source: str, language: Language = Language.PYTHON, **said: Any) -> int:
        named = Script(name=f"s{hash(source)}", language=language, source=source, **said)
        return (await self.scripts.save(ANN, ORG, named)).id

    async def runbook(self, *nodes: Node, **said: Any) -> int:
        book = Runbook(name="book", nodes=nodes, **said)
        return (await self.runbooks.save(ANN, ORG, book)).id

    async def start(self, **said: Any) -> Run:
        return await self.runs.start(ANN, ORG, Order(**said))

    async def driven(self, run: Run) -> Run:
        """Drives a run as long as it can be, as the engine does when it is woken."""
        drivers = self.drivers()
        async with asyncio.timeout(60):
            while True:
                await drivers.drive(run.id, run.phase)
                run = await self.get(run)
                if run.ended or run.wake_at is None:
                    return run
                await asyncio.sleep(0.05)

    async def get(self, run: Run) -> Run:
        found = await self.store.runs.get(run.id)
        assert found is not None
        return found

    async def lines(self, run: Run) -> list[Line]:
        return await self.store.runs.lines(run.id, after=0, limit=100_000)

    async def said(self, run: Run, stream: Stream = Stream.STDOUT) -> list[str]:
        return [line.text for line in await self.lines(run) if line.stream is stream]


async def _secret_of(_org: int, name: str) -> str:
    if name != "db-password":
        raise NotFound(f"there is no secret {name}")
    return SECRET


@pytest.fixture
async def desk(store_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    store = await open_store(store_url)
    yield Desk(store, tmp_path / "runs")
    await store.close()


def command(text: str, *needs: str, id_: str = "a", **said: Any) -> Node:
    return Node(id=id_, needs=needs, work=RunCommand(target="here", command=text), **said)


async def test_a_command_runs_to_its_end(desk: Desk) -> None:
    await desk.target("echo *")
    run = await desk.start(command=RunCommand(target="here", command="echo 'hello world'"))

    ended = await desk.driven(run)

    assert (run.state, ended.state) == (RunState.QUEUED, RunState.SUCCEEDED)
    assert await desk.said(run) == ["hello world"]
    [attempt] = ended.nodes[0].attempts
    assert (attempt.outcome, attempt.exit_code, attempt.machine) == (Outcome.SUCCEEDED, 0, "here")
    assert [line.number for line in await desk.lines(run)] == [1, 2, 3]
    assert not list(desk.folder.rglob("*")), "something is left behind"


async def test_what_policy_does_not_allow_is_not_started_and_is_told(desk: Desk) -> None:
    await desk.target("echo *")

    for target, text in (("here", "rm -rf /"), ("here", "echo a;b"), ("there", "echo a")):
        with pytest.raises(Denied):
            await desk.start(command=RunCommand(target=target, command=text))

    rows = await desk.store.engine.rows(
        Read("select actor, fields from history where action = 'run.deny' order by sequence")
    )
    told = [(row[0], msgspec.json.decode(row[1])["new"]["command"]) for row in rows]
    assert told == [("ann", "rm -rf /"), ("ann", "echo 'a;b'"), ("ann", "echo a")]
    assert await desk.store.runs.select(ORG, RunQuery(limit=9)) == []


async def test_a_preview_tells_what_would_be_done_and_does_nothing(desk: Desk) -> None:
    await desk.target("echo *")
    book = await desk.runbook(
        command("echo {word}"),
        command("rm {word}", "a", id_="b"),
        parameters=(Parameter(name="word", required=True),),
    )

    order = Order(runbook=book, parameters={"word": "a b"})
    preview = await desk.runs.preview(ANN, ORG, order)

    argv = [getattr(each.step.work, "argv", None) for each in preview.verdicts]
    assert argv == [("echo", "a b"), ("rm", "a b")]
    assert [bool(each.refusal) for each in preview.verdicts] == [False, True]
    assert await desk.store.runs.select(ORG, RunQuery(limit=9)) == []


async def test_a_target_that_was_disabled_meanwhile_lets_nothing_run(desk: Desk) -> None:
    await desk.target("echo *")
    run = await desk.start(command=RunCommand(target="here", command="echo a"))
    await desk.target("echo *", enabled=False)

    ended = await desk.driven(run)

    assert ended.state is RunState.FAILED
    assert "disabled" in ended.message
    assert await desk.said(run) == []


async def test_a_script_answers_json(desk: Desk) -> None:
    id_ = await desk.script(
        "import json,sys; d=json.load(sys.stdin); print(json.dumps({'n': d['n']+1}))"
    )
    run = await desk.start(script=id_, inputs='{"n": 41}')

    ended = await desk.driven(run)

    assert ended.state is RunState.SUCCEEDED
    assert json.loads(ended.nodes[0].result) == {"n": 42}


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("print('no json')", "no JSON"),
        ("import sys; sys.exit(3)", "exit code 3"),
        ("print('\"' + 'x' * 70_000 + '\"')", "more than 65,536 bytes"),
        ("raise ValueError('oops')", "exit code 1"),
        ("import os; os.kill(os.getpid(), 9)", "signal 9"),
        ("import time; time.sleep(60)", "longer than it may"),
    ],
)
async def test_a_script_that_does_not_answer_fails(desk: Desk, source: str, told: str) -> None:
    id_ = await desk.script(source, seconds=2)

    ended = await desk.driven(await desk.start(script=id_))

    assert ended.state is RunState.FAILED
    assert told in ended.message


async def test_a_shell_script_runs_and_a_missing_interpreter_is_told(desk: Desk) -> None:
    shell = await desk.script('read line; echo "$line"', Language.SH)
    missing = await desk.script("exit 0", Language.POWERSHELL)

    first = await desk.driven(await desk.start(script=shell, inputs='{"a":1}'))
    assert first.nodes[0].result == '{"a":1}'
    if shutil.which("pwsh") is None:
        second = await desk.driven(await desk.start(script=missing))
        assert "pwsh is not installed" in second.message


async def test_parameters_reach_a_script_by_their_types_and_secrets_reach_nobody_else(
    desk: Desk,
) -> None:
    id_ = await desk.script(
        "import json,sys; d=json.load(sys.stdin); print(json.dumps(d));"
        " print(d['key'],file=sys.stderr)"
    )
    book = await desk.runbook(
        Node(id="a", work=RunScript(script=id_)),
        parameters=(
            Parameter(name="text"),
            Parameter(name="count", type=ParameterType.NUMBER, default="2"),
            Parameter(name="flag", type=ParameterType.BOOLEAN),
            Parameter(name="key", type=ParameterType.SECRET, required=True),
        ),
    )
    said = {"text": "a b", "flag": "true", "key": "db-password"}

    run = await desk.driven(await desk.start(runbook=book, parameters=said))

    assert run.state is RunState.SUCCEEDED
    assert json.loads(run.nodes[0].result) == {
        "text": "a b",
        "count": 2,
        "flag": True,
        "key": "***",
    }
    assert await desk.said(run, Stream.STDERR) == ["***"]
    for table in ("runs", "plans", "lines", "history", "tails"):
        assert SECRET not in str(await desk.store.engine.rows(Read(f"select * from {table}")))  # noqa: S608 - own words


async def test_a_runbook_within_another_is_told_its_own_parameters(desk: Desk) -> None:
    id_ = await desk.script("import json,sys; print(json.dumps(json.load(sys.stdin)))")
    key = Parameter(name="key", type=ParameterType.SECRET)
    inner = Runbook(
        name="inner",
        parameters=(Parameter(name="who", required=True), key),
        nodes=(Node(id="x", work=RunScript(script=id_)),),
    )
    within = (await desk.runbooks.save(ANN, ORG, inner)).id
    book = await desk.runbook(
        Node(id="in", work=RunRunbook(runbook=within, parameters={"who": "{name}!", "key": "{k}"})),
        Node(id="after", needs=("in",), work=RunScript(script=id_)),
        parameters=(Parameter(name="name"), Parameter(name="k", type=ParameterType.SECRET)),
    )

    run = await desk.driven(
        await desk.start(runbook=book, parameters={"name": "ann", "k": "db-password"})
    )

    assert run.state is RunState.SUCCEEDED
    assert {node.id: json.loads(node.result) for node in run.nodes} == {
        "in.x": {"who": "ann!", "key": "***"},
        "after": {"name": "ann", "k": "***"},
    }


async def test_a_secret_that_is_not_there_fails_the_node(desk: Desk) -> None:
    id_ = await desk.script("print('{}')")
    key = Parameter(name="key", type=ParameterType.SECRET)
    book = await desk.runbook(Node(id="a", work=RunScript(script=id_)), parameters=(key,))

    run = await desk.driven(await desk.start(runbook=book, parameters={"key": "other"}))

    assert run.state is RunState.FAILED
    assert "there is no secret other" in run.message


async def test_a_runbook_goes_through_its_graph_and_keeps_its_version(desk: Desk) -> None:
    await desk.target("echo *")
    book = await desk.runbook(
        command("echo first"),
        command("echo left", "a", id_="b"),
        command("echo right", "a", id_="c"),
        command("echo last", "b", "c", id_="d"),
    )
    run = await desk.start(runbook=book)
    await desk.runbook(command("echo other"))

    ended = await desk.driven(run)

    assert (ended.state, ended.version) == (RunState.SUCCEEDED, 1)
    said = await desk.said(run)
    assert (said[0], sorted(said[1:3]), said[3]) == ("first", ["left", "right"], "last")


async def test_an_approval_holds_a_run_until_somebody_decides(desk: Desk) -> None:
    await desk.target("echo *")
    book = await desk.runbook(
        Node(id="ask", work=Approve(message="sure?")), command("echo yes", "ask")
    )
    run = await desk.driven(await desk.start(runbook=book))
    assert run.state is RunState.PENDING_APPROVAL

    approved = await desk.runs.approve(ANN, run.id, passes=True, message="go")
    ended = await desk.driven(approved)

    assert (approved.state, ended.state) == (RunState.APPROVED, RunState.SUCCEEDED)
    assert ended.node("ask").message == "approved by ann: go"
    with pytest.raises(WrongState):
        await desk.runs.approve(ANN, run.id, passes=True)


async def test_a_rejected_run_fails_and_can_be_rerun_from_where_it_failed(desk: Desk) -> None:
    await desk.target("echo *")
    book = await desk.runbook(
        command("echo once"),
        Node(id="ask", needs=("a",), work=Approve()),
        command("echo yes", "ask", id_="b"),
    )
    run = await desk.driven(await desk.start(runbook=book))
    failed = await desk.driven(await desk.runs.approve(ANN, run.id, passes=False))
    assert (failed.state, failed.node("b").state) == (RunState.FAILED, NodeState.SKIPPED)

    again = await desk.driven(await desk.runs.rerun(ANN, run.id))
    ended = await desk.driven(await desk.runs.approve(ANN, again.id, passes=True))

    assert (ended.state, ended.rerun_of) == (RunState.SUCCEEDED, run.id)
    assert await desk.said(ended) == ["yes"]
    with pytest.raises(WrongState):
        await desk.runs.rerun(ANN, ended.id)


async def test_a_wait_lets_go_of_the_run_and_goes_on_when_it_is_over(desk: Desk) -> None:
    book = await desk.runbook(Node(id="a", work=Wait(seconds=1)))
    run = await desk.start(runbook=book)
    await desk.drivers().drive(run.id, 1)
    waiting = await desk.get(run)
    assert (waiting.owner, waiting.state, waiting.phase) == ("", RunState.RUNNING, 2)

    ended = await desk.driven(waiting)

    assert ended.state is RunState.SUCCEEDED
    assert ended.ended_at is not None
    assert waiting.wake_at is not None
    assert ended.ended_at >= waiting.wake_at


async def test_a_tool_outside_ends_the_node_that_waits_for_it(desk: Desk) -> None:
    book = await desk.runbook(Node(id="a", work=Await()), Node(id="b", work=Await()))
    run = await desk.driven(await desk.start(runbook=book, job="J-1"))

    with pytest.raises(Invalid, match="say which node"):
        await desk.runs.report(ANN, run.id, 4)
    with pytest.raises(Invalid, match="job id"):
        await desk.runs.report(ANN, run.id, 4, job="J-2", node="a")
    await desk.runs.report(ANN, run.id, 2, node="a", message="half way", job="J-1")
    await desk.runs.report(ANN, run.id, 4, node="a")
    ended = await desk.driven(await desk.runs.report(ANN, run.id, 3, message="boom"))

    assert ended.state is RunState.FAILED
    assert ended.message == "node b failed: boom"


async def test_an_external_run_is_what_its_reports_say(desk: Desk) -> None:
    [row] = (await desk.store.tickets.save(ORG, [draft()], stamp=stamp(), once=None)).rows
    book = await desk.runbook(tool=Tool.EXTERNAL)
    run = await desk.start(runbook=book, ticket=row.id, id=135)
    assert await desk.store.runs.due(SystemClock().now(), limit=9) == []

    told = []
    for code in (1, 2, 2, 5, 6, 0, 2, 4, 4):
        report = await desk.runs.report(ANN, 135, code, number="INC1")
        ticket = await desk.store.tickets.get(row.id)
        assert ticket is not None
        told.append((report.state.name, ticket.execution))

    assert run.id == 135
    assert told == [
        ("INITIATED", Execution.PICKED_FOR_IN_PROGRESS),
        ("RUNNING", Execution.PICKED_FOR_IN_PROGRESS),
        ("RUNNING", Execution.PICKED_FOR_IN_PROGRESS),
        ("PENDING_APPROVAL", Execution.MOVE_TO_ASSIGNATION_DECISION),
        ("APPROVED", Execution.MARKED_FOR_EXECUTION),
        ("QUEUED", Execution.MARKED_FOR_EXECUTION),
        ("RUNNING", Execution.PICKED_FOR_IN_PROGRESS),
        ("SUCCEEDED", Execution.SUCCESSFUL_AND_MARKED_FOR_CLOSURE),
        ("SUCCEEDED", Execution.SUCCESSFUL_AND_MARKED_FOR_CLOSURE),
    ]
    for code in (0, 1, 2, 3, 5, 6):
        with pytest.raises(WrongState):
            await desk.runs.report(ANN, 135, code)
    for code in (-1, 7):
        with pytest.raises(Invalid):
            await desk.runs.report(ANN, 135, code)
    with pytest.raises(Invalid, match="another ticket"):
        await desk.runs.report(ANN, 135, 4, number="INC2")
    with pytest.raises(NotFound):
        await desk.runs.report(ANN, 136, 4)
    assert (await desk.start(runbook=book)).id == 136


async def test_the_ticket_follows_its_run_and_its_history_tells(desk: Desk) -> None:
    await desk.target("echo *")
    [row] = (await desk.store.tickets.save(ORG, [draft()], stamp=stamp(), once=None)).rows
    run = await desk.start(command=RunCommand(target="here", command="echo a"), ticket=row.id)

    await desk.driven(run)

    entries = await desk.store.tickets.history(row.id, after=0, limit=100)
    told = [
        (entry.action, msgspec.json.decode(entry.fields)["new"].get("execution_status"))
        for entry in entries
    ]
    assert told == [
        ("create", None),
        ("run.start", "MARKED_FOR_EXECUTION"),
        ("run.state", "PICKED_FOR_IN_PROGRESS"),
        ("run.launch", None),
        ("run.exit", None),
        ("run.end", "SUCCESSFUL_AND_MARKED_FOR_CLOSURE"),
    ]
    assert await desk.store.first_broken() is None


async def test_a_foreign_ticket_is_none(desk: Desk) -> None:
    [row] = (await desk.store.tickets.save(ORG + 1, [draft()], stamp=stamp(), once=None)).rows
    book = await desk.runbook(tool=Tool.EXTERNAL)

    with pytest.raises(NotFound):
        await desk.start(runbook=book, ticket=row.id)


async def test_a_key_makes_two_orders_one(desk: Desk) -> None:
    book = await desk.runbook(tool=Tool.EXTERNAL)

    both = [await desk.start(runbook=book, key="k") for _ in range(2)]
    with pytest.raises(Conflict):
        await desk.start(runbook=book, key="k", job="other")
    keyed = ANN.__class__(
        account=1, login="ann", roles={ORG: Role.ADMIN}, scope="runs.write",
        once=Once(key="i", digest=b"x"),
    )  # fmt: skip
    again = [await desk.runs.start(keyed, ORG, Order(runbook=book)) for _ in range(2)]

    assert both[0] == both[1]
    assert again[0] == again[1] != both[0]


async def test_cancelling_ends_what_runs(desk: Desk) -> None:
    await desk.target("sleep *")
    book = await desk.runbook(command("sleep 300"), command("sleep 1", "a", id_="b"))
    run = await desk.start(runbook=book)
    driving = asyncio.create_task(desk.driven(run))
    await _until(desk, run, lambda run: run.state is RunState.RUNNING)

    asked = await desk.runs.cancel(ANN, run.id)
    ended = await driving

    assert (asked.state, asked.cancelling) == (RunState.RUNNING, True)
    assert ended.state is RunState.CANCELLED
    assert [node.state for node in ended.nodes] == [NodeState.CANCELLED, NodeState.SKIPPED]


async def test_another_worker_goes_on_with_what_runs_and_the_first_leaves_it(desk: Desk) -> None:
    ledger = desk.folder.parent / "ledger"
    await desk.target("sh *")
    source = await desk.script(
        f"import time\nopen({str(ledger)!r}, 'a').write('x')\nfor i in range(20):\n"
        " print(i, flush=True, file=__import__('sys').stderr); time.sleep(0.1)\n"
    )
    run = await desk.start(script=source)
    first = asyncio.create_task(desk.drivers(worker="one").drive(run.id, 1))
    await _until(desk, run, lambda run: bool(run.nodes[0].attempts))
    await asyncio.sleep(0.5)

    second = asyncio.create_task(desk.drivers(worker="two").drive(run.id, 1))
    async with asyncio.timeout(30):
        await asyncio.gather(first, second)

    ended = await desk.get(run)
    assert ended.state is RunState.SUCCEEDED
    assert len(ended.nodes[0].attempts) == 1
    assert ledger.read_text() == "x"
    assert await desk.said(run, Stream.STDERR) == [str(number) for number in range(20)]


@pytest.mark.parametrize("policy", WhenUnknown)
async def test_what_ran_on_another_machine_is_unknown_and_begun_again_as_its_policy_says(
    desk: Desk, policy: WhenUnknown
) -> None:
    await desk.target("sleep *")
    book = await desk.runbook(command("sleep 0.5", when_unknown=policy))
    run = await desk.start(runbook=book)
    lost = asyncio.create_task(desk.drivers(worker="one", machine="there").drive(run.id, 1))
    await _until(desk, run, lambda run: bool(run.nodes[0].attempts))
    lost.cancel()
    await asyncio.gather(lost, return_exceptions=True)

    ended = await desk.driven(run)

    outcomes = [each.outcome for each in ended.nodes[0].attempts]
    if policy is WhenUnknown.FAIL:
        assert (ended.state, outcomes) == (RunState.FAILED, [Outcome.UNKNOWN])
        assert "there, where it ran, is gone" in ended.message
    else:
        assert (ended.state, outcomes) == (
            RunState.SUCCEEDED, [Outcome.UNKNOWN, Outcome.SUCCEEDED],
        )  # fmt: skip


async def test_a_job_that_died_with_its_guard_is_unknown(desk: Desk) -> None:
    await desk.target("sleep *")
    run = await desk.start(command=RunCommand(target="here", command="sleep 300"))
    driving = asyncio.create_task(desk.driven(run))
    started = desk.folder / f"{run.id}/main.1/started"
    async with asyncio.timeout(30):
        while not (started.with_name("work").exists()):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)
    guard = int(started.read_text())
    [child] = Path(f"/proc/{guard}/task/{guard}/children").read_text().split()  # noqa: ASYNC240 - the same

    os.kill(guard, signal.SIGKILL)
    os.kill(int(child), signal.SIGKILL)
    ended = await driving

    assert ended.state is RunState.FAILED
    assert "nobody can tell" in ended.message


async def test_output_has_an_end(desk: Desk) -> None:
    id_ = await desk.script(
        "import sys\nfor i in range(200_000): print('x' * 20, file=sys.stderr)\nprint('{}')"
    )

    run = await desk.driven(await desk.start(script=id_))

    said = await desk.lines(run)
    assert run.state is RunState.SUCCEEDED
    assert sum(len(line.text) + 1 for line in said) < MOST_BYTES + 400_000
    assert [line.text for line in said if line.cut] == [
        "what is printed beyond 1,048,576 bytes is not kept"
    ]
    assert [line.number for line in said] == list(range(1, len(said) + 1))


async def _until(desk: Desk, run: Run, holds: Any) -> None:
    async with asyncio.timeout(30):
        while not holds(await desk.get(run)):  # noqa: ASYNC110 - another task changes it
            await asyncio.sleep(0.05)

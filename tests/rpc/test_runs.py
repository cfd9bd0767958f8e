"""Runs by gRPC and by REST: who may do what, and what a caller is told. Nobody works here."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest

from polydesk.api.v1 import run_pb2, runbook_pb2, target_pb2, ticket_pb2
from polydesk.api.v1.run_pb2_grpc import RunServiceStub
from polydesk.api.v1.runbook_pb2_grpc import RunbookServiceStub
from polydesk.api.v1.target_pb2_grpc import TargetServiceStub

if TYPE_CHECKING:
    from tests.conftest import Native
    from tests.stack import Rest

ORG = "orgs/5"
Run = run_pb2.Run
Start = run_pb2.StartRunRequest
Ticket = ticket_pb2.Ticket


async def allow(native: Native, *commands: str) -> None:
    target = target_pb2.Target(
        name=f"{ORG}/targets/far",
        kind=target_pb2.Target.KIND_SSH,
        host="far.example.com",
        user="u",
        known_hosts="far.example.com ssh-ed25519 AAAA",
        key_secret="k",
        allowed_commands=commands,
    )
    request = target_pb2.SaveTargetRequest(parent=ORG, target=target)
    await TargetServiceStub(native.channel).SaveTarget(request, metadata=native.headers())


async def external(native: Native) -> int:
    book = runbook_pb2.Runbook(display_name="outside", tool=runbook_pb2.Runbook.TOOL_EXTERNAL)
    request = runbook_pb2.SaveRunbookRequest(parent=ORG, runbook=book)
    stub = RunbookServiceStub(native.channel)
    saved = await stub.SaveRunbook(request, metadata=native.headers())
    return int(saved.name.rpartition("/")[2])


async def start(native: Native, *, headers: dict[str, str] | None = None, **said: Any) -> Run:
    request = Start(parent=ORG, **said)
    stub = RunServiceStub(native.channel)
    run: Run = await stub.StartRun(request, metadata=native.headers(**(headers or {})))
    return run


async def command(native: Native, text: str = "uname -a", **said: Any) -> Run:
    return await start(native, command=Start.Command(target="far", command=text), **said)


async def do(native: Native, rpc: str, run: Run, **said: Any) -> Run:
    headers = said.pop("headers", {})
    request = getattr(run_pb2, f"{rpc}RunRequest")(name=run.name, **said)
    method = getattr(RunServiceStub(native.channel), f"{rpc}Run")
    answer: Run = await method(request, metadata=native.headers(**headers))
    return answer


async def code_of(call: Awaitable[Any]) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    return failed.value.code()


async def test_a_run_is_queued_told_listed_and_cancelled(native: Native) -> None:
    await allow(native, "uname *")
    first, second = await command(native), await command(native, "uname -r", key="k", job_id="J")

    cancelled = await do(native, "Cancel", first)
    listed = await RunServiceStub(native.channel).ListRuns(
        run_pb2.ListRunsRequest(parent=ORG), metadata=native.headers()
    )
    queued = await RunServiceStub(native.channel).ListRuns(
        run_pb2.ListRunsRequest(parent=ORG, states=[Run.STATE_QUEUED]), metadata=native.headers()
    )

    assert (second.state, second.title, second.key) == (Run.STATE_QUEUED, "uname -r", "k")
    assert cancelled.state == Run.STATE_CANCELLED
    assert list(listed.runs) == [second, cancelled]
    assert list(queued.runs) == [second]
    assert await do(native, "Get", second) == second


async def test_pages_of_runs_go_on_behind_each_other(native: Native) -> None:
    book = await external(native)
    made = [(await start(native, runbook=book)).name for _ in range(5)]
    found, token = [], ""
    while True:
        page = await RunServiceStub(native.channel).ListRuns(
            run_pb2.ListRunsRequest(parent=ORG, page_size=2, page_token=token, runbook=book),
            metadata=native.headers(),
        )
        found += [run.name for run in page.runs]
        token = page.next_page_token
        if not token:
            break

    assert found == made[::-1]


async def test_a_dry_run_tells_words_target_and_verdict_and_starts_nothing(native: Native) -> None:
    await allow(native, "echo *")

    allowed = await command(native, "echo 'a b'", dry_run=True)
    refused = await command(native, "echo a; id", dry_run=True)

    assert allowed.name == ""
    [preview] = allowed.preview
    assert (list(preview.argv), preview.target, preview.allowed) == (["echo", "a b"], "far", True)
    assert not refused.preview[0].allowed
    assert "allows no such command" in refused.preview[0].refusal
    listed = await RunServiceStub(native.channel).ListRuns(
        run_pb2.ListRunsRequest(parent=ORG), metadata=native.headers()
    )
    assert list(listed.runs) == []


async def test_what_policy_does_not_allow_is_denied(native: Native) -> None:
    await allow(native, "uname -a")

    denied = grpc.StatusCode.PERMISSION_DENIED
    assert await code_of(command(native, "uname -r")) is denied
    nowhere = Start.Command(target="nowhere", command="uname -a")
    assert await code_of(start(native, command=nowhere)) is denied


async def test_readers_look_agents_start_and_admins_approve(native: Native) -> None:
    await allow(native, "uname *")
    people = {"reader@x": native.reader, "agent@x": native.agent}
    for login, role in people.items():
        await native.registry.add_user(login, "secret", roles={5: role})
    reader, agent = ({"login": login, "secret": "secret"} for login in people)
    denied = grpc.StatusCode.PERMISSION_DENIED

    run = await command(native, headers=agent)
    assert (await do(native, "Get", run, headers=reader)).name == run.name
    assert await code_of(command(native, headers=reader)) is denied
    assert await code_of(do(native, "Cancel", run, headers=reader)) is denied
    assert await code_of(do(native, "Approve", run, headers=agent)) is denied
    assert (await do(native, "Cancel", run, headers=agent)).state == Run.STATE_CANCELLED


async def test_a_foreign_run_answers_like_a_missing_one(native: Native) -> None:
    await native.registry.add_user("far@x", "secret", roles={7: native.agent})
    far = {"login": "far@x", "secret": "secret"}
    run = await start(native, runbook=await external(native))

    for rpc, said in (("Get", {}), ("Cancel", {}), ("Report", {"code": 4}), ("Rerun", {})):
        foreign = do(native, rpc, run, headers=far, **said)
        missing = do(native, rpc, Run(name="runs/2147483647"), headers=far, **said)
        assert await code_of(foreign) is grpc.StatusCode.NOT_FOUND
        assert await code_of(missing) is grpc.StatusCode.NOT_FOUND


async def test_reports_move_an_external_run_and_its_ticket(native: Native) -> None:
    found = await native.tickets.LookupTicket(
        ticket_pb2.LookupTicketRequest(parent=ORG, kind=Ticket.KIND_INCIDENT, number="INC0303863"),
        metadata=native.headers(),
    )
    run = await start(native, runbook=await external(native), ticket=found.name, job_id="J")

    await do(native, "Report", run, code=2, job_id="J", ticket_number="INC0303863")
    ended = await do(native, "Report", run, code=4, message="done")
    again = await do(native, "Report", run, code=4)

    assert (ended.state, ended.message, again) == (Run.STATE_SUCCEEDED, "done", ended)
    late = do(native, "Report", run, code=3)
    assert await code_of(late) is grpc.StatusCode.FAILED_PRECONDITION
    wrong = do(native, "Report", run, code=4, job_id="other")
    assert await code_of(wrong) is grpc.StatusCode.INVALID_ARGUMENT
    after = await native.tickets.GetTicket(
        ticket_pb2.GetTicketRequest(name=found.name), metadata=native.headers()
    )
    assert after.execution_status == Ticket.EXECUTION_STATUS_SUCCESSFUL_AND_MARKED_FOR_CLOSURE


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"runbook": 1, "ticket": "incidents/1"},
        {"command": {"target": "far", "command": ""}},
        {"command": {"target": "far", "command": "echo 'open"}},
        {"command": {"target": "far", "command": "echo a", "timeout": {"seconds": 0}}},
        {"script": {"script": 1, "inputs_json": "[1]"}},
        {"script": {"script": 1, "inputs_json": "{"}},
        {"command": {"target": "far", "command": "echo a"}, "parameters": {"a": "b"}},
        {"runbook": 1, "key": "k" * 256},
        {"runbook": 1, "key": "k\0"},
    ],
)
async def test_an_order_that_is_none_is_refused(native: Native, said: dict[str, Any]) -> None:
    assert await code_of(start(native, **said)) is grpc.StatusCode.INVALID_ARGUMENT


async def test_an_etag_guards_what_is_done_to_a_run(native: Native) -> None:
    await allow(native, "uname *")
    run = await command(native)

    other = do(native, "Cancel", run, etag="ff")
    assert await code_of(other) is grpc.StatusCode.ABORTED
    assert (await do(native, "Cancel", run, etag=run.etag)).state == Run.STATE_CANCELLED


async def test_a_watch_ends_after_the_end_and_goes_on_from_its_cursor(native: Native) -> None:
    run = await start(native, runbook=await external(native))
    await do(native, "Report", run, code=2)
    await do(native, "Report", run, code=4)

    async def told(cursor: str) -> list[Any]:
        request = run_pb2.WatchRunOutputRequest(name=run.name, cursor=cursor)
        stub = RunServiceStub(native.channel)
        return [each async for each in stub.WatchRunOutput(request, metadata=native.headers())]

    [last] = await told("")
    assert last.run.state == Run.STATE_SUCCEEDED
    assert await told(last.cursor) == []
    assert await code_of(told("x")) is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.envoy
async def test_a_run_is_started_and_followed_over_rest(rest: Rest) -> None:
    book = {"displayName": "outside", "tool": "TOOL_EXTERNAL"}
    saved = (await rest.request("POST", "/desk/v1/orgs/5/runbooks", json=book)).json()
    order = {"runbook": int(saved["name"].rpartition("/")[2]), "key": "k"}

    made = await rest.request("POST", "/desk/v1/orgs/5/runs", json=order)
    again = await rest.request("POST", "/desk/v1/orgs/5/runs", json=order)
    name = made.json()["name"]
    report = await rest.request("POST", f"/desk/v1/{name}:report", json={"code": 3})
    lines = await rest.request(
        "GET", f"/desk/v1/{name}:watch", headers={"Accept": "application/x-ndjson"}
    )

    assert (made.status, again.json()) == (200, made.json())
    assert report.json()["state"] == "STATE_FAILED"
    told = [json.loads(line) for line in lines.body.splitlines()]
    assert [each["run"]["state"] for each in told] == ["STATE_FAILED"]


async def test_a_dry_run_tells_the_nodes_of_a_runbook_within(native: Native) -> None:
    await allow(native, "echo *")
    node, parameter = runbook_pb2.Runbook.Node, runbook_pb2.Runbook.Parameter
    stub = RunbookServiceStub(native.channel)
    inner = runbook_pb2.Runbook(
        display_name="inner",
        parameters=[parameter(name="who")],
        nodes=[node(id="x", command=node.Command(target="far", command="echo {who}"))],
    )
    saved = await stub.SaveRunbook(
        runbook_pb2.SaveRunbookRequest(parent=ORG, runbook=inner), metadata=native.headers()
    )
    number = int(saved.name.rpartition("/")[2])
    within = node.Subrunbook(runbook=number, parameters={"who": "a b"})
    outer = runbook_pb2.Runbook(display_name="outer", nodes=[node(id="in", runbook=within)])
    kept = await stub.SaveRunbook(
        runbook_pb2.SaveRunbookRequest(parent=ORG, runbook=outer), metadata=native.headers()
    )

    told = await start(native, runbook=int(kept.name.rpartition("/")[2]), dry_run=True)

    assert kept.nodes[0].runbook == within
    assert [(each.node, list(each.argv)) for each in told.preview] == [("in.x", ["echo", "a b"])]

"""Scripts, targets and runbooks by gRPC: who may register what, and how it comes back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest

from polydesk.api.v1 import runbook_pb2, script_pb2, target_pb2, ticket_pb2
from polydesk.api.v1.runbook_pb2_grpc import RunbookServiceStub
from polydesk.api.v1.script_pb2_grpc import ScriptServiceStub
from polydesk.api.v1.target_pb2_grpc import TargetServiceStub
from polydesk.domain.identity import Role

if TYPE_CHECKING:
    from tests.conftest import Native
    from tests.stack import Rest

ORG = "orgs/5"
Runbook = runbook_pb2.Runbook


def script(**said: Any) -> script_pb2.Script:
    usual: dict[str, Any] = {
        "display_name": "restart",
        "language": script_pb2.Script.LANGUAGE_PYTHON,
        "source": "print('{}')",
    }
    return script_pb2.Script(**(usual | said))


def target(**said: Any) -> target_pb2.Target:
    usual: dict[str, Any] = {
        "name": f"{ORG}/targets/here",
        "kind": target_pb2.Target.KIND_SSH,
        "host": "db-1.example.com",
        "user": "polydesk",
        "known_hosts": "db-1.example.com ssh-ed25519 AAAA",
        "key_secret": "db-1",
        "allowed_commands": ["uname -a", "echo *"],
    }
    return target_pb2.Target(**(usual | said))


def runbook(**said: Any) -> Runbook:
    node = Runbook.Node
    nodes = [
        node(id="look", command=node.Command(target="here", command="df {disk}")),
        node(id="ask", needs=["look"], approval=node.Approval(message="clean up?")),
        node(
            id="clean",
            needs=["ask"],
            script=node.Script(script=1),
            when_unknown="WHEN_UNKNOWN_RERUN",
        ),
        node(id="settle", needs=["clean"], wait=node.Wait(duration={"seconds": 5})),
        node(id="done", needs=["settle"], external=node.External()),
    ]
    usual: dict[str, Any] = {
        "display_name": "free the disk",
        "description": "What to do when it is full.",
        "parameters": [Runbook.Parameter(name="disk", required=True, default_value="/var")],
        "nodes": nodes,
    }
    return Runbook(**(usual | said))


async def save_script(native: Native, said: script_pb2.Script, **headers: str) -> Any:
    request = script_pb2.SaveScriptRequest(parent=ORG, script=said)
    stub = ScriptServiceStub(native.channel)
    return await stub.SaveScript(request, metadata=native.headers(**headers))


async def save_target(native: Native, said: target_pb2.Target, **headers: str) -> Any:
    request = target_pb2.SaveTargetRequest(parent=ORG, target=said)
    stub = TargetServiceStub(native.channel)
    return await stub.SaveTarget(request, metadata=native.headers(**headers))


async def save_runbook(native: Native, said: Runbook, **headers: str) -> Any:
    request = runbook_pb2.SaveRunbookRequest(parent=ORG, runbook=said)
    stub = RunbookServiceStub(native.channel)
    return await stub.SaveRunbook(request, metadata=native.headers(**headers))


async def test_a_runbook_comes_back_as_it_was_said_and_each_change_is_a_version(
    native: Native,
) -> None:
    stub = RunbookServiceStub(native.channel)

    first = await save_runbook(native, runbook(name=f"{ORG}/runbooks/7612"))
    second = await save_runbook(native, runbook(description="Another."))

    assert (first.name, first.version) == (f"{ORG}/runbooks/7612", 1)
    assert (second.name, second.version) == (first.name, 2)
    assert [each.id for each in second.nodes] == ["look", "ask", "clean", "settle", "done"]
    works = [each.WhichOneof("work") for each in second.nodes]
    assert works == ["command", "approval", "script", "wait", "external"]
    assert second.nodes[0].command.timeout.seconds == 300
    got = await stub.GetRunbook(
        runbook_pb2.GetRunbookRequest(name=first.name), metadata=native.headers()
    )
    assert got == second


async def test_scripts_and_targets_are_listed_and_removed(native: Native) -> None:
    scripts, targets = ScriptServiceStub(native.channel), TargetServiceStub(native.channel)
    made = await save_script(native, script())
    where = await save_target(native, target())

    listed = await scripts.ListScripts(
        script_pb2.ListScriptsRequest(parent=ORG), metadata=native.headers()
    )
    placed = await targets.ListTargets(
        target_pb2.ListTargetsRequest(parent=ORG), metadata=native.headers()
    )
    assert list(listed.scripts) == [made]
    assert list(placed.targets) == [where]

    await scripts.DeleteScript(
        script_pb2.DeleteScriptRequest(name=made.name, etag=made.etag), metadata=native.headers()
    )
    await targets.DeleteTarget(
        target_pb2.DeleteTargetRequest(name=where.name), metadata=native.headers()
    )
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await targets.GetTarget(
            target_pb2.GetTargetRequest(name=where.name), metadata=native.headers()
        )
    assert failed.value.code() is grpc.StatusCode.NOT_FOUND


async def test_an_agent_may_read_and_not_register(native: Native) -> None:
    await native.registry.add_user("agent@example.com", "secret", roles={5: native.agent})
    agent = {"login": "agent@example.com", "secret": "secret"}
    made = await save_script(native, script())

    for save in (save_script(native, script(), **agent), save_target(native, target(), **agent),
                 save_runbook(native, runbook(), **agent)):  # fmt: skip
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await save
        assert failed.value.code() is grpc.StatusCode.PERMISSION_DENIED
    got = await ScriptServiceStub(native.channel).GetScript(
        script_pb2.GetScriptRequest(name=made.name), metadata=native.headers(**agent)
    )
    assert got == made


async def test_an_admin_who_is_no_operator_registers_no_script(native: Native) -> None:
    roles = {5: Role.ADMIN}
    await native.registry.add_user("admin@example.com", "secret", roles=roles)
    admin = {"login": "admin@example.com", "secret": "secret"}

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await save_script(native, script(), **admin)
    await save_target(native, target(), **admin)

    assert failed.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert "is no operator of this hub" in str(failed.value.details())


async def test_a_stranger_sees_nothing_of_an_org(native: Native) -> None:
    await native.registry.add_user("far@example.com", "secret", roles={7: native.agent})
    made = await save_script(native, script())

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await ScriptServiceStub(native.channel).GetScript(
            script_pb2.GetScriptRequest(name=made.name),
            metadata=native.headers(login="far@example.com", secret="secret"),
        )

    assert failed.value.code() is grpc.StatusCode.NOT_FOUND


async def test_the_hubs_own_machine_is_no_target_unless_its_operator_lets_it(
    native: Native,
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await save_target(native, target(kind=target_pb2.Target.KIND_LOCAL))

    assert failed.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert "POLYDESK_LOCAL_TARGETS" in str(failed.value.details())


@pytest.mark.parametrize(
    "said",
    [
        {"display_name": ""},
        {"language": 0},
        {"language": 9},
        {"source": ""},
        {"source": "\n"},
        {"timeout": {"seconds": 90_000}},
        {"timeout": {"nanos": 5}},
        {"name": "orgs/7/scripts/1"},
        {"name": f"{ORG}/runbooks/1"},
    ],
)
async def test_a_script_that_is_none_is_refused(native: Native, said: dict[str, Any]) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await save_script(native, script(**said))

    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_repeated_save_happens_once(native: Native) -> None:
    both = [await save_script(native, script(), **{"idempotency-key": "k-1"}) for _ in range(2)]

    assert both[0] == both[1]
    assert both[0].etag == "1"


async def test_a_watch_of_tickets_passes_over_what_is_registered(native: Native) -> None:
    request = ticket_pb2.WatchTicketsRequest(parent=ORG, heartbeat_seconds=300)
    stream = native.tickets.WatchTickets(request, metadata=native.headers())
    await stream.read()

    await save_script(native, script())
    waiting = asyncio.ensure_future(stream.read())
    done, _ = await asyncio.wait([waiting], timeout=1)

    assert not done
    waiting.cancel()
    stream.cancel()


@pytest.mark.envoy
async def test_a_runbook_is_registered_over_rest(rest: Rest) -> None:
    said = {
        "displayName": "free the disk",
        "nodes": [{"id": "ask", "approval": {"message": "sure?"}}],
    }

    made = await rest.request("POST", "/desk/v1/orgs/5/runbooks", json=said)
    got = await rest.request("GET", f"/desk/v1/{made.json()['name']}")

    assert made.status == 200, made.body
    assert got.json() == made.json()
    assert got.json()["nodes"][0]["approval"] == {"message": "sure?"}

"""The stories of rules: how one is kept, and how an event becomes a run that mends it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import grpc.aio
import pytest

from tests.conftest import Native
from tests.dialects.iautomate.guide import pushed
from tests.runs.machine import Machine
from tests.stack import Rest, Stack

from .conftest import new_org
from .way import Json, NativeWay, Refused, Way

pytestmark = pytest.mark.envoy
FILTER = 'kind = EVENT AND summary : "disk full"'


async def do(way: Way, method: str, **request: object) -> Json:
    return await way.call(method, request)


async def outside(way: Way, org: str) -> str:
    """Registers a runbook that a tool outside carries out."""
    said = {"displayName": "outside", "tool": "TOOL_EXTERNAL"}
    saved = await do(way, "RunbookService.SaveRunbook", parent=org, runbook=said)
    return str(saved["name"])


async def test_a_rule_lives_from_its_making_to_its_end(way: Way, own: str) -> None:
    said = {
        "displayName": "full disk",
        "filter": FILTER,
        "runbook": await outside(way, own),
        "description": "frees it",
        "parameters": {"who": "{requester}"},
        "approval": {"message": "may it?"},
        "disabled": True,
    }
    made = await do(way, "RuleService.SaveRule", parent=own, rule=said)
    again = await do(way, "RuleService.SaveRule", parent=own, rule=said)
    changed = await do(
        way, "RuleService.SaveRule", parent=own, rule=made | {"disabled": False, "approval": None}
    )
    with pytest.raises(Refused) as late:
        await do(way, "RuleService.SaveRule", parent=own, rule=made)
    shown = await do(way, "RuleService.GetRule", name=made["name"])
    listed = await do(way, "RuleService.ListRules", parent=own)
    await do(way, "RuleService.DeleteRule", name=made["name"], etag=shown["etag"])
    with pytest.raises(Refused) as gone:
        await do(way, "RuleService.GetRule", name=made["name"])

    assert made["name"] == f"{own}/rules/1"
    assert {key: made[key] for key in said} == said
    assert again == made
    assert late.value.code == "ABORTED"
    assert shown == changed == listed["rules"][0]
    assert (shown["disabled"], shown.get("approval")) == (False, None)
    assert gone.value.code == "NOT_FOUND"


async def test_a_rule_that_cannot_be_is_refused_in_words(way: Way, own: str) -> None:
    runbook = await outside(way, own)
    usual = {"displayName": "full disk", "filter": FILTER, "runbook": runbook}

    async def refused(**said: object) -> str:
        with pytest.raises(Refused) as caught:
            await do(way, "RuleService.SaveRule", parent=own, rule=usual | said)
        return f"{caught.value.code} {caught.value.message}"

    assert await refused(filter="state == LOGGED") == (
        "INVALID_ARGUMENT filter: a value of state, in quotes if it is not one word, is expected"
        " at character 8, where = stands"
    )
    assert "there is no field colour" in await refused(filter="colour = red")
    assert "{colour} is no field of tickets" in await refused(parameters={"a": "{colour}"})
    assert "NOT_FOUND" in await refused(runbook=f"{own}/runbooks/99")
    assert "is not in orgs/" in await refused(runbook="orgs/1/runbooks/1")
    assert "is required" in await refused(displayName="")


async def test_who_may_not_register_is_told_so(way: Way, org: str) -> None:
    said = {"displayName": "full disk", "filter": FILTER, "runbook": f"{org}/runbooks/1"}
    with pytest.raises(Refused) as agent:
        await do(way, "RuleService.SaveRule", parent=org, rule=said)
    with pytest.raises(Refused) as stranger:
        await do(way, "RuleService.ListRules", parent="orgs/999999")

    assert agent.value.code == "PERMISSION_DENIED"
    assert stranger.value.code == "NOT_FOUND"


class Site:
    """An org with a machine that a runbook may look at, and a rule that has it do so."""

    def __init__(self, way: Way, rest: Rest, org: str) -> None:
        self._way = way
        self._rest = rest
        self._org = org
        self._number = org.partition("/")[2]

    async def prepare(self, machine: Machine) -> None:
        target = machine.target(patterns=("echo *",))
        way, org = self._way, self._org
        await do(
            way, "SecretService.CreateSecret", parent=org, secretId="far", value=machine.secret
        )
        said = {
            "name": f"{org}/targets/far",
            "kind": "KIND_SSH",
            "host": target.host,
            "port": target.port,
            "user": target.user,
            "knownHosts": target.known_hosts,
            "keySecret": "far",
            "allowedCommands": list(target.patterns),
        }
        await do(way, "TargetService.SaveTarget", parent=org, target=said)
        node = {"id": "mend", "command": {"target": "far", "command": "echo freed {host}"}}
        book = {"displayName": "mend", "parameters": [{"name": "host"}], "nodes": [node]}
        runbook = await do(way, "RunbookService.SaveRunbook", parent=org, runbook=book)
        rule = {
            "displayName": "full disk",
            "filter": FILTER,
            "runbook": runbook["name"],
            "parameters": {"host": "{assignment_group}"},
            "approval": {"message": "may it be freed?"},
        }
        await do(way, "RuleService.SaveRule", parent=org, rule=rule)

    async def push(self, ticket: str, **said: str) -> None:
        """Pushes an event by iAutomate's API, as a monitoring tool does."""
        usual = {"TicketNumber": ticket, "sys_id": ticket, "ModuleId": "9"}
        event = pushed(5, **(usual | said))
        path = f"/v2/incident/orgentityid/{self._number}"
        headers = {"Content-Type": "application/json"}
        answer = await self._rest.request("POST", path, data=json.dumps([event]), headers=headers)
        assert answer.json()["Status"] == "Success"

    async def status(self, ticket: str) -> str:
        """Returns what iAutomate's API says of an event."""
        path = f"/v2/event/TicketStatus/{ticket}/{self._number}"
        answer = (await self._rest.request("GET", path)).json()
        return str(answer["Result"][0]["TicketStatus"])

    async def reaches(self, ticket: str, status: str) -> None:
        async with asyncio.timeout(60):
            while True:
                if await self.status(ticket) == status:
                    return
                await asyncio.sleep(0.1)

    async def printed(self, run: Json) -> Any:
        """Returns what iAutomate's API says that a run has printed."""
        path = f"/api/v1/status/{self._number}/{run['name'].partition('/')[2]}"
        return (await self._rest.request("GET", path)).json()

    async def runs(self) -> list[Json]:
        """Returns all runs of the org."""
        found: list[Json] = (await do(self._way, "RunService.ListRuns", parent=self._org))["runs"]
        return found

    async def decide(self, how: str, run: Json) -> None:
        await do(self._way, f"RunService.{how}Run", name=run["name"], message="by the book")


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    running = Machine(tmp_path)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def site(shared: Stack, machine: Machine) -> AsyncIterator[Site]:
    async with (
        grpc.aio.insecure_channel(f"127.0.0.1:{shared.port}") as channel,
        aiohttp.ClientSession() as session,
    ):
        way = NativeWay(channel, Native.headers())
        made = Site(way, Rest(session, shared.port), await new_org(way, "ROLE_ADMIN"))
        await made.prepare(machine)
        yield made


async def test_an_event_is_mended_by_the_runbook_of_a_rule_with_somebodys_leave(
    site: Site, machine: Machine
) -> None:
    await site.push("EVT1", Summary="Disk full on db-1", AssignedGroup="db-1; rm x")
    await site.push("EVT2", Summary="All is well")
    await site.push("EVT3", Summary="Disk full on db-3", AssignedGroup="db-3")
    await site.reaches("EVT3", "Move to Assignation Decision")
    before = list(machine.commands)
    (run,) = await site.runs()
    await site.decide("Approve", run)
    await site.reaches("EVT3", "Execution Successful and Marked for Closure")

    printed = await site.printed(run)
    assert before == []
    assert await site.status("EVT2") == "Data Collected"
    assert (run["actor"], run["parameters"]) == ("rule 1", {"host": "db-3"})
    assert "freed db-3" in json.dumps(printed)
    # What would have been another command is refused by policy before anything begins.
    assert await site.status("EVT1") == "Data Collected"


async def test_what_somebody_rejects_is_released_and_nothing_is_executed(
    site: Site, machine: Machine
) -> None:
    await site.push("EVT1", Summary="disk full", AssignedGroup="db-1")
    await site.reaches("EVT1", "Move to Assignation Decision")
    (run,) = await site.runs()
    await site.decide("Reject", run)
    await site.reaches("EVT1", "Marked for Release")

    assert machine.commands == []

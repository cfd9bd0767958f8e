"""What an order comes to, by what the org has registered, and what policy says of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from polydesk.domain.errors import Denied, Invalid, NotFound
from polydesk.domain.identity import Caller
from polydesk.domain.order import Order, Prepared, Verdict, prepare_command, prepare_script
from polydesk.domain.plan import Library, PlannedCommand, Step, ask_first, plan_runbook
from polydesk.domain.ports import Clock, Store
from polydesk.domain.registered import Registered
from polydesk.domain.runbook import MOST_NODES, Runbook, RunRunbook, RunScript
from polydesk.domain.script import Script
from polydesk.domain.target import TargetKind, written
from polydesk.domain.ticket import LONGEST_NAME


class Orders:
    """Prepares orders, and asks policy."""

    def __init__(self, *, store: Store, clock: Clock, local: bool) -> None:
        self._store = store
        self._clock = clock
        self._local = local

    async def prepare(self, org: int, order: Order) -> Prepared:
        """Returns what an order comes to, by what is registered now. Raises NotFound, Invalid."""
        if order.command:
            return prepare_command(order.command)
        if order.script:
            return prepare_script(await self._script(org, order.script), order.inputs)
        runbook = await self._runbook(org, order.runbook)
        plan = plan_runbook(runbook, order.parameters, await self._library(runbook))
        if order.approval:
            plan = ask_first(plan, order.approval)
        return Prepared(
            title=runbook.spec.name,
            tool=runbook.spec.tool,
            plan=plan,
            runbook=runbook.id,
            version=runbook.revision,
        )

    async def verdicts(self, org: int, steps: Sequence[Step]) -> list[Verdict]:
        """Returns what policy says of each step."""
        return [Verdict(step=step, refusal=await self._refusal(org, step)) for step in steps]

    async def check_policy(self, caller: Caller, org: int, steps: Sequence[Step]) -> None:
        """Refuses steps that policy does not let be carried out, and tells it."""
        for verdict in await self.verdicts(org, steps):
            work = verdict.step.work
            if verdict.refusal and isinstance(work, PlannedCommand):
                told = {"target": work.target[:LONGEST_NAME], "command": written(work.argv)}
                stamp = caller.stamp(self._clock.now())
                denied = told | {"refusal": verdict.refusal}
                await self._store.runs.tell(org, "run.deny", denied, stamp)
                raise Denied(verdict.refusal, node=verdict.step.id)

    async def _library(self, runbook: Registered[Runbook]) -> Library:
        """Finds what a runbook and those within it are made of."""
        runbooks = {runbook.id: runbook}
        left = [runbook]
        while left:
            nodes = left.pop().spec.nodes
            wanted = {each.work.runbook for each in nodes if isinstance(each.work, RunRunbook)}
            for id_ in sorted(wanted - runbooks.keys()):
                runbooks[id_] = await self._runbook(runbook.org, id_)
                left.append(runbooks[id_])
                if len(runbooks) > MOST_NODES:
                    raise Invalid(f"a run has at most {MOST_NODES} runbooks")
        nodes = tuple(node for each in runbooks.values() for node in each.spec.nodes)
        scripts = {each.work.script for each in nodes if isinstance(each.work, RunScript)}
        found = await asyncio.gather(*(self._script(runbook.org, id_) for id_ in sorted(scripts)))
        return Library(scripts={each.id: each for each in found}, runbooks=runbooks)

    async def _runbook(self, org: int, id_: int) -> Registered[Runbook]:
        runbook = await self._store.runbooks.get(org, id_)
        if runbook is None:
            raise NotFound(f"org {org} has no runbook {id_}")
        return runbook

    async def _script(self, org: int, id_: int) -> Registered[Script]:
        script = await self._store.scripts.get(org, id_)
        if script is None:
            raise NotFound(f"org {org} has no script {id_}")
        return script

    async def _refusal(self, org: int, step: Step) -> str:
        if not isinstance(step.work, PlannedCommand):
            return ""
        target = await self._store.targets.find(org, step.work.target[:LONGEST_NAME])
        if target is None:
            return f"org {org} has no target {step.work.target[:100]}"
        if target.spec.kind is TargetKind.LOCAL and not self._local:
            return "this hub has no local targets: POLYDESK_LOCAL_TARGETS is not set"
        return target.spec.refusal(step.work.argv)

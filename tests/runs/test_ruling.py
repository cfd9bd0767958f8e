"""What rules start for new tickets, on both engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from polydesk.domain.errors import Invalid, NotFound, Unavailable
from polydesk.domain.plan import FIRST
from polydesk.domain.registered import Registered
from polydesk.domain.rule import Rule
from polydesk.domain.ruling import Ruler, Rules
from polydesk.domain.run import RunState
from polydesk.domain.runbook import (
    Approve,
    Node,
    Parameter,
    ParameterType,
    RunCommand,
    Tool,
)
from polydesk.domain.shelf import Targets
from polydesk.domain.target import Target, TargetKind
from polydesk.domain.ticket import Kind, Level, Ticket
from polydesk.store import SqlStore, open_store
from tests.runs.bench import ANN, Bench, Hand
from tests.store.records import ORG, draft

EVENTS = 'kind = EVENT AND summary : "disk full"'


class Ruling(Bench):
    """A bench with rules and rulers; its clock never stands still, so tickets have an order."""

    def __init__(self, store: SqlStore) -> None:
        super().__init__(store, Hand(step=timedelta(milliseconds=1)))
        self.rules = Rules(store=store, clock=self.clock)
        self._ruler = self.ruler()

    def ruler(self) -> Ruler:
        return Ruler(runs=self.runs, store=self.store, clock=self.clock)

    async def rule(self, **said: Any) -> Registered[Rule]:
        usual: dict[str, Any] = {"name": "full disk", "filter": EVENTS, "runbook": 1}
        return await self.rules.save(ANN, ORG, Rule(**(usual | said)))

    async def ticket(self, number: str, **said: Any) -> Ticket:
        usual: dict[str, Any] = {"kind": Kind.EVENT, "summary": "Disk full on db-1"}
        stamp = ANN.stamp(self.clock.now())
        return await self.store.tickets.create(
            ORG, draft(number, **(usual | said)), stamp=stamp, once=None
        )

    async def look(self) -> None:
        await self._ruler.look()


@pytest.fixture
async def bench(store_url: str) -> AsyncIterator[Ruling]:
    store = await open_store(store_url)
    made = Ruling(store)
    await made.runbook()
    yield made
    await store.close()


async def test_a_new_ticket_that_fits_starts_one_run_however_many_look(bench: Ruling) -> None:
    rule = await bench.rule()
    fits = await bench.ticket("E1")
    await bench.ticket("I1", kind=Kind.INCIDENT)
    await bench.ticket("E2", summary="all is well")

    for _ in range(3):
        await asyncio.gather(*(bench.ruler().look() for _ in range(4)))

    runs = await bench.found()
    assert [(run.ticket, run.rule, run.actor) for run in runs] == [(fits.id, rule.id, "rule 1")]
    assert len(await bench.told("run.start")) == 1


async def test_who_dies_between_the_run_and_the_next_ticket_has_started_it_once(
    bench: Ruling, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.rule()
    await bench.ticket("E1")
    with monkeypatch.context() as dying:
        dying.setattr(bench.store.rules, "advance", _dies)
        for _ in range(3):
            with pytest.raises(Unavailable):
                await bench.ruler().look()
    await bench.rule(parameters={}, description="said anew meanwhile")
    await bench.look()

    assert len(await bench.found()) == 1
    assert await bench.told("rule.fail") == []


async def _dies(*_: object, **__: object) -> bool:
    raise Unavailable("the database is away")


async def test_a_rule_is_for_tickets_that_come_after_it(bench: Ruling) -> None:
    await bench.ticket("E1")
    await bench.rule()
    await bench.look()
    none = await bench.found()
    later = await bench.ticket("E2")
    await bench.look()

    assert none == []
    assert [run.ticket for run in await bench.found()] == [later.id]


async def test_a_rule_that_was_switched_off_passes_over_what_came_meanwhile(
    bench: Ruling,
) -> None:
    await bench.rule()
    await bench.rule(enabled=False)
    await bench.ticket("E1")
    await bench.look()
    await bench.rule(enabled=True)
    later = await bench.ticket("E2")
    await bench.look()

    assert [run.ticket for run in await bench.found()] == [later.id]


async def test_a_changed_rule_goes_on_where_it_was(bench: Ruling) -> None:
    await bench.rule()
    first = await bench.ticket("E1", summary="it burns")
    await bench.rule(filter='summary : "burns"')
    await bench.look()

    assert [run.ticket for run in await bench.found()] == [first.id]


async def test_more_tickets_than_one_look_takes_have_a_run_each(bench: Ruling) -> None:
    await bench.rule()
    many = [(await bench.ticket(f"E{number}")).id for number in range(230)]
    await bench.look()

    assert [run.ticket for run in await bench.found()] == many


async def test_a_run_is_told_what_the_ticket_says(bench: Ruling) -> None:
    names = ("who", "what", "host", "none")
    await bench.runbook(parameters=tuple(Parameter(name=name) for name in names))
    await bench.rule(
        parameters={
            "who": "{{{requester}/{impact}",
            "what": "{kind} {number}: {summary}",
            "host": "{custom_host}",
            "none": "{custom_nothing}",
        }
    )
    custom = {"host": "db-1"}
    await bench.ticket("E1", requester="ann@x.org", impact=Level.HIGH, custom=custom)
    await bench.look()

    (run,) = await bench.found()
    assert run.parameters == {
        "who": "{ann@x.org/HIGH",
        "what": "EVENT E1: Disk full on db-1",
        "host": "db-1",
        "none": "",
    }


async def test_somebody_is_asked_before_anything_begins(bench: Ruling) -> None:
    targets = Targets(store=bench.store.targets, clock=bench.clock, local=True)
    here = Target(name="here", kind=TargetKind.LOCAL, patterns=("echo *",))
    await targets.save(ANN, ORG, here)
    work = RunCommand(target="here", command="echo {what}")
    nodes = (Node(id="a", work=work), Node(id="b", work=work, needs=("a",)))
    book = await bench.runbook(
        name="echo", tool=Tool.COMMANDS, parameters=(Parameter(name="what"),), nodes=nodes
    )
    await bench.rule(runbook=book, parameters={"what": "{number}"}, approval=Approve(message="ok?"))
    await bench.ticket("E1")
    await bench.look()

    (run,) = await bench.found()
    plan = await bench.store.runs.plan(run.id)
    needs = [(step.id, step.needs) for step in plan.steps]
    assert needs == [(FIRST, ()), ("a", (FIRST,)), ("b", ("a",))]
    assert plan.steps[0].work == Approve(message="ok?")
    assert run.state is RunState.QUEUED


async def test_why_a_rule_started_nothing_stands_in_the_history_of_the_ticket_once(
    bench: Ruling,
) -> None:
    secret = Parameter(name="password", type=ParameterType.SECRET)
    book = await bench.runbook(name="secretive", parameters=(secret,))
    await bench.rule(name="too curious", runbook=book, parameters={"password": "{summary}"})
    await bench.rule(name="unknown parameter", parameters={"colour": "red"})
    await bench.rule(name="asks outside", approval=Approve())
    await bench.rule(name="works")
    ticket = await bench.ticket("E1")
    for _ in range(3):
        await bench.ruler().look()

    told = await bench.told("rule.fail")
    assert {id_ for id_, _ in told} == {ticket.id}
    assert [(said["name"], said["reason"]) for _, said in told] == [
        (
            "too curious",
            "parameter password is secret: the rule names the secret, no ticket does",
        ),
        ("unknown parameter", "there is no parameter colour"),
        ("asks outside", "a runbook of an external tool asks nobody: it begins outside"),
    ]
    assert [run.rule for run in await bench.found()] == [4]


async def test_a_rule_that_fails_unforeseen_holds_up_no_other(
    bench: Ruling, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.rule(name="breaks", description="breaks")
    await bench.rule(name="works")
    await bench.ticket("E1")
    whole = Rule.told

    def breaks(rule: Rule, ticket: Ticket) -> dict[str, str]:
        if rule.description:
            raise RuntimeError(rule.description)
        return whole(rule, ticket)

    with monkeypatch.context() as broken:
        broken.setattr(Rule, "told", breaks)
        await bench.look()
    others = await bench.found()
    await bench.look()

    assert [run.rule for run in others] == [2]
    assert sorted(run.rule for run in await bench.found()) == [1, 2]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"filter": ""}, "rule.filter is required"),
        ({"filter": "colour = red"}, "there is no field colour"),
        ({"parameters": {"a": "{colour}"}}, "{colour} is no field of tickets"),
        ({"name": "two\nlines"}, "name is required, in one line"),
        ({"runbook": 0}, "rule.runbook is required"),
        ({"approval": Approve(message="a" * 1_001)}, "at most 1000"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_in_words(said: dict[str, Any], words: str) -> None:
    usual: dict[str, Any] = {"name": "full disk", "filter": EVENTS, "runbook": 1}
    with pytest.raises(Invalid) as refused:
        Rule(**(usual | said))

    assert words in refused.value.message


async def test_a_rule_of_a_runbook_that_is_not_there_is_refused(bench: Ruling) -> None:
    with pytest.raises(NotFound, match="no runbook 9"):
        await bench.rule(runbook=9)

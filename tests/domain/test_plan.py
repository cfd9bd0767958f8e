"""A plan of runbooks within runbooks: one graph, in which each keeps its own parameters."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.plan import Library, Plan, PlannedCommand, plan_runbook, told_parameters
from polydesk.domain.registered import Registered
from polydesk.domain.runbook import (
    Await,
    Node,
    Parameter,
    ParameterType,
    Runbook,
    RunCommand,
    RunRunbook,
    Tool,
)

AT = datetime(2026, 1, 1, tzinfo=UTC)
KEY = Parameter(name="key", type=ParameterType.SECRET)
HOST = Parameter(name="host", required=True)


def command(id_: str, text: str, *needs: str) -> Node:
    return Node(id=id_, needs=needs, work=RunCommand(target="here", command=text))


def within(id_: str, runbook: int, *needs: str, **told: str) -> Node:
    return Node(id=id_, needs=needs, work=RunRunbook(runbook=runbook, parameters=told))


def plan_of(*runbooks: Runbook, **said: str) -> Plan:
    """Plans the first of some runbooks, which are numbered from 1."""
    registered = {
        id_: Registered(id=id_, org=1, spec=spec, created_at=AT, updated_at=AT)
        for id_, spec in enumerate(runbooks, start=1)
    }
    return plan_runbook(registered[1], said, Library(runbooks=registered))


def book(*nodes: Node, parameters: tuple[Parameter, ...] = ()) -> Runbook:
    return Runbook(name="book", nodes=nodes, parameters=parameters)


def words(plan: Plan) -> dict[str, str]:
    return {
        step.id: " ".join(step.work.argv)
        for step in plan.steps
        if isinstance(step.work, PlannedCommand)
    }


def test_what_a_runbook_within_does_comes_after_what_it_needs_and_before_what_needs_it() -> None:
    outer = book(
        command("a", "first"),
        within("b", 2, "a", host="h1"),
        within("c", 2, "a", host="h2"),
        command("d", "last", "b", "c"),
    )
    inner = book(
        command("x", "look {host}"),
        command("y", "left {host}", "x"),
        command("z", "right", "x"),
        parameters=(HOST,),
    )

    plan = plan_of(outer, inner)

    assert {step.id: set(step.needs) for step in plan.steps} == {
        "a": set(),
        "b.x": {"a"},
        "b.y": {"b.x"},
        "b.z": {"b.x"},
        "c.x": {"a"},
        "c.y": {"c.x"},
        "c.z": {"c.x"},
        "d": {"b.y", "b.z", "c.y", "c.z"},
    }
    assert words(plan)["b.y"] == "left h1"
    assert words(plan)["c.x"] == "look h2"


def test_each_knows_its_own_parameters_however_deep_it_is() -> None:
    top = book(
        within("in", 2, host="{site}-web"), parameters=(Parameter(name="site", default="s1"), KEY)
    )
    middle = book(
        within("deep", 3, host="{host}-1"), command("own", "echo {host}"), parameters=(HOST,)
    )
    lowest = book(command("x", "echo {host}"), parameters=(HOST,))

    plan = plan_of(top, middle, lowest, key="k")

    assert words(plan) == {"in.deep.x": "echo s1-web-1", "in.own": "echo s1-web"}
    scopes = {step.id: plan.scope_of(step).values for step in plan.steps}
    assert scopes == {"in.deep.x": {"host": "s1-web-1"}, "in.own": {"host": "s1-web"}}
    assert plan.values == {"site": "s1", "key": "k"}


def test_a_secret_is_handed_on_by_its_name_to_a_secret_parameter_alone() -> None:
    handed = plan_of(
        book(within("in", 2, key="{key}"), parameters=(KEY,)),
        book(command("x", "true"), parameters=(KEY,)),
        key="db-password",
    )
    (step,) = handed.steps
    scope = handed.scope_of(step)

    assert scope.secrets == {"key": "db-password"}
    assert told_parameters(scope, {"key": "hush"}) == {"key": "hush"}
    for told, inner in (("{key}", HOST), ("x{key}", KEY)):
        with pytest.raises(Invalid, match="it stands alone, for a secret parameter"):
            plan_of(
                book(within("in", 2, **{inner.name: told}), parameters=(KEY,)),
                book(command("x", "true"), parameters=(inner,)),
                key="db-password",
            )


def test_a_runbook_of_an_outside_tool_is_one_node_that_waits_for_it() -> None:
    outside = Runbook(name="outside", tool=Tool.EXTERNAL, parameters=(HOST,))

    plan = plan_of(book(within("in", 2, host="h"), command("b", "true", "in")), outside)

    assert [(step.id, type(step.work)) for step in plan.steps] == [
        ("in", Await),
        ("b", PlannedCommand),
    ]
    with pytest.raises(Missing, match="parameter host is required"):
        plan_of(book(within("in", 2)), outside)


def test_what_cannot_be_planned_is_refused() -> None:
    with pytest.raises(Invalid, match="runbook 1 is within itself"):
        plan_of(book(within("in", 2)), book(within("back", 1)))
    with pytest.raises(Invalid, match="at most 100 nodes"):
        plan_of(
            book(*(within(f"n{number}", 2) for number in range(3))),
            book(*(command(f"n{number}", "true") for number in range(40))),
        )
    with pytest.raises(Invalid, match="there is no parameter other"):
        plan_of(book(within("in", 2, other="x")), book(command("x", "true")))
    with pytest.raises(Invalid, match=r"{other} is no parameter"):
        book(within("in", 2, host="{other}"))
    with pytest.raises(Missing):
        book(within("in", 0))

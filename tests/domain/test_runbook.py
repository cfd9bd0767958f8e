"""Runbooks: which graphs are taken, and which never could be carried out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polydesk.domain.errors import Invalid
from polydesk.domain.runbook import (
    MOST_NODES,
    Approve,
    Node,
    Parameter,
    ParameterType,
    Runbook,
    RunCommand,
    Tool,
    Wait,
    check_graph,
)


def node(id_: str, *needs: str, work: Any = None) -> Node:
    return Node(id=id_, needs=needs, work=work or Approve())


def runbook(*nodes: Node, **said: Any) -> Runbook:
    return Runbook(**({"name": "r", "nodes": nodes} | said))


def command(text: str) -> Node:
    return node("a", work=RunCommand(target="t", command=text))


edges = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20)


@given(edges)
def test_a_graph_is_taken_when_and_only_when_its_nodes_can_be_put_in_order(
    edges: list[tuple[int, int]],
) -> None:
    needs = {index: {a for a, b in edges if b == index} for index in range(8)}
    nodes = [node(str(index), *map(str, sorted(needs[index]))) for index in range(8)]
    left = dict(needs)
    while ready := [index for index, wanted in left.items() if not wanted & left.keys()]:
        for index in ready:
            del left[index]

    if left:
        with pytest.raises(Invalid, match="circle"):
            check_graph(nodes)
    else:
        check_graph(nodes)


@given(st.permutations(range(6)))
def test_the_order_in_which_nodes_are_written_does_not_count(order: list[int]) -> None:
    chain = [node(str(index), *([str(index - 1)] if index else [])) for index in range(6)]

    check_graph([chain[index] for index in order])


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        ([node("a", "b")], "a needs b, which is no node"),
        ([node("a", "a")], "circle"),
        ([node("a"), node("a")], "twice"),
        ([node("")], "no id"),
        ([node("a b")], "no id"),
        ([node("../x")], "no id"),
        ([node("x" * 41)], "no id"),
        ([node(str(index)) for index in range(MOST_NODES + 1)], "at most 100"),
        ([], "at least one node"),
    ],
)
def test_a_graph_that_cannot_be_is_refused(nodes: list[Node], told: str) -> None:
    with pytest.raises(Invalid, match=told):
        runbook(*nodes)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"tool": Tool.EXTERNAL}, "no nodes"),
        ({"parameters": (Parameter(name="1x"),)}, "no name"),
        ({"parameters": (Parameter(name="x"), Parameter(name="x"))}, "twice"),
        (
            {"parameters": (Parameter(name="x", type=ParameterType.NUMBER, default="a"),)},
            "no NUMBER",
        ),
        (
            {"parameters": (Parameter(name="x", type=ParameterType.BOOLEAN, default="yes"),)},
            "no BOOLEAN",
        ),
    ],
)
def test_a_runbook_that_makes_no_sense_is_refused(said: dict[str, Any], told: str) -> None:
    with pytest.raises(Invalid, match=told):
        runbook(node("a"), **said)


def test_a_runbook_of_an_external_tool_has_no_nodes() -> None:
    assert runbook(tool=Tool.EXTERNAL).nodes == ()


def test_a_command_may_name_parameters_only() -> None:
    known = Parameter(name="disk")

    runbook(command("df -h {disk}"), parameters=(known,))
    with pytest.raises(Invalid, match="no parameter"):
        runbook(command("df -h {dsik}"), parameters=(known,))


def test_a_command_may_not_tell_a_secret() -> None:
    secret = Parameter(name="password", type=ParameterType.SECRET)

    with pytest.raises(Invalid, match="secret"):
        runbook(command("login {password}"), parameters=(secret,))


@pytest.mark.parametrize("seconds", [0, -1, 367 * 86_400])
def test_a_wait_has_bounds(seconds: int) -> None:
    with pytest.raises(Invalid, match="wait"):
        runbook(node("a", work=Wait(seconds=seconds)))

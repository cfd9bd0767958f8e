"""How the graph of a run is drawn."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from polydesk.cli.graph import drawn
from polydesk.client.messages import run_pb2

Node = run_pb2.Run.Node


def lines(*nodes: Node) -> list[str]:
    return list(drawn(nodes, lambda node: node.id))


def test_a_node_stands_below_the_last_one_that_it_needs_and_tells_of_the_others() -> None:
    nodes = (
        Node(id="look"),
        Node(id="left", needs=["look"]),
        Node(id="right", needs=["look"]),
        Node(id="both", needs=["left", "right"]),
        Node(id="alone"),
    )

    assert lines(*nodes) == [
        "look",
        "├─ left",
        "└─ right",
        "   └─ both  (also after left)",
        "alone",
    ]


@given(st.lists(st.lists(st.integers(0, 29), max_size=3, unique=True), max_size=30))
def test_each_node_of_any_graph_is_drawn_once(needs: list[list[int]]) -> None:
    nodes = [
        Node(id=f"n{place}", needs=[f"n{need}" for need in each if need < place])
        for place, each in enumerate(needs)
    ]

    told = [line.partition("  (also")[0].split("─ ")[-1] for line in lines(*nodes)]

    assert sorted(told) == sorted(node.id for node in nodes)

"""Graphs of nodes as lines of text: each node below the last one of those that it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polydesk.client.messages import run_pb2


def drawn(
    nodes: Sequence[run_pb2.Run.Node], line_of: Callable[[run_pb2.Run.Node], str]
) -> Iterator[str]:
    """Yields a line for each node; what it needs beside the node above it stands behind it."""
    places = {node.id: place for place, node in enumerate(nodes)}
    below: dict[str, list[run_pb2.Run.Node]] = {}
    for node in nodes:
        below.setdefault(max(node.needs, key=places.__getitem__, default=""), []).append(node)

    def branch(parent: str, before: str) -> Iterator[str]:
        children = below.get(parent, [])
        for child in children:
            last = child is children[-1]
            others = [need for need in child.needs if need != parent]
            also = f"  (also after {', '.join(others)})" if others else ""
            corner = ("└─ " if last else "├─ ") if parent else ""
            yield f"{before}{corner}{line_of(child)}{also}"
            yield from branch(child.id, before + ("   " if last else "│  ") if parent else before)

    yield from branch("", "")

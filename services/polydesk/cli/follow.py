"""Following a run on the terminal: its graph, what becomes of its nodes, and what they print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from polydesk.cli.failure import Failure, Status
from polydesk.cli.graph import drawn
from polydesk.cli.listing import printable, show_json
from polydesk.cli.message import word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polydesk.client import Client, HubError
    from polydesk.client.messages import run_pb2

_STDERR = ("stderr", "note")


async def follow(client: Client, name: str, *, cursor: str, as_json: bool) -> None:
    """Prints what a run prints, and on stderr how it goes on, until it has ended."""
    from polydesk.client.messages import run_pb2  # noqa: PLC0415 - keeps --help quick

    seen = run_pb2.Run()
    async for answer in client.watch_run(name, cursor=cursor, on_loss=_tell_loss):
        if as_json:
            show_json(answer)
        else:
            for line in answer.output.lines:
                _say(line)
            if answer.HasField("run"):
                _tell_change(seen, answer.run)
        if answer.HasField("run"):
            seen = answer.run
    if seen.state != run_pb2.Run.STATE_SUCCEEDED:
        raise Failure("", status=Status.FAILED)


def line_of(node: run_pb2.Run.Node) -> str:
    """Returns what is to be said of a node."""
    tries = [
        f"{each.number}: {word(each, 'outcome')} on {each.machine}"
        + (f", exit code {each.exit_code}" if each.HasField("exit_code") else "")
        for each in node.attempts
    ]
    told = "; ".join(tries + ([node.message] if node.message else []))
    return f"{node.id}  {word(node, 'state')}  {told}".rstrip()


def _say(line: Any) -> None:
    spoken = word(line, "stream")
    text = line.text if spoken == "stdout" else f"[{line.node}] {line.text}"
    typer.echo(printable(text), err=spoken in _STDERR)


def _tell_change(seen: run_pb2.Run, found: run_pb2.Run) -> None:
    """Tells what is new of a run: its graph at first and at the end, between them its nodes."""
    if len(found.nodes) > 1:
        for line in _news(seen, found):
            typer.echo(printable(f"  {line}"), err=True)
    if found.state != seen.state:
        told = f"{found.name}: {word(found, 'state')} {found.message}"
        typer.echo(printable(told).rstrip(), err=True)


def _news(seen: run_pb2.Run, found: run_pb2.Run) -> Iterable[str]:
    before = {node.id: node.state for node in seen.nodes}
    if not before or found.HasField("end_time"):
        return drawn(found.nodes, line_of)
    return [line_of(node) for node in found.nodes if before[node.id] != node.state]


def _tell_loss(error: HubError) -> None:
    typer.echo(f"polydesk: {printable(error.message)}; trying again", err=True)

"""`polydesk run`: starts runs, looks at them, and follows them to their end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polydesk.cli.connection import connected
from polydesk.cli.failure import Failure
from polydesk.cli.follow import follow, line_of
from polydesk.cli.graph import drawn
from polydesk.cli.listing import Row, first, page_size, show_fields, show_json
from polydesk.cli.message import choose, moment, word
from polydesk.cli.name import name_in
from polydesk.cli.options import AsJson
from polydesk.cli.script import read_text, show_all
from polydesk.cli.ticket import Limit, Org

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from polydesk.client import Client
    from polydesk.client.messages import run_pb2

run = typer.Typer(help="Runs of runbooks, scripts and commands.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="RUN", help="runs/42, or 42.")]
Node = Annotated[str, typer.Option(help="The node that waits, where several do.")]
Message = Annotated[str, typer.Option(help="Why.")]


@run.command("start")
@connected
async def start_run(  # noqa: PLR0913 - each is an option
    client: Client,
    org: Org,
    *,
    runbook: Annotated[int, typer.Option(min=0, help="The number of a runbook.")] = 0,
    script: Annotated[int, typer.Option(min=0, help="The number of a script.")] = 0,
    inputs: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The JSON that the script is told.")
    ] = None,
    target: Annotated[str, typer.Option(help="Where --command runs.")] = "",
    command: Annotated[str, typer.Option(help="A command, as one text.")] = "",
    parameter: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="May be repeated.")
    ] = None,
    ticket: Annotated[str, typer.Option(help="The ticket it belongs to: tickets/42.")] = "",
    key: Annotated[str, typer.Option(help="Makes two starts with the same key one.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tells what would be done.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Follows it to its end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Starts a run and prints its name."""
    from polydesk.client.messages import run_pb2  # noqa: PLC0415 - keeps --help quick

    request = run_pb2.StartRunRequest(
        parent=f"orgs/{org}",
        parameters=read_parameters(parameter or []),
        ticket=name_in(ticket, "tickets") if ticket else "",
        key=key,
        dry_run=dry_run,
    )
    if runbook:
        request.runbook = runbook
    elif script:
        request.script.script = script
        request.script.inputs_json = read_text(inputs) if inputs else ""
    elif command:
        request.command.target, request.command.command = target, command
    else:
        raise Failure("say what: --runbook, --script, or --target and --command")
    started = await client.runs.StartRun(request)
    if dry_run:
        previews = list(started.preview)
        show_all(previews, _preview_row, as_json=as_json, none="nothing would be done")
    elif watch:
        await follow(client, started.name, cursor="", as_json=as_json)
    elif as_json:
        show_json(started)
    else:
        typer.echo(started.name)


@run.command("list")
@connected
async def list_runs(  # noqa: PLR0913 - each is an option
    client: Client,
    org: Org,
    *,
    state: Annotated[
        list[str] | None, typer.Option(help="running, failed, …; may be repeated.")
    ] = None,
    runbook: Annotated[int, typer.Option(min=0, help="The number of a runbook.")] = 0,
    ticket: Annotated[str, typer.Option(help="tickets/42.")] = "",
    schedule: Annotated[int, typer.Option(min=0, help="The number of a schedule.")] = 0,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Lists the runs of an org, the newest first."""
    from polydesk.client.messages import run_pb2  # noqa: PLC0415 - keeps --help quick

    states = [choose(run_pb2.Run, "state", each) for each in state or []]
    request = run_pb2.ListRunsRequest(
        parent=f"orgs/{org}",
        page_size=page_size(limit),
        states=states,
        runbook=runbook,
        ticket=name_in(ticket, "tickets") if ticket else "",
        schedule=schedule,
    )
    found = [each async for each in first(_all(client, request), limit)]
    show_all(found, row_of, as_json=as_json, none="no run fits")


@run.command("show")
@connected
async def show_run(client: Client, name: Name, *, as_json: AsJson = False) -> None:
    """Shows a run and its nodes."""
    from polydesk.client.messages import run_pb2  # noqa: PLC0415 - keeps --help quick

    found = await client.runs.GetRun(run_pb2.GetRunRequest(name=run_name(name)))
    if as_json:
        show_json(found)
        return
    nodes = "\n".join(drawn(found.nodes, line_of))
    show_fields({**row_of(found), "message": found.message, "nodes": nodes})


@run.command("watch")
@connected
async def watch_run(
    client: Client,
    name: Name,
    *,
    cursor: Annotated[str, typer.Option(help="Goes on behind it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Prints the output of a run as it comes, until the run has ended; fails where it has."""
    await follow(client, run_name(name), cursor=cursor, as_json=as_json)


@run.command("cancel")
@connected
async def cancel_run(client: Client, name: Name) -> None:
    """Ends a run."""
    from polydesk.client.messages import run_pb2  # noqa: PLC0415 - keeps --help quick

    _tell(await client.runs.CancelRun(run_pb2.CancelRunRequest(name=run_name(name))))


@run.command("approve")
@connected
async def approve_run(
    client: Client, name: Name, *, node: Node = "", message: Message = ""
) -> None:
    """Lets a run go on that waits for an approval."""
    from polydesk.client.messages import run_pb2  # noqa: PLC0415 - keeps --help quick

    request = run_pb2.ApproveRunRequest(name=run_name(name), node=node, message=message)
    _tell(await client.runs.ApproveRun(request))


@run.command("reject")
@connected
async def reject_run(client: Client, name: Name, *, node: Node = "", message: Message = "") -> None:
    """Fails the node that waits for an approval."""
    from polydesk.client.messages import run_pb2  # noqa: PLC0415 - keeps --help quick

    request = run_pb2.RejectRunRequest(name=run_name(name), node=node, message=message)
    _tell(await client.runs.RejectRun(request))


@run.command("rerun")
@connected
async def rerun_run(client: Client, name: Name) -> None:
    """Starts anew what has failed in a run, and prints the name of the new one."""
    from polydesk.client.messages import run_pb2  # noqa: PLC0415 - keeps --help quick

    typer.echo((await client.runs.RerunRun(run_pb2.RerunRunRequest(name=run_name(name)))).name)


def run_name(text: str) -> str:
    """Returns the name of a run: of `42` or `runs/42`."""
    id_ = text.removeprefix("runs/")
    if not id_.isdecimal():
        raise Failure(f"{text!r} is no run, such as runs/42")
    return f"runs/{id_}"


def read_parameters(texts: list[str]) -> dict[str, str]:
    """Reads `name=value` and the like."""
    pairs = [text.partition("=") for text in texts]
    if wrong := [name for name, equals, _ in pairs if not name or not equals]:
        raise Failure(f"{wrong[0]!r} is no NAME=VALUE")
    return {name: value for name, _, value in pairs}


def row_of(found: run_pb2.Run) -> Row:
    """Returns what a list says of a run."""
    return {
        "name": found.name,
        "state": word(found, "state"),
        "title": found.title,
        "ticket": found.ticket,
        "actor": found.actor,
        "created": moment(found.create_time),
        "ended": moment(found.end_time) if found.HasField("end_time") else "",
    }


async def _all(client: Client, request: run_pb2.ListRunsRequest) -> AsyncIterator[run_pb2.Run]:
    from polydesk.client import pages  # noqa: PLC0415 - keeps --help quick

    async for page in pages(client.runs.ListRuns, request):
        for each in page.runs:
            yield each


def _tell(changed: run_pb2.Run) -> None:
    ending = changed.cancelling and not changed.HasField("end_time")
    typer.echo(f"{changed.name}  {'cancelling' if ending else word(changed, 'state')}")


def _preview_row(preview: run_pb2.Run.Preview) -> Row:
    what = " ".join(preview.argv) or preview.waits_for or f"script {preview.script}"
    return {
        "node": preview.node,
        "after": ", ".join(preview.needs),
        "target": preview.target,
        "what": what,
        "verdict": "allowed" if preview.allowed else f"refused: {preview.refusal}",
    }

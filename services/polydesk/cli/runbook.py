"""`polydesk runbook`: registers procedures, which people write in YAML files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polydesk.cli.connection import connected
from polydesk.cli.failure import Failure
from polydesk.cli.listing import Row, show_fields, show_json
from polydesk.cli.message import moment, word
from polydesk.cli.options import AsJson
from polydesk.cli.script import read_text, show_all, tell
from polydesk.cli.ticket import Org

if TYPE_CHECKING:
    from polydesk.client import Client
    from polydesk.client.messages import runbook_pb2

runbook = typer.Typer(help="Runbooks: procedures of several steps.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(metavar="RUNBOOK", min=1, help="Its number.")]
# What people write, and the contract's names for it.
_SECONDS = ("timeout", "duration")


@runbook.command("save")
@connected
async def save_runbook(
    client: Client,
    org: Org,
    file: Annotated[Path, typer.Argument(metavar="FILE.yaml", help="- is stdin.")],
    *,
    number: Annotated[int, typer.Option(min=0, help="Else the hub gives one.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Registers the runbook of a file, or replaces the one of that number or name."""
    from polydesk.client.messages import runbook_pb2  # noqa: PLC0415 - keeps --help quick

    said = read_runbook(read_text(file), str(file))
    said.name = f"orgs/{org}/runbooks/{number}" if number else ""
    request = runbook_pb2.SaveRunbookRequest(parent=f"orgs/{org}", runbook=said)
    tell(await client.runbooks.SaveRunbook(request), as_json=as_json)


@runbook.command("list")
@connected
async def list_runbooks(client: Client, org: Org, *, as_json: AsJson = False) -> None:
    """Lists the runbooks of an org."""
    from polydesk.client import pages  # noqa: PLC0415 - keeps --help quick
    from polydesk.client.messages import runbook_pb2  # noqa: PLC0415 - the same

    request = runbook_pb2.ListRunbooksRequest(parent=f"orgs/{org}")
    found = [
        each
        async for page in pages(client.runbooks.ListRunbooks, request)
        for each in page.runbooks
    ]
    show_all(found, row_of, as_json=as_json, none="no runbook is registered")


@runbook.command("show")
@connected
async def show_runbook(
    client: Client, org: Org, number: Number, *, as_json: AsJson = False
) -> None:
    """Shows a runbook."""
    from polydesk.client.messages import runbook_pb2  # noqa: PLC0415 - keeps --help quick

    request = runbook_pb2.GetRunbookRequest(name=f"orgs/{org}/runbooks/{number}")
    found = await client.runbooks.GetRunbook(request)
    if as_json:
        show_json(found)
        return
    nodes = "\n".join(_line_of(node) for node in found.nodes)
    show_fields({**row_of(found), "description": found.description, "nodes": nodes})


@runbook.command("remove")
@connected
async def remove_runbook(client: Client, org: Org, number: Number) -> None:
    """Removes a runbook."""
    from polydesk.client.messages import runbook_pb2  # noqa: PLC0415 - keeps --help quick

    request = runbook_pb2.DeleteRunbookRequest(name=f"orgs/{org}/runbooks/{number}")
    await client.runbooks.DeleteRunbook(request)


def read_runbook(text: str, file: str) -> runbook_pb2.Runbook:
    """Reads a runbook as people write it: the contract's fields, times in seconds, short enums."""
    import yaml  # noqa: PLC0415 - keeps --help quick
    from google.protobuf.json_format import ParseDict, ParseError  # noqa: PLC0415 - the same

    from polydesk.client.messages import runbook_pb2  # noqa: PLC0415 - the same

    try:
        said = yaml.safe_load(text)
        if not isinstance(said, dict):
            raise Failure(f"{file} is no runbook: it holds no names and values")
        said["display_name"] = said.pop("name", said.get("display_name", ""))
        return ParseDict(_written(said, runbook_pb2.Runbook.DESCRIPTOR), runbook_pb2.Runbook())
    except yaml.YAMLError as error:
        raise Failure(f"{file} is no YAML: {error}") from error
    except ParseError as error:
        raise Failure(f"{file} is no runbook: {error}") from error


def row_of(found: runbook_pb2.Runbook) -> Row:
    """Returns what a list says of a runbook."""
    return {
        "name": found.name,
        "display name": found.display_name,
        "version": str(found.version),
        "tool": word(found, "tool"),
        "steps": str(len(found.nodes)),
        "updated": moment(found.update_time),
    }


def _written(said: Any, message: Any) -> Any:
    """Returns what is said as protobuf's JSON has it."""
    if not isinstance(said, dict):
        return said
    written = {}
    for name, value in said.items():
        field = message.fields_by_name.get(name)
        written[name] = value if field is None else _value(value, field)
    return written


def _value(value: Any, field: Any) -> Any:
    if isinstance(value, list):
        return [_value(each, field) for each in value]
    if field.name in _SECONDS and isinstance(value, int):
        return f"{value}s"
    if field.enum_type is not None and isinstance(value, str):
        prefix = field.enum_type.values[0].name.removesuffix("UNSPECIFIED")
        return prefix + value.upper()
    if field.message_type is not None:
        return _written({} if value is None else value, field.message_type)
    return value


def _line_of(node: runbook_pb2.Runbook.Node) -> str:
    work = node.WhichOneof("work") or ""
    details = {
        "command": f"{node.command.target}: {node.command.command}",
        "script": str(node.script.script),
        "approval": node.approval.message,
        "wait": f"{node.wait.duration.seconds} s",
    }
    needs = f" (after {', '.join(node.needs)})" if node.needs else ""
    return f"{node.id}{needs}  {work} {details.get(work, '')}".rstrip()

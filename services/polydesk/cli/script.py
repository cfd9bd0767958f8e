"""`polydesk script`: registers the programs that runs may execute."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polydesk.cli.connection import connected
from polydesk.cli.failure import Failure
from polydesk.cli.listing import Row, show_fields, show_json, show_rows
from polydesk.cli.message import choose, moment, word
from polydesk.cli.options import AsJson
from polydesk.cli.ticket import Org

if TYPE_CHECKING:
    from polydesk.client import Client
    from polydesk.client.messages import script_pb2

script = typer.Typer(help="Scripts: programs that runs may execute.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(metavar="SCRIPT", min=1, help="Its number.")]
_LANGUAGES = {".py": "python", ".sh": "sh", ".ps1": "powershell"}


@script.command("add")
@connected
async def add_script(  # noqa: PLR0913 - each is an option
    client: Client,
    org: Org,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The program; - is stdin.")],
    *,
    name: Annotated[str, typer.Option(help="Else that of the file.")] = "",
    language: Annotated[str, typer.Option(help="python, sh or powershell.")] = "",
    number: Annotated[int, typer.Option(min=0, help="Else the hub gives one.")] = 0,
    seconds: Annotated[
        int, typer.Option("--timeout", min=0, help="Seconds it may work; 0 is 300.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Registers a script, or replaces the one of that number or name."""
    from polydesk.client.messages import script_pb2  # noqa: PLC0415 - keeps --help quick

    said = script_pb2.Script(
        name=f"orgs/{org}/scripts/{number}" if number else "",
        display_name=name or file.name,
        language=choose(script_pb2.Script, "language", language or _LANGUAGES.get(file.suffix, "")),
        source=read_text(file),
    )
    if seconds:
        said.timeout.seconds = seconds
    request = script_pb2.SaveScriptRequest(parent=f"orgs/{org}", script=said)
    tell(await client.scripts.SaveScript(request), as_json=as_json)


@script.command("list")
@connected
async def list_scripts(client: Client, org: Org, *, as_json: AsJson = False) -> None:
    """Lists the scripts of an org."""
    from polydesk.client import pages  # noqa: PLC0415 - keeps --help quick
    from polydesk.client.messages import script_pb2  # noqa: PLC0415 - the same

    request = script_pb2.ListScriptsRequest(parent=f"orgs/{org}")
    found = [
        each async for page in pages(client.scripts.ListScripts, request) for each in page.scripts
    ]
    show_all(found, row_of, as_json=as_json, none="no script is registered")


@script.command("show")
@connected
async def show_script(client: Client, org: Org, number: Number, *, as_json: AsJson = False) -> None:
    """Shows a script."""
    from polydesk.client.messages import script_pb2  # noqa: PLC0415 - keeps --help quick

    request = script_pb2.GetScriptRequest(name=f"orgs/{org}/scripts/{number}")
    found = await client.scripts.GetScript(request)
    if as_json:
        show_json(found)
    else:
        show_fields({**row_of(found), "source": found.source})


@script.command("remove")
@connected
async def remove_script(client: Client, org: Org, number: Number) -> None:
    """Removes a script."""
    from polydesk.client.messages import script_pb2  # noqa: PLC0415 - keeps --help quick

    request = script_pb2.DeleteScriptRequest(name=f"orgs/{org}/scripts/{number}")
    await client.scripts.DeleteScript(request)


def row_of(found: script_pb2.Script) -> Row:
    """Returns what a list says of a script."""
    return {
        "name": found.name,
        "display name": found.display_name,
        "language": word(found, "language"),
        "timeout": f"{found.timeout.seconds} s",
        "updated": moment(found.update_time),
    }


def read_text(file: Path) -> str:
    """Returns what a file, or stdin, holds."""
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(
            f"{file} cannot be read: {getattr(error, 'strerror', '') or error}"
        ) from error


def tell(saved: Any, *, as_json: bool) -> None:
    """Prints the name of what was saved."""
    if as_json:
        show_json(saved)
    else:
        typer.echo(saved.name)


def show_all(found: list[Any], row: Any, *, as_json: bool, none: str) -> None:
    """Prints records: as rows, or as lines of JSON."""
    if as_json:
        for each in found:
            show_json(each)
    else:
        show_rows([row(each) for each in found], none=none)

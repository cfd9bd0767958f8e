"""`polydesk target`: registers machines, and the commands that may run on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polydesk.cli.connection import connected
from polydesk.cli.failure import Failure
from polydesk.cli.listing import Row
from polydesk.cli.message import moment, word
from polydesk.cli.options import AsJson
from polydesk.cli.script import read_text, show_all, tell
from polydesk.cli.ticket import Org

if TYPE_CHECKING:
    from polydesk.client import Client
    from polydesk.client.messages import target_pb2

target = typer.Typer(help="Targets: machines on which commands may run.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="TARGET", help="Its name.")]


@target.command("add")
@connected
async def add_target(  # noqa: PLR0913 - each is an option
    client: Client,
    org: Org,
    name: Name,
    *,
    ssh: Annotated[
        str, typer.Option(metavar="USER@HOST[:PORT]", help="Where; else this is the hub's machine.")
    ] = "",
    known_hosts: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The host's public keys.")
    ] = None,
    key: Annotated[str, typer.Option(help="The secret that holds the private key.")] = "",
    allow: Annotated[
        list[str] | None, typer.Option(help="A command: 'uname -a', 'echo *'; may be repeated.")
    ] = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Lets nothing run for now.")] = False,
    as_json: AsJson = False,
) -> None:
    """Registers a target, or replaces the one of that name."""
    from polydesk.client.messages import target_pb2  # noqa: PLC0415 - keeps --help quick

    user, host, port = read_place(ssh)
    kind = target_pb2.Target.KIND_SSH if ssh else target_pb2.Target.KIND_LOCAL
    said = target_pb2.Target(
        name=f"orgs/{org}/targets/{name}",
        kind=kind,
        host=host,
        port=port,
        user=user,
        known_hosts=read_text(known_hosts) if known_hosts else "",
        key_secret=key,
        allowed_commands=allow,
        disabled=disabled,
    )
    request = target_pb2.SaveTargetRequest(parent=f"orgs/{org}", target=said)
    tell(await client.targets.SaveTarget(request), as_json=as_json)


@target.command("list")
@connected
async def list_targets(client: Client, org: Org, *, as_json: AsJson = False) -> None:
    """Lists the targets of an org."""
    from polydesk.client import pages  # noqa: PLC0415 - keeps --help quick
    from polydesk.client.messages import target_pb2  # noqa: PLC0415 - the same

    request = target_pb2.ListTargetsRequest(parent=f"orgs/{org}")
    found = [
        each async for page in pages(client.targets.ListTargets, request) for each in page.targets
    ]
    show_all(found, row_of, as_json=as_json, none="no target is registered")


@target.command("remove")
@connected
async def remove_target(client: Client, org: Org, name: Name) -> None:
    """Removes a target."""
    from polydesk.client.messages import target_pb2  # noqa: PLC0415 - keeps --help quick

    request = target_pb2.DeleteTargetRequest(name=f"orgs/{org}/targets/{name}")
    await client.targets.DeleteTarget(request)


def read_place(text: str) -> tuple[str, str, int]:
    """Reads `user@host:22`."""
    if not text:
        return "", "", 0
    user, at, place = text.rpartition("@")
    host, colon, port = place.rpartition(":")
    if not colon or not port.isdecimal():
        host, port = place, "0"
    if not at or not user or not host:
        raise Failure(f"{text!r} is no USER@HOST[:PORT]")
    return user, host.removeprefix("[").removesuffix("]"), int(port)


def row_of(found: target_pb2.Target) -> Row:
    """Returns what a list says of a target."""
    return {
        "name": found.name,
        "kind": word(found, "kind"),
        "where": f"{found.user}@{found.host}:{found.port}" if found.host else "",
        "allows": " | ".join(found.allowed_commands),
        "state": "disabled" if found.disabled else "enabled",
        "updated": moment(found.update_time),
    }

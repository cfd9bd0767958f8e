"""`polydesk watch`: tells what happens to an org's tickets, whatever happens to the hub."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from polydesk.cli.connection import connected
from polydesk.cli.listing import as_json as message_json
from polydesk.cli.listing import printable, show_json
from polydesk.cli.message import moment, word
from polydesk.cli.options import AsJson
from polydesk.cli.ticket import Org

if TYPE_CHECKING:
    from polydesk.client import Change, Client, HubError


@connected
async def watch(
    client: Client,
    org: Org,
    *,
    cursor: Annotated[
        str, typer.Option(help="Goes on behind it; 0 is the first change ever, else from now on.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Prints the changes of an org as they happen, until it is stopped."""
    from polydesk.client.messages import identity_pb2  # noqa: PLC0415 - keeps --help quick

    await client.identity.GetCaller(
        identity_pb2.GetCallerRequest()
    )  # a hub that is not there is told at once
    following = client.watch(org, cursor=cursor, on_loss=_tell_loss)
    try:
        async with following:
            async for change in following:
                _show(change, as_json=as_json)
    finally:
        if following.cursor:
            typer.echo(f"polydesk: go on with --cursor {following.cursor}", err=True)


def _show(change: Change, *, as_json: bool) -> None:
    if as_json:
        changed = {"change": message_json(change.change)}
        if change.ticket:
            changed["ticket"] = message_json(change.ticket)
        show_json({"cursor": change.cursor, "changed": changed})
    else:
        typer.echo(line_of(change))


def line_of(change: Change) -> str:
    """Returns what people read of a change."""
    said = [change.cursor, moment(change.change.change_time), change.change.action]
    if change.ticket:
        kind, state = word(change.ticket, "kind"), word(change.ticket, "state")
        said += [change.ticket.name, kind, change.ticket.number, state, change.ticket.summary]
    return "  ".join([*map(printable, said), f"({printable(change.change.actor)})"])


def _tell_loss(error: HubError) -> None:
    typer.echo(f"polydesk: {printable(error.message)}; trying again", err=True)

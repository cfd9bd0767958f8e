"""`polydesk email`: e-mails come to their tickets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polydesk.cli.connection import connected
from polydesk.cli.failure import Failure
from polydesk.cli.listing import printable, show_json
from polydesk.cli.name import name_in
from polydesk.cli.options import AsJson
from polydesk.cli.ticket import TicketName

if TYPE_CHECKING:
    from polydesk.client import Client

email = typer.Typer(help="E-mails of tickets.", no_args_is_help=True)


@email.command("add")
@connected
async def add(
    client: Client,
    ticket: TicketName,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The message: FILE.eml.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Adds an e-mail to a ticket, as a note with its files: all of it, or nothing."""
    from polydesk.client.mail import NoEmail  # noqa: PLC0415 - keeps --help quick

    if not path.is_file():
        raise Failure(f"{path} is a folder" if path.is_dir() else f"there is no file {path}")
    try:
        added = await client.add_email(name_in(ticket, "tickets"), path)
    except NoEmail as error:
        raise Failure(f"{path}: {error}") from error
    if as_json:
        show_json(added)
    else:
        typer.echo(f"{added.name}  {printable(added.subject)}".rstrip())

"""`polydesk export`: writes the tickets of an org to a JSONL file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polydesk.cli import connection
from polydesk.cli.connection import URL, PasswordStdin, Url, User
from polydesk.cli.ticket import Filter, Org

if TYPE_CHECKING:
    from polydesk.cli.part import Part
    from polydesk.client import Client
    from polydesk.client.messages import ticket_pb2

_PAGE = 200


def export(  # noqa: PLR0913 - each is an option
    org: Org,
    file: Annotated[Path, typer.Argument(help="A .jsonl file; there only when it is whole.")],
    *,
    filter_: Filter = "",
    resume: Annotated[
        bool, typer.Option("--resume", help="Notes progress beside FILE and goes on from there.")
    ] = False,
    url: Url = URL,
    user: User = "",
    password_stdin: PasswordStdin = False,
) -> None:
    """Writes the tickets of an org in the order of their creation, and tells the file's SHA-256."""
    from polydesk.cli.part import Part  # noqa: PLC0415 - keeps --help quick
    from polydesk.client.messages import ticket_pb2  # noqa: PLC0415 - the same

    client = connection.open_client(url, user=user, password_stdin=password_stdin, patient=True)
    request = ticket_pb2.ListTicketsRequest(parent=f"orgs/{org}", filter=filter_, page_size=_PAGE)
    with Part(file, f"{client.address} {org} {filter_}", resume=resume) as part:
        connection.call(client, lambda entered: _fill(part, entered, request))
    typer.echo(f"{part.rows} tickets, sha256 {part.digest}")


async def _fill(part: Part, client: Client, request: ticket_pb2.ListTicketsRequest) -> None:
    from rich.progress import Progress  # noqa: PLC0415 - keeps --help quick

    from polydesk.client import pages  # noqa: PLC0415 - the same

    total = await _count(client, request)
    request.page_token = part.token
    with Progress(disable=not sys.stdout.isatty()) as progress:
        bar = progress.add_task("Exporting", total=total, completed=part.rows)
        async for page in pages(client.tickets.ListTickets, request):
            part.add(page.tickets, page.next_page_token)
            progress.update(bar, completed=part.rows)


async def _count(client: Client, request: ticket_pb2.ListTicketsRequest) -> int:
    """Returns how many tickets there are; counting them with each page would take long."""
    counting = type(request)(parent=request.parent, filter=request.filter, page_size=1)
    counting.with_total = True
    return (await client.tickets.ListTickets(counting)).total_size

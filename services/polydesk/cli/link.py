"""`polydesk link`: which tickets are the same work as something in another system."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from polydesk.cli import ticket as tickets
from polydesk.cli.connection import connected
from polydesk.cli.listing import Row, items_of, page_size, printable, show_items, show_json
from polydesk.cli.message import moment
from polydesk.cli.name import child_in, name_in
from polydesk.cli.options import AsJson
from polydesk.cli.ticket import Limit, Org, TicketName

if TYPE_CHECKING:
    from polydesk.client import Client
    from polydesk.client.messages import link_pb2

link = typer.Typer(help="Links of tickets to other systems.", no_args_is_help=True)

System = Annotated[str, typer.Argument(metavar="SYSTEM", help="The other one, such as zendesk.")]
Key = Annotated[str, typer.Argument(metavar="KEY", help="The id of the work there.")]


@link.command("add")
@connected
async def add(  # noqa: PLR0913 - each is an option
    client: Client,
    ticket: TicketName,
    system: System,
    key: Key,
    *,
    # --url is where the hub is.
    page: Annotated[
        str, typer.Option("--link-url", metavar="URL", help="Leads there: https://….")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Links a ticket to another system."""
    from polydesk.client.messages import link_pb2  # noqa: PLC0415 - keeps --help quick

    said = link_pb2.Link(system=system, key=key, url=page)
    request = link_pb2.CreateLinkRequest(parent=name_in(ticket, "tickets"), link=said)
    _tell(await client.links.CreateLink(request), as_json=as_json)


@link.command("list")
@connected
async def list_links(
    client: Client, ticket: TicketName, *, limit: Limit = 100, as_json: AsJson = False
) -> None:
    """Lists the links of a ticket, oldest first."""
    from polydesk.client.messages import link_pb2  # noqa: PLC0415 - keeps --help quick

    request = link_pb2.ListLinksRequest(
        parent=name_in(ticket, "tickets"), page_size=page_size(limit)
    )
    links = items_of(client.links.ListLinks, request, "links")
    await show_items(links, row_of, limit=limit, none="it has no link", as_lines=as_json)


@link.command("find")
@connected
async def find(  # noqa: PLR0913 - each is an option
    client: Client,
    org: Org,
    system: System,
    key: Key,
    *,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Finds the tickets of an org that are linked to a key of another system."""
    from polydesk.client.messages import link_pb2  # noqa: PLC0415 - keeps --help quick

    request = link_pb2.LookupLinksRequest(
        parent=f"orgs/{org}", system=system, key=key, page_size=page_size(limit)
    )
    found = items_of(client.links.LookupLinks, request, "results")
    none = "no ticket is linked to it"
    await show_items(found, linked_row, limit=limit, none=none, as_lines=as_json)


@link.command("remove")
@connected
async def remove(
    client: Client,
    name: Annotated[str, typer.Argument(metavar="NAME", help="tickets/42/links/7.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Takes a link away, and prints what it was."""
    from polydesk.client.messages import link_pb2  # noqa: PLC0415 - keeps --help quick

    request = link_pb2.DeleteLinkRequest(name=child_in(name, "links"))
    _tell(await client.links.DeleteLink(request), as_json=as_json)


def row_of(found: link_pb2.Link) -> Row:
    """Returns what a list says of a link."""
    return {
        "name": found.name,
        "system": found.system,
        "key": found.key,
        "creator": found.creator,
        "created": moment(found.create_time),
        "url": found.url,
    }


def linked_row(found: link_pb2.LookupLinksResponse.LinkedTicket) -> Row:
    """Returns what a look-up says of a ticket."""
    return {"link": found.link.name} | dict(tickets.row_of(found.ticket))


def _tell(found: link_pb2.Link, *, as_json: bool) -> None:
    if as_json:
        show_json(found)
    else:
        typer.echo(f"{found.name}  {found.system}  {printable(found.key)}")

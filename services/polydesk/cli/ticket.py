"""`polydesk ticket`: the tickets of an org, of all kinds and whichever dialect they arrived in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from polydesk.cli.connection import connected
from polydesk.cli.failure import Failure
from polydesk.cli.listing import Row, page_size, show_fields, show_items, show_json, show_rows
from polydesk.cli.listing import as_json as message_json
from polydesk.cli.message import choose, fields_of, moment, word
from polydesk.cli.name import name_in
from polydesk.cli.options import AsJson

if TYPE_CHECKING:
    from polydesk.client import Client
    from polydesk.client.messages import ticket_pb2

ticket = typer.Typer(help="Tickets of all kinds.", no_args_is_help=True)

Org = Annotated[int, typer.Argument(metavar="ORG", min=1, help="The id of the org.")]
TicketName = Annotated[str, typer.Argument(metavar="TICKET", help="tickets/42, or 42.")]
Filter = Annotated[
    str, typer.Option("--filter", help='Which: \'state = "ACTIVE" AND assignee = "ann"\'.')
]
Order = Annotated[str, typer.Option("--order", help="By what: 'update_time desc'.")]
Limit = Annotated[int, typer.Option(min=0, help="How many at most; 0 is all.")]
Text = Annotated[str, typer.Option()]
History = Annotated[bool, typer.Option("--history", help="Tells what happened to it, too.")]

_LONGEST_VALUE = 60
_EMPTY = ('""', "{}", "[]", "null")


@ticket.command("list")
@connected
async def list_tickets(  # noqa: PLR0913 - each is an option
    client: Client,
    org: Org,
    *,
    filter_: Filter = "",
    order: Order = "",
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Lists the tickets of an org."""
    size = page_size(limit)
    tickets = client.list_tickets(org, filter=filter_, order_by=order, page_size=size)
    await show_items(tickets, row_of, limit=limit, none="no ticket fits", as_lines=as_json)


@ticket.command("show")
@connected
async def show_ticket(
    client: Client,
    which: Annotated[list[str], typer.Argument(metavar="NAME | ORG KIND NUMBER")],
    *,
    history: History = False,
    as_json: AsJson = False,
) -> None:
    """Shows a ticket: `tickets/42`, or `1 incident INC0000042`."""
    found = await _find(client, which)
    await show(client, found, history=history, as_lines=as_json)


@ticket.command("save")
@connected
async def save(  # noqa: PLR0913 - each is an option
    client: Client,
    org: Org,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="incident, change-task, event, …")],
    number: Annotated[str, typer.Argument(metavar="NUMBER")],
    *,
    summary: Annotated[str, typer.Option(help="The one line.")],
    description: Text = "",
    state: Annotated[str, typer.Option(help="logged, active, waiting, resolved, …")] = "",
    requester: Text = "",
    assignee: Text = "",
    group: Text = "",
    category: Text = "",
    parent: Annotated[str, typer.Option(help="The number of what it is a part of.")] = "",
    as_json: AsJson = False,
) -> None:
    """Saves a ticket of any kind: makes it, or changes what is given of it."""
    from polydesk.client.messages import ticket_pb2  # noqa: PLC0415 - keeps --help quick

    said = ticket_pb2.Ticket(
        kind=choose(ticket_pb2.Ticket, "kind", kind),
        number=number,
        summary=summary,
        description=description,
        state=choose(ticket_pb2.Ticket, "state", state),
        requester=requester,
        assignee=assignee,
        assignment_group=group,
        category=category,
        parent_number=parent,
    )
    request = ticket_pb2.SaveTicketsRequest(parent=f"orgs/{org}", tickets=[said])
    [result] = (await client.tickets.SaveTickets(request)).results
    if as_json:
        show_json(result)
    else:
        typer.echo(f"{result.name}  {word(result, 'outcome')}")


async def show(client: Client, found: ticket_pb2.Ticket, *, history: bool, as_lines: bool) -> None:
    """Prints a ticket, and what happened to it."""
    changes = [each async for each in client.ticket_changes(found.name)] if history else []
    if as_lines:
        told = {"changes": [*map(message_json, changes)]} if history else {}
        show_json(message_json(found) | told)
        return
    show_fields(fields_of(found))
    if history:
        typer.echo()
        show_rows([change_row(each) for each in changes], none="nothing has happened")


def row_of(found: ticket_pb2.Ticket) -> Row:
    """Returns what a list says of a ticket."""
    return {
        "name": found.name,
        "kind": word(found, "kind"),
        "number": found.number,
        "state": word(found, "state"),
        "priority": word(found, "priority"),
        "assignee": found.assignee or found.assignment_group,
        "updated": moment(found.update_time),
        "summary": found.summary,
    }


def change_row(change: ticket_pb2.TicketChange) -> Row:
    """Returns what a history says of a change."""
    return {
        "cursor": str(change.sequence),
        "time": moment(change.change_time),
        "actor": change.actor,
        "via": change.via,
        "action": change.action,
        "fields": ", ".join(
            f"{each.field}={_short(each.new_json)}"
            for each in change.fields
            if each.old_json or each.new_json not in _EMPTY
        ),
    }


async def _find(client: Client, which: list[str]) -> ticket_pb2.Ticket:
    from polydesk.client.messages import ticket_pb2  # noqa: PLC0415 - keeps --help quick

    match which:
        case [name]:
            request = ticket_pb2.GetTicketRequest(name=name_in(name, "tickets"))
            found = await client.tickets.GetTicket(request)
        case [org, kind, number] if org.isdecimal():
            found = await client.tickets.LookupTicket(
                ticket_pb2.LookupTicketRequest(
                    parent=f"orgs/{org}",
                    kind=choose(ticket_pb2.Ticket, "kind", kind),
                    number=number,
                )
            )
        case _:
            raise Failure("say which: tickets/42, or an org, a kind and a number")
    return found


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"

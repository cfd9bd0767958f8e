"""`polydesk ticket`: looks at the tickets of an org, whichever dialect they arrived in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polydesk.cli.connection import connected
from polydesk.cli.failure import Failure
from polydesk.cli.listing import Row, first, show_fields, show_json, show_rows
from polydesk.cli.listing import as_json as message_json
from polydesk.cli.options import AsJson

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

    from polydesk.client import Client
    from polydesk.client.messages import ticket_pb2

ticket = typer.Typer(help="Tickets of all kinds.", no_args_is_help=True)

Org = Annotated[int, typer.Argument(metavar="ORG", min=1, help="The id of the org.")]
Filter = Annotated[
    str, typer.Option("--filter", help='Which: \'state = "ACTIVE" AND assignee = "ann"\'.')
]
Order = Annotated[str, typer.Option("--order", help="By what: 'update_time desc'.")]
Limit = Annotated[int, typer.Option(min=0, help="How many at most; 0 is all.")]
History = Annotated[bool, typer.Option("--history", help="Tells what happened to it, too.")]

_LONGEST_PAGE = 200
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
    if as_json:
        async for each in first(tickets, limit):
            show_json(each)
        return
    rows = [row_of(each) async for each in first(tickets, limit)]
    show_rows(rows, none="no ticket fits")


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


def fields_of(found: ticket_pb2.Ticket) -> Row:
    """Returns all that a ticket says."""
    return {
        field.name: text
        for field, value in found.ListFields()
        if (text := _text(found, field, value))
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


def word(message: Any, name: str) -> str:
    """Returns the value of an enum as people say it: `active`; nothing where it is unspecified."""
    enum = message.DESCRIPTOR.fields_by_name[name].enum_type
    known = enum.values_by_number.get(getattr(message, name))
    if known is None or known.number == 0:
        return ""
    first_value = enum.values_by_number[0].name
    return str(known.name.removeprefix(first_value.removesuffix("UNSPECIFIED")).lower())


def moment(time: Timestamp) -> str:
    """Returns a time to the second, in UTC."""
    return datetime.fromtimestamp(time.seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def page_size(limit: int) -> int:
    """Returns how many a page has, where so many are wanted, and whether there is one more."""
    return min(limit + 1 if limit else _LONGEST_PAGE, _LONGEST_PAGE)


def choose(message: type[Any], field: str, text: str) -> int:
    """Reads the value of an enum field: `high`, `service-request-task`; nothing is unspecified."""
    enum = message.DESCRIPTOR.fields_by_name[field].enum_type
    prefix = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
    wanted = prefix + text.upper().replace("-", "_")
    if text and wanted in enum.values_by_name and enum.values_by_name[wanted].number:
        return int(enum.values_by_name[wanted].number)
    if not text:
        return 0
    known = ", ".join(each.name.removeprefix(prefix).lower() for each in enum.values[1:])
    raise Failure(f"{text!r} is no {field}; there are: {known}")


async def _find(client: Client, which: list[str]) -> ticket_pb2.Ticket:
    from polydesk.client.messages import ticket_pb2  # noqa: PLC0415 - keeps --help quick

    match which:
        case [name]:
            request = ticket_pb2.GetTicketRequest(name=name_in(name, "tickets"))
            found: ticket_pb2.Ticket = await client.tickets.GetTicket(request)
        case [org, kind, number] if org.isdecimal():
            found = await client.tickets.LookupTicket(
                ticket_pb2.LookupTicketRequest(
                    parent=f"orgs/{org}",
                    kind=choose(ticket_pb2.Ticket, "kind", kind),  # type: ignore[arg-type]
                    number=number,
                )
            )
        case _:
            raise Failure("say which: tickets/42, or an org, a kind and a number")
    return found


def name_in(collection_or_id: str, collection: str) -> str:
    """Returns the name of a record in a collection: of `42`, `tickets/42` or `incidents/42`."""
    prefix, _, id_ = collection_or_id.rpartition("/")
    if prefix not in ("", "tickets", "incidents") or not id_.isdecimal():
        raise Failure(f"{collection_or_id!r} is no name, such as {collection}/42")
    return f"{collection}/{id_}"


def _text(found: ticket_pb2.Ticket, field: Any, value: Any) -> str:
    if field.enum_type:
        return word(found, field.name)
    if field.name == "custom_fields":
        return "\n".join(f"{key}: {_custom(value)}" for key, value in sorted(value.items()))
    return moment(value) if field.message_type else str(value)


def _custom(value: ticket_pb2.Ticket.CustomValue) -> str:
    kind = value.WhichOneof("kind")
    if kind in ("integers", "texts"):
        return ", ".join(map(str, getattr(value, kind).values))
    return str(getattr(value, kind)) if kind else ""


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"

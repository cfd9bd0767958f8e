"""`polydesk note`: what is said about a ticket, by whom and when."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from polydesk.cli import connection
from polydesk.cli.connection import URL, PasswordStdin, Url, User, connected
from polydesk.cli.listing import Row, items_of, page_size, show_fields, show_items, show_json
from polydesk.cli.message import choose, fields_of, moment, word
from polydesk.cli.name import child_in, name_in
from polydesk.cli.options import AsJson
from polydesk.cli.ticket import Limit, TicketName

if TYPE_CHECKING:
    from polydesk.client import Client
    from polydesk.client.messages import note_pb2

note = typer.Typer(help="Notes: the journals of tickets.", no_args_is_help=True)

Kind = Annotated[str, typer.Option(metavar="KIND", help="comment, work-note or closure-note.")]


# Not `connected`: stdin may hold the password, and behind it the text.
@note.command("add")
def add(  # noqa: PLR0913 - each is an option
    ticket: TicketName,
    *,
    kind: Kind = "comment",
    subject: Annotated[str, typer.Option(help="What it is about, in one line.")] = "",
    body: Annotated[str, typer.Option(help="The text; - reads it from stdin.")] = "",
    author: Annotated[str, typer.Option(help="Who said it; else whoever calls.")] = "",
    as_json: AsJson = False,
    url: Url = URL,
    user: User = "",
    password_stdin: PasswordStdin = False,
) -> None:
    """Adds a note to a ticket. Comments are for the requester, too; work notes are not."""
    from polydesk.client.messages import note_pb2  # noqa: PLC0415 - keeps --help quick

    said = note_pb2.Note(
        kind=choose(note_pb2.Note, "kind", kind),
        subject=subject,
        body=body,
        author=author,
    )
    request = note_pb2.CreateNoteRequest(parent=name_in(ticket, "tickets"), note=said)
    client = connection.open_client(url, user=user, password_stdin=password_stdin)
    if body == "-":
        request.note.body = sys.stdin.read().rstrip("\r\n")

    async def create(entered: Client) -> None:
        _tell(await entered.notes.CreateNote(request), as_json=as_json)

    connection.call(client, create)


@note.command("list")
@connected
async def list_notes(
    client: Client,
    ticket: TicketName,
    *,
    kind: Annotated[
        list[str] | None,
        typer.Option(help="comment, work-note, closure-note or email; may be repeated."),
    ] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Lists the notes of a ticket, oldest first."""
    from polydesk.client.messages import note_pb2  # noqa: PLC0415 - keeps --help quick

    request = note_pb2.ListNotesRequest(
        parent=name_in(ticket, "tickets"),
        page_size=page_size(limit),
        kinds=[choose(note_pb2.Note, "kind", each) for each in kind or []],
    )
    notes = items_of(client.notes.ListNotes, request, "notes")
    await show_items(notes, row_of, limit=limit, none="no note fits", as_lines=as_json)


@note.command("show")
@connected
async def show(
    client: Client,
    name: Annotated[str, typer.Argument(metavar="NAME", help="tickets/42/notes/7.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Shows a note."""
    from polydesk.client.messages import note_pb2  # noqa: PLC0415 - keeps --help quick

    found = await client.notes.GetNote(note_pb2.GetNoteRequest(name=child_in(name, "notes")))
    if as_json:
        show_json(found)
    else:
        show_fields(fields_of(found))


def row_of(found: note_pb2.Note) -> Row:
    """Returns what a list says of a note."""
    return {
        "name": found.name,
        "kind": word(found, "kind"),
        "time": moment(found.note_time),
        "author": found.author,
        "text": found.subject or found.body.strip().partition("\n")[0],
    }


def _tell(added: note_pb2.Note, *, as_json: bool) -> None:
    if as_json:
        show_json(added)
    else:
        typer.echo(f"{added.name}  {word(added, 'kind')}")

"""`polydesk file`: the files of tickets, up and down."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from polydesk.cli.connection import connected
from polydesk.cli.failure import Failure, Status
from polydesk.cli.listing import Row, items_of, page_size, printable, show_items, show_json
from polydesk.cli.message import moment
from polydesk.cli.name import child_in, name_in
from polydesk.cli.options import AsJson
from polydesk.cli.ticket import Limit, TicketName

if TYPE_CHECKING:
    from polydesk.client import Client
    from polydesk.client.messages import attachment_pb2

file = typer.Typer(help="Files of tickets.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="tickets/42/attachments/7.")]
_STDOUT: Final = Path("-")


@file.command("add")
@connected
async def add(  # noqa: PLR0913 - each is an option
    client: Client,
    ticket: TicketName,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The file.")],
    *,
    name: Annotated[str, typer.Option(help="What it is called; else as PATH.")] = "",
    type_: Annotated[
        str, typer.Option("--type", help="text/plain and the like; else as its name says.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Attaches a file to a ticket."""
    if not path.is_file():
        raise Failure(f"{path} is a folder" if path.is_dir() else f"there is no file {path}")
    parent = name_in(ticket, "tickets")
    with _bar("Uploading", shown=sys.stdout.isatty()) as progress:
        added = await client.upload(
            parent, path, file_name=name, content_type=type_, progress=progress
        )
    if as_json:
        show_json(added)
    else:
        typer.echo(f"{added.name}  {printable(added.file_name)}  {added.size_bytes} bytes")


@file.command("list")
@connected
async def list_files(
    client: Client, ticket: TicketName, *, limit: Limit = 100, as_json: AsJson = False
) -> None:
    """Lists the files of a ticket, oldest first."""
    from polydesk.client.messages import attachment_pb2  # noqa: PLC0415 - keeps --help quick

    request = attachment_pb2.ListAttachmentsRequest(
        parent=name_in(ticket, "tickets"), page_size=page_size(limit)
    )
    files = items_of(client.attachments.ListAttachments, request, "attachments")
    await show_items(files, row_of, limit=limit, none="it has no file", as_lines=as_json)


@file.command("get")
@connected
async def get(
    client: Client,
    name: Name,
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A file, a folder, or - for stdout.")
    ] = Path(),
    *,
    force: Annotated[bool, typer.Option("--force", help="Overwrites a file at PATH.")] = False,
    as_json: AsJson = False,
) -> None:
    """Writes a file of a ticket to PATH, once it is there as a whole and as it was."""
    attachment = child_in(name, "attachments")
    if path == _STDOUT:
        if as_json:
            raise Failure("--json has no place beside a file on stdout", status=Status.USAGE)
        await _pour(client, attachment)
        return
    target = path / await _own_name(client, attachment) if path.is_dir() else path
    check_free(target, force=force)
    with _bar("Downloading", shown=sys.stdout.isatty()) as progress:
        found = await client.download(attachment, target, progress=progress)
    if as_json:
        show_json(found)
    else:
        typer.echo(f"{printable(str(target))}  {found.size_bytes} bytes")


@file.command("remove")
@connected
async def remove(client: Client, name: Name, *, as_json: AsJson = False) -> None:
    """Deletes a file of a ticket for good."""
    from polydesk.client.messages import attachment_pb2  # noqa: PLC0415 - keeps --help quick

    request = attachment_pb2.DeleteAttachmentRequest(name=child_in(name, "attachments"))
    nothing = await client.attachments.DeleteAttachment(request)
    if as_json:
        show_json(nothing)
    else:
        typer.echo(f"{request.name}  removed")


def row_of(found: attachment_pb2.Attachment) -> Row:
    """Returns what a list says of a file."""
    return {
        "name": found.name,
        "file": found.file_name,
        "type": found.content_type,
        "bytes": str(found.size_bytes),
        "uploader": found.uploader,
        "uploaded": moment(found.create_time),
    }


def check_free(target: Path, *, force: bool) -> None:
    """Refuses a place where something is that must not be overwritten."""
    if not target.parent.is_dir():
        raise Failure(f"there is no folder {target.parent}")
    if not os.path.lexists(target):
        return
    if target.exists() and not target.is_file():
        raise Failure(f"{target} is no file, and stays as it is")
    if not force:
        raise Failure(f"{target} is there already: name another, or overwrite it with --force")


async def _own_name(client: Client, attachment: str) -> str:
    from polydesk.client.messages import attachment_pb2  # noqa: PLC0415 - keeps --help quick

    request = attachment_pb2.GetAttachmentRequest(name=attachment)
    name = (await client.attachments.GetAttachment(request)).file_name
    # The hub takes no other; a file shall stay in its folder whatever answers in the hub's place.
    if name in ("", ".", "..") or Path(name).name != name or "\\" in name:
        raise Failure(f"{name!r} is no name of a file: say as which it is written")
    return name


async def _pour(client: Client, attachment: str) -> None:
    """Writes a file to stdout, nothing of it before its bytes have been checked."""
    with tempfile.TemporaryDirectory(prefix="polydesk-") as folder:
        whole = Path(folder, "file")
        with _bar("Downloading", shown=False) as progress:
            await client.download(attachment, whole, progress=progress)
        await asyncio.to_thread(_print, whole)


def _print(path: Path) -> None:
    with path.open("rb") as content:
        shutil.copyfileobj(content, sys.stdout.buffer)
    sys.stdout.buffer.flush()


@contextmanager
def _bar(what: str, *, shown: bool) -> Iterator[Callable[[int, int], None]]:
    from rich.progress import Progress  # noqa: PLC0415 - keeps --help quick

    with Progress(disable=not shown) as progress:
        bar = progress.add_task(what, total=None)
        yield lambda done, size: progress.update(bar, completed=done, total=size)

"""`polydesk import`: brings the rows of a CSV or JSONL file to a hub, in their order."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from polydesk.cli import connection
from polydesk.cli.connection import URL, PasswordStdin, Url, User

_JSONL = frozenset({".jsonl", ".ndjson"})


def import_(  # noqa: PLR0913 - each is an option
    file: Annotated[
        Path, typer.Argument(help="A .jsonl file, or a CSV file with a head; .gz is unpacked.")
    ],
    *,
    mapping: Annotated[
        Path | None,
        typer.Option("--map", metavar="FILE", help="Of CSV: which columns become which fields."),
    ] = None,
    org: Annotated[int, typer.Option(min=1, help="The org that the tickets belong to.")],
    user: User = "",
    url: Url = URL,
    password_stdin: PasswordStdin = False,
    batch: Annotated[int, typer.Option(min=1, max=10_000, help="Tickets a push.")] = 100,
    resume: Annotated[
        bool, typer.Option("--resume", help="Notes progress beside FILE and goes on from there.")
    ] = False,
) -> None:
    """Saves the tickets of a JSONL file, or pushes a CSV file; doing it again changes nothing."""
    connection.read_url(url)
    if ":" in user:
        raise typer.BadParameter("a login has no colon")
    if _is_jsonl(file):
        if mapping:
            raise typer.BadParameter("--map is for CSV: a JSONL file has the hub's own fields")
        _import_jsonl(
            file, org, url=url, user=user, from_stdin=password_stdin, batch=batch, resume=resume
        )
        return
    if mapping is None:
        raise typer.BadParameter("a CSV file needs --map")
    if not user:
        raise typer.BadParameter("a CSV file needs --user")
    _import_csv(
        file,
        mapping,
        org,
        url=url,
        user=user,
        from_stdin=password_stdin,
        batch=batch,
        resume=resume,
    )


def _is_jsonl(file: Path) -> bool:
    return (file.with_suffix("") if file.suffix == ".gz" else file).suffix in _JSONL


def _import_jsonl(  # noqa: PLR0913 - each is an option
    file: Path, org: int, *, url: str, user: str, from_stdin: bool, batch: int, resume: bool
) -> None:
    from polydesk.cli.intake import Intake  # noqa: PLC0415 - keeps --help quick
    from polydesk.cli.transfer import Bookmark  # noqa: PLC0415 - the same

    intake = Intake(file, org=org, batch=batch)
    bookmark = Bookmark(file, f"{intake.key} {url}") if resume else None
    client = connection.open_client(url, user=user, password_stdin=from_stdin, patient=True)
    connection.call(client, lambda entered: intake.run(entered, bookmark=bookmark))
    typer.echo(intake.summary)


def _import_csv(  # noqa: PLR0913 - each is an option
    file: Path,
    mapping: Path,
    org: int,
    *,
    url: str,
    user: str,
    from_stdin: bool,
    batch: int,
    resume: bool,
) -> None:
    from polydesk.cli.pusher import Pusher  # noqa: PLC0415 - keeps --help quick
    from polydesk.cli.transfer import Bookmark, Transfer  # noqa: PLC0415 - the same

    transfer = Transfer.prepare(file, mapping, batch=batch)
    bookmark = Bookmark(file, f"{transfer.key} {url} {org}") if resume else None
    password = connection.read_password(from_stdin=from_stdin)

    async def run() -> None:
        async with Pusher(url, org=org, user=user, password=password) as pusher:
            await transfer.run(pusher, bookmark=bookmark)

    asyncio.run(run())
    typer.echo(transfer.summary)

"""`polydesk import`: pushes the rows of a CSV file to a hub, in their order."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from polydesk.cli.identity import read_secret


def import_(  # noqa: PLR0913 - each is an option
    file: Annotated[Path, typer.Argument(help="A CSV file with a head; .gz is unpacked.")],
    *,
    mapping: Annotated[
        Path, typer.Option("--map", metavar="FILE", help="Which columns become which fields.")
    ],
    org: Annotated[int, typer.Option(min=1, help="The org that the tickets belong to.")],
    user: Annotated[str, typer.Option(help="Who pushes.")],
    url: Annotated[str, typer.Option(help="Where the gateway listens.")] = "http://127.0.0.1:8080",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Else POLYDESK_PASSWORD, else it is asked.")
    ] = False,
    batch: Annotated[int, typer.Option(min=1, max=10_000, help="Tickets a push.")] = 100,
    resume: Annotated[
        bool, typer.Option("--resume", help="Notes progress beside FILE and goes on from there.")
    ] = False,
) -> None:
    """Pushes a CSV file, as iAutomate V2 incidents; doing it again changes nothing."""
    from polydesk.cli.pusher import Pusher  # noqa: PLC0415 - keeps --help quick
    from polydesk.cli.transfer import Bookmark, Transfer  # noqa: PLC0415 - the same

    if not url.startswith(("http://", "https://")):
        raise typer.BadParameter(f"{url!r} does not begin with http:// or https://")
    if ":" in user:
        raise typer.BadParameter("a login has no colon")
    transfer = Transfer.prepare(file, mapping, batch=batch)
    bookmark = Bookmark(file, f"{transfer.key} {url} {org}") if resume else None
    password = _password(from_stdin=password_stdin)

    async def run() -> None:
        async with Pusher(url, org=org, user=user, password=password) as pusher:
            await transfer.run(pusher, bookmark=bookmark)

    asyncio.run(run())
    typer.echo(transfer.summary)


def _password(*, from_stdin: bool) -> str:
    from polydesk.config import Login  # noqa: PLC0415 - keeps --help quick

    known = "" if from_stdin else Login().password.get_secret_value()
    return known or read_secret("Password", from_stdin=from_stdin, twice=False)

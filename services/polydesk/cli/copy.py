"""`polydesk copy`: the whole database, into another one."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from polydesk.cli.options import Data, DatabaseUrl, read_settings


def copy(
    target: Annotated[
        str,
        typer.Argument(
            metavar="URL", help="sqlite:////path/of.db, or postgresql://…; it is empty, or new."
        ),
    ],
    *,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Copies the database into another: a backup, a restore, or the move to PostgreSQL.

    The hub may be at work meanwhile: what is copied is one moment of it. Attached files and the
    keys of secrets are not in the database.
    """
    from polydesk import composition  # noqa: PLC0415 - keeps --help quick

    settings = read_settings(data=data, database_url=database_url)
    counts = asyncio.run(composition.copy_database(settings, target))
    typer.echo(f"{counts['tickets']} tickets, {counts['history']} entries of history copied")

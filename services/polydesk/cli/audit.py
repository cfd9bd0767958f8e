"""`polydesk audit`: looks whether the history is what the hub wrote."""

from __future__ import annotations

import asyncio

import typer

from polydesk.cli.failure import Failure
from polydesk.cli.options import Data, DatabaseUrl, read_settings

audit = typer.Typer(help="The history of all changes.", no_args_is_help=True)


@audit.command("verify")
def verify(*, data: Data = None, database_url: DatabaseUrl = None) -> None:
    """Computes the chain of the history anew; exits with 1 where an entry was tampered with."""
    from polydesk import server  # noqa: PLC0415 - keeps --help quick

    settings = read_settings(data=data, database_url=database_url)
    broken = asyncio.run(server.verify_history(settings))
    if broken is not None:
        raise Failure(f"the history is broken at entry {broken}: it was not the hub that wrote it")
    typer.echo("the history is whole")

"""The options that several commands share, and how they go before the environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polydesk.cli.failure import Failure

if TYPE_CHECKING:
    from polydesk.config import Settings

Listen = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS:PORT",
        help="Where the gateway listens.",
        show_default="$POLYDESK_LISTEN, 127.0.0.1:8080",
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", help="The folder of the hub's data.", show_default="$POLYDESK_DATA, var"
    ),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="postgresql://…; a URL with a password belongs into POLYDESK_DATABASE_URL.",
        show_default="$POLYDESK_DATABASE_URL, SQLite in the data folder",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Prints JSON.")]


def read_settings(**options: object) -> Settings:
    """Returns the settings: an option that is given, else the environment, else the default."""
    from pydantic import ValidationError  # noqa: PLC0415 - keeps --help quick

    from polydesk.config import Settings  # noqa: PLC0415 - the same

    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False)[0]
        name = str(wrong["loc"][0]) if wrong["loc"] else "settings"
        raise Failure(
            f"POLYDESK_{name.upper()} or --{name.replace('_', '-')} is wrong: {wrong['msg']}",
        ) from error

"""`polydesk openapi`: the documents of the API."""

from __future__ import annotations

from typing import Annotated

import typer

from polydesk.cli.failure import Failure


def openapi(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="iautomate, polydesk, …")] = "",
) -> None:
    """Prints the OpenAPI document of a dialect, or of the hub's own API; without one, the names."""
    from polydesk.openapi import documents  # noqa: PLC0415 - keeps --help quick

    known = {each.removesuffix(".json"): make for each, make in documents().items()}
    if not name:
        typer.echo("\n".join(known))
    elif name not in known:
        raise Failure(f"there is no document {name!r}; there are: {', '.join(known)}")
    else:
        typer.echo(known[name]())

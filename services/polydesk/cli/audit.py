"""`polydesk audit`: looks at the history, and whether it is what the hub wrote."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polydesk.cli.failure import Failure
from polydesk.cli.listing import Row, show_json, show_rows
from polydesk.cli.options import AsJson, Data, DatabaseUrl, read_settings

if TYPE_CHECKING:
    from polydesk.domain.history import Entry

audit = typer.Typer(help="The history of all changes.", no_args_is_help=True)

_LONGEST_VALUE = 60


@audit.command("verify")
def verify(*, data: Data = None, database_url: DatabaseUrl = None) -> None:
    """Computes the chain of the history anew; exits with 1 where an entry was tampered with."""
    from polydesk import composition  # noqa: PLC0415 - keeps --help quick

    settings = read_settings(data=data, database_url=database_url)
    broken = asyncio.run(composition.verify_history(settings))
    if broken is not None:
        raise Failure(f"the history is broken at entry {broken}: it was not the hub that wrote it")
    typer.echo("the history is whole")


@audit.command("list")
def list_entries(
    *,
    org: Annotated[int | None, typer.Option(metavar="ID", min=1, help="Of this org alone.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
    as_json: AsJson = False,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Prints the newest entries, the newest one last, with those that belong to no ticket."""
    from polydesk import composition  # noqa: PLC0415 - keeps --help quick

    settings = read_settings(data=data, database_url=database_url)
    entries = asyncio.run(composition.newest_entries(settings, org, limit=limit))
    if as_json:
        for each in entries:
            show_json(_json(each))
        return
    show_rows([_row(each) for each in entries], none="nothing has happened")


def _json(entry: Entry) -> dict[str, Any]:
    return {
        "entry": entry.sequence,
        "time": entry.at.isoformat(),
        "actor": entry.actor,
        "via": entry.via,
        "request": entry.request_id,
        "action": entry.action,
        "org": entry.org,
        "ticket": entry.ticket or None,
        **json.loads(entry.fields),
    }


def _row(entry: Entry) -> Row:
    fields = json.loads(entry.fields)
    return {
        "entry": str(entry.sequence),
        "time": entry.at.strftime("%Y-%m-%d %H:%M:%S"),
        "actor": entry.actor,
        "via": entry.via,
        "action": entry.action,
        "org": str(entry.org),
        "ticket": str(entry.ticket or ""),
        "fields": ", ".join(
            f"{name}={_short(value)}"
            for name, value in ({**fields["old"], **fields["new"]}).items()
            if value not in ("", None, [], {})
        ),
    }


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"

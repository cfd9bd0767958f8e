"""`polydesk doctor`: what is wrong with a set-up, and what to do about it."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Final

import typer

from polydesk.cli.options import AsJson, Data, DatabaseUrl, Listen, read_settings

if TYPE_CHECKING:
    from polydesk.config import Settings
    from polydesk.doctor import Finding

_COLOURS: Final = {"ok": typer.colors.GREEN, "look": typer.colors.YELLOW, "wrong": typer.colors.RED}


def doctor(
    *,
    as_json: AsJson = False,
    listen: Listen = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> int:
    """Checks a set-up, a line for each check, and says what to mend. Exits with 1 if it must be.

    It reads the settings that the hub reads, so run it where and as whom the hub runs.
    """
    settings = read_settings(listen=listen, data=data, database_url=database_url)
    found = asyncio.run(_examine(settings, quiet=as_json))
    if as_json:
        told = [{"check": each, "verdict": how.value, "told": what} for each, how, what in found]
        typer.echo(json.dumps(told, indent=2))
    return int(any(how.value == "wrong" for _, how, _ in found))


async def _examine(settings: Settings, *, quiet: bool) -> list[Finding]:
    import structlog  # noqa: PLC0415 - keeps --help quick

    from polydesk.doctor import examine  # noqa: PLC0415 - the same

    # What is tried here, and fails, is told by the findings.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    found = []
    async for finding in examine(settings):
        found.append(finding)
        if not quiet:
            word = typer.style(f"{finding.verdict.value:5}", fg=_COLOURS[finding.verdict.value])
            typer.echo(f"{word} {finding.check}: {finding.told}")
    return found

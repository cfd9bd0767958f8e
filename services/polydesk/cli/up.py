"""`polydesk up`: the whole on one machine, hubs with Envoy before them."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polydesk.cli.address import Address
from polydesk.cli.failure import Failure
from polydesk.cli.options import Data, DatabaseUrl, Listen, read_settings
from polydesk.cli.private import Private
from polydesk.cli.serve import program

if TYPE_CHECKING:
    from polydesk.config import Settings


def up(
    *,
    listen: Listen = None,
    data: Data = None,
    demo: Annotated[
        bool | None, typer.Option("--demo", help="Seeds the demo; loopback only.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Hub processes; more than one needs PostgreSQL.", show_default="1"),
    ] = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Serves on this machine: starts hubs and Envoy, and starts them again when they die."""
    from polydesk.cli.folder import DataFolder  # noqa: PLC0415 - keeps --help quick
    from polydesk.cli.site import Site  # noqa: PLC0415 - the same

    settings = read_settings(
        listen=listen, data=data, demo=demo, workers=workers, database_url=database_url
    )
    address = check(settings)
    envoy = program()
    with (
        DataFolder(settings.data) as folder,
        # A socket's path is short, so not below TMPDIR.
        tempfile.TemporaryDirectory(prefix="polydesk-", dir="/tmp") as runtime,
    ):
        site = Site(settings, address, folder=folder, runtime=Path(runtime), program=envoy)
        asyncio.run(site.run())


def check(settings: Settings) -> Address:
    """Returns where to listen; raises Failure for what cannot work."""
    address = Address.parse(settings.listen)
    if settings.demo and not address.is_loopback:
        raise Failure(
            f"--demo does not listen on {address}, which others can reach: "
            "everybody knows its passwords; listen on loopback, or leave --demo out"
        )
    if settings.workers > 1 and settings.embedded:
        raise Failure(
            f"{settings.workers} workers need PostgreSQL, and the data is in SQLite: "
            "give --database-url postgresql://…, or one worker"
        )
    _check_tls(settings)
    address.check_free()
    Private.of(settings).check_free()
    return address


def _check_tls(settings: Settings) -> None:
    if settings.tls != bool(settings.tls_key) or (settings.tls_client_ca and not settings.tls):
        raise Failure(
            "TLS needs POLYDESK_TLS_CERTIFICATE and POLYDESK_TLS_KEY;"
            " POLYDESK_TLS_CLIENT_CA goes with them"
        )
    for file in (settings.tls_certificate, settings.tls_key, settings.tls_client_ca):
        if file and not os.access(file, os.R_OK):
            raise Failure(f"{file} is not there, or cannot be read")

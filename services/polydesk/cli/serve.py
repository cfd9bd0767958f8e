"""`polydesk serve`, `work`, `gateway` and `migrate`: the parts of the whole, each by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from polydesk.cli import envoy
from polydesk.cli.address import Address
from polydesk.cli.failure import Failure, Status
from polydesk.cli.folder import make_folder
from polydesk.cli.options import Data, DatabaseUrl, Listen, read_settings
from polydesk.domain.errors import PolydeskError, Unavailable

if TYPE_CHECKING:
    from polydesk.config import Settings
    from polydesk.gateway import Gateway

_HUB: Final = "127.0.0.1:50051"


def serve(
    *,
    hub: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="unix:/path or address:port.",
            show_default=f"$POLYDESK_HUB, {_HUB}",
        ),
    ] = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Serves gRPC: one hub process, without the gateway.

    Exits with 78 when its settings have to be mended first, with 75 when it may work later.
    """
    with _told_by_status():
        settings = read_settings(hub=hub, data=data, database_url=database_url)
        settings = settings.model_copy(update={"hub": settings.hub or _HUB})
        _check_demo(settings)
        from polydesk import server  # noqa: PLC0415 - keeps --help quick

        asyncio.run(server.serve(settings))


def work(*, data: Data = None, database_url: DatabaseUrl = None) -> None:
    """Works on runs: one worker process, which hubs hand their runs through the database.

    Exits as `polydesk serve` does.
    """
    with _told_by_status():
        settings = read_settings(data=data, database_url=database_url)
        from polydesk import worker  # noqa: PLC0415 - keeps --help quick

        asyncio.run(worker.work(settings))


def gateway(  # noqa: PLR0913 - each is an option
    *,
    listen: Listen = None,
    hub: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Where a hub listens; may be repeated."),
    ] = None,
    admin: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Envoy's admin interface; loopback only.")
    ] = "",
    metrics: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where Envoy's own metrics are read.")
    ] = "",
    access_log: Annotated[
        Path, typer.Option(metavar="FILE", help="Where each call is logged.")
    ] = Path("/dev/stdout"),
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default="stdout",
            help="Where it goes: as JSON to a file that ends in .json, else as YAML.",
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Has Envoy validate it instead of printing it.")
    ] = False,
    run: Annotated[
        bool, typer.Option("--run", help="Goes on as Envoy with it, as a container does.")
    ] = False,
    drain: Annotated[
        bool, typer.Option("--drain", help="Takes the Envoy of --admin out of service, and waits.")
    ] = False,
) -> None:  # fmt: skip
    """Prints Envoy's configuration for these hubs, or runs Envoy with it."""
    if drain:
        envoy.drain(admin)
        return
    settings = read_settings(listen=listen)
    wanted = _gateway_of(settings, hub, admin=admin, metrics=metrics, access_log=access_log)
    if check:
        _validate(wanted)
    elif run:
        envoy.become(program(), _written(wanted, as_json=True), admin=admin)
    elif output:
        output.write_text(_written(wanted, as_json=output.suffix == ".json"))
    else:
        typer.echo(_written(wanted), nl=False)


def _gateway_of(
    settings: Settings, hubs: list[str] | None, *, admin: str, metrics: str, access_log: Path
) -> Gateway:
    from polydesk.gateway import Gateway, Tls  # noqa: PLC0415 - keeps --help quick

    files = Tls(
        certificate=settings.tls_certificate,
        key=settings.tls_key,
        client_ca=settings.tls_client_ca,
    )
    return Gateway(
        listen=str(Address.parse(settings.listen)),
        hubs=hubs or [settings.hub or _HUB],
        admin=admin,
        metrics=metrics,
        otlp=settings.otlp,
        access_log=str(access_log),
        rate=settings.rate,
        rest_seconds=settings.call_seconds + 5,
        origins=settings.origins.split(),
        tls=files if settings.tls else None,
    )


def migrate(*, data: Data = None, database_url: DatabaseUrl = None) -> None:
    """Brings the database up to date."""
    from polydesk import composition  # noqa: PLC0415 - keeps --help quick

    settings = read_settings(data=data, database_url=database_url)
    if settings.embedded:
        make_folder(settings.data)
    asyncio.run(composition.migrate(settings))


def _written(wanted: Gateway, *, as_json: bool = False) -> str:
    from polydesk import dialects, gateway  # noqa: PLC0415 - keeps --help quick

    config = gateway.render(wanted, dialects.load())
    return gateway.to_json(config) if as_json else gateway.to_yaml(config)


def program() -> Path:
    """Returns Envoy's program."""
    from polydesk import gateway  # noqa: PLC0415 - keeps --help quick

    try:
        return gateway.envoy_binary()
    except gateway.EnvoyMissing as missing:
        raise Failure(str(missing)) from missing


def _validate(wanted: Gateway) -> None:
    from polydesk import dialects, gateway  # noqa: PLC0415 - keeps --help quick

    try:
        gateway.check(gateway.render(wanted, dialects.load()))
    except (gateway.EnvoyMissing, gateway.ConfigurationRefused) as error:
        raise Failure(str(error)) from error
    typer.echo("Envoy takes the configuration")


def _check_demo(settings: Settings) -> None:
    if settings.demo and not settings.hub.startswith("unix:"):
        address = Address.parse(settings.hub)
        if not address.is_loopback:
            raise Failure(f"the demo does not listen on {address}, which others can reach")


@contextmanager
def _told_by_status() -> Iterator[None]:
    try:
        yield
    except Failure as failure:
        raise Failure(failure.message, status=Status.MISCONFIGURED) from failure
    except Unavailable as error:
        raise Failure(error.message, status=Status.TRY_AGAIN) from error
    except PolydeskError as error:
        raise Failure(error.message, status=Status.MISCONFIGURED) from error

"""How commands reach a hub: the options that say where it is and who calls, and the call itself."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, Final, ParamSpec, get_type_hints
from urllib.parse import urlsplit

import typer

from polydesk.cli.failure import Failure
from polydesk.cli.identity import read_secret

if TYPE_CHECKING:
    from pathlib import Path

    from polydesk.client import Certificate, Client, HubError

P = ParamSpec("P")
Command = Callable[Concatenate["Client", P], Awaitable[None]]

URL: Final = "http://127.0.0.1:8080"
Url = Annotated[str, typer.Option(help="Where the gateway listens.")]
User = Annotated[str, typer.Option(metavar="LOGIN", help="Who calls; else POLYDESK_TOKEN says.")]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Else POLYDESK_PASSWORD, else it is asked.")
]
_OPTIONS: Final = {"url": (Url, URL), "user": (User, ""), "password_stdin": (PasswordStdin, False)}
# Somebody waits for the answer, so a hub that is not there is told after a second or two; what
# moves many tickets waits for about a minute.
_PROMPT: Final = (5, 15.0)
_PATIENT: Final = (40, 120.0)


def connected(command: Command[P]) -> Callable[..., None]:
    """Makes a command of a function that takes a client: adds the options, and calls it."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        said = {name: options.pop(name) for name in _OPTIONS}
        client = open_client(**said)
        call(client, lambda entered: command(entered, *arguments, **options))

    client, *own = inspect.signature(command).parameters.values()
    hints = get_type_hints(command, localns={"Client": object}, include_extras=True)
    parameters = [each.replace(annotation=hints[each.name]) for each in own]
    parameters += [
        Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in _OPTIONS.items()
    ]
    run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    del run.__wrapped__, client
    return run


def call(client: Client, work: Callable[[Client], Awaitable[None]]) -> None:
    """Runs what a command does on an entered client; raises Failure for what the hub refuses."""
    from polydesk.client import HubError  # noqa: PLC0415 - keeps --help quick

    async def run() -> None:
        async with client:
            await work(client)

    try:
        asyncio.run(run())
    except HubError as error:
        raise Failure(explain(error, client.address)) from error


def open_client(url: str, *, user: str, password_stdin: bool, patient: bool = False) -> Client:
    """Returns a client of the hub at a URL, for whom the options or the environment name."""
    from polydesk.client import Client, Patience  # noqa: PLC0415 - keeps --help quick

    address, tls = read_url(url)
    attempts, seconds = _PATIENT if patient else _PROMPT
    enter = functools.partial(
        Client,
        address,
        tls=tls,
        certificate=_certificate() if tls else None,
        timeout=seconds,
        patience=Patience(attempts=attempts),
    )
    if not user and not password_stdin and (token := _token()):
        return enter(token=token)
    if not user:
        raise Failure("nobody calls: say --user LOGIN, or set POLYDESK_TOKEN")
    return enter(login=user, secret=read_password(from_stdin=password_stdin))


def read_url(url: str) -> tuple[str, bool]:
    """Returns the address and the port of a gateway, and whether it speaks TLS."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise typer.BadParameter(f"{url!r} does not begin with http:// or https://")
    tls = parts.scheme == "https"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    try:
        return f"{host}:{parts.port or (443 if tls else 80)}", tls
    except ValueError as error:
        raise typer.BadParameter(f"{url!r} has no such port") from error


def read_password(*, from_stdin: bool) -> str:
    """Returns the password: from stdin, from the environment, or from whoever is asked."""
    from polydesk.config import Login  # noqa: PLC0415 - keeps --help quick

    known = "" if from_stdin else Login().password.get_secret_value()
    return known or read_secret("Password", from_stdin=from_stdin, twice=False)


def explain(error: HubError, address: str) -> str:
    """Says in one line what went wrong."""
    from polydesk.client import errors  # noqa: PLC0415 - keeps --help quick

    match error:
        case errors.Unavailable() if not error.reason:
            return f"no hub answers at {address}: {error.message}"
        case errors.TimedOut():
            return f"{address} does not answer in time: {error.message}"
        case errors.Internal():
            return f"{error.message} (request {error.request_id})"
        case _:
            return error.message


def _certificate() -> Certificate | None:
    from polydesk.client import Certificate  # noqa: PLC0415 - keeps --help quick
    from polydesk.config import Login  # noqa: PLC0415 - the same

    login = Login()
    if login.client_certificate is None and login.client_key is None:
        return None
    if login.client_certificate is None or login.client_key is None:
        raise Failure("POLYDESK_CLIENT_CERTIFICATE and POLYDESK_CLIENT_KEY belong together")
    return Certificate(_read(login.client_certificate), _read(login.client_key))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Failure(f"{file} is not there, or cannot be read") from error


def _token() -> str:
    from polydesk.config import Login  # noqa: PLC0415 - keeps --help quick

    return Login().token.get_secret_value()

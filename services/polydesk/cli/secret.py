"""`polydesk secret`: keeps the secrets of orgs, and the keys that seal them.

A value comes from stdin or from whoever is asked, never from an argument that others could see.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from polydesk.cli.connection import connected
from polydesk.cli.failure import Failure
from polydesk.cli.listing import (
    Row,
    first,
    page_size,
    printable,
    show_fields,
    show_json,
    show_rows,
)
from polydesk.cli.message import moment
from polydesk.cli.options import AsJson, Data, DatabaseUrl, read_settings
from polydesk.cli.ticket import Limit, Org

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from polydesk.client import Client
    from polydesk.client.messages import secret_pb2
    from polydesk.domain.secret import Rotation

secret = typer.Typer(help="Secrets, and the keys that seal them.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of the secret.")]
Etag = Annotated[str, typer.Option(help="The mark it must have.")]
Description = Annotated[str | None, typer.Option(help="What it is for; it is not encrypted.")]


@secret.command("set")
@connected
async def set_secret(  # noqa: PLR0913 - each is an option
    client: Client,
    org: Org,
    name: Name,
    *,
    description: Description = None,
    etag: Etag = "",
    as_json: AsJson = False,
) -> None:
    """Sets the value of a secret, which is made if it is not there.

    The value is all of stdin without the end of its last line, behind the password where
    --password-stdin takes the first line; in a terminal it is asked for, twice.
    """
    from polydesk.client import errors  # noqa: PLC0415 - keeps --help quick

    value = _read_value()
    try:
        kept = await _update(client, org, name, value, description=description, etag=etag)
    except errors.NotFound:
        if etag:
            raise
        kept = await _create(client, org, name, value, description=description or "")
    _tell(kept, as_json=as_json)


@secret.command("show")
@connected
async def show(client: Client, org: Org, name: Name, *, as_json: AsJson = False) -> None:
    """Shows what is known of a secret, without its value."""
    from polydesk.client.messages import secret_pb2  # noqa: PLC0415 - keeps --help quick

    request = secret_pb2.GetSecretRequest(name=_name(org, name))
    _tell(await client.secrets.GetSecret(request), as_json=as_json)


@secret.command("list")
@connected
async def list_secrets(
    client: Client, org: Org, *, limit: Limit = 100, as_json: AsJson = False
) -> None:
    """Lists the secrets of an org, without their values."""
    found = first(_secrets(client, org, page_size(limit)), limit)
    if as_json:
        async for each in found:
            show_json(each)
        return
    show_rows([_row(each) async for each in found], none="the org has no secret")


@secret.command("remove")
@connected
async def remove(
    client: Client, org: Org, name: Name, *, etag: Etag = "", as_json: AsJson = False
) -> None:
    """Deletes a secret, which cannot be taken back."""
    from polydesk.client.messages import secret_pb2  # noqa: PLC0415 - keeps --help quick

    request = secret_pb2.DeleteSecretRequest(name=_name(org, name), etag=etag)
    removed = await client.secrets.DeleteSecret(request)
    if as_json:
        show_json(removed)


@secret.command("reveal")
@connected
async def reveal(client: Client, org: Org, name: Name) -> None:
    """Prints the value of a secret; the history tells who asked for it."""
    from polydesk.client.messages import secret_pb2  # noqa: PLC0415 - keeps --help quick

    request = secret_pb2.AccessSecretRequest(name=_name(org, name))
    typer.echo((await client.secrets.AccessSecret(request)).value)


@secret.command("rotate")
def rotate(*, data: Data = None, database_url: DatabaseUrl = None) -> None:
    """Seals every secret of the database with the first key, while hubs go on.

    It may be broken off and begun again. Exits with 1 where a secret could not be opened.
    """
    rotation = asyncio.run(_rotate(data, database_url))
    typer.echo(f"sealed anew with the key {rotation.first}: {rotation.renewed}")
    for key, count in rotation.used.items():
        typer.echo(f"the key {key} seals {count}: keep it")
    for key in rotation.idle:
        typer.echo(f"the key {key} seals nothing any more: backups apart, it may be dropped")
    for org, name in rotation.failed:
        typer.echo(f"polydesk: org {org}: {printable(name)} cannot be opened", err=True)
    if rotation.failed:
        raise Failure(f"left as they are: {len(rotation.failed)}")


@secret.command("key")
def key() -> None:
    """Prints a fresh key, id:base64, as POLYDESK_SECRET_KEYS and a file of keys have it."""
    from polydesk.domain import keyring  # noqa: PLC0415 - keeps --help quick

    typer.echo(keyring.new_line())


async def _rotate(data: Data, database_url: DatabaseUrl) -> Rotation:
    from polydesk import composition  # noqa: PLC0415 - keeps --help quick

    settings = read_settings(data=data, database_url=database_url)
    async with composition.open_vault(settings) as vault:
        return await vault.rotate()


def _read_value() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Value", hide_input=True, confirmation_prompt=True, err=True))
    value = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if not value:
        raise Failure("stdin has no value")
    return value


async def _update(  # noqa: PLR0913 - each is an option
    client: Client, org: int, name: str, value: str, *, description: str | None, etag: str
) -> secret_pb2.Secret:
    from polydesk.client.messages import secret_pb2  # noqa: PLC0415 - keeps --help quick

    request = secret_pb2.UpdateSecretRequest(
        secret=secret_pb2.Secret(name=_name(org, name), description=description or "", etag=etag),
        value=value,
    )
    if description is not None:
        request.update_mask.paths.append("description")
    updated: secret_pb2.Secret = await client.secrets.UpdateSecret(request)
    return updated


async def _create(
    client: Client, org: int, name: str, value: str, *, description: str
) -> secret_pb2.Secret:
    from polydesk.client.messages import secret_pb2  # noqa: PLC0415 - keeps --help quick

    made: secret_pb2.Secret = await client.secrets.CreateSecret(
        secret_pb2.CreateSecretRequest(
            parent=f"orgs/{org}",
            secret_id=name,
            secret=secret_pb2.Secret(description=description),
            value=value,
        )
    )
    return made


async def _secrets(client: Client, org: int, size: int) -> AsyncIterator[secret_pb2.Secret]:
    from polydesk.client import pages  # noqa: PLC0415 - keeps --help quick
    from polydesk.client.messages import secret_pb2  # noqa: PLC0415 - the same

    request = secret_pb2.ListSecretsRequest(parent=f"orgs/{org}", page_size=size)
    async for page in pages(client.secrets.ListSecrets, request):
        for each in page.secrets:
            yield each


def _name(org: int, name: str) -> str:
    return f"orgs/{org}/secrets/{name}"


def _tell(kept: secret_pb2.Secret, *, as_json: bool) -> None:
    if as_json:
        show_json(kept)
    else:
        show_fields(_row(kept))


def _row(kept: secret_pb2.Secret) -> Row:
    return {
        "name": kept.name.partition("/secrets/")[2],
        "created": moment(kept.create_time),
        "updated": moment(kept.update_time),
        "value set": moment(kept.value_time),
        "etag": kept.etag,
        "description": kept.description,
    }

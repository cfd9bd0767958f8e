"""`polydesk org`, `user`, `client` and `token`: who is who, kept in the database itself."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from polydesk.cli.failure import Failure
from polydesk.cli.options import AsJson, Data, read_settings
from polydesk.domain.identity import Account, AccountKind, Role

if TYPE_CHECKING:
    from polydesk.domain.registry import Registry

T = TypeVar("T")

org = typer.Typer(help="Orgs: the tenants that records belong to.", no_args_is_help=True)
user = typer.Typer(help="Users: people, who log in by e-mail address.", no_args_is_help=True)
client = typer.Typer(help="Clients: programs, which log in by id or key.", no_args_is_help=True)
token = typer.Typer(help="Bearer tokens.", no_args_is_help=True)

Roles = Annotated[
    list[str] | None,
    typer.Option("--org", metavar="ID:ROLE", help="1:admin, 1:agent or 1:reader; may be repeated."),
]
Name = Annotated[str, typer.Option(help="The name that others see.")]
Login = Annotated[str, typer.Argument(metavar="LOGIN", help="An e-mail address or a client's id.")]
FromStdin = Annotated[bool, typer.Option(help="Reads it from the first line of stdin.")]


@org.command("add")
def add_org(
    id_: Annotated[int, typer.Argument(metavar="ID")], name: str, *, data: Data = None
) -> None:
    """Opens an org."""
    _run(data, lambda registry: registry.add_org(id_, name))


@org.command("list")
def list_orgs(*, as_json: AsJson = False, data: Data = None) -> None:
    """Lists the orgs."""
    orgs = _run(data, lambda registry: registry.orgs())
    _show([{"id": each.id, "name": each.name} for each in orgs], as_json=as_json)


@user.command("add")
def add_user(  # noqa: PLR0913 - each is an option
    email: str,
    *,
    name: Name = "",
    roles: Roles = None,
    operator: Annotated[bool, typer.Option("--operator", help="May administer the hub.")] = False,
    password_stdin: FromStdin = False,
    data: Data = None,
) -> None:
    """Opens the account of a person; asks for the password. The first org is the default."""
    given = read_roles(roles or [])
    secret = read_secret("Password", from_stdin=password_stdin)
    _run(
        data,
        lambda registry: registry.add_user(
            email,
            secret,
            name=name,
            roles=given,
            operator=operator,
            default_org=next(iter(given), 0),
        ),
    )


@user.command("list")
def list_users(*, as_json: AsJson = False, data: Data = None) -> None:
    """Lists the users."""
    _list_accounts(AccountKind.USER, data, as_json=as_json)


@user.command("password")
def change_password(email: str, *, password_stdin: FromStdin = False, data: Data = None) -> None:
    """Changes the password of a user, and ends the user's tokens."""
    secret = read_secret("New password", from_stdin=password_stdin)
    _run(data, lambda registry: registry.set_secret(email, secret))


@user.command("role")
def change_role(
    login: Login,
    org_: Annotated[int, typer.Argument(metavar="ORG")],
    role: Annotated[str, typer.Argument(metavar="ROLE", help="admin, agent, reader or none.")],
    *,
    data: Data = None,
) -> None:
    """Changes what an account may do in an org."""
    given = None if role.casefold() == "none" else read_role(role)
    _run(data, lambda registry: registry.set_role(login, org_, given))


@client.command("add")
def add_client(
    id_: Annotated[str, typer.Argument(metavar="ID")],
    *,
    name: Name = "",
    roles: Roles = None,
    secret_stdin: FromStdin = False,
    data: Data = None,
) -> None:
    """Opens the account of a program and prints its secret, once. Its first org is its default."""
    given = read_roles(roles or [])
    secret = _read_line("secret") if secret_stdin else secrets.token_urlsafe(32)
    _run(
        data,
        lambda registry: registry.add_client(
            id_, secret, name=name, roles=given, default_org=next(iter(given), 0)
        ),
    )
    if not secret_stdin:
        typer.echo(secret)


@client.command("list")
def list_clients(*, as_json: AsJson = False, data: Data = None) -> None:
    """Lists the clients."""
    _list_accounts(AccountKind.CLIENT, data, as_json=as_json)


@client.command("key")
def add_key(
    id_: Annotated[str, typer.Argument(metavar="ID")],
    *,
    label: Annotated[str, typer.Option(help="What the key is for.")] = "",
    data: Data = None,
) -> None:
    """Gives a client an API key and prints it, once."""
    key = secrets.token_urlsafe(32)
    _run(data, lambda registry: registry.add_key(id_, key, label=label))
    typer.echo(key)


@client.command("keys")
def list_keys(
    id_: Annotated[str, typer.Argument(metavar="ID")], *, as_json: AsJson = False, data: Data = None
) -> None:
    """Lists the API keys of a client: by ids, for the keys themselves are not kept."""
    keys = _run(data, lambda registry: registry.keys(id_))
    rows = [
        {"id": each.id, "label": each.label, "created": f"{each.created_at:%Y-%m-%d %H:%M:%SZ}"}
        for each in keys
    ]
    _show(rows, as_json=as_json)


@client.command("revoke")
def end_key(
    id_: Annotated[str, typer.Argument(metavar="ID")],
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key's id, as `keys` tells it.")],
    *,
    data: Data = None,
) -> None:
    """Ends an API key of a client, and no other one."""
    _run(data, lambda registry: registry.end_key(id_, key))


@token.command("issue")
def issue_token(login: Login, *, data: Data = None) -> None:
    """Prints a bearer token of an account."""
    typer.echo(_run(data, lambda registry: registry.token_for(login)).access_token)


@token.command("revoke")
def revoke_tokens(login: Login, *, data: Data = None) -> None:
    """Ends all tokens of an account."""
    _run(data, lambda registry: registry.revoke_tokens(login))


@token.command("rotate")
def rotate_tokens(*, data: Data = None) -> None:
    """Changes the key that signs tokens, which ends every token of everybody."""
    _run(data, lambda registry: registry.change_signing_key())


def read_roles(texts: Sequence[str]) -> dict[int, Role]:
    """Reads `1:agent` and the like."""
    roles = {}
    for text in texts:
        id_, _, role = text.partition(":")
        if not id_.isdecimal():
            raise typer.BadParameter(f"{text!r} is no ID:ROLE, such as 1:agent")
        roles[int(id_)] = read_role(role)
    return roles


def read_role(text: str) -> Role:
    """Reads the name of a role."""
    try:
        return Role[text.upper()]
    except KeyError:
        known = ", ".join(role.name.lower() for role in Role)
        raise typer.BadParameter(f"{text!r} is no role; there are: {known}") from None


def read_secret(prompt: str, *, from_stdin: bool, twice: bool = True) -> str:
    """Reads a secret from stdin or from whoever sits at the terminal, never from arguments."""
    if from_stdin:
        return _read_line(prompt.casefold())
    if not sys.stdin.isatty():
        raise Failure("nobody can be asked for the password here: use --password-stdin")
    return str(typer.prompt(prompt, hide_input=True, confirmation_prompt=twice, err=True))


def _read_line(what: str) -> str:
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise Failure(f"stdin has no {what} in its first line")
    return line


def _run(data: Data, work: Callable[[Registry], Awaitable[T]]) -> T:
    from polydesk import composition  # noqa: PLC0415 - keeps --help quick

    settings = read_settings(data=data)

    async def run() -> T:
        async with composition.open_registry(settings) as registry:
            return await work(registry)

    return asyncio.run(run())


def _list_accounts(kind: AccountKind, data: Data, *, as_json: bool) -> None:
    accounts = _run(data, lambda registry: registry.accounts())
    _show([_row(each) for each in accounts if each.kind is kind], as_json=as_json)


def _row(account: Account) -> dict[str, object]:
    roles = {str(org_): role.name.lower() for org_, role in sorted(account.roles.items())}
    row: dict[str, object] = {"login": account.login, "name": account.name, "roles": roles}
    if account.kind is AccountKind.USER:
        return row | {"operator": account.operator}
    return row | {"default_org": account.default_org}


def _show(rows: Sequence[Mapping[str, object]], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    from rich.console import Console  # noqa: PLC0415 - keeps --help quick
    from rich.table import Table  # noqa: PLC0415 - the same
    from rich.text import Text  # noqa: PLC0415 - the same

    table = Table(*(rows[0] if rows else ["none"]))
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row.values()))
    Console().print(table)


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}:{each}" for key, each in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)

"""`polydesk person` and `polydesk location`: whom and where the tickets of an org are about."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from polydesk.cli.connection import connected
from polydesk.cli.failure import Failure
from polydesk.cli.listing import Row, items_of, page_size, show_items, show_json, show_rows
from polydesk.cli.options import AsJson
from polydesk.cli.ticket import Limit, Org

if TYPE_CHECKING:
    from polydesk.client import Client
    from polydesk.client.messages import directory_pb2

person = typer.Typer(help="People of an org.", no_args_is_help=True)
location = typer.Typer(help="Locations of an org.", no_args_is_help=True)

Id = Annotated[int, typer.Argument(metavar="ID", min=1)]
_COLUMNS: Final = ("email", "display_name", "login", "team", "sys_id")
_UPDATABLE: Final = _COLUMNS[:-1]


@person.command("add")
@connected
async def add_person(  # noqa: PLR0913 - each is an option
    client: Client,
    org: Org,
    email: str,
    *,
    name: Annotated[str, typer.Option(help="What people read.")] = "",
    login: Annotated[str, typer.Option(help="What the person logs in with.")] = "",
    team: Annotated[str, typer.Option(help="The team.")] = "",
    sys_id: Annotated[str, typer.Option(help="Else the hub makes one.")] = "",
    as_json: AsJson = False,
) -> None:
    """Adds a person and prints it."""
    from polydesk.client.messages import directory_pb2  # noqa: PLC0415 - keeps --help quick

    said = directory_pb2.Person(
        email=email, display_name=name, login=login, team=team, sys_id=sys_id
    )
    request = directory_pb2.CreatePersonRequest(parent=f"orgs/{org}", person=said)
    added = await client.directory.CreatePerson(request)
    if as_json:
        show_json(added)
    else:
        show_rows([_person_row(added)], none="")


@person.command("list")
@connected
async def list_people(
    client: Client, org: Org, *, limit: Limit = 100, as_json: AsJson = False
) -> None:
    """Lists the people of an org."""
    from polydesk.client.messages import directory_pb2  # noqa: PLC0415 - keeps --help quick

    request = directory_pb2.ListPeopleRequest(parent=f"orgs/{org}", page_size=page_size(limit))
    people = items_of(client.directory.ListPeople, request, "people")
    await show_items(people, _person_row, limit=limit, none="there is none", as_lines=as_json)


@person.command("remove")
@connected
async def remove_person(client: Client, org: Org, id_: Id) -> None:
    """Removes a person; tickets keep the e-mail address."""
    from polydesk.client.messages import directory_pb2  # noqa: PLC0415 - keeps --help quick

    name = f"orgs/{org}/people/{id_}"
    await client.directory.DeletePerson(directory_pb2.DeletePersonRequest(name=name))


@person.command("import")
@connected
async def import_people(
    client: Client,
    org: Org,
    file: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="With columns such as email, display_name.")
    ],
) -> None:
    """Adds the people of a CSV file, and changes those whose e-mail address is there already.

    The first line names the columns: email, and what else of display_name, login, team and sys_id
    there is.
    """
    from polydesk.client import HubError  # noqa: PLC0415 - keeps --help quick

    rows = _read(file)
    known = await _names(client, org)
    added = changed = 0
    for line, row in rows:
        name = known.get(row["email"].casefold(), "")
        try:
            await _keep(client, org, name, row)
        except HubError as error:
            raise Failure(f"{file}, line {line}: {error.message}") from error
        added, changed = added + (not name), changed + bool(name)
    typer.echo(f"{added} added, {changed} changed")


@location.command("add")
@connected
async def add_location(client: Client, org: Org, name: str, *, as_json: AsJson = False) -> None:
    """Adds a location and prints it."""
    from polydesk.client.messages import directory_pb2  # noqa: PLC0415 - keeps --help quick

    request = directory_pb2.CreateLocationRequest(
        parent=f"orgs/{org}", location=directory_pb2.Location(display_name=name)
    )
    added = await client.directory.CreateLocation(request)
    if as_json:
        show_json(added)
    else:
        show_rows([_location_row(added)], none="")


@location.command("list")
@connected
async def list_locations(
    client: Client, org: Org, *, limit: Limit = 100, as_json: AsJson = False
) -> None:
    """Lists the locations of an org."""
    from polydesk.client.messages import directory_pb2  # noqa: PLC0415 - keeps --help quick

    request = directory_pb2.ListLocationsRequest(parent=f"orgs/{org}", page_size=page_size(limit))
    locations = items_of(client.directory.ListLocations, request, "locations")
    await show_items(locations, _location_row, limit=limit, none="there is none", as_lines=as_json)


@location.command("remove")
@connected
async def remove_location(client: Client, org: Org, id_: Id) -> None:
    """Removes a location; tickets keep its name."""
    from polydesk.client.messages import directory_pb2  # noqa: PLC0415 - keeps --help quick

    name = f"orgs/{org}/locations/{id_}"
    await client.directory.DeleteLocation(directory_pb2.DeleteLocationRequest(name=name))


def _read(file: Path) -> list[tuple[int, dict[str, str]]]:
    """Returns the rows of a CSV file, each with its line."""
    with file.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.DictReader(opened)
        columns = set(reader.fieldnames or ())
        if "email" not in columns or columns - set(_COLUMNS):
            raise Failure(f"{file}: the first line names email, and of {', '.join(_COLUMNS[1:])}")
        rows = []
        for row in reader:
            if None in row or None in row.values():
                raise Failure(f"{file}, line {reader.line_num}: it has not {len(columns)} fields")
            rows.append((reader.line_num, {name: text.strip() for name, text in row.items()}))
    return rows


async def _names(client: Client, org: int) -> dict[str, str]:
    """Returns the names of all people of an org by their e-mail addresses."""
    from polydesk.client.messages import directory_pb2  # noqa: PLC0415 - keeps --help quick

    request = directory_pb2.ListPeopleRequest(parent=f"orgs/{org}", page_size=1_000)
    people = items_of(client.directory.ListPeople, request, "people")
    return {each.email.casefold(): each.name async for each in people}


async def _keep(client: Client, org: int, name: str, row: dict[str, Any]) -> None:
    """Adds a person, or changes the one of a name; what the file does not tell stays."""
    from google.protobuf.field_mask_pb2 import FieldMask  # noqa: PLC0415 - keeps --help quick

    from polydesk.client.messages import directory_pb2  # noqa: PLC0415 - the same

    if name:
        mask = FieldMask(paths=[each for each in _UPDATABLE if each in row])
        said = directory_pb2.Person(name=name, **row)
        request = directory_pb2.UpdatePersonRequest(person=said, update_mask=mask)
        await client.directory.UpdatePerson(request)
    else:
        added = directory_pb2.CreatePersonRequest(
            parent=f"orgs/{org}", person=directory_pb2.Person(**row)
        )
        await client.directory.CreatePerson(added)


def _person_row(found: directory_pb2.Person) -> Row:
    return {
        "id": _id(found.name),
        "email": found.email,
        "name": found.display_name,
        "login": found.login,
        "team": found.team,
    }


def _location_row(found: directory_pb2.Location) -> Row:
    return {"id": _id(found.name), "name": found.display_name}


def _id(name: str) -> str:
    return name.rpartition("/")[2]

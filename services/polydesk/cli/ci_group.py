"""`polydesk ci group`: the groups of an org's CIs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from polydesk.cli.connection import connected
from polydesk.cli.listing import Row, items_of, page_size, show_fields, show_items, show_json
from polydesk.cli.message import moment
from polydesk.cli.options import AsJson
from polydesk.cli.ticket import Limit, Org

if TYPE_CHECKING:
    from polydesk.client import Client
    from polydesk.client.messages import inventory_pb2

group = typer.Typer(help="Groups of CIs.", no_args_is_help=True)

Id = Annotated[int, typer.Argument(metavar="ID", min=1)]


@group.command("add")
@connected
async def add_group(
    client: Client,
    org: Org,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    *,
    chosen: Annotated[int, typer.Option("--id", min=0, help="Else the hub gives the next.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Makes a group and prints it."""
    from polydesk.client.messages import inventory_pb2  # noqa: PLC0415 - keeps --help quick

    request = inventory_pb2.CreateCiGroupRequest(
        parent=f"orgs/{org}",
        ci_group=inventory_pb2.CiGroup(display_name=name),
        ci_group_id=chosen,
    )
    made = await client.inventory.CreateCiGroup(request)
    if as_json:
        show_json(made)
    else:
        show_fields(_group_row(made))


@group.command("list")
@connected
async def list_groups(
    client: Client, org: Org, *, limit: Limit = 100, as_json: AsJson = False
) -> None:
    """Lists the groups of an org."""
    from polydesk.client.messages import inventory_pb2  # noqa: PLC0415 - keeps --help quick

    request = inventory_pb2.ListCiGroupsRequest(parent=f"orgs/{org}", page_size=page_size(limit))
    found = items_of(client.inventory.ListCiGroups, request, "ci_groups")
    none = "the org has no CI group"
    await show_items(found, _group_row, limit=limit, none=none, as_lines=as_json)


@group.command("rename")
@connected
async def rename_group(
    client: Client, org: Org, id_: Id, name: Annotated[str, typer.Argument(metavar="NAME")]
) -> None:
    """Gives a group another name."""
    from polydesk.client.messages import inventory_pb2  # noqa: PLC0415 - keeps --help quick

    said = inventory_pb2.CiGroup(name=f"orgs/{org}/ciGroups/{id_}", display_name=name)
    await client.inventory.UpdateCiGroup(inventory_pb2.UpdateCiGroupRequest(ci_group=said))


@group.command("remove")
@connected
async def remove_group(client: Client, org: Org, id_: Id) -> None:
    """Deletes a group that has no CI."""
    from polydesk.client.messages import inventory_pb2  # noqa: PLC0415 - keeps --help quick

    request = inventory_pb2.DeleteCiGroupRequest(name=f"orgs/{org}/ciGroups/{id_}")
    await client.inventory.DeleteCiGroup(request)


def _group_row(found: inventory_pb2.CiGroup) -> Row:
    return {
        "id": found.name.rpartition("/")[2],
        "name": found.display_name,
        "created": moment(found.create_time),
    }

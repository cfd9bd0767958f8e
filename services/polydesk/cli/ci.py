"""`polydesk ci`: the inventory of an org, its groups, and what tools report of them."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polydesk.cli import ci_group
from polydesk.cli.connection import connected
from polydesk.cli.listing import Row, items_of, page_size, show_fields, show_items, show_json
from polydesk.cli.message import fields_of, moment, word
from polydesk.cli.options import AsJson
from polydesk.cli.ticket import Limit, Org

if TYPE_CHECKING:
    from polydesk.client import Client
    from polydesk.client.messages import inventory_pb2

ci = typer.Typer(help="Configuration items (CIs) of an org.", no_args_is_help=True)
ci.add_typer(ci_group.group, name="group")

_PER_CALL = 1_000

Id = Annotated[int, typer.Argument(metavar="ID", min=1)]
Group = Annotated[int, typer.Option("--group", min=0, help="The id of the group.")]
Task = Annotated[str, typer.Option("--task", help="The task, such as Task1.")]
Host = Annotated[str, typer.Option("--host", help="The name of the host.")]


@ci.command("add")
@connected
async def add(  # noqa: PLR0913 - each is an option
    client: Client,
    org: Org,
    host: Annotated[str, typer.Argument(metavar="HOST", help="The name of the host.")],
    *,
    of_group: Annotated[int, typer.Option("--group", min=1, help="The id of its group.")],
    tasks: Annotated[
        list[str] | None, typer.Option("--task", help="A task it takes part in; repeatable.")
    ] = None,
    type_: Annotated[str, typer.Option("--type", help="Such as Access Point.")] = "",
    management_ip: Annotated[str, typer.Option(help="The address it is managed by.")] = "",
    manufacturer: Annotated[str, typer.Option(help="Who made it.")] = "",
    model: Annotated[str, typer.Option(help="Its model.")] = "",
    location: Annotated[str, typer.Option(help="Where it is.")] = "",
    environment: Annotated[str, typer.Option(help="Such as Production.")] = "",
    as_json: AsJson = False,
) -> None:
    """Makes a CI and prints it; a file has all its facts (import)."""
    from polydesk.client.messages import inventory_pb2  # noqa: PLC0415 - keeps --help quick

    said = inventory_pb2.Ci(
        host_name=host,
        group=f"orgs/{org}/ciGroups/{of_group}",
        tasks=tasks or [],
        type=type_,
        management_ip=management_ip,
        manufacturer=manufacturer,
        model=model,
        location=location,
        environment=environment,
    )
    request = inventory_pb2.CreateCiRequest(parent=f"orgs/{org}", ci=said)
    _tell(await client.inventory.CreateCi(request), as_json=as_json)


@ci.command("import")
@connected
async def import_cis(
    client: Client,
    org: Org,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a head; .gz is unpacked.")],
    *,
    of_group: Group = 0,
) -> None:
    """Saves the CIs of a file, each host once in a group; doing it again changes nothing.

    Columns: host_name, group (an id), tasks (Task1;Task2), column1 to column5, and the other fields
    of a CI. Rows that name no group are of --group. A thousand rows are kept or none.
    """
    from polydesk.cli.ci_file import read_cis  # noqa: PLC0415 - keeps --help quick
    from polydesk.client.messages import inventory_pb2  # noqa: PLC0415 - the same

    rows = read_cis(file, org, group=of_group)
    count = 0
    while batch := [inventory_pb2.Ci(**row) for row in islice(rows, _PER_CALL)]:
        request = inventory_pb2.SaveCisRequest(parent=f"orgs/{org}", cis=batch)
        count += len((await client.inventory.SaveCis(request)).cis)
    typer.echo(f"saved: {count}")


@ci.command("list")
@connected
async def list_cis(  # noqa: PLR0913 - each is an option
    client: Client,
    org: Org,
    *,
    of_group: Group = 0,
    task: Task = "",
    host: Host = "",
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Lists the CIs of an org, or those of a group, a task, a host."""
    from polydesk.client.messages import inventory_pb2  # noqa: PLC0415 - keeps --help quick

    request = inventory_pb2.ListCisRequest(
        parent=f"orgs/{org}",
        page_size=page_size(limit),
        group=f"orgs/{org}/ciGroups/{of_group}" if of_group else "",
        task=task,
        host_name=host,
    )
    found = items_of(client.inventory.ListCis, request, "cis")
    await show_items(found, _ci_row, limit=limit, none="no CI fits", as_lines=as_json)


@ci.command("show")
@connected
async def show(client: Client, org: Org, id_: Id, *, as_json: AsJson = False) -> None:
    """Shows all that is known of a CI."""
    from polydesk.client.messages import inventory_pb2  # noqa: PLC0415 - keeps --help quick

    request = inventory_pb2.GetCiRequest(name=f"orgs/{org}/cis/{id_}")
    _tell(await client.inventory.GetCi(request), as_json=as_json)


@ci.command("remove")
@connected
async def remove(client: Client, org: Org, id_: Id) -> None:
    """Deletes a CI with what was reported of it."""
    from polydesk.client.messages import inventory_pb2  # noqa: PLC0415 - keeps --help quick

    request = inventory_pb2.DeleteCiRequest(name=f"orgs/{org}/cis/{id_}")
    await client.inventory.DeleteCi(request)


@ci.command("status")
@connected
async def status(  # noqa: PLR0913 - each is an option
    client: Client,
    org: Org,
    *,
    of_group: Group = 0,
    task: Task = "",
    of_schedule: Annotated[int, typer.Option("--schedule", min=0, help="Its id.")] = 0,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Lists what tools have reported last of their work on CIs."""
    from polydesk.client.messages import inventory_pb2  # noqa: PLC0415 - keeps --help quick

    request = inventory_pb2.ListCiStatusesRequest(
        parent=f"orgs/{org}",
        page_size=page_size(limit),
        group=f"orgs/{org}/ciGroups/{of_group}" if of_group else "",
        task=task,
        schedule=f"orgs/{org}/schedules/{of_schedule}" if of_schedule else "",
    )
    found = items_of(client.inventory.ListCiStatuses, request, "ci_statuses")
    none = "nothing was reported"
    await show_items(found, _status_row, limit=limit, none=none, as_lines=as_json)


def _tell(found: inventory_pb2.Ci, *, as_json: bool) -> None:
    if as_json:
        show_json(found)
    else:
        show_fields(fields_of(found))


def _ci_row(found: inventory_pb2.Ci) -> Row:
    return {
        "id": _id(found.name),
        "group": _id(found.group),
        "host": found.host_name,
        "tasks": ", ".join(found.tasks),
        "type": found.type,
        "ip": found.management_ip,
        "deployment": found.deployment,
    }


def _status_row(found: inventory_pb2.CiStatus) -> Row:
    return {
        "host": found.host_name,
        "group": _id(found.group),
        "task": found.task,
        "schedule": _id(found.schedule),
        "state": word(found, "state"),
        "reported": moment(found.report_time),
        "by": found.reporter,
        "remarks": found.remarks,
    }


def _id(name: str) -> str:
    return name.rpartition("/")[2]

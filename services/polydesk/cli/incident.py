"""`polydesk incident`: records incidents and moves them through their life cycle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from polydesk.cli import ticket as tickets
from polydesk.cli.connection import connected
from polydesk.cli.listing import page_size, show_items, show_json
from polydesk.cli.message import choose, word
from polydesk.cli.name import name_in
from polydesk.cli.options import AsJson
from polydesk.cli.ticket import Filter, History, Limit, Order, Org, Text
from polydesk.cli.update import update_of

if TYPE_CHECKING:
    from polydesk.client import Client
    from polydesk.client.messages import ticket_pb2

incident = typer.Typer(help="Incidents, and their life cycle.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="incidents/42, or 42.")]
Etag = Annotated[str, typer.Option(help="The mark it must have.")]
Level = Annotated[str, typer.Option(metavar="LEVEL", help="low, medium or high.")]
NewText = Annotated[str | None, typer.Option(metavar="TEXT")]
NewLevel = Annotated[str | None, typer.Option(metavar="LEVEL", help="low, medium or high.")]


@incident.command("create")
@connected
async def create(  # noqa: PLR0913 - each is an option
    client: Client,
    org: Org,
    *,
    summary: Annotated[str, typer.Option(help="The one line.")],
    description: Text = "",
    requester: Text = "",
    assignee: Text = "",
    group: Text = "",
    category: Text = "",
    impact: Level = "",
    urgency: Level = "",
    number: Annotated[str, typer.Option(help="Else the hub gives one.")] = "",
    as_json: AsJson = False,
) -> None:
    """Records an incident and prints its name and number."""
    from polydesk.client.messages import incident_pb2, ticket_pb2  # noqa: PLC0415 - keeps --help quick

    said = ticket_pb2.Ticket(
        number=number,
        summary=summary,
        description=description,
        requester=requester,
        assignee=assignee,
        assignment_group=group,
        category=category,
        impact=choose(ticket_pb2.Ticket, "impact", impact),
        urgency=choose(ticket_pb2.Ticket, "urgency", urgency),
    )
    request = incident_pb2.CreateIncidentRequest(parent=f"orgs/{org}", incident=said)
    _tell(await client.incidents.CreateIncident(request), as_json=as_json)


@incident.command("list")
@connected
async def list_incidents(  # noqa: PLR0913 - each is an option
    client: Client,
    org: Org,
    *,
    filter_: Filter = "",
    order: Order = "",
    limit: Limit = 100,
    deleted: Annotated[bool, typer.Option("--deleted", help="Deleted ones, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Lists the incidents of an org."""
    found = client.list_incidents(
        org,
        filter=filter_,
        order_by=order,
        page_size=page_size(limit),
        show_deleted=deleted,
    )
    await show_items(found, tickets.row_of, limit=limit, none="no incident fits", as_lines=as_json)


@incident.command("show")
@connected
async def show(
    client: Client, name: Name, *, history: History = False, as_json: AsJson = False
) -> None:
    """Shows an incident."""
    from polydesk.client.messages import incident_pb2  # noqa: PLC0415 - keeps --help quick

    request = incident_pb2.GetIncidentRequest(name=name_in(name, "incidents"))
    found = await client.incidents.GetIncident(request)
    await tickets.show(client, found, history=history, as_lines=as_json)


@incident.command("update")
@connected
async def update(  # noqa: PLR0913 - each is an option
    client: Client,
    name: Name,
    *,
    summary: NewText = None,
    description: NewText = None,
    requester: NewText = None,
    assignee: NewText = None,
    group: NewText = None,
    category: NewText = None,
    impact: NewLevel = None,
    urgency: NewLevel = None,
    priority: Annotated[
        str | None, typer.Option(help="planning, low, medium, high or critical.")
    ] = None,
    state: Annotated[str | None, typer.Option(help="logged, active or waiting.")] = None,
    wait_reason: NewText = None,
    resolution: NewText = None,
    cause_code: NewText = None,
    clear: Annotated[
        list[str] | None, typer.Option(metavar="FIELD", help="Empties it; may be repeated.")
    ] = None,
    etag: Etag = "",
    as_json: AsJson = False,
) -> None:
    """Changes what is given of an incident, and nothing else."""
    said = {
        "summary": summary,
        "description": description,
        "requester": requester,
        "assignee": assignee,
        "group": group,
        "category": category,
        "impact": impact,
        "urgency": urgency,
        "priority": priority,
        "state": state,
        "wait_reason": wait_reason,
        "resolution": resolution,
        "cause_code": cause_code,
    }
    request = update_of(name_in(name, "incidents"), said, clear or [], etag=etag)
    _tell(await client.incidents.UpdateIncident(request), as_json=as_json)


@incident.command("assign")
@connected
async def assign(  # noqa: PLR0913 - each is an option
    client: Client,
    name: Name,
    *,
    assignee: Annotated[str, typer.Option(help="The person.")] = "",
    group: Annotated[str, typer.Option(help="The team.")] = "",
    etag: Etag = "",
    as_json: AsJson = False,
) -> None:
    """Hands an incident to a person, a team, or both."""
    said = {"assignee": assignee, "assignment_group": group}
    await _move(client, "Assign", name, {**said, "etag": etag}, as_json=as_json)


@incident.command("resolve")
@connected
async def resolve(  # noqa: PLR0913 - each is an option
    client: Client,
    name: Name,
    *,
    resolution: Annotated[str, typer.Option(help="How it was solved.")],
    cause_code: Annotated[str, typer.Option(help="Why it happened.")] = "",
    etag: Etag = "",
    as_json: AsJson = False,
) -> None:
    """Resolves an incident."""
    said = {"resolution": resolution, "cause_code": cause_code}
    await _move(client, "Resolve", name, {**said, "etag": etag}, as_json=as_json)


@incident.command("close")
@connected
async def close(client: Client, name: Name, *, etag: Etag = "", as_json: AsJson = False) -> None:
    """Closes an incident that is resolved."""
    await _move(client, "Close", name, {"etag": etag}, as_json=as_json)


@incident.command("reopen")
@connected
async def reopen(client: Client, name: Name, *, etag: Etag = "", as_json: AsJson = False) -> None:
    """Takes an incident up again."""
    await _move(client, "Reopen", name, {"etag": etag}, as_json=as_json)


@incident.command("cancel")
@connected
async def cancel(client: Client, name: Name, *, etag: Etag = "", as_json: AsJson = False) -> None:
    """Withdraws an incident."""
    await _move(client, "Cancel", name, {"etag": etag}, as_json=as_json)


@incident.command("delete")
@connected
async def delete(client: Client, name: Name, *, etag: Etag = "", as_json: AsJson = False) -> None:
    """Deletes an incident; it can be undeleted."""
    await _move(client, "Delete", name, {"etag": etag}, as_json=as_json)


@incident.command("undelete")
@connected
async def undelete(client: Client, name: Name, *, etag: Etag = "", as_json: AsJson = False) -> None:
    """Takes a deletion back."""
    await _move(client, "Undelete", name, {"etag": etag}, as_json=as_json)


async def _move(
    client: Client, verb: str, name: str, said: dict[str, Any], *, as_json: bool
) -> None:
    from polydesk.client.messages import incident_pb2  # noqa: PLC0415 - keeps --help quick

    request = getattr(incident_pb2, f"{verb}IncidentRequest")
    method = getattr(client.incidents, f"{verb}Incident")
    moved = await method(request(name=name_in(name, "incidents"), **said))
    _tell(moved, as_json=as_json)


def _tell(found: ticket_pb2.Ticket, *, as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    state = "deleted" if found.HasField("delete_time") else word(found, "state")
    typer.echo(f"{found.name}  {found.number}  {state}")

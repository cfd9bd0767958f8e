"""`polydesk schedule`: when which runbook of an org is to run.

The value of a secret parameter comes from stdin or from whoever is asked, never from an argument.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from polydesk.cli.connection import connected
from polydesk.cli.listing import Row, items_of, page_size, show_fields, show_items, show_json
from polydesk.cli.message import choose, moment, word
from polydesk.cli.options import AsJson
from polydesk.cli.ticket import Limit, Org
from polydesk.cli.timing import read_parameters, read_seconds, read_timing, rule_of

if TYPE_CHECKING:
    from polydesk.client import Client
    from polydesk.client.messages import schedule_pb2

schedule = typer.Typer(help="Schedules of runbooks.", no_args_is_help=True)

Id = Annotated[int, typer.Argument(metavar="ID", min=1)]


@schedule.command("add")
@connected
async def add(  # noqa: PLR0913 - each is an option
    client: Client,
    org: Org,
    runbook: Annotated[int, typer.Argument(metavar="RUNBOOK", min=1, help="The runbook's id.")],
    *,
    every: Annotated[str, typer.Option(help="hour, day, week or month.")] = "",
    at: Annotated[str, typer.Option(help="02:05; of an hour the minute alone, 05.")] = "",
    on: Annotated[str, typer.Option(help="Of a week: mon,fri. Of a month: its day, 31.")] = "",
    once: Annotated[str, typer.Option(metavar="TIME", help="2099-01-01T10:10:10Z.")] = "",
    zone: Annotated[str, typer.Option(help="Whose clocks: Europe/London.")] = "UTC",
    tool: Annotated[str, typer.Option(help="local, commands or external.")] = "",
    parameters: Annotated[
        list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="Repeatable.")
    ] = None,
    secrets: Annotated[
        list[str] | None,
        typer.Option("--secret", metavar="NAME", help="Its value is asked for, or on stdin."),
    ] = None,
    limit: Annotated[str, typer.Option("--timeout", help="30s, 10m, 2h.")] = "",
    missed: Annotated[str, typer.Option(help="skip or run-once.")] = "",
    overlap: Annotated[str, typer.Option(help="skip, queue or allow.")] = "",
    paused: Annotated[bool, typer.Option("--paused", help="Is not due until resumed.")] = False,
    chosen: Annotated[int, typer.Option("--id", min=0, help="Else the hub gives the next.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Makes a schedule and prints it."""
    from google.protobuf.duration_pb2 import Duration  # noqa: PLC0415 - keeps --help quick

    from polydesk.client.messages import schedule_pb2  # noqa: PLC0415 - the same

    kind = schedule_pb2.Schedule
    said = kind(
        runbook=f"orgs/{org}/runbooks/{runbook}",
        tool=choose(kind, "tool", tool),
        time_zone=zone,
        missed_run_policy=choose(kind, "missed_run_policy", missed),
        overlap_policy=choose(kind, "overlap_policy", overlap),
        timeout=Duration(seconds=read_seconds(limit)) if limit else None,
        paused=paused,
        parameters=read_parameters(parameters or [], secrets or []),
        **read_timing(every=every, at=at, on=on, once=once),
    )
    request = schedule_pb2.CreateScheduleRequest(
        parent=f"orgs/{org}", schedule=said, schedule_id=chosen
    )
    _tell(await client.schedules.CreateSchedule(request), as_json=as_json)


@schedule.command("list")
@connected
async def list_schedules(
    client: Client, org: Org, *, limit: Limit = 100, as_json: AsJson = False
) -> None:
    """Lists the schedules of an org."""
    from polydesk.client.messages import schedule_pb2  # noqa: PLC0415 - keeps --help quick

    request = schedule_pb2.ListSchedulesRequest(parent=f"orgs/{org}", page_size=page_size(limit))
    found = items_of(client.schedules.ListSchedules, request, "schedules")
    none = "the org has no schedule"
    await show_items(found, _row, limit=limit, none=none, as_lines=as_json)


@schedule.command("show")
@connected
async def show(client: Client, org: Org, id_: Id, *, as_json: AsJson = False) -> None:
    """Shows a schedule; of its secrets, the names."""
    from polydesk.client.messages import schedule_pb2  # noqa: PLC0415 - keeps --help quick

    request = schedule_pb2.GetScheduleRequest(name=_name(org, id_))
    _tell(await client.schedules.GetSchedule(request), as_json=as_json)


@schedule.command("pause")
@connected
async def pause(client: Client, org: Org, id_: Id) -> None:
    """Lets a schedule not be due until it is resumed."""
    from polydesk.client.messages import schedule_pb2  # noqa: PLC0415 - keeps --help quick

    request = schedule_pb2.PauseScheduleRequest(name=_name(org, id_))
    await client.schedules.PauseSchedule(request)


@schedule.command("resume")
@connected
async def resume(client: Client, org: Org, id_: Id) -> None:
    """Lets a schedule be due again; what was due meanwhile is left out."""
    from polydesk.client.messages import schedule_pb2  # noqa: PLC0415 - keeps --help quick

    request = schedule_pb2.ResumeScheduleRequest(name=_name(org, id_))
    await client.schedules.ResumeSchedule(request)


@schedule.command("remove")
@connected
async def remove(client: Client, org: Org, id_: Id) -> None:
    """Deletes a schedule with its secrets."""
    from polydesk.client.messages import schedule_pb2  # noqa: PLC0415 - keeps --help quick

    request = schedule_pb2.DeleteScheduleRequest(name=_name(org, id_))
    await client.schedules.DeleteSchedule(request)


@schedule.command("next")
@connected
async def show_next(
    client: Client,
    org: Org,
    id_: Id,
    *,
    count: Annotated[int, typer.Option(min=1, max=1_000, help="How many instants.")] = 10,
) -> None:
    """Prints when a schedule is due from now on, in UTC."""
    from polydesk.client.messages import schedule_pb2  # noqa: PLC0415 - keeps --help quick

    request = schedule_pb2.ListDueTimesRequest(name=_name(org, id_), page_size=count)
    for due in (await client.schedules.ListDueTimes(request)).due_times:
        typer.echo(moment(due))


def _name(org: int, id_: int) -> str:
    return f"orgs/{org}/schedules/{id_}"


def _tell(found: schedule_pb2.Schedule, *, as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    parameters = [f"{each.name}={each.secret or each.value}" for each in found.parameters]
    show_fields(
        {
            **_row(found),
            "ticket kind": word(found, "ticket_kind"),
            "missed run": word(found, "missed_run_policy"),
            "overlap": word(found, "overlap_policy"),
            "timeout": f"{found.timeout.seconds}s" if found.timeout.seconds else "",
            "parameters": "\n".join(parameters),
            "reported": moment(found.report_time),
            "etag": found.etag,
        }
    )


def _row(found: schedule_pb2.Schedule) -> Row:
    due = moment(found.next_due_time) if found.HasField("next_due_time") else ""
    return {
        "id": found.name.rpartition("/")[2],
        "runbook": found.runbook.rpartition("/")[2],
        "tool": word(found, "tool"),
        "when": rule_of(found),
        "zone": found.time_zone,
        "next due": "paused" if found.paused else due,
        "state": word(found, "reported_state"),
    }

"""`polydesk rule`: which new tickets have which runbook run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from polydesk.cli.connection import connected
from polydesk.cli.listing import Row, show_fields, show_json
from polydesk.cli.message import moment
from polydesk.cli.options import AsJson
from polydesk.cli.run import read_parameters
from polydesk.cli.script import show_all, tell
from polydesk.cli.ticket import Org

if TYPE_CHECKING:
    from polydesk.client import Client
    from polydesk.client.messages import rule_pb2

rule = typer.Typer(help="Rules: runbooks for new tickets.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(metavar="RULE", min=1, help="Its number.")]


@rule.command("add")
@connected
async def add_rule(  # noqa: PLR0913 - each is an option
    client: Client,
    org: Org,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people call it.")],
    *,
    when: Annotated[
        str, typer.Option(metavar="FILTER", help="""'kind = EVENT AND summary : "disk"'.""")
    ],
    runbook: Annotated[int, typer.Option(min=1, help="The runbook's number.")],
    parameter: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Repeatable; {summary} is the ticket's."),
    ] = None,
    ask: Annotated[
        str | None, typer.Option(metavar="MESSAGE", help="Asks somebody before it begins.")
    ] = None,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    disabled: Annotated[bool, typer.Option("--disabled", help="Starts nothing for now.")] = False,
    number: Annotated[int, typer.Option(min=0, help="Else the hub gives one.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Registers a rule for new tickets, or replaces the one of that number or name."""
    from polydesk.client.messages import rule_pb2  # noqa: PLC0415 - keeps --help quick

    said = rule_pb2.Rule(
        name=f"orgs/{org}/rules/{number}" if number else "",
        display_name=name,
        filter=when,
        runbook=f"orgs/{org}/runbooks/{runbook}",
        description=description,
        parameters=read_parameters(parameter or []),
        approval=None if ask is None else rule_pb2.Rule.Approval(message=ask),
        disabled=disabled,
    )
    request = rule_pb2.SaveRuleRequest(parent=f"orgs/{org}", rule=said)
    tell(await client.rules.SaveRule(request), as_json=as_json)


@rule.command("list")
@connected
async def list_rules(client: Client, org: Org, *, as_json: AsJson = False) -> None:
    """Lists the rules of an org."""
    from polydesk.client import pages  # noqa: PLC0415 - keeps --help quick
    from polydesk.client.messages import rule_pb2  # noqa: PLC0415 - the same

    request = rule_pb2.ListRulesRequest(parent=f"orgs/{org}")
    found = [each async for page in pages(client.rules.ListRules, request) for each in page.rules]
    show_all(found, row_of, as_json=as_json, none="no rule is registered")


@rule.command("show")
@connected
async def show_rule(client: Client, org: Org, number: Number, *, as_json: AsJson = False) -> None:
    """Shows a rule."""
    from polydesk.client.messages import rule_pb2  # noqa: PLC0415 - keeps --help quick

    request = rule_pb2.GetRuleRequest(name=f"orgs/{org}/rules/{number}")
    found = await client.rules.GetRule(request)
    if as_json:
        show_json(found)
        return
    parameters = "\n".join(f"{name}={value}" for name, value in sorted(found.parameters.items()))
    show_fields({**row_of(found), "description": found.description, "parameters": parameters})


@rule.command("remove")
@connected
async def remove_rule(client: Client, org: Org, number: Number) -> None:
    """Removes a rule; the runs that it has started go on."""
    from polydesk.client.messages import rule_pb2  # noqa: PLC0415 - keeps --help quick

    await client.rules.DeleteRule(rule_pb2.DeleteRuleRequest(name=f"orgs/{org}/rules/{number}"))


def row_of(found: rule_pb2.Rule) -> Row:
    """Returns what a list says of a rule."""
    asks = found.approval.message or "yes" if found.HasField("approval") else ""
    return {
        "name": found.name,
        "display name": found.display_name,
        "when": found.filter,
        "runbook": found.runbook.rpartition("/")[2],
        "asks": asks,
        "state": "disabled" if found.disabled else "enabled",
        "updated": moment(found.update_time),
    }

"""What the run samples of the iAutomate guide (seed 004, sections 3, 4 and 6) are about."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import suppress
from typing import Final

from polydesk.domain.demo.iautomate import NUMBER
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Denied, Exists, NotFound
from polydesk.domain.identity import Caller
from polydesk.domain.order import Order
from polydesk.domain.runbook import Parameter, Runbook, RunCommand, Tool
from polydesk.domain.script import Language, Script
from polydesk.domain.target import Target, TargetKind
from polydesk.domain.ticket import Kind

SCRIPT: Final = 1
RUNBOOK: Final = 7611
# The run that a tool outside reports on, under both the job ids of the samples.
OUTSIDE: Final = 135
JOBS: Final = "1,10"
COMMAND: Final = 506

_SOURCE: Final = """import json
import sys

ticket = json.load(sys.stdin)["number"]
print(f"releasing {ticket}", file=sys.stderr)
answer = {
    "key": "123",
    "URL": "http://<URL>/rest/api/2/issue/",
    "assignee_name": "user",
    "Release_comment": "Ticket_released_from_iAutomate",
}
print(json.dumps(answer))
"""


async def seed_registered(desk: Desk, seeder: Caller) -> None:
    """Registers what runs use, where it is not there yet; the seeder may write runbooks."""
    if await _lacks(desk.scripts.get(seeder, 1, SCRIPT)):
        script = Script(name="Release a ticket", language=Language.PYTHON, source=_SOURCE)
        await desk.scripts.save(seeder, 1, script, id_=SCRIPT)
    if await _lacks(desk.targets.find(seeder, 119, "Myhost")):
        patterns = ("uname -a", "echo *")
        target = Target(name="Myhost", kind=TargetKind.LOCAL, patterns=patterns)
        await desk.targets.save(seeder, 119, target)
    for org in (1, 5):
        if await _lacks(desk.runbooks.get(seeder, org, RUNBOOK)):
            await desk.runbooks.save(seeder, org, _outside(), id_=RUNBOOK)


async def seed_runs(desk: Desk, seeder: Caller) -> None:
    """Starts the runs that the samples ask for, once; the seeder may start runs."""
    # A problem, because the samples ask for the status of all other tickets of that number.
    ticket = await desk.tickets.find(seeder, 1, Kind.PROBLEM, number=NUMBER)
    outside = Order(id=OUTSIDE, runbook=RUNBOOK, ticket=ticket.id, job=JOBS)
    command = RunCommand(target="Myhost", command="echo output")
    with suppress(Exists):
        await desk.runs.start(seeder, 1, outside)
    with suppress(Exists, Denied):
        await desk.runs.start(seeder, 119, Order(id=COMMAND, command=command))


async def _lacks(found: Awaitable[object]) -> bool:
    try:
        await found
    except NotFound:
        return True
    return False


def _outside() -> Runbook:
    parameter = Parameter(name="ComputerName", default="SRVAT0046")
    return Runbook(name="Outside tool", tool=Tool.EXTERNAL, parameters=(parameter,))

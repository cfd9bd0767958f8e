"""A whole audit log, replayed through the gateway: each ticket ends as its newest event.

Plays the real log where it lies beside the checkout, else one of the same shape made here.
"""

from __future__ import annotations

import asyncio
import csv
import gzip
import json
import os
import random
import re
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc.aio
import pytest

from polydesk.api.v1 import ticket_pb2
from polydesk.api.v1.ticket_pb2_grpc import TicketServiceStub
from tests.stack import DEMO, Rest, Stack

if TYPE_CHECKING:
    from collections.abc import Iterator


pytestmark = pytest.mark.envoy

ROOT = Path(__file__).parents[1]
REAL = ROOT.parent / "shared" / "data" / "incident_event_log.csv.gz"
MAPPING = ROOT / "docs" / "examples" / "servicenow-audit-log.toml"
ORG = 7
Event = dict[str, str]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if REAL.exists():
        return REAL
    path = tmp_path_factory.mktemp("log") / "made.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns())
        writer.writeheader()
        writer.writerows(made_events())
    return path


def columns() -> list[str]:
    """Returns the columns that the example mapping names."""
    with MAPPING.open("rb") as file:
        mapping = tomllib.load(file)
    said = [*mapping["fields"].values(), *mapping["dates"]["fields"].values()]
    return sorted({name for text in said for name in re.findall(r"(?:^|{)(\w+)(?=$|[|}])", text)})


def made_events() -> Iterator[Event]:
    """Makes 120 tickets of some events each, some in the same minute, two out of order."""
    chance = random.Random(42)  # noqa: S311 - no secret
    start = datetime(2016, 2, 29, 1, 16, tzinfo=UTC)
    for number in range(120):
        moment = start + timedelta(minutes=chance.randrange(10_000))
        opened = f"{moment:%d-%m-%Y %H:%M}"
        for version in range(chance.randrange(1, 9)):
            moment += timedelta(minutes=chance.choice([0, 0, 1, 90, -5 if number < 2 else 5]))
            done = version > 4
            yield dict.fromkeys(columns(), "?") | {
                "number": f"INC{number:07d}",
                "incident_state": "Resolved" if done else chance.choice(["New", "Active"]),
                "sys_mod_count": str(version),
                "opened_at": opened,
                "sys_updated_at": f"{moment:%d-%m-%Y %H:%M}",
                "resolved_at": f"{moment:%d-%m-%Y %H:%M}" if done else "?",
                "assignment_group": f"Group {chance.randrange(9)}",
            }


def newest(path: Path) -> dict[str, Event]:
    """Returns each ticket's newest event; of equally new ones the later line."""
    found: dict[str, Event] = {}
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        for event in csv.DictReader(file):
            old = found.get(event["number"])
            if old is None or moment(event["sys_updated_at"]) >= moment(old["sys_updated_at"]):
                found[event["number"]] = event
    return found


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%d-%m-%Y %H:%M").replace(tzinfo=UTC)


def printed(text: str) -> str | None:
    """Returns a time of the log as iAutomate prints it."""
    return None if text == "?" else f"{moment(text):%Y-%m-%d %H:%M:%S}.000"


def expected(event: Event) -> dict[str, Any]:
    """Returns what V1 and V2 answer of an event."""
    return {
        "TicketNumber": event["number"],
        "AssignedGroup": event["assignment_group"].replace("?", ""),
        "StatusCode": event["incident_state"],
        "CreationDate": printed(event["opened_at"]),
        "LastModifiedDate": printed(event["sys_updated_at"]),
        "ClosedDate": printed(event["resolved_at"]),
        "Col1": event["priority"].replace("?", ""),
        "Col5": event["sys_mod_count"],
    }


async def replay(stack: Stack, log: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "polydesk", "import", str(log), "--map", str(MAPPING)),
        *("--url", f"http://127.0.0.1:{stack.port}", "--org", str(ORG)),
        *("--user", "demo@example.com"),
        env=os.environ | {"POLYDESK_PASSWORD": "demo"},
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0


async def read_v2(rest: Rest) -> bytes:
    return (await rest.request("GET", f"/v2/incident/orgentityid/{ORG}")).body


async def test_each_ticket_of_a_log_ends_as_its_newest_event(stack: Stack, log: Path) -> None:
    events = newest(log)

    async with aiohttp.ClientSession() as session:
        rest = Rest(session, stack.port)
        await replay(stack, log)
        first = await read_v2(rest)
        await replay(stack, log)
        second = await read_v2(rest)
        v1 = await rest.request("GET", f"/iAutomateAPI/Request/GetIncidentTicketData/{ORG}")

    seeded = {"INC0303863"}
    for read in (v1.json()["result"], json.loads(second)["Result"]):
        by_number = {each["TicketNumber"]: each for each in read}
        assert by_number.keys() == events.keys() | seeded
        for number, event in events.items():
            wanted = expected(event)
            assert {name: by_number[number][name] for name in wanted} == wanted
    assert second == first
    assert await read_by_grpc(stack, events) == {
        number: (event["assignment_group"].replace("?", ""), moment(event["sys_updated_at"]))
        for number, event in events.items()
    }


async def read_by_grpc(stack: Stack, events: dict[str, Event]) -> dict[str, tuple[str, datetime]]:
    metadata = [("authorization", DEMO["Authorization"])]
    found = {}
    async with grpc.aio.insecure_channel(f"127.0.0.1:{stack.port}") as channel:
        tickets = TicketServiceStub(channel)
        for number in events:
            request = ticket_pb2.LookupTicketRequest(
                parent=f"orgs/{ORG}", kind=ticket_pb2.Ticket.KIND_INCIDENT, number=number
            )
            ticket = await tickets.LookupTicket(request, metadata=metadata)
            found[number] = ticket.assignment_group, ticket.modify_time.ToDatetime(UTC)
    return found

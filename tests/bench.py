"""`make bench`: the hub beside an echo, which answers the same messages and does nothing.

Both stand behind an Envoy of their own with the same configuration. Rounds alternate, so that a
busy machine slows both. What counts are the ratios and the CPU time that a request takes; rates
are left out, for they tell of the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import grpc
import grpc.aio
from google.protobuf import descriptor_pool, message_factory
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from rich.console import Console
from rich.table import Table

from polydesk import dialects
from polydesk.api.iautomate.v1 import iautomate_pb2
from polydesk.api.v1 import incident_pb2, ticket_pb2
from polydesk.gateway import Gateway, render
from polydesk.server import services
from tests.gateway.envoy import Envoy
from tests.stack import Stack, await_answer

AT_ONCE = 16
ORG = 5
HEADERS = {"authorization": "Basic " + base64.b64encode(b"demo@example.com:demo").decode()}
TICKS = os.sysconf("SC_CLK_TCK")
_numbers = count()


class Operation(NamedTuple):
    """One kind of request: over REST where it has a path, else over gRPC."""

    name: str
    method: str
    request: Callable[[], bytes]
    path: str = ""
    verb: str = "POST"


class Side(NamedTuple):
    """The hub or the echo, with its Envoy: where it listens, and its processes."""

    port: int
    hub: int
    envoy: int


class Cost(NamedTuple):
    """What a request took in one round, in seconds: of the clock, of the hub, of Envoy."""

    clock: float
    hub: float
    envoy: float


def incident() -> bytes:
    """Returns an incident that nobody has made."""
    ticket = ticket_pb2.Ticket(
        number=f"BENCH{time.time_ns()}-{next(_numbers)}",
        summary="printer on fire",
        description="It smokes. " * 20,
        assignment_group="hardware",
    )
    return incident_pb2.CreateIncidentRequest(
        parent=f"orgs/{ORG}", incident=ticket
    ).SerializeToString()


def push(rows: int) -> bytes:
    """Returns a V2 push of tickets that nobody has pushed."""
    row = {
        "Summary": "printer on fire",
        "sys_id": "2b535ab3dbc988506d7550d3dc96190e",
        "AssignedGroup": "hardware",
        "StatusCode": "1",
        "CreationDate": "2019-11-18 06:24:52",
        "Description": "It smokes. " * 20,
        "LastModifiedDate": "2019-11-18 06:24:52",
        **{f"Col{number}": f"value {number}" for number in range(1, 21)},
        "TimeZone": "IST",
        "IsTimeZoneOrOffset": "TIMEZONE",
        "IsEpoch": "N",
        "ModuleId": "1",
    }
    stamp = f"{time.time_ns()}-{next(_numbers)}"
    return json.dumps([row | {"TicketNumber": f"B{stamp}-{n}"} for n in range(rows)]).encode()


def operations(ticket: str) -> list[Operation]:
    """Returns what is measured; `ticket` names one that exists."""
    get = ticket_pb2.GetTicketRequest(name=ticket).SerializeToString()
    page = ticket_pb2.ListTicketsRequest(parent=f"orgs/{ORG}", page_size=100).SerializeToString()
    create = "/polydesk.api.v1.IncidentService/CreateIncident"
    getting = "/polydesk.api.v1.TicketService/GetTicket"
    listing = "/polydesk.api.v1.TicketService/ListTickets"
    pushing = "/polydesk.api.iautomate.v1.IAutomateService/PushIncidentsV2"
    door = f"/v2/incident/orgentityid/{ORG}"
    return [
        Operation("create, gRPC", create, incident),
        Operation("get, gRPC", getting, lambda: get),
        Operation("get, REST", getting, bytes, f"/desk/v1/{ticket}", "GET"),
        Operation("page of 100, gRPC", listing, lambda: page),
        Operation(
            "page of 100, REST", listing, bytes, f"/desk/v1/orgs/{ORG}/tickets?page_size=100", "GET"
        ),
        Operation("push of 1, REST", pushing, lambda: push(1), door),
        Operation("push of 100, REST", pushing, lambda: push(100), door),
    ]


class Client:
    """Sends operations to one side."""

    def __init__(
        self, side: Side, channel: grpc.aio.Channel, session: aiohttp.ClientSession
    ) -> None:
        self._side = side
        self._channel = channel
        self._session = session

    async def call(self, method: str, request: bytes) -> bytes:
        """Calls by gRPC and returns the answer as it is on the wire."""
        call: Any = self._channel.unary_unary(method)
        return bytes(await call(request, metadata=tuple(HEADERS.items())))

    async def send(self, operation: Operation, request: bytes) -> None:
        """Sends one request; a refusal ends the bench."""
        if not operation.path:
            await self.call(operation.method, request)
            return
        url = f"http://127.0.0.1:{self._side.port}{operation.path}"
        headers = HEADERS | {"content-type": "application/json"}
        async with self._session.request(
            operation.verb, url, data=request or None, headers=headers
        ) as response:
            await response.read()
            response.raise_for_status()

    async def round(self, operation: Operation, requests: int) -> Cost:
        """Sends so many requests, 16 at a time."""
        bodies = [operation.request() for _ in range(requests)]
        waiting = iter(bodies)

        async def send_on() -> None:
            for body in waiting:
                await self.send(operation, body)

        before = self._spent()
        await asyncio.gather(*(send_on() for _ in range(AT_ONCE)))
        spent = zip(before, self._spent(), strict=True)
        return Cost(*((end - start) / requests for start, end in spent))

    def _spent(self) -> Cost:
        return Cost(time.perf_counter(), cpu(self._side.hub), cpu(self._side.envoy))


def cpu(pid: int) -> float:
    """Returns the CPU seconds that a process has used."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / TICKS


@asynccontextmanager
async def client(side: Side) -> AsyncIterator[Client]:
    """Connects to one side."""
    async with (
        grpc.aio.insecure_channel(f"127.0.0.1:{side.port}") as channel,
        aiohttp.ClientSession() as session,
    ):
        yield Client(side, channel, session)


@asynccontextmanager
async def echo(folder: Path, answers: Mapping[str, bytes]) -> AsyncIterator[Side]:
    """Runs the echo behind an Envoy that is configured like the hub's."""
    encoded = {method: base64.b64encode(answer).decode() for method, answer in answers.items()}
    (folder / "answers.json").write_text(json.dumps(encoded))
    hub = f"unix:{folder}/echo.sock"
    config = render(
        Gateway(listen="127.0.0.1:0", hubs=[hub], access_log=str(folder / "echo.log")),
        dialects.load(),
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench", "--echo", str(folder)
    )
    try:
        envoy = await asyncio.to_thread(Envoy.start, config, threads=os.cpu_count() or 1)
        try:
            await asyncio.to_thread(await_answer, envoy.port, b" 501 ")
            yield Side(envoy.port, process.pid, envoy.pid)
        finally:
            envoy.stop()
    finally:
        process.terminate()
        await process.wait()


async def serve_echo(folder: Path) -> None:
    """Answers each method with the message it was given, read and written as grpc does."""
    answers = json.loads((folder / "answers.json").read_text())
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        [_echoing(service, answers) for service in services()],
    )
    healthy = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    await healthy.set("", health_pb2.HealthCheckResponse.SERVING)
    server.add_insecure_port(f"unix:{folder}/echo.sock")
    await server.start()
    await server.wait_for_termination()


def _echoing(service: str, answers: Mapping[str, str]) -> grpc.GenericRpcHandler:
    handlers: dict[str, Any] = {}
    for method in descriptor_pool.Default().FindServiceByName(service).methods:
        encoded = answers.get(f"/{service}/{method.name}")
        if encoded is None:
            continue
        answer = message_factory.GetMessageClass(method.output_type)()
        answer.ParseFromString(base64.b64decode(encoded))

        async def reply(_request: Any, _context: Any, answer: Any = answer) -> Any:
            return answer

        handlers[method.name] = grpc.unary_unary_rpc_method_handler(
            reply,
            request_deserializer=message_factory.GetMessageClass(method.input_type).FromString,
            response_serializer=type(answer).SerializeToString,
        )
    return grpc.method_handlers_generic_handler(service, handlers)


async def measure(
    folder: Path, rounds: int, requests: int
) -> Mapping[str, list[tuple[Cost, Cost]]]:
    """Returns the costs of each operation, round by round: the echo's, the hub's."""
    stack = await asyncio.to_thread(Stack.start, folder / "var")
    try:
        real = Side(stack.port, stack.hubs()[0], stack.envoy())
        async with client(real) as hub:
            made = await hub.call("/polydesk.api.v1.IncidentService/CreateIncident", incident())
            ticket = ticket_pb2.Ticket.FromString(made).name.replace("incidents", "tickets")
            asked = operations(ticket)
            await hub.send(asked[-1], push(100))
            async with echo(folder, await _answers(hub, ticket)) as side, client(side) as echoing:
                return await _alternate(echoing, hub, asked, rounds=rounds, requests=requests)
    finally:
        stack.stop()


async def _answers(hub: Client, ticket: str) -> dict[str, bytes]:
    """Asks the hub for the messages that the echo is to answer."""
    native = [operation for operation in operations(ticket) if not operation.path]
    answers = {op.method: await hub.call(op.method, op.request()) for op in native}
    pushing = operations(ticket)[-1].method
    answers[pushing] = iautomate_pb2.PushIncidentsV2Response(
        id="4e4cbd30-1f4b-4b50-8c0a-6a4a1ea7a2f4",
        status="Success",
        message="Incident data saved successfully",
    ).SerializeToString()
    return answers


async def _alternate(
    echoing: Client, hub: Client, asked: list[Operation], *, rounds: int, requests: int
) -> Mapping[str, list[tuple[Cost, Cost]]]:
    costs: dict[str, list[tuple[Cost, Cost]]] = {operation.name: [] for operation in asked}
    for number in range(rounds + 1):
        for operation in asked:
            many = requests // 10 if "100" in operation.name else requests
            pair = [await side.round(operation, many) for side in (echoing, hub)]
            if number:  # the first round warms up
                costs[operation.name].append((pair[0], pair[1]))
    return costs


def show(costs: Mapping[str, list[tuple[Cost, Cost]]]) -> None:
    """Prints the table."""
    table = Table(
        "operation",
        "rate / echo's",
        "hub CPU µs",
        "echo CPU µs",
        "Envoy CPU µs",
        "its echo's",
        title=f"{AT_ONCE} at a time; medians of {len(next(iter(costs.values())))} rounds",
    )
    for name, pairs in costs.items():
        ratio = statistics.median(echo.clock / hub.clock for echo, hub in pairs)
        figures = [
            statistics.median(values) * 1e6
            for values in (
                [hub.hub for _, hub in pairs],
                [echo.hub for echo, _ in pairs],
                [hub.envoy for _, hub in pairs],
                [echo.envoy for echo, _ in pairs],
            )
        ]
        table.add_row(name, f"{ratio:.2f}", *(f"{figure:.0f}" for figure in figures))
    Console().print(table)


def main() -> None:
    """Runs the bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=800, help="a round of single requests")
    parser.add_argument("--echo", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.echo:
        asyncio.run(serve_echo(options.echo))
        return
    with tempfile.TemporaryDirectory(prefix="polydesk-bench-") as folder:
        show(asyncio.run(measure(Path(folder), options.rounds, options.requests)))


if __name__ == "__main__":
    main()

"""What the tests of the client share: a client of a hub, and a hub that answers as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, Self

import grpc
import grpc.aio
import pytest

from polydesk.api.v1 import incident_pb2, ticket_pb2, ticket_pb2_grpc
from polydesk.client import Client, Patience
from polydesk.server import Hub
from tests.stack import Stack

LOGIN: dict[str, Any] = {"login": "demo@example.com", "secret": "demo"}
QUICK = Patience(attempts=4, shortest=0.01, longest=0.02)


@pytest.fixture
async def client(hub: Hub) -> AsyncIterator[Client]:
    """A client of the hub, as the demo user."""
    async with Client(hub.address, **LOGIN) as entered:
        yield entered


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A `polydesk up --demo` that a module shares."""
    with Stack.running(tmp_path_factory.mktemp("stack") / "var") as stack:
        yield stack


async def record(client: Client, summary: str = "s") -> ticket_pb2.Ticket:
    """Records an incident in org 19."""
    request = incident_pb2.CreateIncidentRequest(
        parent="orgs/19", incident=ticket_pb2.Ticket(summary=summary)
    )
    return await client.incidents.CreateIncident(request)


class Script(ticket_pb2_grpc.TicketServiceServicer):
    """Answers calls as the test says, and remembers with which metadata they came."""

    def __init__(self) -> None:
        self.refusals: list[tuple[grpc.StatusCode, str, dict[str, Any]] | None] = []
        self.in_band = grpc.StatusCode.UNAVAILABLE
        self.calls: list[dict[str, str]] = []
        self.left: list[float] = []

    def refuse(self, code: grpc.StatusCode, message: str = "", **trailing: str) -> None:
        """Has a further call refused."""
        self.refusals.append((code, message, trailing))

    def let_pass(self) -> None:
        """Has a further call answered."""
        self.refusals.append(None)

    async def _play(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        self.calls.append(dict(context.invocation_metadata() or ()))  # type: ignore[arg-type]  # texts
        self.left.append(context.time_remaining() or 0.0)
        refusal = self.refusals.pop(0) if self.refusals else None
        if refusal:
            code, message, trailing = refusal
            named = tuple((name.replace("_", "-"), value) for name, value in trailing.items())
            await context.abort(code, message, named)

    async def SaveTickets(  # noqa: N802 - the contract's name
        self, _: ticket_pb2.SaveTicketsRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> ticket_pb2.SaveTicketsResponse:
        await self._play(context)
        return ticket_pb2.SaveTicketsResponse(batch="b")

    async def GetTicket(  # noqa: N802 - the contract's name
        self, _: ticket_pb2.GetTicketRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> ticket_pb2.Ticket:
        await self._play(context)
        return ticket_pb2.Ticket(name="tickets/1")

    async def WatchTickets(  # noqa: N802 - the contract's name
        self, request: ticket_pb2.WatchTicketsRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[ticket_pb2.WatchTicketsResponse]:
        await self._play(context)
        sequence = int(request.cursor or 0) + 1
        yield ticket_pb2.WatchTicketsResponse(
            cursor=str(sequence),
            changed=ticket_pb2.WatchTicketsResponse.Changed(
                change=ticket_pb2.TicketChange(sequence=sequence)
            ),
        )
        await self._play(context)
        error = ticket_pb2.WatchTicketsResponse(cursor=str(sequence))
        error.error.code = self.in_band.value[0]
        yield error


class Scripted:
    """A hub that is played by a script."""

    def __init__(self, script: Script, address: str) -> None:
        self.script = script
        self.address = address

    def client(self, **options: Any) -> Client:
        """Returns a client of it that does not wait long."""
        return Client(self.address, **{"token": "t", "patience": QUICK, **options})


@pytest.fixture
async def scripted() -> AsyncIterator[Scripted]:
    """A hub that answers as the test says."""
    script = Script()
    server = grpc.aio.server()
    ticket_pb2_grpc.add_TicketServiceServicer_to_server(script, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield Scripted(script, f"127.0.0.1:{port}")
    await server.stop(None)


class Forgetful:
    """A way to a hub that loses the first answer behind `forget`, and the connection with it."""

    def __init__(self, hub: str) -> None:
        self.address = ""
        self.forget = False
        self.forgotten = b""
        self._hub = hub

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.address = f"{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _connect(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        host, _, port = self._hub.rpartition(":")
        far, on = await asyncio.open_connection(host, int(port))
        sending = asyncio.create_task(self._carry(near, on))
        while answer := await far.read(65_536):
            # What belongs to the connection itself is short; an incident is not.
            if self.forget and len(answer) > 200:
                self.forget, self.forgotten = False, answer
                break
            back.write(answer)
        back.close()
        on.close()
        await sending

    async def _carry(self, near: asyncio.StreamReader, on: asyncio.StreamWriter) -> None:
        while said := await near.read(65_536):
            on.write(said)
        on.close()

"""The real grpcurl on the gateway's one port: reflection, health, calls, rich errors."""

from __future__ import annotations

import asyncio
import json
import shutil
import sysconfig
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import pytest

from polydesk.api.v1 import ticket_pb2
from polydesk.gateway.routes import read_contracts, read_routes
from polydesk.server import Hub, services
from tests.stack import DEMO, Rest

pytestmark = pytest.mark.envoy

TICKETS = "polydesk.api.v1.TicketService"
CALLER = "polydesk.api.v1.IdentityService/GetCaller"
BASIC = f"authorization: {DEMO['Authorization']}"
# grpcurl exits with 64 and the number of the gRPC status.
INVALID_ARGUMENT, NOT_FOUND, UNAUTHENTICATED = 64 + 3, 64 + 5, 64 + 16
TICKET: Mapping[str, str] = {
    "kind": "KIND_INCIDENT",
    "number": "GC1",
    "summary": "printer on fire",
    "open_time": "2026-01-31T09:00:00Z",
    "modify_time": "2026-01-31T09:05:00Z",
}


class Done(NamedTuple):
    """How grpcurl ended, and what it printed."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        assert self.status == 0, self.err
        return json.loads(self.out)


class Grpcurl(Protocol):
    """Calls grpcurl on a gateway; `what` stands behind the address."""

    async def __call__(self, *what: str, header: str = "", data: str = "") -> Done: ...


@pytest.fixture
def grpcurl(rest: Rest) -> Grpcurl:
    program = shutil.which("grpcurl", path=sysconfig.get_path("scripts"))
    assert program, "grpcurl is not beside python"
    address = rest.base.removeprefix("http://")

    async def call(*what: str, header: str = "", data: str = "") -> Done:
        options = [*(["-H", header] if header else []), *(["-d", data] if data else [])]
        process = await asyncio.create_subprocess_exec(
            *(program, "-plaintext", "-max-time", "30", *options, address, *what),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return Done(process.returncode or 0, out.decode(), err.decode())

    return call


def details_of(err: str) -> list[Any]:
    """Returns the details that grpcurl prints below an error, a numbered line each."""
    _, _, numbered = err.partition("Details:\n")
    return [json.loads(line.partition("\t")[2]) for line in numbered.splitlines()]


async def test_every_service_is_listed(grpcurl: Grpcurl) -> None:
    listed = await grpcurl("list")

    assert listed.status == 0, listed.err
    assert {*listed.out.split()} == {
        *services(),
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }


async def test_the_methods_of_a_service_are_listed(grpcurl: Grpcurl) -> None:
    listed = await grpcurl("list", TICKETS)

    methods = ticket_pb2.DESCRIPTOR.services_by_name["TicketService"].methods
    assert listed.status == 0, listed.err
    assert listed.out.split() == sorted(method.full_name for method in methods)


@pytest.mark.parametrize("service", services())
async def test_each_service_is_described_with_its_routes_and_permissions(
    grpcurl: Grpcurl, service: str
) -> None:
    described = await grpcurl("describe", service)

    assert described.status == 0, described.err
    assert f"{service} is a service:" in described.out
    assert described.out.count("  rpc ") > 0
    assert described.out.count("  rpc ") == described.out.count("option (.polydesk.api.v1.access)")
    routed = {route.service for route in read_routes(read_contracts())}
    assert ("option (.google.api.http) = " in described.out) is (service in routed)


async def test_a_method_is_described_with_who_may_call_it(grpcurl: Grpcurl) -> None:
    described = await grpcurl("describe", f"{TICKETS}.SaveTickets")

    assert described.status == 0, described.err
    assert f"{TICKETS}.SaveTickets is a method:" in described.out
    assert "rpc SaveTickets ( .polydesk.api.v1.SaveTicketsRequest )" in described.out
    assert 'post:"/desk/v1/{parent=orgs/*}/tickets:save"' in described.out
    assert 'scope:"tickets.write"' in described.out


async def test_a_message_is_described_with_what_it_requires(grpcurl: Grpcurl) -> None:
    described = await grpcurl("describe", "polydesk.api.v1.SaveTicketsRequest")

    assert described.status == 0, described.err
    assert "string parent = 1 [(.google.api.field_behavior) = REQUIRED];" in described.out
    assert "repeated .polydesk.api.v1.Ticket tickets = 2" in described.out


async def test_an_unknown_symbol_is_not_described(grpcurl: Grpcurl) -> None:
    described = await grpcurl("describe", "polydesk.api.v1.Nowhere")

    assert described.status == 1
    assert "Symbol not found: polydesk.api.v1.Nowhere" in described.err


async def test_a_password_calls(grpcurl: Grpcurl) -> None:
    answer = await grpcurl(CALLER, header=BASIC)

    assert answer.json()["login"] == "demo@example.com"


async def test_a_bearer_token_calls(grpcurl: Grpcurl, hub: Hub) -> None:
    token = (await hub.desk.registry.token_for("demo@example.com")).access_token

    answer = await grpcurl(CALLER, header=f"authorization: Bearer {token}")

    assert answer.json()["login"] == "demo@example.com"


async def test_what_is_saved_is_looked_up(grpcurl: Grpcurl) -> None:
    batch = json.dumps({"parent": "orgs/1", "tickets": [dict(TICKET)]})
    wanted = json.dumps({"parent": "orgs/1", "kind": "KIND_INCIDENT", "number": "GC1"})

    saved = await grpcurl(f"{TICKETS}/SaveTickets", header=BASIC, data=batch)
    found = await grpcurl(f"{TICKETS}/LookupTicket", header=BASIC, data=wanted)

    assert saved.status == 0, saved.err
    assert found.json().items() >= TICKET.items()


@pytest.mark.parametrize("service", ["", *services()])
async def test_the_hub_and_each_service_is_well(grpcurl: Grpcurl, service: str) -> None:
    asked = json.dumps({"service": service})

    answer = await grpcurl("grpc.health.v1.Health/Check", data=asked)

    assert answer.json() == {"status": "SERVING"}


async def test_a_missing_field_is_named_in_the_details(grpcurl: Grpcurl) -> None:
    answer = await grpcurl(f"{TICKETS}/SaveTickets", header=BASIC, data="{}")

    assert answer.status == INVALID_ARGUMENT
    assert "Code: InvalidArgument\n  Message: parent is required\n" in answer.err
    assert details_of(answer.err) == [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "domain": "polydesk",
            "reason": "MISSING",
        },
        {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "field_violations": [{"field": "parent", "description": "parent is required"}],
        },
    ]


async def test_a_ticket_of_nobody_is_not_found(grpcurl: Grpcurl) -> None:
    answer = await grpcurl(f"{TICKETS}/GetTicket", header=BASIC, data='{"name": "tickets/999999"}')

    assert answer.status == NOT_FOUND
    assert "Code: NotFound\n  Message: there is no ticket 999999\n" in answer.err
    assert [each["reason"] for each in details_of(answer.err)] == ["NOT_FOUND"]


@pytest.mark.parametrize(
    ("header", "reason"),
    [("", "CREDENTIALS_MISSING"), ("authorization: Bearer x.y.z", "CREDENTIALS_INVALID")],
    ids=["no credentials", "a token of nobody"],
)
async def test_whoever_is_unknown_is_unauthenticated(
    grpcurl: Grpcurl, header: str, reason: str
) -> None:
    answer = await grpcurl(CALLER, header=header)

    assert answer.status == UNAUTHENTICATED
    assert "Code: Unauthenticated\n" in answer.err
    assert [each["reason"] for each in details_of(answer.err)] == [reason]

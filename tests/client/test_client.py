"""The client of a real hub: lists, histories, and what is refused."""

from __future__ import annotations

import grpc.aio
import pytest

from polydesk.api.v1.identity_pb2 import GetCallerRequest, IssueTokenRequest
from polydesk.api.v1.incident_pb2 import (
    CloseIncidentRequest,
    CreateIncidentRequest,
    ResolveIncidentRequest,
)
from polydesk.api.v1.ticket_pb2 import GetTicketRequest, SaveTicketsRequest, Ticket
from polydesk.client import Client, errors
from polydesk.domain.demo import KEY
from polydesk.server import Hub
from tests.stack import Rest

from .conftest import LOGIN, Forgetful, record

ORG = 19  # where `record` records


async def save(client: Client, *numbers: str, org: int = ORG) -> None:
    tickets = [Ticket(kind=Ticket.KIND_INCIDENT, number=each, summary="s") for each in numbers]
    await client.tickets.SaveTickets(SaveTicketsRequest(parent=f"orgs/{org}", tickets=tickets))


async def test_a_login_a_token_and_a_key_call(hub: Hub, client: Client) -> None:
    account = await client.identity.GetCaller(GetCallerRequest())
    token = await client.identity.IssueToken(IssueTokenRequest(name=account.name))

    async with Client(hub.address, token=token.access_token) as other:
        assert await other.identity.GetCaller(GetCallerRequest()) == account
    async with Client(hub.address, key=KEY) as other:
        assert (await other.identity.GetCaller(GetCallerRequest())).login == "demo-client"


@pytest.mark.envoy
async def test_a_client_comes_through_the_gateway(rest: Rest) -> None:
    address = rest.base.removeprefix("http://")

    async with Client(address, **LOGIN) as client:
        await save(client, "A")
        tickets = client.list_tickets(ORG, filter="summary = s", order_by="open_time")
        numbers = [each.number async for each in tickets]
        with pytest.raises(errors.NotFound) as raised:
            await client.tickets.GetTicket(GetTicketRequest(name="tickets/999999"))
    async with Client(address, login="demo@example.com", secret="x") as client:
        with pytest.raises(errors.Unauthenticated):
            await client.identity.GetCaller(GetCallerRequest())

    assert numbers == ["A"]
    assert raised.value.reason == "NOT_FOUND"
    assert raised.value.request_id


async def test_a_list_goes_over_all_pages(client: Client) -> None:
    await save(client, *(f"N{number:03}" for number in range(25)))

    found = client.list_tickets(f"orgs/{ORG}", filter="summary = s", page_size=4)
    numbers = [each.number async for each in found]

    assert numbers == [f"N{number:03}" for number in range(25)]


async def test_a_list_has_the_order_and_the_fields_that_are_asked_for(client: Client) -> None:
    await save(client, "A")
    await save(client, "B")

    incidents = client.list_incidents(
        ORG, order_by="create_time desc", fields=["number", "summary"], page_size=1
    )
    found = [each async for each in incidents]

    assert [each.number for each in found] == ["B", "A", "INC0303863"]
    assert not any(each.name or each.HasField("open_time") for each in found)


async def test_the_history_of_an_incident_goes_over_all_pages(client: Client) -> None:
    created = await record(client)
    resolve = ResolveIncidentRequest(name=created.name, resolution="done")
    await client.incidents.ResolveIncident(resolve)
    await client.incidents.CloseIncident(CloseIncidentRequest(name=created.name))

    actions = [each.action async for each in client.ticket_changes(created.name, page_size=1)]

    assert actions == ["create", "update", "update"]


async def test_a_refused_field_is_named(client: Client) -> None:
    with pytest.raises(errors.Missing) as raised:
        await record(client, summary="")

    assert isinstance(raised.value, errors.Invalid)
    assert raised.value.field == "incident.summary"
    assert raised.value.reason == "MISSING"
    assert isinstance(raised.value.__cause__, grpc.aio.AioRpcError)
    assert str(raised.value) == raised.value.message


async def test_a_state_that_is_not_allowed_names_those_that_are(client: Client) -> None:
    created = await record(client)

    with pytest.raises(errors.WrongState) as raised:
        await client.incidents.CloseIncident(CloseIncidentRequest(name=created.name))

    assert raised.value.state == "LOGGED"
    assert "RESOLVED" in raised.value.allowed


async def test_an_outdated_etag_is_a_conflict(client: Client) -> None:
    created = await record(client)

    with pytest.raises(errors.Outdated) as raised:
        await client.incidents.CloseIncident(CloseIncidentRequest(name=created.name, etag="99"))

    assert isinstance(raised.value, errors.Conflict)


async def test_a_key_for_another_request_is_a_conflict(client: Client) -> None:
    key = (("idempotency-key", "k-1"),)
    one, two = (
        CreateIncidentRequest(parent=f"orgs/{ORG}", incident=Ticket(summary=text))
        for text in ("one", "two")
    )
    await client.incidents.CreateIncident(one, metadata=key)

    with pytest.raises(errors.Conflict):
        await client.incidents.CreateIncident(two, metadata=key)


async def test_an_org_of_others_is_not_there(client: Client) -> None:
    with pytest.raises(errors.NotFound):
        await save(client, "A", org=77)


async def test_an_answer_that_is_lost_after_the_write_does_not_write_twice(hub: Hub) -> None:
    forgetful = Forgetful(hub.address)
    async with forgetful, Client(forgetful.address, **LOGIN) as client:
        await client.identity.GetCaller(GetCallerRequest())
        forgetful.forget = True
        created = await record(client, summary="only once")
        found = [each.name async for each in client.list_incidents(ORG, filter="summary:only")]

    assert forgetful.forgotten
    assert found == [created.name]

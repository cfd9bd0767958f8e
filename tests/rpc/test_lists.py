"""Lists of tickets: filters, orders, pages, totals, read masks, and tickets by the hundred."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import grpc
import grpc.aio
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from polydesk.api.v1 import incident_pb2, ticket_pb2

if TYPE_CHECKING:
    from tests.conftest import Native
    from tests.stack import Rest

Ticket = ticket_pb2.Ticket
ORG = 5
OURS = "number >= N AND number < O"  # the demo has tickets of its own
SAVED = [
    Ticket(
        kind=Ticket.KIND_INCIDENT if index % 3 else Ticket.KIND_PROBLEM,
        number=f"N{index}",
        summary=["Printer on fire", "100% full", 'The "Büro" & co'][index % 3],
        state=[Ticket.STATE_ACTIVE, Ticket.STATE_RESOLVED][index % 2],
        impact=[Ticket.LEVEL_UNSPECIFIED, Ticket.LEVEL_LOW, Ticket.LEVEL_HIGH][index % 3],
        assignee=["", "ann", "bob"][index % 3],
    )
    for index in range(7)
]


@pytest.fixture
async def names(native: Native) -> list[str]:
    """Saves seven tickets, and returns their names."""
    request = ticket_pb2.SaveTicketsRequest(parent=f"orgs/{ORG}", tickets=SAVED)
    answer = await native.tickets.SaveTickets(request, metadata=native.headers())
    return [row.name for row in answer.results]


async def listed(native: Native, **asked: Any) -> ticket_pb2.ListTicketsResponse:
    asked["filter"] = f"{OURS} AND ({asked.get('filter') or 'number:*'})"
    request = ticket_pb2.ListTicketsRequest(parent=f"orgs/{ORG}", **asked)
    return await native.tickets.ListTickets(request, metadata=native.headers())


def numbers_of(tickets: Any) -> list[str]:
    return [ticket.number for ticket in tickets]


@pytest.mark.parametrize(
    ("filter_", "numbers"),
    [
        ("state = STATE_ACTIVE", ["N0", "N2", "N4", "N6"]),
        ("state = ACTIVE AND NOT summary : printer", ["N2", "N4"]),
        ("summary : '100%' OR summary : '\"Büro\" & CO'", ["N1", "N2", "N4", "N5"]),
        ("assignee = ann OR assignee = bob AND impact > LOW", ["N2", "N5"]),
        ("(assignee = ann AND kind = INCIDENT) OR number = N0", ["N0", "N1", "N4"]),
        ("-assignee:*", ["N0", "N3", "N6"]),
        ("impact < HIGH", ["N1", "N4"]),
        ("impact != HIGH", ["N0", "N1", "N3", "N4", "N6"]),
        ("resolve_time:*", ["N1", "N3", "N5"]),
        ("create_time > 2026-01-01T00:00:00Z AND number = N3", ["N3"]),
        ("create_time < 2026-01-01", []),
    ],
)
@pytest.mark.usefixtures("names")
async def test_a_filter_selects(native: Native, filter_: str, numbers: list[str]) -> None:
    assert numbers_of((await listed(native, filter=filter_)).tickets) == numbers


@pytest.mark.usefixtures("names")
async def test_pages_and_totals_go_with_a_filter(native: Native) -> None:
    asked = {"filter": "assignee = ann OR assignee = bob", "page_size": 3}
    first = await listed(native, **asked, with_total=True)
    second = await listed(native, **asked, page_token=first.next_page_token, with_total=True)
    uncounted = await listed(native, **asked)

    assert numbers_of(first.tickets) == ["N1", "N2", "N4"]
    assert numbers_of(second.tickets) == ["N5"]
    assert not second.next_page_token
    assert (first.total_size, second.total_size, uncounted.total_size) == (4, 4, 0)
    with pytest.raises(grpc.aio.AioRpcError, match="another filter or order"):
        await listed(native, page_token=first.next_page_token, filter="assignee = ann")


@pytest.mark.usefixtures("names")
async def test_incidents_are_filtered_counted_and_masked_like_tickets(native: Native) -> None:
    request = incident_pb2.ListIncidentsRequest(
        parent=f"orgs/{ORG}",
        filter="number = N1 OR number = N3 OR number = N5",
        with_total=True,
        read_mask=FieldMask(paths=["number", "name"]),
    )
    answer = await native.incidents.ListIncidents(request, metadata=native.headers())

    assert numbers_of(answer.incidents) == ["N1", "N5"]
    assert answer.total_size == 2
    assert all(incident.name.startswith("incidents/") for incident in answer.incidents)
    assert not any(incident.summary for incident in answer.incidents)


async def test_a_deleted_incident_is_listed_where_it_is_asked_for(
    native: Native, names: list[str]
) -> None:
    name = names[1].replace("tickets", "incidents")
    await native.incidents.DeleteIncident(
        incident_pb2.DeleteIncidentRequest(name=name), metadata=native.headers()
    )

    usual = await listed(native, with_total=True)
    deleted = await listed(native, with_total=True, show_deleted=True)

    assert (usual.total_size, deleted.total_size) == (6, 7)
    assert "N1" not in numbers_of(usual.tickets)
    [gone] = [ticket for ticket in deleted.tickets if ticket.HasField("delete_time")]
    assert gone.number == "N1"
    with pytest.raises(grpc.aio.AioRpcError, match=f"there is no ticket {names[1][8:]}"):
        await batch(native, names)


async def test_a_mask_of_all_fields_answers_what_no_mask_answers(
    native: Native, names: list[str]
) -> None:
    paths = list(Ticket.DESCRIPTOR.fields_by_name)
    masks = [FieldMask(), FieldMask(paths=["*"]), FieldMask(paths=paths)]

    answers = [await listed(native, read_mask=mask) for mask in masks]
    tickets = [await get(native, names[1], mask) for mask in masks]

    assert answers[0] == answers[1] == answers[2]
    assert tickets[0] == tickets[1] == tickets[2] == answers[0].tickets[1]


@pytest.mark.parametrize("path", list(Ticket.DESCRIPTOR.fields_by_name))
async def test_a_mask_of_one_field_answers_that_field(
    native: Native, names: list[str], path: str
) -> None:
    whole = await get(native, names[1], FieldMask())

    masked = await get(native, names[1], FieldMask(paths=[path]))

    assert {field.name for field, _ in masked.ListFields()} <= {path}
    assert getattr(masked, path) == getattr(whole, path)


@pytest.mark.parametrize("path", ["colour", "", "name.x", "extra", "openTime", "tickets.name"])
@pytest.mark.usefixtures("names")
async def test_a_mask_of_an_unknown_field_is_refused(native: Native, path: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await listed(native, read_mask=FieldMask(paths=["name", path]))

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    complaint = f"read_mask: there is no field {path}; there are name, kind, number, "
    assert complaint in (caught.value.details() or "")


async def get(native: Native, name: str, mask: FieldMask) -> Ticket:
    request = ticket_pb2.GetTicketRequest(name=name, read_mask=mask)
    return await native.tickets.GetTicket(request, metadata=native.headers())


async def batch(native: Native, names: list[str], **headers: str) -> list[Ticket]:
    request = ticket_pb2.BatchGetTicketsRequest(names=names)
    answer = await native.tickets.BatchGetTickets(request, metadata=native.headers(**headers))
    return list(answer.tickets)


async def test_a_batch_keeps_order_and_duplicates(native: Native, names: list[str]) -> None:
    asked = [names[3], names[0], names[3], names[6]]

    tickets = await batch(native, asked)
    many = await batch(native, names[:1] * 100)

    assert [ticket.name for ticket in tickets] == asked
    assert many == [await get(native, names[0], FieldMask())] * 100


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (["tickets/999999"], "there is no ticket 999999"),
        (["tickets/99999999999"], "there is no tickets/99999999999"),
        (["incidents/1"], "incidents/1 is not of the form tickets/42"),
        ([""], "the name is not of the form tickets/42"),
        (["tickets/1"] * 100, "101 names came, at most 100 are taken"),
    ],
)
async def test_a_batch_with_a_bad_name_answers_nothing_else(
    native: Native, names: list[str], more: list[str], complaint: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match=complaint):
        await batch(native, [names[0], *more])


async def test_an_empty_batch_is_refused(native: Native) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match="at least one of names is required"):
        await batch(native, [])


async def test_a_batch_spans_the_orgs_of_the_caller_and_no_others(
    native: Native, names: list[str]
) -> None:
    request = ticket_pb2.SaveTicketsRequest(parent="orgs/1", tickets=SAVED[:1])
    answer = await native.tickets.SaveTickets(request, metadata=native.headers())
    asked = [names[0], answer.results[0].name]
    await native.registry.add_user("eve@example.com", "evil", roles={ORG: native.reader})

    tickets = await batch(native, asked)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await batch(native, asked, login="eve@example.com", secret="evil")

    assert [ticket.org for ticket in tickets] == [f"orgs/{ORG}", "orgs/1"]
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert caught.value.details() == f"there is no ticket {asked[1][8:]}"


TOLD = f'{OURS} AND (summary : "100%" OR summary : "\\"Büro\\" & co")'


@pytest.mark.envoy
@pytest.mark.usefixtures("names")
@pytest.mark.parametrize(
    "query",
    [
        urlencode({"filter": TOLD, "page_size": 2, "with_total": "true"}, quote_via=quote),
        f"pageSize=2&withTotal=true&filter={quote(TOLD, safe='=:()<>')}",
    ],
)
async def test_a_filter_stands_in_a_query_string(rest: Rest, query: str) -> None:
    answer = await rest.request("GET", f"/desk/v1/orgs/{ORG}/tickets?{query}")

    body = answer.json()
    assert [ticket["number"] for ticket in body["tickets"]] == ["N1", "N2"]
    assert body["totalSize"] == 4
    assert body["nextPageToken"]


@pytest.mark.envoy
@pytest.mark.usefixtures("names")
@pytest.mark.parametrize(
    "mask",
    ["readMask=name,open_time", "read_mask=name%2CopenTime", "readMask=name,openTime"],
)
async def test_a_mask_stands_in_a_query_string(rest: Rest, mask: str) -> None:
    answer = await rest.request("GET", f"/desk/v1/orgs/{ORG}/incidents?filter=number%3DN1&{mask}")

    [incident] = answer.json()["incidents"]
    assert {name for name, value in incident.items() if value} >= {"name", "openTime"}
    assert not incident.get("summary")


@pytest.mark.envoy
@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("filter=state%20%3D", "filter: a value of state, in quotes if it is not one word,"),
        ("filter=open_time>2026-01-31T10:00:00%2001:00", "is expected at character 31, where 0"),
        ("readMask=colour", "read_mask: there is no field colour"),
    ],
)
async def test_a_bad_query_string_is_told(rest: Rest, query: str, complaint: str) -> None:
    answer = await rest.request("GET", f"/desk/v1/orgs/{ORG}/tickets?{query}")

    assert answer.status == 400
    assert complaint in answer.json()["message"]


@pytest.mark.envoy
async def test_a_batch_stands_in_a_query_string(rest: Rest, names: list[str]) -> None:
    query = "&".join(f"names={name}" for name in (names[2], names[1]))

    answer = await rest.request("GET", f"/desk/v1/tickets:batchGet?{query}")

    assert [ticket["name"] for ticket in answer.json()["tickets"]] == [names[2], names[1]]

"""Incidents through their life cycle, by gRPC and by REST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.rpc import error_details_pb2, status_pb2

from polydesk.api.v1 import incident_pb2, ticket_pb2

if TYPE_CHECKING:
    from tests.conftest import Native
    from tests.stack import Rest

Ticket = ticket_pb2.Ticket


async def make(native: Native, **said: Any) -> Ticket:
    request = incident_pb2.CreateIncidentRequest(
        parent="orgs/1", incident=Ticket(**({"summary": "printer on fire"} | said))
    )
    return await native.incidents.CreateIncident(request, metadata=native.headers())


async def do(native: Native, what: str, incident: Ticket, **said: Any) -> Ticket:
    """Calls `ResolveIncident` and the like."""
    request = getattr(incident_pb2, f"{what}IncidentRequest")(name=incident.name, **said)
    done: Ticket = await getattr(native.incidents, f"{what}Incident")(
        request, metadata=native.headers()
    )
    return done


async def update(native: Native, mask: str, **said: Any) -> Ticket:
    request = incident_pb2.UpdateIncidentRequest(
        incident=Ticket(**said), update_mask=FieldMask(paths=mask.split(",") if mask else [])
    )
    return await native.incidents.UpdateIncident(request, metadata=native.headers())


async def test_an_incident_lives_from_its_record_to_its_end(native: Native) -> None:
    made = await make(native)
    assigned = await do(native, "Assign", made, assignee="ann")
    waiting = await update(
        native, "", name=made.name, state=Ticket.STATE_WAITING, wait_reason="spare part"
    )
    resolved = await do(native, "Resolve", made, resolution="new fuser", cause_code="Hardware")
    closed = await do(native, "Close", made)
    reopened = await do(native, "Reopen", made)
    cancelled = await do(native, "Cancel", made)

    lived = [made, assigned, waiting, resolved, closed, reopened, cancelled]
    assert [Ticket.State.Name(ticket.state) for ticket in lived] == [
        "STATE_LOGGED",
        "STATE_ACTIVE",
        "STATE_WAITING",
        "STATE_RESOLVED",
        "STATE_CLOSED",
        "STATE_ACTIVE",
        "STATE_CANCELLED",
    ]
    assert (resolved.resolution, resolved.cause_code) == ("new fuser", "Hardware")
    assert resolved.wait_reason == ""
    assert closed.HasField("close_time")
    assert not reopened.HasField("resolve_time")
    assert [ticket.etag for ticket in lived] == ["1", "2", "3", "4", "5", "6", "7"]


async def test_a_move_that_is_not_allowed_names_those_that_are(native: Native) -> None:
    made = await make(native)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await do(native, "Close", made)

    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "it can become ACTIVE, CANCELLED, RESOLVED, WAITING" in (caught.value.details() or "")
    status = status_pb2.Status.FromString(
        dict(caught.value.trailing_metadata() or ())["grpc-status-details-bin"]
    )
    failure = error_details_pb2.PreconditionFailure()
    assert any(detail.Unpack(failure) for detail in status.details)
    assert failure.violations[0].type == "WRONG_STATE"


@pytest.mark.parametrize("what", ["Resolve", "Close", "Cancel", "Assign"])
async def test_what_is_over_does_not_move_but_by_being_reopened(native: Native, what: str) -> None:
    made = await make(native)
    await do(native, "Cancel", made)
    said = {"Resolve": {"resolution": "x"}, "Assign": {"assignee": "ann"}}.get(what, {})

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await do(native, what, made, **said)

    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_an_update_changes_the_fields_of_its_mask_alone(native: Native) -> None:
    made = await make(native, assignee="ann", category="Printing", description="flames")

    updated = await update(
        native,
        "summary,assignee,impact,urgency",
        name=made.name,
        summary="printer smokes",
        category="ignored",
        impact=Ticket.LEVEL_HIGH,
        urgency=Ticket.LEVEL_HIGH,
    )

    assert (updated.summary, updated.assignee) == ("printer smokes", "")
    assert (updated.category, updated.description) == ("Printing", "flames")
    assert updated.priority == Ticket.PRIORITY_CRITICAL


async def test_a_deleted_incident_is_found_by_nobody_until_it_is_undeleted(native: Native) -> None:
    made = await make(native, number="GONE1")
    deleted = await do(native, "Delete", made)
    find = ticket_pb2.LookupTicketRequest(
        parent="orgs/1", kind=Ticket.KIND_INCIDENT, number="GONE1"
    )
    get = incident_pb2.GetIncidentRequest(name=made.name)

    for call in (
        native.incidents.GetIncident(get, metadata=native.headers()),
        native.tickets.LookupTicket(find, metadata=native.headers()),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    history = await native.tickets.ListTicketChanges(
        ticket_pb2.ListTicketChangesRequest(parent=made.name.replace("incidents", "tickets")),
        metadata=native.headers(),
    )
    undeleted = await do(native, "Undelete", made)

    assert deleted.HasField("delete_time")
    assert [change.action for change in history.changes] == ["create", "delete"]
    assert not undeleted.HasField("delete_time")
    await native.incidents.GetIncident(get, metadata=native.headers())


async def test_a_newer_push_takes_a_deletion_back(native: Native) -> None:
    made = await make(native, number="GONE2")
    await do(native, "Delete", made)

    await native.tickets.SaveTickets(
        ticket_pb2.SaveTicketsRequest(
            parent="orgs/1",
            tickets=[Ticket(kind=Ticket.KIND_INCIDENT, number="GONE2", summary="still there")],
        ),
        metadata=native.headers(),
    )

    got = await native.incidents.GetIncident(
        incident_pb2.GetIncidentRequest(name=made.name), metadata=native.headers()
    )
    assert got.summary == "still there"


async def test_an_etag_guards_each_change(native: Native) -> None:
    made = await make(native)
    await do(native, "Assign", made, assignee="ann", etag=made.etag)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await do(native, "Assign", made, assignee="bob", etag=made.etag)

    assert caught.value.code() is grpc.StatusCode.ABORTED


async def test_a_key_makes_a_change_happen_once(native: Native) -> None:
    made = await make(native)
    request = incident_pb2.CancelIncidentRequest(name=made.name)
    keyed = native.headers(**{"idempotency-key": "cancel-1"})

    first = await native.incidents.CancelIncident(request, metadata=keyed)
    second = await native.incidents.CancelIncident(request, metadata=keyed)

    assert first == second


@pytest.mark.parametrize(
    ("mask", "said", "complaint"),
    [
        ("number", {}, "update_mask: number cannot be changed here"),
        ("summary", {}, "incident.summary cannot be empty"),
        ("state", {}, "incident.state cannot be empty"),
        ("", {"state": 99}, "incident.state cannot be 99"),
        ("", {"summary": "x" * 1_001}, "summary has 1001 characters"),
        ("", {"summary": "a\0"}, "NUL"),
    ],
)
async def test_a_bad_update_says_what_to_mend(
    native: Native, mask: str, said: dict[str, Any], complaint: str
) -> None:
    made = await make(native)

    with pytest.raises(grpc.aio.AioRpcError, match=complaint) as caught:
        await update(native, mask, name=made.name, **said)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_an_update_does_not_resolve(native: Native) -> None:
    made = await make(native)

    with pytest.raises(grpc.aio.AioRpcError, match="there are resolve, close") as caught:
        await update(native, "state", name=made.name, state=Ticket.STATE_RESOLVED)

    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION


@pytest.mark.envoy
async def test_the_same_over_rest(rest: Rest) -> None:
    made = (
        await rest.request("POST", "/desk/v1/orgs/1/incidents", json={"summary": "on fire"})
    ).json()
    path = f"/desk/v1/{made['name']}"

    patched = await rest.request(
        "PATCH", f"{path}?updateMask=category", json={"category": "Printing"}
    )
    stale = await rest.request(
        "PATCH",
        path,
        json={"summary": "too late"},
        headers={"If-Match": f'"{made["etag"]}"'},
    )
    refused = await rest.request("POST", f"{path}:close", json={})
    resolved = await rest.request("POST", f"{path}:resolve", json={"resolution": "water"})
    deleted = await rest.request("DELETE", path)
    gone = await rest.request("GET", path)

    assert (patched.status, patched.json()["category"]) == (200, "Printing")
    assert stale.status == 412
    assert (refused.status, refused.json()["code"]) == (409, 9)
    assert resolved.json()["state"] == "STATE_RESOLVED"
    assert deleted.status == 200
    assert gone.status == 404

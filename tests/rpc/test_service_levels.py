"""Policies of orgs, and how tickets stand to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from polydesk.api.v1 import incident_pb2, ticket_pb2
from polydesk.api.v1 import service_level_pb2 as pb
from polydesk.api.v1.service_level_pb2_grpc import ServiceLevelServiceStub

if TYPE_CHECKING:
    from tests.conftest import Native
    from tests.stack import Rest

Ticket = ticket_pb2.Ticket
HIGH = Ticket.PRIORITY_HIGH


async def set_policy(native: Native, mask: str = "", **said: Any) -> pb.ServicePolicy:
    stub = ServiceLevelServiceStub(native.channel)
    return await stub.UpdateServicePolicy(
        pb.UpdateServicePolicyRequest(
            service_policy=pb.ServicePolicy(name="orgs/1/servicePolicy", **said),
            update_mask=FieldMask(paths=mask.split(",") if mask else []),
        ),
        metadata=native.headers(),
    )


def target(priority: Any, hours: float) -> pb.ServicePolicy.Target:
    return pb.ServicePolicy.Target(priority=priority, duration=Duration(seconds=int(hours * 3_600)))


async def make(native: Native, **said: Any) -> Ticket:
    return await native.incidents.CreateIncident(
        incident_pb2.CreateIncidentRequest(
            parent="orgs/1", incident=Ticket(**({"summary": "on fire"} | said))
        ),
        metadata=native.headers(),
    )


async def test_a_ticket_is_measured_by_the_policy_of_its_org(native: Native) -> None:
    await set_policy(native, targets=[target(HIGH, 4)])
    opened, resolved = Timestamp(seconds=1_000_000), Timestamp(seconds=1_000_000 + 5 * 3_600)
    made = await make(native, priority=HIGH, open_time=opened, resolve_time=resolved)

    level = await ServiceLevelServiceStub(native.channel).GetServiceLevel(
        pb.GetServiceLevelRequest(name=made.name.replace("incidents", "tickets") + "/serviceLevel"),
        metadata=native.headers(),
    )

    assert level.business_duration.seconds == 5 * 3_600
    assert level.business_time_left.seconds == -3_600
    assert level.due_time.seconds == 1_000_000 + 4 * 3_600
    assert level.breached


async def test_a_mask_changes_its_fields_alone(native: Native) -> None:
    await set_policy(native, time_zone="Europe/London", targets=[target(HIGH, 4)])

    changed = await set_policy(native, "holiday_region", holiday_region="GB-ENG")

    assert (changed.time_zone, changed.holiday_region) == ("Europe/London", "GB-ENG")
    assert changed.targets[0].priority == HIGH


async def test_an_org_has_a_matrix_of_its_own(native: Native) -> None:
    entry = pb.ServicePolicy.MatrixEntry(
        impact=Ticket.LEVEL_LOW, urgency=Ticket.LEVEL_HIGH, priority=Ticket.PRIORITY_CRITICAL
    )
    await set_policy(native, "priority_matrix", priority_matrix=[entry])

    created = await make(native, impact=Ticket.LEVEL_LOW, urgency=Ticket.LEVEL_HIGH)
    usual = await make(native, impact=Ticket.LEVEL_LOW, urgency=Ticket.LEVEL_LOW)
    updated = await native.incidents.UpdateIncident(
        incident_pb2.UpdateIncidentRequest(
            incident=Ticket(name=usual.name, urgency=Ticket.LEVEL_HIGH)
        ),
        metadata=native.headers(),
    )

    assert created.priority == Ticket.PRIORITY_CRITICAL
    assert usual.priority == Ticket.PRIORITY_PLANNING
    assert updated.priority == Ticket.PRIORITY_CRITICAL


@pytest.mark.parametrize(
    ("said", "mask", "complaint"),
    [
        ({"time_zone": "Mars/Base"}, "", "no time zone"),
        ({"holiday_region": "XX"}, "", "are not known"),
        ({"targets": [target(HIGH, 0)]}, "", "a target is more than nothing"),
        ({"targets": [target(HIGH, 1), target(HIGH, 2)]}, "", "two targets"),
        ({"targets": [target(99, 1)]}, "", "targets.priority cannot be 99"),
        ({"hours": [pb.ServicePolicy.WorkingHours(weekday=9, end_minute=1)]}, "", "days 1 to 7"),
        ({}, "name", "update_mask: there is no field name"),
    ],
)
async def test_a_policy_that_cannot_be_is_refused_and_the_old_one_stays(
    native: Native, said: dict[str, Any], mask: str, complaint: str
) -> None:
    await set_policy(native, time_zone="Asia/Kolkata")

    with pytest.raises(grpc.aio.AioRpcError, match=complaint) as caught:
        await set_policy(native, mask, **said)

    kept = await ServiceLevelServiceStub(native.channel).GetServicePolicy(
        pb.GetServicePolicyRequest(name="orgs/1/servicePolicy"), metadata=native.headers()
    )
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert kept.time_zone == "Asia/Kolkata"


@pytest.mark.envoy
async def test_the_same_over_rest(rest: Rest) -> None:
    path = "/desk/v1/orgs/1/servicePolicy"
    patched = await rest.request(
        "PATCH",
        f"{path}?updateMask=targets",
        json={"targets": [{"priority": "PRIORITY_HIGH", "duration": "14400s"}]},
    )
    read = await rest.request("GET", path)
    level = await rest.request("GET", "/desk/v1/tickets/1/serviceLevel")
    foreign = await rest.request("GET", "/desk/v1/orgs/2/servicePolicy")

    assert patched.status == 200
    assert read.json() == patched.json()
    assert level.json()["breached"] is False
    assert foreign.status == 404

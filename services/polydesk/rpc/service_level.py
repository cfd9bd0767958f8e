"""The canonical service of service levels: policies of orgs, and how tickets stand to them."""

from __future__ import annotations

import re
from typing import Any, Final

import grpc.aio
from google.protobuf.duration_pb2 import Duration
from msgspec.structs import replace

from polydesk.api.v1 import service_level_pb2 as pb
from polydesk.api.v1 import service_level_pb2_grpc, ticket_pb2
from polydesk.domain.calendar import Calendar, Hours
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid
from polydesk.domain.policy import Policy
from polydesk.domain.service_level import ServiceLevel
from polydesk.domain.ticket import Level, Priority
from polydesk.rpc.name import id_of
from polydesk.wire import caller_of

Context = grpc.aio.ServicerContext[Any, Any]

_FIELDS: Final = ("time_zone", "hours", "holiday_region", "targets", "priority_matrix")
_LEVELS: Final = {ticket_pb2.Ticket.Level.Value(f"LEVEL_{level.name}"): level for level in Level}
_PRIORITIES: Final = {
    ticket_pb2.Ticket.Priority.Value(f"PRIORITY_{priority.name}"): priority for priority in Priority
}
_LEVEL_NUMBERS: Final[dict[Level, Any]] = {level: number for number, level in _LEVELS.items()}
_PRIORITY_NUMBERS: Final[dict[Priority, Any]] = {p: number for number, p in _PRIORITIES.items()}


class ServiceLevelServicer(service_level_pb2_grpc.ServiceLevelServiceServicer):
    """Serves policies and service levels."""

    def __init__(self, desk: Desk) -> None:
        self._levels = desk.levels

    async def GetServicePolicy(
        self, request: pb.GetServicePolicyRequest, _: Context
    ) -> pb.ServicePolicy:
        """Returns the policy of an org."""
        org = _inner_id(request.name, "orgs", "servicePolicy")
        return from_policy(org, await self._levels.get_policy(caller_of(), org))

    async def UpdateServicePolicy(
        self, request: pb.UpdateServicePolicyRequest, _: Context
    ) -> pb.ServicePolicy:
        """Changes the policy of an org."""
        said, mask = request.service_policy, set(request.update_mask.paths)
        if unknown := mask - set(_FIELDS):
            raise Invalid(
                f"update_mask: there is no field {min(unknown)}; there are {', '.join(_FIELDS)}",
                field="update_mask",
            )
        org = _inner_id(said.name, "orgs", "servicePolicy")
        policy = await self._levels.change_policy(
            caller_of(), org, lambda old: merge(old, said, mask or set(_FIELDS))
        )
        return from_policy(org, policy)

    async def GetServiceLevel(
        self, request: pb.GetServiceLevelRequest, _: Context
    ) -> pb.ServiceLevel:
        """Tells how a ticket stands."""
        ticket = _inner_id(request.name, "tickets", "serviceLevel")
        return from_level(await self._levels.measure(caller_of(), ticket))


def merge(old: Policy, said: pb.ServicePolicy, mask: set[str]) -> Policy:
    """Returns a policy with the fields of the mask as they are said."""
    calendar = Calendar(
        time_zone=said.time_zone if "time_zone" in mask else old.calendar.time_zone,
        hours=_hours(said) if "hours" in mask else old.calendar.hours,
        region=said.holiday_region if "holiday_region" in mask else old.calendar.region,
    )
    changed = replace(old, calendar=calendar)
    if "targets" in mask:
        changed = replace(changed, targets=_targets(said))
    if "priority_matrix" in mask:
        changed = replace(changed, matrix=_matrix(said))
    return changed


def from_policy(org: int, policy: Policy) -> pb.ServicePolicy:
    """Writes a policy."""
    answer = pb.ServicePolicy(
        name=f"orgs/{org}/servicePolicy",
        time_zone=policy.calendar.time_zone,
        holiday_region=policy.calendar.region,
    )
    for span in policy.calendar.hours:
        answer.hours.add(weekday=span.weekday, start_minute=span.start, end_minute=span.end)
    for priority, seconds in policy.targets.items():
        answer.targets.add(priority=_PRIORITY_NUMBERS[priority], duration=Duration(seconds=seconds))
    for impact, urgency, priority in policy.matrix:
        answer.priority_matrix.add(
            impact=_LEVEL_NUMBERS[impact],
            urgency=_LEVEL_NUMBERS[urgency],
            priority=_PRIORITY_NUMBERS[priority],
        )
    return answer


def from_level(level: ServiceLevel) -> pb.ServiceLevel:
    """Writes how a ticket stands."""
    answer = pb.ServiceLevel(name=f"tickets/{level.ticket}/serviceLevel", breached=level.breached)
    answer.business_duration.FromTimedelta(level.spent)
    if level.target is not None:
        answer.target.FromTimedelta(level.target)
        answer.business_time_left.FromTimedelta(level.target - level.spent)
    if level.due_at is not None:
        answer.due_time.FromDatetime(level.due_at)
    return answer


def _hours(said: pb.ServicePolicy) -> tuple[Hours, ...]:
    return tuple(
        Hours(weekday=span.weekday, start=span.start_minute, end=span.end_minute)
        for span in said.hours
    )


def _targets(said: pb.ServicePolicy) -> dict[Priority, int]:
    targets = {
        _known(_PRIORITIES, target.priority, "targets.priority"): target.duration.seconds
        for target in said.targets
    }
    if len(targets) != len(said.targets):
        raise Invalid("a priority has two targets", field="targets")
    return targets


def _matrix(said: pb.ServicePolicy) -> tuple[tuple[Level, Level, Priority], ...]:
    return tuple(
        (
            _known(_LEVELS, entry.impact, "priority_matrix.impact"),
            _known(_LEVELS, entry.urgency, "priority_matrix.urgency"),
            _known(_PRIORITIES, entry.priority, "priority_matrix.priority"),
        )
        for entry in said.priority_matrix
    )


def _known(values: dict[Any, Any], number: int, field: str) -> Any:
    if number not in values:
        raise Invalid(f"{field} cannot be {number}", field=field)
    return values[number]


def _inner_id(name: str, collection: str, singleton: str) -> int:
    outer, slash, inner = name.rpartition("/")
    if not slash or inner != singleton or not re.fullmatch(rf"{collection}/[0-9]+", outer):
        raise Invalid(f"{name} is not of the form {collection}/42/{singleton}", field="name")
    return id_of(outer, collection)

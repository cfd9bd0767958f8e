"""Schedules of runbooks, and what tools report of them: the RPCs of H07, H22, H23."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import uuid4

import grpc.aio
from msgspec.structs import replace

from polydesk import wire
from polydesk.api.iautomate.v1 import iautomate_pb2 as pb
from polydesk.api.iautomate.v1 import iautomate_pb2_grpc as pb_grpc
from polydesk.dialects.iautomate.field import SUCCESS, number_of, org_of, read_number
from polydesk.dialects.iautomate.schedule import (
    Pushed,
    from_schedule,
    message_of,
    renamed,
    to_edits,
)
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid
from polydesk.domain.reported import Reported, of_code

Context = grpc.aio.ServicerContext[Any, Any]
# At the URL of service requests the contract demands less, for whoever pushes those.
SCOPE: Final = "runbooks.write"


class ScheduleServicer(pb_grpc.IAutomateServiceServicer):
    """Serves schedules."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def PushSchedulesV2(
        self, request: pb.PushSchedulesV2Request, _: Context
    ) -> pb.PushSchedulesV2Response:
        """Schedules runbooks: H07 as 11.2 prints it."""
        ids, message = await self._schedule(request.orgentityid, request.schedules)
        return pb.PushSchedulesV2Response(id=ids, status=SUCCESS, message=message)

    async def PushSchedulesV3(
        self, request: pb.PushSchedulesV3Request, _: Context
    ) -> pb.PushSchedulesV3Response:
        """Schedules runbooks: V3 of 11.2."""
        ids, message = await self._schedule(request.orgentityid, request.schedules)
        return pb.PushSchedulesV3Response(id=ids, status=SUCCESS, message=message)

    async def GetScheduleStatuses(
        self, request: pb.GetScheduleStatusesRequest, _: Context
    ) -> pb.GetScheduleStatusesResponse:
        """Tells what was reported of schedules: H22."""
        caller, org = wire.caller_of(), org_of(request.orgentityid)
        id_ = read_number("ScheduleId", request.schedule_id)
        schedules = self._desk.schedules
        found = (
            [await schedules.get(caller, org, id_)] if id_ else await schedules.all_of(caller, org)
        )
        return pb.GetScheduleStatusesResponse(
            count=len(found), result=map(from_schedule, found), status=SUCCESS, message=SUCCESS
        )

    async def GetScheduleStatus(
        self, request: pb.GetScheduleStatusRequest, _: Context
    ) -> pb.GetScheduleStatusResponse:
        """Tells what was reported of one schedule: the example of H22."""
        org, id_ = org_of(request.orgentityid), number_of("schedule", request.schedule_id)
        found = await self._desk.schedules.get(wire.caller_of(), org, id_)
        return pb.GetScheduleStatusResponse(
            count=1,
            result=[from_schedule(found)],
            status=SUCCESS,
            message=SUCCESS,
            id=str(found.id),
        )

    async def UpdateScheduleStatuses(
        self, request: pb.UpdateScheduleStatusesRequest, _: Context
    ) -> pb.UpdateScheduleStatusesResponse:
        """Takes reports of schedules: H23."""
        org = org_of(request.orgentityid)
        await self._desk.schedules.report(wire.caller_of(), org, to_states(request.statuses))
        return pb.UpdateScheduleStatusesResponse(
            id=str(uuid4()), status=SUCCESS, message="Schedule Status Updated Successfully"
        )

    async def _schedule(self, orgentityid: str, items: Sequence[Pushed]) -> tuple[str, str]:
        """Does what a push says; returns the ids, and the message of the answer."""
        org, caller = org_of(orgentityid), replace(wire.caller_of(), scope=SCOPE)
        caller.admit(org)
        edits = to_edits(items, org, self._desk.schedules.now())
        with renamed():
            done = await self._desk.schedules.apply(caller, org, edits)
        return ",".join(str(schedule.id) for schedule in done), message_of(edits)


def to_states(statuses: Sequence[pb.PushedScheduleStatus]) -> list[tuple[int, Reported]]:
    """Reads reports; an error says in which item it is, counted from 0."""
    return [_to_state_at(index, status) for index, status in enumerate(statuses)]


def _to_state_at(index: int, status: pb.PushedScheduleStatus) -> tuple[int, Reported]:
    try:
        state = of_code(status.status, field="Status")
        return read_number("ScheduleId", status.schedule_id), state
    except Invalid as error:
        raise type(error)(
            f"{error.message} (item {index})", field=f"statuses[{index}].{error.field}"
        ) from error

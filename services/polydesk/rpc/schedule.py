"""The canonical service of schedules."""

from __future__ import annotations

from typing import Any, Final

import grpc.aio

from polydesk.api.v1 import schedule_pb2 as pb
from polydesk.api.v1 import schedule_pb2_grpc
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid
from polydesk.domain.query import page_size
from polydesk.rpc.moment import timestamp
from polydesk.rpc.name import child_of, org_of
from polydesk.rpc.reported import STATES
from polydesk.rpc.scheduled import FIELDS, Said, from_schedule
from polydesk.wire import caller_of

Context = grpc.aio.ServicerContext[Any, Any]
_SCHEDULES: Final = ("orgs", "schedules")


class ScheduleServicer(schedule_pb2_grpc.ScheduleServiceServicer):
    """Serves schedules."""

    def __init__(self, desk: Desk) -> None:
        self._schedules = desk.schedules

    async def CreateSchedule(self, request: pb.CreateScheduleRequest, _: Context) -> pb.Schedule:
        """Makes a schedule."""
        org, said = org_of(request.parent), Said(request.schedule, org_of(request.parent))
        made = await self._schedules.create(
            caller_of(), org, said.spec(), id_=request.schedule_id, secrets=said.secrets
        )
        return from_schedule(made)

    async def GetSchedule(self, request: pb.GetScheduleRequest, _: Context) -> pb.Schedule:
        """Returns a schedule."""
        org, id_ = child_of(request.name, *_SCHEDULES)
        return from_schedule(await self._schedules.get(caller_of(), org, id_))

    async def ListSchedules(
        self, request: pb.ListSchedulesRequest, _: Context
    ) -> pb.ListSchedulesResponse:
        """Returns a page of schedules."""
        page = await self._schedules.page(
            caller_of(),
            org_of(request.parent),
            limit=page_size(request.page_size),
            token=request.page_token,
        )
        return pb.ListSchedulesResponse(
            schedules=map(from_schedule, page.items), next_page_token=page.next_token
        )

    async def UpdateSchedule(self, request: pb.UpdateScheduleRequest, _: Context) -> pb.Schedule:
        """Changes a schedule."""
        org, id_ = child_of(request.schedule.name, *_SCHEDULES, field="schedule.name")
        paths = list(request.update_mask.paths)
        if unknown := set(paths) - set(FIELDS):
            raise Invalid(
                f"update_mask: {min(unknown)} cannot be changed here; these can:"
                f" {', '.join(FIELDS)}",
                field="update_mask",
            )
        said = Said(request.schedule, org)
        updated = await self._schedules.update(
            caller_of(),
            org,
            id_,
            said.change(paths),
            secrets=said.secrets,
            etag=request.schedule.etag,
        )
        return from_schedule(updated)

    async def DeleteSchedule(self, request: pb.DeleteScheduleRequest, _: Context) -> pb.Schedule:
        """Deletes a schedule."""
        org, id_ = child_of(request.name, *_SCHEDULES)
        removed = await self._schedules.remove(caller_of(), org, id_, etag=request.etag)
        return from_schedule(removed)

    async def PauseSchedule(self, request: pb.PauseScheduleRequest, _: Context) -> pb.Schedule:
        """Pauses a schedule."""
        org, id_ = child_of(request.name, *_SCHEDULES)
        paused = await self._schedules.pause(caller_of(), org, id_, etag=request.etag)
        return from_schedule(paused)

    async def ResumeSchedule(self, request: pb.ResumeScheduleRequest, _: Context) -> pb.Schedule:
        """Resumes a schedule."""
        org, id_ = child_of(request.name, *_SCHEDULES)
        resumed = await self._schedules.resume(caller_of(), org, id_, etag=request.etag)
        return from_schedule(resumed)

    async def ReportScheduleStatus(
        self, request: pb.ReportScheduleStatusRequest, _: Context
    ) -> pb.Schedule:
        """Takes a report."""
        org, id_ = child_of(request.name, *_SCHEDULES)
        if request.state not in STATES:
            raise Invalid(f"state cannot be {request.state}", field="state")
        reported = await self._schedules.report(caller_of(), org, [(id_, STATES[request.state])])
        return from_schedule(reported[0])

    async def ListDueTimes(
        self, request: pb.ListDueTimesRequest, _: Context
    ) -> pb.ListDueTimesResponse:
        """Returns when a schedule is due."""
        org, id_ = child_of(request.name, *_SCHEDULES)
        due = await self._schedules.due_times(
            caller_of(), org, id_, limit=page_size(request.page_size)
        )
        return pb.ListDueTimesResponse(due_times=map(timestamp, due))

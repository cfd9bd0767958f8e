"""The canonical service of overviews."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import grpc.aio
from google.protobuf.duration_pb2 import Duration

from polydesk.api.v1 import overview_pb2 as pb
from polydesk.api.v1 import overview_pb2_grpc, run_pb2, ticket_pb2
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid
from polydesk.domain.overview import USUAL_BUCKETS, USUAL_PERIOD, Overview
from polydesk.rpc.moment import timestamp, whole_seconds
from polydesk.rpc.name import id_of, org_of
from polydesk.wire import caller_of

Context = grpc.aio.ServicerContext[Any, Any]
Response = pb.ListTicketDialectsResponse

_END = "/overview"


class OverviewServicer(overview_pb2_grpc.OverviewServiceServicer):
    """Serves overviews."""

    def __init__(self, desk: Desk) -> None:
        self._overviews = desk.overviews

    async def GetOverview(self, request: pb.GetOverviewRequest, _: Context) -> pb.Overview:
        """Returns the overview of an org."""
        org = org_in(request.name)
        period = USUAL_PERIOD
        if request.HasField("period"):
            period = timedelta(seconds=whole_seconds(request.period, "period"))
        found = await self._overviews.get(
            caller_of(), org, period=period, buckets=request.buckets or USUAL_BUCKETS
        )
        return from_overview(found)

    async def ListTicketDialects(
        self, request: pb.ListTicketDialectsRequest, _: Context
    ) -> Response:
        """Returns through which dialects tickets have come."""
        ids = [
            id_of(name, "tickets", field=f"names[{index}]")
            for index, name in enumerate(request.names)
        ]
        found = await self._overviews.dialects(caller_of(), org_of(request.parent), ids)
        return Response(
            tickets=[
                Response.TicketDialects(name=f"tickets/{ticket}", dialects=vias)
                for ticket, vias in found.items()
            ]
        )


def org_in(name: str) -> int:
    """Returns the org in `orgs/7/overview`."""
    if not name.endswith(_END):
        raise Invalid(f"{name or 'the name'} is not of the form orgs/42{_END}", field="name")
    return org_of(name.removesuffix(_END))


def from_overview(found: Overview) -> pb.Overview:
    """Writes an overview as the contract has it."""
    answer = pb.Overview(
        name=f"orgs/{found.org}{_END}",
        start_time=timestamp(found.span.start),
        bucket_duration=_duration(found.span.width),
        truncated=found.truncated,
    )
    for (kind, state), count in found.tickets.items():
        answer.tickets.add(
            kind=ticket_pb2.Ticket.Kind.Value(f"KIND_{kind.name}"),
            state=ticket_pb2.Ticket.State.Value(f"STATE_{state.name}"),
            count=count,
        )
    for reached, count in found.runs.items():
        answer.runs.add(state=run_pb2.Run.State.Value(f"STATE_{reached.name}"), count=count)
    for each in found.activities:
        answer.activities.add(dialect=each.via, changes=each.changes, failures=each.failures)
    for ended, counts in found.run_ends.items():
        answer.run_ends.add(state=run_pb2.Run.State.Value(f"STATE_{ended.name}"), counts=counts)
    return answer


def _duration(span: timedelta) -> Duration:
    answer = Duration()
    answer.FromTimedelta(span)
    return answer

"""The canonical service of runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Final

import grpc.aio

from polydesk.api.v1 import run_pb2 as pb
from polydesk.api.v1 import run_pb2_grpc
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid
from polydesk.domain.following import Heard
from polydesk.domain.order import Order, Preview
from polydesk.domain.output import Line, Stream
from polydesk.domain.plan import PlannedCommand, PlannedScript
from polydesk.domain.query import page_size
from polydesk.domain.run import Attempt, NodeRun, NodeState, Outcome, Run, RunQuery, RunState
from polydesk.domain.runbook import Approve, RunCommand, Wait
from polydesk.domain.script import USUAL_WORK
from polydesk.rpc.moment import timestamp, whole_seconds
from polydesk.rpc.name import id_of, org_of
from polydesk.wire import caller_again, caller_of

Context = grpc.aio.ServicerContext[Any, Any]
Response = pb.WatchRunOutputResponse

_STATES: Final = {pb.Run.State.Value(f"STATE_{each.name}"): each for each in RunState}
_NUMBERS: Final[dict[Any, Any]] = {
    **{each: number for number, each in _STATES.items()},
    **{each: pb.Run.Node.State.Value(f"STATE_{each.name}") for each in NodeState},
    **{each: pb.Run.Attempt.Outcome.Value(f"OUTCOME_{each.name}") for each in Outcome},
    **{each: Response.Stream.Value(f"STREAM_{each.name}") for each in Stream},
}


class RunServicer(run_pb2_grpc.RunServiceServicer):
    """Serves runs."""

    def __init__(self, desk: Desk) -> None:
        self._runs = desk.runs
        self._followers = desk.followers

    async def StartRun(self, request: pb.StartRunRequest, _: Context) -> pb.Run:
        """Starts a run, or tells what would become of it."""
        org, order = org_of(request.parent), to_order(request)
        if request.dry_run:
            return from_preview(await self._runs.preview(caller_of(), org, order))
        return from_run(await self._runs.start(caller_of(), org, order))

    async def GetRun(self, request: pb.GetRunRequest, _: Context) -> pb.Run:
        """Returns one run."""
        return from_run(await self._runs.get(caller_of(), id_of(request.name, "runs")))

    async def ListRuns(self, request: pb.ListRunsRequest, _: Context) -> pb.ListRunsResponse:
        """Returns a page of runs."""
        sought = RunQuery(
            states=tuple(map(_state, request.states)),
            runbook=request.runbook,
            ticket=_ticket(request.ticket),
            schedule=request.schedule,
            limit=page_size(request.page_size),
        )
        page = await self._runs.page(
            caller_of(), org_of(request.parent), sought, token=request.page_token
        )
        return pb.ListRunsResponse(runs=map(from_run, page.items), next_page_token=page.next_token)

    async def CancelRun(self, request: pb.CancelRunRequest, _: Context) -> pb.Run:
        """Ends a run."""
        id_ = id_of(request.name, "runs")
        return from_run(await self._runs.cancel(caller_of(), id_, etag=request.etag))

    async def ApproveRun(self, request: pb.ApproveRunRequest, _: Context) -> pb.Run:
        """Lets a run go on."""
        return await self._decide(request, passes=True)

    async def RejectRun(self, request: pb.RejectRunRequest, _: Context) -> pb.Run:
        """Does not let a run go on."""
        return await self._decide(request, passes=False)

    async def RerunRun(self, request: pb.RerunRunRequest, _: Context) -> pb.Run:
        """Starts a run anew."""
        return from_run(await self._runs.rerun(caller_of(), id_of(request.name, "runs")))

    async def ReportRun(self, request: pb.ReportRunRequest, _: Context) -> pb.Run:
        """Takes a report from outside."""
        run = await self._runs.report(
            caller_of(),
            id_of(request.name, "runs"),
            request.code,
            message=request.message,
            job=request.job_id,
            number=request.ticket_number,
            node=request.node,
        )
        return from_run(run)

    async def WatchRunOutput(
        self, request: pb.WatchRunOutputRequest, _: Context
    ) -> AsyncIterator[Response]:
        """Tells a run as it goes."""
        heard_of = self._followers.follow(
            id_of(request.name, "runs"),
            cursor=request.cursor,
            silence=request.heartbeat_seconds,
            again=caller_again,
        )
        async with aclosing(heard_of):
            async for heard in heard_of:
                yield from_heard(heard)

    async def _decide(
        self, request: pb.ApproveRunRequest | pb.RejectRunRequest, *, passes: bool
    ) -> pb.Run:
        run = await self._runs.approve(
            caller_of(),
            id_of(request.name, "runs"),
            passes=passes,
            node=request.node,
            message=request.message,
            etag=request.etag,
        )
        return from_run(run)


def to_order(request: pb.StartRunRequest) -> Order:
    """Reads what a caller wants to run."""
    command = None
    if request.WhichOneof("work") == "command":
        said = request.command
        seconds = USUAL_WORK
        if said.HasField("timeout"):
            seconds = whole_seconds(said.timeout, "command.timeout")
        command = RunCommand(target=said.target, command=said.command, seconds=seconds)
    return Order(
        runbook=request.runbook,
        script=request.script.script,
        inputs=request.script.inputs_json,
        command=command,
        parameters=dict(request.parameters),
        ticket=_ticket(request.ticket),
        key=request.key,
        job=request.job_id,
    )


def from_preview(preview: Preview) -> pb.Run:
    """Writes what would become of an order."""
    answer = from_run(preview.run)
    answer.ClearField("name")
    answer.ClearField("etag")
    for verdict in preview.verdicts:
        step = verdict.step
        told = answer.preview.add(
            node=step.id,
            needs=step.needs,
            allowed=not verdict.refusal,
            refusal=verdict.refusal,
        )
        match step.work:
            case PlannedCommand(target=target, argv=argv):
                told.target = target
                told.argv.extend(argv)
            case PlannedScript(script=script):
                told.script = script
            case Approve():
                told.waits_for = "an approval"
            case Wait(seconds=seconds):
                told.waits_for = f"{seconds} seconds"
            case _:
                told.waits_for = "a tool outside"
    return answer


def from_run(run: Run) -> pb.Run:
    """Writes a run as the contract has it."""
    return pb.Run(
        name=f"runs/{run.id}",
        org=f"orgs/{run.org}",
        title=run.title,
        runbook=f"orgs/{run.org}/runbooks/{run.runbook}" if run.runbook else "",
        runbook_version=run.version,
        ticket=f"tickets/{run.ticket}" if run.ticket else "",
        key=run.key or "",
        job_id=run.job,
        parameters=run.parameters,
        state=_NUMBERS[run.state],
        message=run.message,
        nodes=map(_from_node, run.nodes),
        actor=run.actor,
        rerun_of=f"runs/{run.rerun_of}" if run.rerun_of else "",
        schedule=f"orgs/{run.org}/schedules/{run.schedule}" if run.schedule else "",
        rule=f"orgs/{run.org}/rules/{run.rule}" if run.rule else "",
        cancelling=run.cancelling,
        create_time=timestamp(run.created_at),
        start_time=run.started_at and timestamp(run.started_at),
        end_time=run.ended_at and timestamp(run.ended_at),
        update_time=timestamp(run.updated_at),
        etag=run.etag,
    )


def from_heard(heard: Heard) -> Response:
    """Writes what a watch tells."""
    if heard.lines:
        lines = map(_from_line, heard.lines)
        return Response(cursor=heard.cursor, output=Response.Output(lines=lines))
    if heard.run:
        return Response(cursor=heard.cursor, run=from_run(heard.run))
    return Response(cursor=heard.cursor, heartbeat=Response.Heartbeat())


def _from_node(node: NodeRun) -> pb.Run.Node:
    return pb.Run.Node(
        id=node.id,
        needs=node.needs,
        state=_NUMBERS[node.state],
        attempts=map(_from_attempt, node.attempts),
        result_json=node.result,
        message=node.message,
        due_time=node.due_at and timestamp(node.due_at),
    )


def _from_attempt(attempt: Attempt) -> pb.Run.Attempt:
    return pb.Run.Attempt(
        number=attempt.number,
        machine=attempt.machine,
        start_time=timestamp(attempt.started_at),
        end_time=attempt.ended_at and timestamp(attempt.ended_at),
        outcome=_NUMBERS[attempt.outcome],
        exit_code=attempt.exit_code,
        message=attempt.message,
    )


def _from_line(line: Line) -> Response.Line:
    return Response.Line(
        number=line.number,
        node=line.node,
        attempt=line.attempt,
        stream=_NUMBERS[line.stream],
        text=line.text,
        cut=line.cut,
    )


def _state(number: int) -> RunState:
    if number not in _STATES:
        raise Invalid(f"states cannot hold {number}", field="states")
    return _STATES[number]


def _ticket(name: str) -> int:
    return id_of(name, "tickets", field="ticket") if name else 0

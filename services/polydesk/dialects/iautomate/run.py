"""Runs: reports of tools outside (H14 to H16), scripts (H17), commands (H19, H20)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import grpc.aio
from google.api import httpbody_pb2
from google.protobuf import struct_pb2

from polydesk import wire
from polydesk.api.iautomate.v1 import iautomate_pb2 as pb
from polydesk.api.iautomate.v1 import iautomate_pb2_grpc as pb_grpc
from polydesk.dialects.iautomate.field import SUCCESS, org_of
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid, Missing, NotFound, TimedOut, WrongState
from polydesk.domain.order import Order
from polydesk.domain.output import Line, Stream
from polydesk.domain.plan import PlannedCommand, Step
from polydesk.domain.run import NodeRun, Run, RunState
from polydesk.domain.runbook import RunCommand
from polydesk.domain.target import written
from polydesk.domain.ticket import LONGEST_TEXT, check_text

Context = grpc.aio.ServicerContext[Any, Any]
Report = pb.RunbookStatusV2 | pb.RunbookStatusV1 | pb.RunbookStatus

UPDATED: Final = "Runbook status updated successfully"
# Whoever executes a script waits for it; the hub ends a call a little later.
PATIENCE: Final = 12.0
OPTIONS: Final = ("option1", "option2", "option3", "option4")
LONGEST_OPTION: Final = 1_000
# The texts of table 65, in which a run that was cancelled has none.
TEXTS: Final[Mapping[RunState, str]] = {
    RunState.QUEUED: "Queued",
    RunState.INITIATED: "Initiated",
    RunState.RUNNING: "In Progress",
    RunState.FAILED: "Failed",
    RunState.SUCCEEDED: "Successful",
    RunState.PENDING_APPROVAL: "Pending for approval",
    RunState.APPROVED: "Approved",
    RunState.CANCELLED: "Failed",
}


class RunRoutes(pb_grpc.IAutomateServiceServicer):
    """Serves runs."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def UpdateRunbookStatusV2(
        self, request: pb.UpdateRunbookStatusV2Request, _: Context
    ) -> pb.UpdateRunbookStatusV2Response:
        """Takes a report: H14."""
        run = await self._report(request.orgentityid, request.status, request.status.job_id)
        return pb.UpdateRunbookStatusV2Response(id=str(run.id), status=SUCCESS, message=UPDATED)

    async def UpdateRunbookStatusV1(
        self, request: pb.UpdateRunbookStatusV1Request, _: Context
    ) -> pb.UpdateRunbookStatusV1Response:
        """Takes a report: H15."""
        run = await self._report(
            request.orgentityid, request.status, read_job(request.status.job_id)
        )
        return pb.UpdateRunbookStatusV1Response(status_code=200, status=SUCCESS, result=str(run.id))

    async def UpdateRunbookStatusAsV1(
        self, request: pb.UpdateRunbookStatusAsV1Request, _: Context
    ) -> pb.UpdateRunbookStatusAsV1Response:
        """Takes a report: H16."""
        await self._report(request.orgentityid, request.status, "")
        return pb.UpdateRunbookStatusAsV1Response(status_code=200, status=SUCCESS, message=UPDATED)

    async def ExecuteScriptV1(
        self, request: pb.ExecuteScriptV1Request, _: Context
    ) -> httpbody_pb2.HttpBody:
        """Executes a script: H17."""
        caller = wire.caller_of()
        order = Order(
            script=read_id("ScriptID", request.script_id), inputs=read_inputs(request.inputs.data)
        )
        started = await self._desk.runs.start(caller, org_of(request.orgentityid), order)
        run = await self._desk.runs.finished(caller, started.id, seconds=PATIENCE)
        return httpbody_pb2.HttpBody(content_type="application/json", data=result_of(run).encode())

    async def ExecuteCommand(
        self, request: pb.ExecuteCommandRequest, _: Context
    ) -> pb.ExecuteCommandResponse:
        """Starts a command: H19."""
        said = request.order.extra_vars
        command = RunCommand(target=said.target_host, command=said.command_to_execute)
        order = Order(command=command)
        run = await self._desk.runs.start(wire.caller_of(), org_of(request.orgentityid), order)
        return pb.ExecuteCommandResponse(id=str(run.id))

    async def GetRunResults(
        self, request: pb.GetRunResultsRequest, _: Context
    ) -> pb.GetRunResultsResponse:
        """Tells what a run has printed: H20."""
        caller, org = wire.caller_of(), org_of(request.orgentityid)
        caller.admit(org)
        run = await self._run(org, read_id("interactionId", request.interaction_id))
        answer = pb.GetRunResultsResponse(status=TEXTS[run.state])
        if run.ended:
            record = await self._desk.runs.record(caller, run.id)
            answer.results.extend(
                from_step(run, step, record.lines)
                for step in record.plan.steps
                if run.node(step.id).attempts
            )
        return answer

    async def _report(self, orgentityid: str, status: Report, job: str) -> Run:
        org = org_of(orgentityid)
        wire.caller_of().admit(org)
        run = await self._run(org, read_id("RbaInteractionId", status.rba_interaction_id))
        options = {name.capitalize(): getattr(status, name) for name in OPTIONS}
        for name, text in options.items():
            check_text(name, text, most=LONGEST_OPTION)
        return await self._desk.runs.report(
            wire.caller_of(),
            run.id,
            read_code(status.rba_status_code),
            message=status.rba_status_message,
            job=job.strip(),
            number=status.ticket_number.strip(),
            details={name: text for name, text in options.items() if text},
        )

    async def _run(self, org: int, id_: int) -> Run:
        run = await self._desk.runs.get(wire.caller_of(), id_)
        if run.org != org:
            raise NotFound(f"there is no run {id_}")
        return run


def read_id(name: str, text: str) -> int:
    """Reads the id of a run or a script; one that is no number is as unknown as any other."""
    if not re.fullmatch(r"[0-9]{1,9}", text.strip(), re.ASCII):
        raise NotFound(f"there is no {name} {wire.clip(text)}")
    return int(text)


def read_code(text: str) -> int:
    """Reads RbaStatusCode."""
    if not re.fullmatch(r"[0-6]", text.strip(), re.ASCII):
        raise Invalid(
            f"RbaStatusCode is {wire.clip(text)}, it can be 0 to 6", field="RbaStatusCode"
        )
    return int(text)


def read_job(value: struct_pb2.Value) -> str:
    """Reads the JobId of V1: "int" in its table, and a text is taken, too."""
    match value.WhichOneof("kind"):
        case "number_value" if value.number_value.is_integer():
            return str(int(value.number_value))
        case "string_value":
            return value.string_value
        case "null_value" | None:
            return ""
    raise Invalid("JobId is neither a whole number nor a text", field="JobId")


def read_inputs(data: bytes) -> str:
    """Reads the JSON object that a script is told."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Invalid("the body is no UTF-8") from error
    if not text.strip():
        raise Missing("the body is a JSON object with the inputs of the script")
    check_text("the body", text, most=LONGEST_TEXT)
    return text


def result_of(run: Run) -> str:
    """Returns the JSON that a script has answered, letter for letter."""
    node = run.nodes[0]
    if not run.ended:
        raise TimedOut(f"run {run.id} goes on: ask for its end later")
    if run.state is not RunState.SUCCEEDED or not node.result:
        raise WrongState(f"run {run.id} has failed: {_why(node) or run.message}")
    return node.result


def from_step(run: Run, step: Step, lines: list[Line]) -> pb.RunResult:
    """Writes what one step of a run has printed."""
    node = run.node(step.id)
    last = node.attempts[-1].number
    printed = [
        line
        for line in lines
        if (line.node, line.attempt, line.stream) == (step.id, last, Stream.STDOUT)
    ]
    stdout = "".join(line.text if line.cut else f"{line.text}\n" for line in printed)
    work = step.work
    cmd = written(work.argv) if isinstance(work, PlannedCommand) else run.title
    res = pb.Printed(
        stdout=stdout[:LONGEST_TEXT],
        cmd=cmd,
        response_message=_why(node) or stdout.partition("\n")[0],
    )
    return pb.RunResult(id=str(run.id), event_data=pb.EventData(res=res))


def _why(node: NodeRun) -> str:
    return node.message or (node.attempts[-1].message if node.attempts else "")

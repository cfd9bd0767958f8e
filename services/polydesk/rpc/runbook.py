"""The canonical service of runbooks."""

from __future__ import annotations

from typing import Any, Final

import grpc.aio
from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty

from polydesk.api.v1 import runbook_pb2 as pb
from polydesk.api.v1 import runbook_pb2_grpc
from polydesk.domain import runbook as record
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.query import page_size
from polydesk.domain.registered import Registered
from polydesk.domain.runbook import Node, Parameter, ParameterType, Runbook, Tool, WhenUnknown
from polydesk.domain.script import USUAL_WORK
from polydesk.rpc.moment import timestamp, whole_seconds
from polydesk.rpc.name import child_of, org_of
from polydesk.rpc.script import id_in
from polydesk.wire import caller_of

Context = grpc.aio.ServicerContext[Any, Any]

_TOOLS: Final = {pb.Runbook.Tool.Value(f"TOOL_{each.name}"): each for each in Tool}
_TYPES: Final = {
    pb.Runbook.Parameter.Type.Value(f"TYPE_{each.name}"): each for each in ParameterType
}
_WHEN_UNKNOWN: Final = {
    pb.Runbook.Node.WhenUnknown.Value(f"WHEN_UNKNOWN_{each.name}"): each for each in WhenUnknown
}
_NUMBERS: Final[dict[Any, Any]] = {
    each: number for values in (_TOOLS, _TYPES, _WHEN_UNKNOWN) for number, each in values.items()
}


class RunbookServicer(runbook_pb2_grpc.RunbookServiceServicer):
    """Serves the runbooks of orgs."""

    def __init__(self, desk: Desk) -> None:
        self._runbooks = desk.runbooks

    async def SaveRunbook(self, request: pb.SaveRunbookRequest, _: Context) -> pb.Runbook:
        """Registers a runbook, or replaces one."""
        org, said = org_of(request.parent), request.runbook
        id_ = id_in(said.name, org, "runbooks")
        saved = await self._runbooks.save(
            caller_of(), org, to_runbook(said), id_=id_, etag=said.etag
        )
        return from_runbook(saved)

    async def GetRunbook(self, request: pb.GetRunbookRequest, _: Context) -> pb.Runbook:
        """Returns one runbook."""
        org, id_ = child_of(request.name, "orgs", "runbooks")
        return from_runbook(await self._runbooks.get(caller_of(), org, id_))

    async def ListRunbooks(
        self, request: pb.ListRunbooksRequest, _: Context
    ) -> pb.ListRunbooksResponse:
        """Returns a page of runbooks."""
        page = await self._runbooks.page(
            caller_of(),
            org_of(request.parent),
            limit=page_size(request.page_size),
            token=request.page_token,
        )
        return pb.ListRunbooksResponse(
            runbooks=map(from_runbook, page.items), next_page_token=page.next_token
        )

    async def DeleteRunbook(self, request: pb.DeleteRunbookRequest, _: Context) -> Empty:
        """Removes a runbook."""
        org, id_ = child_of(request.name, "orgs", "runbooks")
        await self._runbooks.remove(caller_of(), org, id_=id_, etag=request.etag)
        return Empty()


def to_runbook(said: pb.Runbook) -> Runbook:
    """Reads what a caller says of a runbook."""
    return Runbook(
        name=said.display_name,
        description=said.description,
        tool=_read(_TOOLS, said.tool, "tool", usual=Tool.COMMANDS),
        parameters=tuple(map(_to_parameter, said.parameters)),
        nodes=tuple(map(_to_node, said.nodes)),
    )


def from_runbook(runbook: Registered[Runbook]) -> pb.Runbook:
    """Writes a runbook as the contract has it."""
    spec = runbook.spec
    return pb.Runbook(
        name=f"orgs/{runbook.org}/runbooks/{runbook.id}",
        display_name=spec.name,
        description=spec.description,
        version=runbook.revision,
        tool=_NUMBERS[spec.tool],
        parameters=map(_from_parameter, spec.parameters),
        nodes=map(from_node, spec.nodes),
        create_time=timestamp(runbook.created_at),
        update_time=timestamp(runbook.updated_at),
        etag=runbook.etag,
    )


def from_node(node: Node) -> pb.Runbook.Node:
    """Writes a node as the contract has it."""
    answer = pb.Runbook.Node(id=node.id, needs=node.needs, when_unknown=_NUMBERS[node.when_unknown])
    match node.work:
        case record.RunCommand(target=target, command=command, seconds=seconds):
            answer.command.target, answer.command.command = target, command
            answer.command.timeout.seconds = seconds
        case record.RunScript(script=script):
            answer.script.script = script
        case record.Approve(message=message):
            answer.approval.SetInParent()
            answer.approval.message = message
        case record.Wait(seconds=seconds):
            answer.wait.duration.CopyFrom(Duration(seconds=seconds))
        case record.Await():
            answer.external.SetInParent()
    return answer


def _to_node(said: pb.Runbook.Node) -> Node:
    when_unknown = _read(
        _WHEN_UNKNOWN, said.when_unknown, "nodes.when_unknown", usual=WhenUnknown.FAIL
    )
    return Node(id=said.id, needs=tuple(said.needs), work=_to_work(said), when_unknown=when_unknown)


def _to_work(said: pb.Runbook.Node) -> record.Work:
    match said.WhichOneof("work"):
        case "command":
            seconds = USUAL_WORK
            if said.command.HasField("timeout"):
                seconds = whole_seconds(said.command.timeout, "nodes.command.timeout")
            return record.RunCommand(
                target=said.command.target, command=said.command.command, seconds=seconds
            )
        case "script":
            return record.RunScript(script=said.script.script)
        case "approval":
            return record.Approve(message=said.approval.message)
        case "wait":
            return record.Wait(seconds=whole_seconds(said.wait.duration, "nodes.wait.duration"))
        case "external":
            return record.Await()
    raise Missing(
        f"node {said.id} does nothing: it is a command, script, approval, wait or external",
        field="nodes",
    )


def _to_parameter(said: pb.Runbook.Parameter) -> Parameter:
    return Parameter(
        name=said.name,
        type=_read(_TYPES, said.type, "parameters.type", usual=ParameterType.TEXT),
        required=said.required,
        default=said.default_value,
    )


def _from_parameter(parameter: Parameter) -> pb.Runbook.Parameter:
    return pb.Runbook.Parameter(
        name=parameter.name,
        type=_NUMBERS[parameter.type],
        required=parameter.required,
        default_value=parameter.default,
    )


def _read(values: dict[Any, Any], number: int, field: str, *, usual: Any) -> Any:
    if number and number not in values:
        raise Invalid(f"runbook.{field} cannot be {number}", field=f"runbook.{field}")
    return values.get(number, usual)

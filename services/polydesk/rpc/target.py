"""The canonical service of targets."""

from __future__ import annotations

from typing import Any, Final

import grpc.aio
from google.protobuf.empty_pb2 import Empty

from polydesk.api.v1 import target_pb2 as pb
from polydesk.api.v1 import target_pb2_grpc
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid
from polydesk.domain.query import page_size
from polydesk.domain.registered import Registered
from polydesk.domain.target import SSH_PORT, Target, TargetKind
from polydesk.rpc.moment import timestamp
from polydesk.rpc.name import org_of, target_of
from polydesk.wire import caller_of

Context = grpc.aio.ServicerContext[Any, Any]

_KINDS: Final = {pb.Target.Kind.Value(f"KIND_{each.name}"): each for each in TargetKind}
_NUMBERS: Final[dict[TargetKind, Any]] = {each: number for number, each in _KINDS.items()}


class TargetServicer(target_pb2_grpc.TargetServiceServicer):
    """Serves the targets of orgs."""

    def __init__(self, desk: Desk) -> None:
        self._targets = desk.targets

    async def SaveTarget(self, request: pb.SaveTargetRequest, _: Context) -> pb.Target:
        """Registers a target, or replaces one."""
        org, said = org_of(request.parent), request.target
        parent, name = target_of(said.name)
        if parent != org:
            raise Invalid(f"{said.name} is not in orgs/{org}", field="target.name")
        target = to_target(said, name)
        return from_target(await self._targets.save(caller_of(), org, target, etag=said.etag))

    async def GetTarget(self, request: pb.GetTargetRequest, _: Context) -> pb.Target:
        """Returns one target."""
        return from_target(await self._targets.find(caller_of(), *target_of(request.name)))

    async def ListTargets(
        self, request: pb.ListTargetsRequest, _: Context
    ) -> pb.ListTargetsResponse:
        """Returns a page of targets."""
        page = await self._targets.page(
            caller_of(),
            org_of(request.parent),
            limit=page_size(request.page_size),
            token=request.page_token,
        )
        return pb.ListTargetsResponse(
            targets=map(from_target, page.items), next_page_token=page.next_token
        )

    async def DeleteTarget(self, request: pb.DeleteTargetRequest, _: Context) -> Empty:
        """Removes a target."""
        org, name = target_of(request.name)
        await self._targets.remove(caller_of(), org, name=name, etag=request.etag)
        return Empty()


def to_target(said: pb.Target, name: str) -> Target:
    """Reads what a caller says of a target."""
    if said.kind not in _KINDS:
        raise Invalid(f"target.kind cannot be {said.kind}", field="target.kind")
    return Target(
        name=name,
        kind=_KINDS[said.kind],
        host=said.host,
        port=said.port or SSH_PORT,
        user=said.user,
        known_hosts=said.known_hosts,
        key=said.key_secret,
        patterns=tuple(said.allowed_commands),
        enabled=not said.disabled,
    )


def from_target(target: Registered[Target]) -> pb.Target:
    """Writes a target as the contract has it."""
    spec = target.spec
    return pb.Target(
        name=f"orgs/{target.org}/targets/{spec.name}",
        kind=_NUMBERS[spec.kind],
        host=spec.host,
        port=spec.port,
        user=spec.user,
        known_hosts=spec.known_hosts,
        key_secret=spec.key,
        allowed_commands=spec.patterns,
        disabled=not spec.enabled,
        create_time=timestamp(target.created_at),
        update_time=timestamp(target.updated_at),
        etag=target.etag,
    )

"""The canonical service of scripts."""

from __future__ import annotations

from typing import Any, Final

import grpc.aio
from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty

from polydesk.api.v1 import script_pb2 as pb
from polydesk.api.v1 import script_pb2_grpc
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid
from polydesk.domain.query import page_size
from polydesk.domain.registered import Registered
from polydesk.domain.script import USUAL_WORK, Language, Script
from polydesk.rpc.moment import timestamp, whole_seconds
from polydesk.rpc.name import child_of, org_of
from polydesk.wire import caller_of

Context = grpc.aio.ServicerContext[Any, Any]

_LANGUAGES: Final = {pb.Script.Language.Value(f"LANGUAGE_{each.name}"): each for each in Language}
_NUMBERS: Final[dict[Language, Any]] = {each: number for number, each in _LANGUAGES.items()}


class ScriptServicer(script_pb2_grpc.ScriptServiceServicer):
    """Serves the scripts of orgs."""

    def __init__(self, desk: Desk) -> None:
        self._scripts = desk.scripts

    async def SaveScript(self, request: pb.SaveScriptRequest, _: Context) -> pb.Script:
        """Registers a script, or replaces one."""
        org, said = org_of(request.parent), request.script
        id_ = id_in(said.name, org, "scripts")
        saved = await self._scripts.save(caller_of(), org, to_script(said), id_=id_, etag=said.etag)
        return from_script(saved)

    async def GetScript(self, request: pb.GetScriptRequest, _: Context) -> pb.Script:
        """Returns one script."""
        org, id_ = child_of(request.name, "orgs", "scripts")
        return from_script(await self._scripts.get(caller_of(), org, id_))

    async def ListScripts(
        self, request: pb.ListScriptsRequest, _: Context
    ) -> pb.ListScriptsResponse:
        """Returns a page of scripts."""
        page = await self._scripts.page(
            caller_of(),
            org_of(request.parent),
            limit=page_size(request.page_size),
            token=request.page_token,
        )
        return pb.ListScriptsResponse(
            scripts=map(from_script, page.items), next_page_token=page.next_token
        )

    async def DeleteScript(self, request: pb.DeleteScriptRequest, _: Context) -> Empty:
        """Removes a script."""
        org, id_ = child_of(request.name, "orgs", "scripts")
        await self._scripts.remove(caller_of(), org, id_=id_, etag=request.etag)
        return Empty()


def id_in(name: str, org: int, collection: str) -> int:
    """Returns the number in the name of what is saved; 0 where the hub gives one."""
    if not name:
        return 0
    parent, id_ = child_of(name, "orgs", collection)
    if parent != org:
        raise Invalid(f"{name} is not in orgs/{org}", field="name")
    return id_


def to_script(said: pb.Script) -> Script:
    """Reads what a caller says of a script."""
    if said.language not in _LANGUAGES:
        raise Invalid(f"script.language cannot be {said.language}", field="script.language")
    seconds = USUAL_WORK
    if said.HasField("timeout"):
        seconds = whole_seconds(said.timeout, "script.timeout")
    return Script(
        name=said.display_name,
        language=_LANGUAGES[said.language],
        source=said.source,
        seconds=seconds,
    )


def from_script(script: Registered[Script]) -> pb.Script:
    """Writes a script as the contract has it."""
    return pb.Script(
        name=f"orgs/{script.org}/scripts/{script.id}",
        display_name=script.spec.name,
        language=_NUMBERS[script.spec.language],
        source=script.spec.source,
        timeout=Duration(seconds=script.spec.seconds),
        create_time=timestamp(script.created_at),
        update_time=timestamp(script.updated_at),
        etag=script.etag,
    )

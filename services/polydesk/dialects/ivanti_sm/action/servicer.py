"""The servicer: each RPC reads an envelope, has the plugin do it, answers another."""

from __future__ import annotations

from typing import Any, Final

import grpc.aio
import msgspec
from google.api import httpbody_pb2

from polydesk import wire
from polydesk.api.insightconnect.v1 import insightconnect_pb2 as pb
from polydesk.api.insightconnect.v1 import insightconnect_pb2_grpc as pb_grpc
from polydesk.dialects.ivanti_sm.action.envelope import (
    ACTION_EVENT,
    ACTION_START,
    CONNECTION_TEST,
    EVENTS,
    event,
    read_start,
)
from polydesk.dialects.ivanti_sm.action.input import ACTIONS, action_of, read_input
from polydesk.dialects.ivanti_sm.action.plugin import Plugin
from polydesk.dialects.ivanti_sm.action.spec import INFO, write_spec
from polydesk.dialects.ivanti_sm.address import root_of
from polydesk.domain.desk import Desk

Context = grpc.aio.ServicerContext[Any, Any]

JSON: Final = "application/json"
# The page's own spelling of where that API is.
ODATA: Final = "/HEAT/api/odata/"


class InsightConnect(pb_grpc.InsightConnectServiceServicer):
    """Serves the actions."""

    def __init__(self, desk: Desk) -> None:
        self._plugin = Plugin(desk)

    async def RunAction(
        self, request: pb.RunActionRequest, context: Context
    ) -> httpbody_pb2.HttpBody:
        """Carries out an action: R01 to R04."""
        caller, start = wire.caller_of(), read_start(request.data.data)
        with start.repeated():
            start.check(ACTION_START)
            action = action_of(request.name, start.body.action)
            said = read_input(action, start.body.input or {})
            output = await self._plugin.run(request.name, caller, said, root=_root(context))
        return _answer(event(ACTION_EVENT, start.meta, output))

    async def TestConnection(
        self, request: pb.TestConnectionRequest, _: Context
    ) -> httpbody_pb2.HttpBody:
        """Tells whether a connection works."""
        caller, start = wire.caller_of(), read_start(request.data.data)
        with start.repeated():
            start.check(CONNECTION_TEST, ACTION_START)
            output = await self._plugin.test(caller)
        return _answer(event(EVENTS[start.type], start.meta, output))

    async def GetStatus(self, _: pb.GetStatusRequest, __: Context) -> pb.GetStatusResponse:
        """Tells that actions are taken."""
        return pb.GetStatusResponse(status="Ready")

    async def GetInfo(self, _: pb.GetInfoRequest, __: Context) -> pb.GetInfoResponse:
        """Tells which plugin this is."""
        return pb.GetInfoResponse(**INFO)

    async def GetSpec(self, request: pb.GetSpecRequest, _: Context) -> httpbody_pb2.HttpBody:
        """Tells what the plugin takes and answers."""
        content_type, data = write_spec(request.format)
        return httpbody_pb2.HttpBody(content_type=content_type, data=data)

    async def ListActions(self, _: pb.ListActionsRequest, __: Context) -> httpbody_pb2.HttpBody:
        """Lists the names of the actions."""
        return _answer(list(ACTIONS))


def _root(context: Context) -> str:
    """Returns the URL of the OData API at the place that the client called."""
    headers = {key: str(value) for key, value in context.invocation_metadata() or ()}
    return root_of(headers | {"x-envoy-original-path": ODATA})


def _answer(answer: Any) -> httpbody_pb2.HttpBody:
    return httpbody_pb2.HttpBody(content_type=JSON, data=msgspec.json.encode(answer))

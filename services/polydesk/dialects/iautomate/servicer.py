"""The servicer: each RPC reads, calls the desk, answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, Final

import grpc.aio
from google.api import httpbody_pb2

from polydesk import wire
from polydesk.api.iautomate.v1 import iautomate_pb2 as pb
from polydesk.dialects.iautomate.attachment import draft_of, looked_through, read_file_name
from polydesk.dialects.iautomate.field import SUCCESS, org_of, read_module, read_numbers
from polydesk.dialects.iautomate.inventory import CiServicer
from polydesk.dialects.iautomate.query import read_query
from polydesk.dialects.iautomate.run import RunRoutes
from polydesk.dialects.iautomate.schedule import is_schedule
from polydesk.dialects.iautomate.scheduler import ScheduleServicer
from polydesk.dialects.iautomate.ticket import EXECUTIONS, Pushed, Read, from_ticket, to_drafts
from polydesk.domain.errors import Invalid, Missing, NotFound
from polydesk.domain.ticket import LONGEST_NAME, MOST_ROWS, Kind, check_text

Context = grpc.aio.ServicerContext[Any, Any]
BEARER: Final = "bearer"
# "The toolcode for the internal secret manager is: InternalVault", table 92.
VAULT: Final = "InternalVault"


class IAutomate(RunRoutes, CiServicer, ScheduleServicer):
    """Serves the dialect."""

    async def PushIncidentsV2(
        self, request: pb.PushIncidentsV2Request, _: Context
    ) -> pb.PushIncidentsV2Response:
        """Saves incidents and events: H01."""
        batch = await self._push(request.orgentityid, request.tickets)
        return pb.PushIncidentsV2Response(
            id=batch, status=SUCCESS, message="Incident data saved successfully"
        )

    async def PushIncidentsV1(
        self, request: pb.PushIncidentsV1Request, _: Context
    ) -> pb.PushIncidentsV1Response:
        """Saves incidents and events: H02."""
        batch = await self._push(request.orgentityid, request.tickets)
        return pb.PushIncidentsV1Response(
            status_code=200, status=SUCCESS, message=SUCCESS, result=batch
        )

    async def PushChangesV2(
        self, request: pb.PushChangesV2Request, _: Context
    ) -> pb.PushChangesV2Response:
        """Saves change request tasks: H03."""
        batch = await self._push(request.orgentityid, request.tickets, Kind.CHANGE_TASK)
        return pb.PushChangesV2Response(
            id=batch, status=SUCCESS, message="Change Request saved successfully."
        )

    async def PushChangesV1(
        self, request: pb.PushChangesV1Request, _: Context
    ) -> pb.PushChangesV1Response:
        """Saves change request tasks: H04."""
        batch = await self._push(request.orgentityid, request.tickets, Kind.CHANGE_TASK)
        return pb.PushChangesV1Response(
            status_code=200, status=SUCCESS, message=SUCCESS, result=batch
        )

    async def PushServiceRequestsV2(
        self, request: pb.PushServiceRequestsV2Request, _: Context
    ) -> pb.PushServiceRequestsV2Response:
        """Saves service request tasks, or schedules runbooks: H05, H07."""
        if is_schedule(request.items):
            ids, message = await self._schedule(request.orgentityid, request.items)
            return pb.PushServiceRequestsV2Response(id=ids, status=SUCCESS, message=message)
        batch = await self._push(request.orgentityid, request.items, Kind.SERVICE_REQUEST_TASK)
        return pb.PushServiceRequestsV2Response(
            id=batch, status=SUCCESS, message="Service Request saved successfully"
        )

    async def PushServiceRequestsV1(
        self, request: pb.PushServiceRequestsV1Request, _: Context
    ) -> pb.PushServiceRequestsV1Response:
        """Saves service request tasks: H06."""
        batch = await self._push(request.orgentityid, request.tickets, Kind.SERVICE_REQUEST_TASK)
        return pb.PushServiceRequestsV1Response(
            status_code=200, status=SUCCESS, message=SUCCESS, result=batch
        )

    async def PushSubTasksV2(
        self, request: pb.PushSubTasksV2Request, _: Context
    ) -> pb.PushSubTasksV2Response:
        """Saves sub-tasks."""
        batch = await self._push(request.orgentityid, request.tickets, Kind.SUB_TASK)
        return pb.PushSubTasksV2Response(
            id=batch, status=SUCCESS, message="Sub Task saved successfully"
        )

    async def GetIncidentsV2(
        self, request: pb.GetIncidentsV2Request, _: Context
    ) -> pb.GetIncidentsV2Response:
        """Reads incidents or events: H08."""
        found = await self._read(request.orgentityid, request.raw_query, pb.IncidentV2)
        return pb.GetIncidentsV2Response(
            count=len(found), result=found, status=SUCCESS, message=SUCCESS
        )

    async def GetIncidentsV1(
        self, request: pb.GetIncidentsV1Request, _: Context
    ) -> pb.GetIncidentsV1Response:
        """Reads incidents or events: H09."""
        found = await self._read(request.orgentityid, request.raw_query, pb.IncidentV1)
        return pb.GetIncidentsV1Response(status_code=200, status=SUCCESS, result=found)

    async def GetChangesV2(
        self, request: pb.GetChangesV2Request, _: Context
    ) -> pb.GetChangesV2Response:
        """Reads change request tasks: H10."""
        found = await self._read(
            request.orgentityid, request.raw_query, pb.ChangeV2, Kind.CHANGE_TASK
        )
        return pb.GetChangesV2Response(
            count=len(found), result=found, status=SUCCESS, message=SUCCESS
        )

    async def GetChangesV1(
        self, request: pb.GetChangesV1Request, _: Context
    ) -> pb.GetChangesV1Response:
        """Reads change request tasks: H11."""
        found = await self._read(
            request.orgentityid, request.raw_query, pb.ChangeV1, Kind.CHANGE_TASK
        )
        return pb.GetChangesV1Response(status_code=200, status=SUCCESS, result=found)

    async def GetServiceRequestsV2(
        self, request: pb.GetServiceRequestsV2Request, _: Context
    ) -> pb.GetServiceRequestsV2Response:
        """Reads service request tasks: H12."""
        found = await self._read(
            request.orgentityid, request.raw_query, pb.ServiceRequestV2, Kind.SERVICE_REQUEST_TASK
        )
        return pb.GetServiceRequestsV2Response(
            count=len(found), result=found, status=SUCCESS, message=SUCCESS
        )

    async def GetServiceRequestsV1(
        self, request: pb.GetServiceRequestsV1Request, _: Context
    ) -> pb.GetServiceRequestsV1Response:
        """Reads service request tasks: H13."""
        found = await self._read(
            request.orgentityid, request.raw_query, pb.ServiceRequestV1, Kind.SERVICE_REQUEST_TASK
        )
        return pb.GetServiceRequestsV1Response(status_code=200, status=SUCCESS, result=found)

    async def GetIncidentStatus(
        self, request: pb.GetIncidentStatusRequest, _: Context
    ) -> pb.GetIncidentStatusResponse:
        """Tells how far automation has got with incidents: H25."""
        known = await self._statuses(request.orgentityid, request.ticketnumber, Kind.INCIDENT)
        return pb.GetIncidentStatusResponse(
            count=len(known), result=known, status=SUCCESS, message=SUCCESS
        )

    async def GetChangeStatus(
        self, request: pb.GetChangeStatusRequest, _: Context
    ) -> pb.GetChangeStatusResponse:
        """Tells how far automation has got with change request tasks: H26."""
        known = await self._statuses(request.orgentityid, request.ticketnumber, Kind.CHANGE_TASK)
        return pb.GetChangeStatusResponse(
            count=len(known), result=known, status=SUCCESS, message=SUCCESS
        )

    async def GetServiceRequestStatus(
        self, request: pb.GetServiceRequestStatusRequest, _: Context
    ) -> pb.GetServiceRequestStatusResponse:
        """Tells how far automation has got with service request tasks: H27."""
        known = await self._statuses(
            request.orgentityid, request.ticketnumber, Kind.SERVICE_REQUEST_TASK
        )
        return pb.GetServiceRequestStatusResponse(
            count=len(known), result=known, status=SUCCESS, message=SUCCESS
        )

    async def GetEventStatus(
        self, request: pb.GetEventStatusRequest, _: Context
    ) -> pb.GetEventStatusResponse:
        """Tells how far automation has got with events: H28."""
        known = await self._statuses(request.orgentityid, request.ticketnumber, Kind.EVENT)
        return pb.GetEventStatusResponse(
            count=len(known), result=known, status=SUCCESS, message=SUCCESS
        )

    async def GetSubTaskStatus(
        self, request: pb.GetSubTaskStatusRequest, _: Context
    ) -> pb.GetSubTaskStatusResponse:
        """Tells how far automation has got with sub-tasks: H29."""
        known = await self._statuses(request.orgentityid, request.ticketnumber, Kind.SUB_TASK)
        return pb.GetSubTaskStatusResponse(
            count=len(known), result=known, status=SUCCESS, message=SUCCESS
        )

    async def GetSecret(
        self, request: pb.GetSecretRequest, context: Context
    ) -> pb.GetSecretResponse:
        """Reads a secret: H30."""
        if request.toolcode != VAULT:
            raise Invalid(
                f"toolcode is {wire.clip(request.toolcode)}, it can be {VAULT}", field="toolcode"
            )
        org = org_of(request.orgentityid)
        opened = await self._desk.secrets.access(wire.caller_of(), org, request.name)
        await context.send_initial_metadata((("cache-control", "no-store"),))
        return pb.GetSecretResponse(count=1, result=opened.value, status=SUCCESS, message=SUCCESS)

    async def UploadAttachment(
        self, requests: AsyncIterator[pb.UploadAttachmentRequest], _: Context
    ) -> pb.UploadAttachmentResponse:
        """Attaches a file to a ticket."""
        first = await anext(requests)
        org, kind = org_of(first.orgentityid), read_module(first.moduleid)
        caller = wire.caller_of()
        ticket = await self._desk.tickets.find(caller, org, kind, number=first.incident_number)
        async with aclosing(_bytes(first, requests)) as chunks:
            upload = wire.Upload(first.data.content_type, chunks)
            draft = draft_of(await upload.open())
            async with aclosing(looked_through(upload.read(), draft.file_name)) as data:
                await self._desk.attachments.upload(caller, ticket.id, draft, data)
        return pb.UploadAttachmentResponse(
            status_code=200, status=SUCCESS, message="Attachment uploaded successfully"
        )

    async def DownloadAttachment(
        self, request: pb.DownloadAttachmentRequest, context: Context
    ) -> AsyncIterator[httpbody_pb2.HttpBody]:
        """Downloads the newest file of a ticket, or the newest of a name: H31."""
        org, kind = org_of(request.orgentityid), read_module(request.moduleid)
        caller = wire.caller_of()
        ticket = await self._desk.tickets.find(caller, org, kind, sys_id=request.sys_id.strip())
        name = read_file_name(request.file_name)
        attachment = await self._desk.attachments.newest(caller, ticket.id, file_name=name)
        async with aclosing(wire.send_file(self._desk.attachments, attachment, context)) as pieces:
            async for piece in pieces:
                yield piece

    async def IssueToken(
        self, request: pb.IssueTokenRequest, context: Context
    ) -> pb.IssueTokenResponse:
        """Issues a bearer token: H18."""
        login, password = read_grant(request.form.content_type, request.form.data)
        issued = await self._desk.gatekeeper.issue_token(
            login, password, address=wire.address_of(context)
        )
        await context.send_initial_metadata((("cache-control", "no-store"),))
        return pb.IssueTokenResponse(
            access_token=issued.access_token, token_type=BEARER, expires_in=issued.expires_in
        )

    async def _push(
        self, orgentityid: str, tickets: Sequence[Pushed], kind: Kind | None = None
    ) -> str:
        org, drafts = org_of(orgentityid), to_drafts(tickets, kind)
        saved = await self._desk.tickets.save(wire.caller_of(), org, drafts)
        return str(saved.batch)

    async def _read(
        self, orgentityid: str, raw_query: str, message: type[Read], kind: Kind | None = None
    ) -> list[Read]:
        query = read_query(raw_query, kind)
        tickets = await self._desk.tickets.select(wire.caller_of(), org_of(orgentityid), query)
        if len(tickets) > MOST_ROWS:
            raise Invalid(
                f"more than {MOST_ROWS} tickets fit: narrow the filter, or add limit and offset"
            )
        return [from_ticket(ticket, message) for ticket in tickets]

    async def _statuses(
        self, orgentityid: str, ticketnumber: str, kind: Kind
    ) -> list[pb.TicketStatus]:
        org, numbers = org_of(orgentityid), read_numbers(ticketnumber)
        known = await self._desk.tickets.executions(wire.caller_of(), org, kind, numbers)
        if not known:
            raise NotFound("Ticket not found")
        return [
            pb.TicketStatus(ticket_number=number, ticket_status=EXECUTIONS[execution])
            for number, execution in known
        ]


def read_grant(content_type: str, data: bytes) -> tuple[str, str]:
    """Reads the form of H18: the API user's e-mail address and password (table 53)."""
    form = wire.read_form(content_type, data)
    for name in ("grant_type", "username", "password"):
        if not form.get(name):
            raise Missing(f"{name} is required", field=name)
        check_text(name, form[name], most=LONGEST_NAME)
        if name == "grant_type" and form[name] != "password":
            raise Invalid(f"grant_type is {wire.clip(form[name])}, it can be password", field=name)
    return form["username"], form["password"]


async def _bytes(
    first: pb.UploadAttachmentRequest, others: AsyncIterator[pb.UploadAttachmentRequest]
) -> AsyncGenerator[bytes, None]:
    yield first.data.data
    async for request in others:
        yield request.data.data

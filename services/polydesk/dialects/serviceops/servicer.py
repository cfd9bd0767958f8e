"""The servicer: each RPC reads, calls the desk, answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, suppress
from typing import Any, Final

import grpc.aio
from google.protobuf import struct_pb2

from polydesk import wire
from polydesk.api.serviceops.v1 import serviceops_pb2 as pb
from polydesk.api.serviceops.v1 import serviceops_pb2_grpc as pb_grpc
from polydesk.dialects.serviceops.custom import from_field, names_of
from polydesk.dialects.serviceops.incident import (
    NAMES,
    from_incident,
    id_of,
    read_text,
    read_texts,
    to_changes,
    to_draft,
    vendor_words,
)
from polydesk.dialects.serviceops.request import (
    NEWER,
    completed,
    from_request,
    labels_of,
    more_changes,
    to_incident,
    to_incident_change,
)
from polydesk.dialects.serviceops.token import BEARER, give, read_client, read_grant, scope_of
from polydesk.domain.attachment import UNKNOWN_TYPE, AttachmentDraft
from polydesk.domain.catalog import Catalog
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid, NotFound
from polydesk.domain.identity import Caller
from polydesk.domain.person import Person
from polydesk.domain.ticket import Kind, Ticket

Context = grpc.aio.ServicerContext[Any, Any]
SUCCESS: Final = "SUCCESS"
NULL: Final = struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
# `request` is what the product's newer versions call it.
MODULES: Final = ("incident", "request")
MOST_FILES: Final = 1_000


class ServiceOps(pb_grpc.ServiceOpsServiceServicer):
    """Serves the dialect."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def IssueToken(
        self, request: pb.IssueTokenRequest, context: Context
    ) -> pb.IssueTokenResponse:
        """Issues tokens: M01."""
        keeper, address = self._desk.gatekeeper, wire.address_of(context)
        client = await read_client(keeper, _authorization(context), address=address)
        grant = read_grant(request.form.content_type, request.form.data)
        granted = await give(keeper, client, grant, address=address)
        await context.send_initial_metadata((("cache-control", "no-store"),))
        return pb.IssueTokenResponse(
            access_token=granted.pair.access_token,
            token_type=BEARER,
            refresh_token=granted.pair.refresh_token,
            expires_in=granted.expires_in,
            scope=scope_of(client),
            jti=granted.pair.id,
        )

    async def CreateIncident(
        self, request: pb.CreateIncidentRequest, _: Context
    ) -> pb.CreateIncidentResponse:
        """Records an incident: M02."""
        caller, said = wire.caller_of(), request.incident
        org = caller.home()
        catalog = await self._desk.catalogs.get(caller, org)
        requester = await self._person(caller, said.requester_email)
        location = await self._location(caller, said.location_name)
        with vendor_words(NAMES | names_of(catalog)):
            draft = to_draft(said, requester, location=location, catalog=catalog)
            files = read_texts("attachmentsRefNames", said.attachments_ref_names)
            ticket = await self._desk.tickets.record(caller, org, draft, files=files)
        return pb.CreateIncidentResponse(return_code=SUCCESS, user_message=NULL, id=ticket.id)

    async def UploadFile(
        self, requests: AsyncIterator[pb.UploadFileRequest], _: Context
    ) -> pb.UploadFileResponse:
        """Keeps a file until its reference is passed on: M03."""
        first = await anext(requests)
        caller = wire.caller_of()
        async with aclosing(_bytes(first, requests)) as chunks:
            upload = wire.Upload(first.data.content_type, chunks)
            draft = _draft_of(await upload.open())
            async with aclosing(upload.read()) as data:
                file = await self._desk.attachments.hold(caller, caller.home(), draft, data)
        return pb.UploadFileResponse(
            ref_file_name=file.reference, real_name=file.upload.draft.file_name, link=NULL
        )

    async def UpdateIncident(
        self, request: pb.UpdateIncidentRequest, _: Context
    ) -> pb.UpdateIncidentResponse:
        """Changes an incident: M04."""
        caller, said = wire.caller_of(), request.incident
        id_ = (await self._incident(caller, request.incident_id)).id
        catalog = await self._desk.catalogs.get(caller, caller.home())
        location = None
        if said.HasField("location_name"):
            name = read_text("locationName", said.location_name)
            location = await self._location(caller, name)
        with vendor_words(NAMES | names_of(catalog)):
            changes = to_changes(said, location=location, catalog=catalog)
            files = read_texts("attachmentsRefNames", said.attachments_ref_names)
            await self._desk.incidents.lead(caller, id_, changes, files=files)
        return pb.UpdateIncidentResponse(return_code=SUCCESS, user_message=NULL, id=id_)

    async def GetIncident(
        self, request: pb.GetIncidentRequest, _: Context
    ) -> pb.GetIncidentResponse:
        """Returns an incident: M05."""
        caller = wire.caller_of()
        ticket = await self._incident(caller, request.incident_id)
        files = await self._desk.attachments.page(caller, ticket.id, limit=MOST_FILES)
        return from_incident(
            ticket,
            requester=await self._desk.people.find(caller, ticket.org, ticket.requester),
            attachments=files.items,
            catalog=await self._desk.catalogs.get(caller, ticket.org),
        )

    async def GetForm(self, request: pb.GetFormRequest, _: Context) -> pb.GetFormResponse:
        """Tells custom fields: M06."""
        caller = wire.caller_of()
        catalog = await self._desk.catalogs.get(caller, caller.home())
        if request.module_name not in MODULES:
            raise NotFound(
                f"there is no module {wire.clip(request.module_name)}; there are: "
                f"{', '.join(MODULES)}"
            )
        return pb.GetFormResponse(
            module_name=request.module_name, fields=map(from_field, catalog.fields)
        )

    async def DeleteIncident(
        self, request: pb.DeleteIncidentRequest, _: Context
    ) -> pb.DeleteIncidentResponse:
        """Deletes an incident: M07."""
        caller = wire.caller_of()
        id_ = (await self._incident(caller, request.incident_id)).id
        await self._desk.incidents.delete(caller, id_)
        return pb.DeleteIncidentResponse(return_code=SUCCESS, user_message=NULL, id=id_)

    async def CreateRequest(self, request: pb.CreateRequestRequest, _: Context) -> pb.Request:
        """Records a request."""
        said = request.request
        requester = await self._person(wire.caller_of(), said.requester_email)
        files = [each.ref_file_name for each in said.file_attachments]
        return await self._record(said, requester, files)

    async def UpdateRequest(self, request: pb.UpdateRequestRequest, _: Context) -> pb.Request:
        """Changes a request."""
        caller, said = wire.caller_of(), request.request
        id_ = (await self._incident(caller, request.request_id)).id
        catalog = await self._desk.catalogs.get(caller, caller.home())
        location = None
        if said.HasField("location_name"):
            name = read_text("locationName", said.location_name)
            location = await self._location(caller, name)
        with vendor_words(NEWER), vendor_words(NAMES | labels_of(catalog)):
            changes = to_changes(to_incident_change(said), location=location, catalog=catalog)
            changes = more_changes(changes, said, catalog)
            files = read_texts(
                "attachmentsRefNames", [each.ref_file_name for each in said.file_attachments]
            )
            ticket = await self._desk.incidents.lead(caller, id_, changes, files=files)
        return await self._request(caller, ticket, catalog)

    async def CreateServiceRequest(
        self, request: pb.CreateServiceRequestRequest, _: Context
    ) -> pb.Request:
        """Records what is asked for from the service catalog."""
        said = request.request
        requester = await self._person_called(wire.caller_of(), said.requester)
        return await self._record(said, requester, [])

    async def _record(
        self, said: pb.NewRequest | pb.NewServiceRequest, requester: Person, files: Sequence[str]
    ) -> pb.Request:
        caller = wire.caller_of()
        org = caller.home()
        catalog = await self._desk.catalogs.get(caller, org)
        location = await self._location(caller, said.location_name)
        with vendor_words(NEWER), vendor_words(NAMES | labels_of(catalog)):
            incident = to_incident(said)
            draft = to_draft(incident, requester, location=location, catalog=catalog)
            draft = completed(draft, said, catalog, creator=caller.login)
            references = read_texts("attachmentsRefNames", files)
            ticket = await self._desk.tickets.record(caller, org, draft, files=references)
        return await self._request(caller, ticket, catalog)

    async def _request(self, caller: Caller, ticket: Ticket, catalog: Catalog) -> pb.Request:
        files = await self._desk.attachments.page(caller, ticket.id, limit=MOST_FILES)
        return from_request(
            ticket,
            requester=await self._desk.people.find(caller, ticket.org, ticket.requester),
            attachments=files.items,
            catalog=catalog,
            updater=caller.login,
        )

    async def _person_called(self, caller: Caller, name: str) -> Person:
        """Returns the person of a name, if there is one only, or of an e-mail address."""
        if "@" in name:
            return await self._person(caller, name, field="requester")
        found, token = list[Person](), ""
        while True:
            page = await self._desk.people.page(caller, caller.home(), limit=1_000, token=token)
            found += [each for each in page.items if each.name.casefold() == name.casefold()]
            token = page.next_token
            if not token:
                break
        if len(found) != 1:
            whom = "nobody" if not found else "more than one person"
            raise Invalid(
                f"requester is {wire.clip(name)}, as {whom} in the directory is called",
                field="requester",
            )
        return found[0]

    async def _incident(self, caller: Caller, id_: str) -> Ticket:
        """Returns an incident of the caller's own org."""
        org = caller.home()
        caller.admit(org)
        with suppress(NotFound):
            ticket = await self._desk.tickets.get(caller, id_of(id_))
            if ticket.kind is Kind.INCIDENT and ticket.org == org:
                return ticket
        raise NotFound(f"there is no incident {wire.clip(id_)}")

    async def _person(self, caller: Caller, email: str, *, field: str = "requesterEmail") -> Person:
        person = await self._desk.people.find(caller, caller.home(), email.strip())
        if person is None:
            raise Invalid(
                f"{field} is {wire.clip(email)}, which nobody in the directory has",
                field=field,
            )
        return person

    async def _location(self, caller: Caller, name: str) -> str:
        """Returns the name of a location as the directory has it."""
        if not name:
            return ""
        location = await self._desk.locations.find(caller, caller.home(), name.strip())
        if location is None:
            raise Invalid(
                f"locationName is {wire.clip(name)}, which is no location of the directory",
                field="locationName",
            )
        return location.name


def _authorization(context: Context) -> str:
    for name, value in context.invocation_metadata() or ():
        if name == "authorization":
            return str(value)
    return ""


def _draft_of(part: wire.FilePart) -> AttachmentDraft:
    """Reads what a form says of its file; a type that is none is unknown."""
    try:
        return AttachmentDraft(file_name=part.file_name, content_type=part.content_type)
    except Invalid as error:
        if error.field != "data.content_type":
            raise
        return AttachmentDraft(file_name=part.file_name, content_type=UNKNOWN_TYPE)


async def _bytes(
    first: pb.UploadFileRequest, others: AsyncIterator[pb.UploadFileRequest]
) -> AsyncGenerator[bytes, None]:
    yield first.data.data
    async for request in others:
        yield request.data.data

"""The servicer: each RPC reads, calls the desk, answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Final

import grpc.aio
import msgspec
from google.api import httpbody_pb2

from polydesk import wire
from polydesk.api.ivanti_xapi.v1 import ivanti_xapi_pb2 as pb
from polydesk.api.ivanti_xapi.v1 import ivanti_xapi_pb2_grpc as pb_grpc
from polydesk.dialects.ivanti_xapi.file import Pair, read_pair, to_files
from polydesk.dialects.ivanti_xapi.incident import (
    ZENDESK,
    check_texts,
    number_of,
    status_of,
    to_draft,
    to_link,
)
from polydesk.dialects.ivanti_xapi.note import NOTES, TIME, from_email, from_note
from polydesk.dialects.ivanti_xapi.refusal import NO_PAIR
from polydesk.domain.attachment import Attachment, AttachmentDraft
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid, Missing, NotFound
from polydesk.domain.identity import Caller
from polydesk.domain.note import Note, NoteDraft, NoteKind
from polydesk.domain.ticket import LONGEST_NAME, Draft, Kind, Ticket

Context = grpc.aio.ServicerContext[Any, Any]
Listing = pb.GetIncidentRequest | pb.ListEmailsRequest

MOST_NOTES: Final = 1_000
MOST_TEXT: Final = 8_000_000
_PAGE: Final = 100
_CREATED: Final = 201


class IvantiXapi(pb_grpc.IvantiXapiServiceServicer):
    """Serves the dialect."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def CreateIncident(
        self, request: pb.CreateIncidentRequest, context: Context
    ) -> pb.CreateIncidentResponse:
        """Records an incident: C01."""
        caller = wire.caller_of()
        draft, files = to_draft(request), to_files(request)
        draft = await self._classified(caller, draft)
        taken = await self._desk.intake.record(caller, caller.home(), draft, files=files)
        await _send(context, _CREATED)
        return pb.CreateIncidentResponse(
            incident_id=str(taken.ticket.id),
            rec_id=taken.ticket.sys_id,
            status=status_of(taken.ticket),
            message="Incident created successfully",
        )

    async def ListCategories(
        self, _: pb.ListCategoriesRequest, context: Context
    ) -> pb.ListCategoriesResponse:
        """Lists the categories of the org: C02."""
        caller = wire.caller_of()
        catalog = await self._desk.catalogs.get(caller, caller.home())
        await _send(context)
        return pb.ListCategoriesResponse(
            categories=[
                pb.Category(rec_id=f"{each.id:032x}", name=each.title, service=each.service)
                for each in catalog.categories
            ]
        )

    async def CreateZendeskIncident(
        self, request: pb.CreateZendeskIncidentRequest, context: Context
    ) -> pb.CreateZendeskIncidentResponse:
        """Records the incident of a Zendesk ticket, or answers the one there is: C03."""
        caller = wire.caller_of()
        link, draft, files = to_link(request), to_draft(request), to_files(request)
        draft = await self._classified(caller, draft)
        taken = await self._desk.intake.record(caller, caller.home(), draft, link=link, files=files)
        await _send(context, _CREATED if taken.is_new else 200)
        return pb.CreateZendeskIncidentResponse(
            incident_id=str(taken.ticket.id),
            zendesk_ticket_id=link.key,
            status=status_of(taken.ticket),
        )

    async def GetIncident(
        self, request: pb.GetIncidentRequest, context: Context
    ) -> pb.GetIncidentResponse:
        """Returns an incident with its notes: C04."""
        caller = wire.caller_of()
        ticket = await self._incident(caller, request.incident_id)
        notes = await self._notes(caller, ticket, request, NOTES)
        links = await self._desk.links.page(caller, ticket.id, limit=MOST_NOTES)
        keys = [link.key for link in links.items if link.system == ZENDESK]
        await _send(context)
        return pb.GetIncidentResponse(
            incident_id=str(ticket.id),
            rec_id=ticket.sys_id,
            subject=ticket.summary,
            description=ticket.description,
            status=status_of(ticket),
            category=ticket.category,
            customer_email=ticket.requester if "@" in ticket.requester else "",
            zendesk_ticket_id=keys[-1] if keys else "",
            created_date_time=wire.write_time(ticket.opened_at, TIME),
            last_mod_date_time=wire.write_time(ticket.updated_at, TIME),
            notes=map(from_note, notes),
        )

    async def AddComment(
        self, request: pb.AddCommentRequest, context: Context
    ) -> pb.AddCommentResponse:
        """Adds a note: C05."""
        caller = wire.caller_of()
        check_texts(request)
        files = to_files(request)
        ticket = await self._incident(caller, request.incident_id)
        draft = NoteDraft(
            kind=NoteKind.COMMENT,
            subject=request.subject,
            body=request.note_body,
            source=request.source,
            category=request.category,
        )
        taken = await self._desk.intake.note(caller, ticket.id, draft, files=files)
        await _send(context, _CREATED)
        return pb.AddCommentResponse(
            incident_id=str(ticket.id),
            note_id=str(taken.note.id),
            message="Note added successfully",
        )

    async def ListEmails(
        self, request: pb.ListEmailsRequest, context: Context
    ) -> pb.ListEmailsResponse:
        """Lists the e-mails of an incident: C06."""
        caller = wire.caller_of()
        ticket = await self._incident(caller, request.incident_id)
        emails = await self._notes(caller, ticket, request, (NoteKind.EMAIL,))
        files = await self._desk.attachments.of_notes(
            caller, ticket.id, [email.id for email in emails]
        )
        await _send(context)
        return pb.ListEmailsResponse(
            incident_id=str(ticket.id),
            emails=[from_email(email, files[email.id]) for email in emails],
        )

    async def DownloadAttachment(
        self, request: pb.DownloadAttachmentRequest, context: Context
    ) -> AsyncIterator[httpbody_pb2.HttpBody]:
        """Downloads a file of an incident: C07."""
        caller = wire.caller_of()
        ticket = await self._incident(caller, request.incident_id)
        attachment = await self._attachment(caller, ticket, request.attachment_id)
        headers = ((wire.TRANSACTION, caller.request_id),)
        async with aclosing(
            wire.send_file(self._desk.attachments, attachment, context, headers=headers)
        ) as pieces:
            async for piece in pieces:
                yield piece

    async def LinkIncident(
        self, request: pb.LinkIncidentRequest, context: Context
    ) -> pb.LinkIncidentResponse:
        """Links an incident to a Zendesk ticket: C08."""
        caller = wire.caller_of()
        link = to_link(request)
        ticket = await self._incident(caller, request.incident_id)
        await self._desk.links.add(caller, ticket.id, link, sole=True)
        await _send(context)
        return pb.LinkIncidentResponse(
            incident_id=str(ticket.id),
            zendesk_ticket_id=link.key,
            message="Incident linked successfully",
        )

    async def UploadAttachment(
        self, requests: AsyncIterator[pb.UploadAttachmentRequest], context: Context
    ) -> pb.UploadAttachmentResponse:
        """Attaches a file to an incident: C09."""
        caller = wire.caller_of()
        first = await anext(requests)
        async with aclosing(_bytes(first, requests)) as chunks:
            if wire.is_multipart(first.data.content_type):
                attachment = await self._attach_form(caller, first, chunks)
            else:
                attachment = await self._attach_json(caller, first, chunks)
        await _send(context, _CREATED)
        return pb.UploadAttachmentResponse(
            incident_id=str(attachment.ticket),
            attachment_id=str(attachment.id),
            file_name=attachment.file_name,
        )

    async def _attach_form(
        self,
        caller: Caller,
        first: pb.UploadAttachmentRequest,
        chunks: AsyncGenerator[bytes, None],
    ) -> Attachment:
        upload = wire.Upload(first.data.content_type, chunks)
        try:
            part = await upload.open()
        except Missing as error:
            raise Missing(NO_PAIR, field="attachmentFileName") from error
        draft = AttachmentDraft(file_name=part.file_name, content_type=part.content_type)
        ticket = await self._incident(caller, first.incident_id)
        async with aclosing(upload.read()) as data:
            return await self._desk.attachments.upload(caller, ticket.id, draft, data)

    async def _attach_json(
        self,
        caller: Caller,
        first: pb.UploadAttachmentRequest,
        chunks: AsyncGenerator[bytes, None],
    ) -> Attachment:
        said = await wire.read_json(chunks, Pair)
        file = read_pair(said.attachment_file_name or "", said.attachment_file_data or "")
        if file is None:
            raise Missing(NO_PAIR, field="attachmentFileName")
        ticket = await self._incident(caller, first.incident_id)
        async with aclosing(_once(file.data)) as data:
            return await self._desk.attachments.upload(caller, ticket.id, file.draft, data)

    async def _classified(self, caller: Caller, draft: Draft) -> Draft:
        """Has the category be one of the org's, where it has any."""
        name = draft.category or ""
        known = (await self._desk.catalogs.get(caller, caller.home())).categories
        if not name or not known:
            return draft
        for category in known:
            if category.title.casefold() == name.casefold():
                return msgspec.structs.replace(draft, category=category.title)
        titles = ", ".join(category.title for category in known)
        raise Invalid(f"category is {wire.clip(name)}, it can be one of {titles}", field="category")

    async def _incident(self, caller: Caller, incident_id: str) -> Ticket:
        """Finds an incident of the caller's org."""
        ticket = await self._desk.tickets.get(caller, number_of(incident_id, "incident"))
        if ticket.kind is not Kind.INCIDENT or ticket.org != caller.home():
            raise NotFound(f"there is no incident {ticket.id}")
        return ticket

    async def _attachment(self, caller: Caller, ticket: Ticket, id_: str) -> Attachment:
        """Finds a file by the id it came with, else by the hub's."""
        if "\0" not in id_ and len(id_) <= LONGEST_NAME:
            found = await self._desk.attachments.of_source(caller, ticket.id, id_)
            if found is not None:
                return found
        number = number_of(id_, "attachment")
        return await self._desk.attachments.get(caller, ticket.id, number)

    async def _notes(
        self, caller: Caller, ticket: Ticket, request: Listing, kinds: tuple[NoteKind, ...]
    ) -> list[Note]:
        """Returns notes, as far as one answer holds them; none is left out without a word."""
        if not 0 <= request.limit <= MOST_NOTES:
            raise Invalid(f"limit is {request.limit}, it can be 1 to {MOST_NOTES}", field="limit")
        after = number_of(request.after, "note") if request.after else 0
        notes: list[Note] = []
        token, size = "", 0
        while True:
            page = await self._desk.notes.page(
                caller, ticket.id, kinds=kinds, limit=_PAGE, token=token
            )
            for note in page.items:
                if note.id <= after:
                    continue
                if request.limit and len(notes) == request.limit:
                    return notes
                size += len(note.body)
                if len(notes) == MOST_NOTES or size > MOST_TEXT:
                    raise Invalid("there is more than one answer holds: ask with limit and after")
                notes.append(note)
            if not (token := page.next_token):
                return notes


async def _send(context: Context, http: int = 200) -> None:
    """Sends the headers of an answer, whose body nothing can spoil any more."""
    headers = ((wire.TRANSACTION, wire.caller_of().request_id), ("x-polydesk-status", str(http)))
    await context.send_initial_metadata(headers)


async def _bytes(
    first: pb.UploadAttachmentRequest, others: AsyncIterator[pb.UploadAttachmentRequest]
) -> AsyncGenerator[bytes, None]:
    yield first.data.data
    async for request in others:
        yield request.data.data


async def _once(data: bytes) -> AsyncGenerator[bytes, None]:
    yield data

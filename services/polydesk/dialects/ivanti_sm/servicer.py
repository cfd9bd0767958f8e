"""The servicer: each RPC reads, calls the desk, answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final

import grpc.aio
import msgspec
from google.api.httpbody_pb2 import HttpBody

from polydesk import wire
from polydesk.api.ivanti_sm.v1 import ivanti_sm_pb2 as pb
from polydesk.api.ivanti_sm.v1 import ivanti_sm_pb2_grpc as pb_grpc
from polydesk.dialects.ivanti_sm import file, journal
from polydesk.dialects.ivanti_sm.address import (
    INCIDENTS,
    NOTES,
    context_of,
    read_address,
    root_of,
    with_context,
)
from polydesk.dialects.ivanti_sm.front import FrontDesk
from polydesk.dialects.ivanti_sm.incident import text_of
from polydesk.dialects.ivanti_sm.metadata import metadata
from polydesk.dialects.ivanti_sm.option import Options, read_options, selected
from polydesk.dialects.ivanti_sm.reading import FIELDS, Reader, set_of
from polydesk.dialects.ivanti_sm.search import found, read_sought
from polydesk.domain.attachment import Attachment
from polydesk.domain.desk import Desk
from polydesk.domain.errors import NotFound, UnknownRoute, WrongMethod

Context = grpc.aio.ServicerContext[Any, Any]
Entity = Mapping[str, Any]

CREATED: Final = 201
NO_CONTENT: Final = 204
JSON: Final = "application/json; odata.metadata=minimal"
CLOSE: Final = "Close_Incident"


class IvantiSm(pb_grpc.IvantiSmServiceServicer):
    """Serves the dialect."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._front = FrontDesk(desk)
        self._reader = Reader(desk, self._front)

    async def ReadObjects(self, request: pb.ReadObjectsRequest, context: Context) -> HttpBody:
        """Reads a set, or one object of it."""
        caller, at = wire.caller_of(), read_address(request.object)
        options = read_options(request)
        if at.key:
            one, etag = await self._reader.one(caller, at)
            [entity] = selected([one], options.select, FIELDS[at.set])
            return await _answer(context, with_context(_root(context), at.set, entity), etag=etag)
        entities, total = await self._reader.page(caller, at.set, request.filter, options)
        return await _answer(context, _listed(context, at.set, entities, total, options))

    async def ReadRelated(self, request: pb.ReadRelatedRequest, context: Context) -> HttpBody:
        """Reads what belongs to an incident."""
        caller, rec_id = wire.caller_of(), _incident(request.object)
        options, set_ = read_options(request), set_of(request.relation)
        entities, total = await self._reader.related(caller, rec_id, set_, request.filter, options)
        return await _answer(context, _listed(context, set_, entities, total, options))

    async def CreateObject(self, request: pb.CreateObjectRequest, context: Context) -> HttpBody:
        """Records an incident, or adds a note to one."""
        caller, set_ = wire.caller_of(), read_address(request.object).of_set()
        said = _read(request.data)
        if set_ == INCIDENTS:
            ticket = await self._front.record(caller, said)
            entity = await self._front.entity(caller, ticket)
        elif set_ == NOTES:
            entity = journal.from_note(*await self._front.note(caller, said))
        else:
            raise _read_only()
        answer = with_context(_root(context), set_, entity)
        return await _answer(context, answer, http=CREATED)

    async def UpdateObject(self, request: pb.UpdateObjectRequest, context: Context) -> HttpBody:
        """Changes the fields of an incident that are said."""
        rec_id = _incident(request.object)
        return await self._change(rec_id, _read(request.data), context)

    async def RunAction(self, request: pb.RunActionRequest, context: Context) -> HttpBody:
        """Runs a quick action on an incident."""
        rec_id = _incident(request.object)
        if request.action.casefold() != CLOSE.casefold():
            raise UnknownRoute(
                f"there is no quick action {wire.clip(request.action)}; there is {CLOSE}"
            )
        return await self._change(rec_id, {"Status": "Closed"}, context)

    async def DeleteObject(self, request: pb.DeleteObjectRequest, context: Context) -> HttpBody:
        """Deletes an incident."""
        caller, rec_id = wire.caller_of(), _incident(request.object)
        ticket = await self._front.incident(caller, rec_id)
        await self._front.delete(caller, ticket)
        await _send(context, NO_CONTENT)
        return HttpBody()

    async def GetMetadata(self, _: pb.GetMetadataRequest, context: Context) -> HttpBody:
        """Describes sets and their fields."""
        await _send(context, 200)
        return HttpBody(content_type="application/xml", data=metadata())

    async def SearchFullText(self, request: pb.SearchFullTextRequest, context: Context) -> HttpBody:
        """Seeks words in incidents."""
        sought = read_sought(_read(request.data))
        entities, total = await self._reader.page(wire.caller_of(), INCIDENTS, "", sought.options)
        return await _answer(context, found(sought, entities, total))

    async def LogIn(self, request: pb.LogInRequest, context: Context) -> HttpBody:
        """Issues a token to a user."""
        said = {name.casefold(): value for name, value in _read(request.data).items()}
        login, secret = (text_of(name, said.get(name)) for name in ("username", "password"))
        issued = await self._desk.gatekeeper.issue_token(
            login, secret, address=wire.address_of(context)
        )
        await _send(context, 200, ("cache-control", "no-store"))
        token = msgspec.json.encode(issued.access_token)
        return HttpBody(content_type="application/json", data=token)

    async def UploadAttachment(
        self, requests: AsyncIterator[pb.UploadAttachmentRequest], context: Context
    ) -> HttpBody:
        """Attaches a file to an incident."""
        caller, first = wire.caller_of(), await anext(requests)
        async with aclosing(_bytes(first, requests)) as chunks:
            upload = wire.Upload(first.data.content_type, chunks)
            draft = file.to_draft(await upload.open())
            ticket = await self._front.incident(caller, file.rec_id_in(upload.fields))
            async with aclosing(upload.read()) as data:
                kept = await self._desk.attachments.upload(caller, ticket.id, draft, data)
        await _send(context, 200)
        answer = msgspec.json.encode(file.uploaded(kept))
        return HttpBody(content_type="application/json", data=answer)

    async def DownloadAttachment(
        self, request: pb.DownloadAttachmentRequest, context: Context
    ) -> AsyncIterator[HttpBody]:
        """Downloads a file of an incident."""
        kept = await self._attachment(request.id)
        pieces = wire.send_file(self._desk.attachments, kept, context)
        async with aclosing(pieces) as sent:
            async for piece in sent:
                yield piece

    async def DeleteAttachment(
        self, request: pb.DeleteAttachmentRequest, context: Context
    ) -> HttpBody:
        """Deletes a file of an incident."""
        kept = await self._attachment(request.id)
        await self._desk.attachments.remove(wire.caller_of(), kept.ticket, kept.id)
        await _send(context, NO_CONTENT)
        return HttpBody()

    async def _change(self, rec_id: str, said: Entity, context: Context) -> HttpBody:
        caller = wire.caller_of()
        ticket = await self._front.incident(caller, rec_id)
        changed = await self._front.change(caller, ticket, said)
        entity = await self._front.entity(caller, changed)
        answer = with_context(_root(context), INCIDENTS, entity)
        return await _answer(context, answer, etag=changed.etag)

    async def _attachment(self, text: str) -> Attachment:
        """Returns a file of the caller's own org."""
        caller, id_ = wire.caller_of(), file.read_id(text)
        kept = await self._desk.attachments.get(caller, id_.ticket, id_.attachment)
        ticket = await self._desk.tickets.get(caller, kept.ticket)
        if ticket.org != caller.home():
            raise NotFound(f"there is no attachment with the ID {wire.clip(text)}")
        return kept


def _incident(object_: str) -> str:
    """Returns the RecId of an incident, which is what can be changed."""
    at = read_address(object_)
    if at.set == INCIDENTS:
        return at.of_object()
    raise _read_only()


def _read_only() -> WrongMethod:
    return WrongMethod("only incidents are changed here, and notes added: the rest takes GET")


def _read(data: HttpBody) -> dict[str, Any]:
    return wire.parse_json(data.data, dict[str, Any])


def _root(context: Context) -> str:
    return root_of({key: str(value) for key, value in context.invocation_metadata() or ()})


def _listed(
    context: Context, set_: str, entities: Sequence[Entity], total: int, options: Options
) -> Entity:
    count = {"@odata.count": total} if options.count else {}
    return {
        "@odata.context": context_of(_root(context), set_, entity=False),
        **count,
        "value": selected(entities, options.select, FIELDS[set_]),
    }


async def _answer(context: Context, answer: Entity, *, http: int = 200, etag: str = "") -> HttpBody:
    await _send(context, http, *([("etag", f'"{etag}"')] if etag else []))
    return HttpBody(content_type=JSON, data=msgspec.json.encode(answer))


async def _send(context: Context, http: int, *headers: tuple[str, str]) -> None:
    usual = (("odata-version", "4.0"), ("x-polydesk-status", str(http)))
    await context.send_initial_metadata((*usual, *headers))


async def _bytes(
    first: pb.UploadAttachmentRequest, others: AsyncIterator[pb.UploadAttachmentRequest]
) -> AsyncGenerator[bytes, None]:
    yield first.data.data
    async for request in others:
        yield request.data.data

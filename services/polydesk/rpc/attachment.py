"""The canonical service of attachments: bytes in pieces, in and out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc.aio
from google.api import httpbody_pb2
from google.protobuf import empty_pb2

from polydesk.api.v1 import attachment_pb2, attachment_pb2_grpc
from polydesk.domain.attachment import UNKNOWN_TYPE, Attachment, AttachmentDraft
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid
from polydesk.domain.query import page_size
from polydesk.rpc.moment import timestamp
from polydesk.rpc.name import child_of, id_of
from polydesk.wire import caller_of, send_file

Context = grpc.aio.ServicerContext[Any, Any]


class AttachmentServicer(attachment_pb2_grpc.AttachmentServiceServicer):
    """Serves the files of tickets."""

    def __init__(self, desk: Desk) -> None:
        self._attachments = desk.attachments

    async def UploadAttachment(
        self, requests: AsyncIterator[attachment_pb2.UploadAttachmentRequest], _: Context
    ) -> attachment_pb2.Attachment:
        """Attaches a file."""
        first = await anext(requests)
        ticket = id_of(first.parent, "tickets", field="parent")
        async with aclosing(_bytes(first, requests)) as chunks:
            attachment = await self._attachments.upload(
                caller_of(), ticket, to_draft(first), chunks
            )
        return from_attachment(attachment)

    async def DownloadAttachment(
        self, request: attachment_pb2.DownloadAttachmentRequest, context: Context
    ) -> AsyncIterator[httpbody_pb2.HttpBody]:
        """Yields the bytes of an attachment."""
        ticket, id_ = child_of(request.name, "tickets", "attachments")
        attachment = await self._attachments.get(caller_of(), ticket, id_)
        async with aclosing(send_file(self._attachments, attachment, context)) as pieces:
            async for piece in pieces:
                yield piece

    async def GetAttachment(
        self, request: attachment_pb2.GetAttachmentRequest, _: Context
    ) -> attachment_pb2.Attachment:
        """Returns what is known of an attachment."""
        ticket, id_ = child_of(request.name, "tickets", "attachments")
        return from_attachment(await self._attachments.get(caller_of(), ticket, id_))

    async def ListAttachments(
        self, request: attachment_pb2.ListAttachmentsRequest, _: Context
    ) -> attachment_pb2.ListAttachmentsResponse:
        """Returns a page of attachments."""
        page = await self._attachments.page(
            caller_of(),
            id_of(request.parent, "tickets", field="parent"),
            note=note_in(request.note, request.parent),
            limit=page_size(request.page_size),
            token=request.page_token,
        )
        return attachment_pb2.ListAttachmentsResponse(
            attachments=map(from_attachment, page.items), next_page_token=page.next_token
        )

    async def DeleteAttachment(
        self, request: attachment_pb2.DeleteAttachmentRequest, _: Context
    ) -> empty_pb2.Empty:
        """Deletes an attachment."""
        ticket, id_ = child_of(request.name, "tickets", "attachments")
        await self._attachments.remove(caller_of(), ticket, id_)
        return empty_pb2.Empty()


def to_draft(first: attachment_pb2.UploadAttachmentRequest) -> AttachmentDraft:
    """Reads what the first message says of the file."""
    return AttachmentDraft(
        file_name=first.file_name,
        content_type=first.data.content_type or UNKNOWN_TYPE,
        sha256=first.sha256.lower(),
        source_id=first.source_id,
        note=note_in(first.note, first.parent),
    )


def note_in(name: str, ticket: str) -> int:
    """Reads the name of a note, which has to be one of the ticket; 0 where there is none."""
    if not name:
        return 0
    parent, note = child_of(name, "tickets", "notes", field="note")
    if parent != id_of(ticket, "tickets", field="parent"):
        raise Invalid(f"{name} is no note of {ticket}", field="note")
    return note


def from_attachment(attachment: Attachment) -> attachment_pb2.Attachment:
    """Writes an attachment as the contract has it."""
    return attachment_pb2.Attachment(
        name=f"tickets/{attachment.ticket}/attachments/{attachment.id}",
        file_name=attachment.file_name,
        content_type=attachment.content_type,
        size_bytes=attachment.size,
        sha256=attachment.sha256,
        create_time=timestamp(attachment.created_at),
        uploader=attachment.uploader,
        note=f"tickets/{attachment.ticket}/notes/{attachment.note}" if attachment.note else "",
        source_id=attachment.source_id,
    )


async def _bytes(
    first: attachment_pb2.UploadAttachmentRequest,
    others: AsyncIterator[attachment_pb2.UploadAttachmentRequest],
) -> AsyncGenerator[bytes, None]:
    yield first.data.data
    async for request in others:
        yield request.data.data

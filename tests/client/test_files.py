"""Files up and down: as they were, or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.api.httpbody_pb2 import HttpBody

from polydesk.api.v1 import attachment_pb2, attachment_pb2_grpc
from polydesk.api.v1.attachment_pb2 import Attachment, ListAttachmentsRequest
from polydesk.client import Client, errors
from polydesk.server import Hub
from tests.stack import Rest

from .conftest import LOGIN, QUICK, Forgetful, record

NAME = "tickets/1/attachments/1"
RIGHT = b"right" * 100


class Faulty(attachment_pb2_grpc.AttachmentServiceServicer):
    """Has one attachment, and sends what the test says: bytes, then an error if there is one."""

    def __init__(self) -> None:
        self.answers: list[tuple[bytes, grpc.StatusCode | None]] = []

    async def GetAttachment(  # noqa: N802 - the contract's name
        self, _: attachment_pb2.GetAttachmentRequest, __: grpc.aio.ServicerContext[Any, Any]
    ) -> Attachment:
        digest = hashlib.sha256(RIGHT).hexdigest()
        return Attachment(name=NAME, size_bytes=len(RIGHT), sha256=digest)

    async def DownloadAttachment(  # noqa: N802 - the contract's name
        self,
        _: attachment_pb2.DownloadAttachmentRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncIterator[HttpBody]:
        data, code = self.answers.pop(0)
        yield HttpBody(data=data)
        if code:
            await context.abort(code, "broken off")


@pytest.fixture
async def faulty() -> AsyncIterator[tuple[Faulty, Client]]:
    """A hub that sends files as it is told, and a client of it."""
    servicer, server = Faulty(), grpc.aio.server()
    attachment_pb2_grpc.add_AttachmentServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with Client(f"127.0.0.1:{port}", patience=QUICK) as client:
        yield servicer, client
    await server.stop(None)


def parts(folder: Path) -> list[Path]:
    return list(folder.glob(".*.part"))


async def test_a_file_goes_up_and_comes_down_as_it_was(client: Client, tmp_path: Path) -> None:
    content = os.urandom(700_000)
    source, copy = tmp_path / "error.log", tmp_path / "copy"
    source.write_bytes(content)
    created = await record(client)
    sent: list[tuple[int, int]] = []
    received: list[tuple[int, int]] = []

    attached = await client.upload(
        created.name, source, progress=lambda done, size: sent.append((done, size))
    )
    await client.download(
        attached.name, copy, progress=lambda done, size: received.append((done, size))
    )

    assert copy.read_bytes() == content
    assert attached.sha256 == hashlib.sha256(content).hexdigest()
    assert attached.file_name == "error.log"
    assert sent[-1] == received[-1] == (700_000, 700_000)
    assert len(sent) > 1
    assert not parts(tmp_path)


async def test_an_empty_file_goes_up_and_comes_down(client: Client, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    created = await record(client)

    attached = await client.upload(created.name, tmp_path / "empty", file_name="nothing.txt")
    await client.download(attached.name, tmp_path / "copy")

    assert (attached.file_name, attached.size_bytes) == ("nothing.txt", 0)
    assert (tmp_path / "copy").read_bytes() == b""


async def test_a_file_of_no_ticket_is_refused(client: Client, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 1_000_000)

    with pytest.raises(errors.NotFound):
        await client.upload("tickets/999999", tmp_path / "file")


async def test_a_download_that_is_refused_leaves_the_old_file(
    client: Client, tmp_path: Path
) -> None:
    (tmp_path / "copy").write_text("old")

    with pytest.raises(errors.NotFound):
        await client.download("tickets/1/attachments/999", tmp_path / "copy")

    assert (tmp_path / "copy").read_text() == "old"
    assert not parts(tmp_path)


@pytest.mark.envoy
async def test_a_file_goes_through_the_gateway(rest: Rest, tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "file").write_bytes(content)

    async with Client(rest.base.removeprefix("http://"), **LOGIN) as client:
        attached = await client.upload("tickets/1", tmp_path / "file")
        await client.download(attached.name, tmp_path / "copy")

    assert (tmp_path / "copy").read_bytes() == content


async def test_an_upload_whose_answer_is_lost_attaches_once(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 300_000)
    forgetful = Forgetful(hub.address)
    async with forgetful, Client(forgetful.address, **LOGIN) as client:
        recorded = await record(client)
        forgetful.forget = True
        attached = await client.upload(recorded.name, tmp_path / "file")
        ticket = attached.name.partition("/attachments")[0]
        listed = await client.attachments.ListAttachments(ListAttachmentsRequest(parent=ticket))

    assert forgetful.forgotten
    assert list(listed.attachments) == [attached]


async def test_a_download_that_breaks_off_is_begun_anew(
    faulty: tuple[Faulty, Client], tmp_path: Path
) -> None:
    servicer, client = faulty
    servicer.answers = [(RIGHT[:70], grpc.StatusCode.UNAVAILABLE), (RIGHT, None)]

    await client.download(NAME, tmp_path / "copy")

    assert (tmp_path / "copy").read_bytes() == RIGHT
    assert not servicer.answers


@pytest.mark.parametrize("data", [b"", RIGHT[:70], RIGHT + b"x", b"wrong" * 100])
async def test_other_bytes_than_the_hub_has_are_not_kept(
    faulty: tuple[Faulty, Client], tmp_path: Path, data: bytes
) -> None:
    servicer, client = faulty
    servicer.answers = [(data, None)]

    with pytest.raises(errors.Damaged):
        await client.download(NAME, tmp_path / "copy")

    assert not (tmp_path / "copy").exists()
    assert not parts(tmp_path)

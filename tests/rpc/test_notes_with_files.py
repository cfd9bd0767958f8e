"""Notes that come with files, by gRPC and by REST, on a hub that takes two MiB at most."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.api import httpbody_pb2

from polydesk.api.v1 import attachment_pb2, incident_pb2, note_pb2, ticket_pb2
from polydesk.api.v1.attachment_pb2_grpc import AttachmentServiceStub
from polydesk.api.v1.note_pb2_grpc import NoteServiceStub
from polydesk.config import Settings
from polydesk.server import Hub
from tests.conftest import Native
from tests.stack import Rest

Note = note_pb2.Note
CODE = grpc.StatusCode
LARGEST = 2 * 1024 * 1024
EMAIL = Note(kind=Note.KIND_EMAIL, subject="fire", email=Note.Email(sender="ann@example.com"))


@pytest.fixture
async def hub(seeded: Path, tmp_path: Path) -> AsyncIterator[Hub]:
    path = shutil.copy(seeded, tmp_path / "polydesk.db")
    running = await Hub.start(
        Settings(database_url=f"sqlite:///{path}", data=tmp_path, largest_file=LARGEST)
    )
    yield running
    await running.stop()


def kept(folder: Path) -> list[Path]:
    return [path for path in (folder / "blobs").rglob("*") if path.is_file()]


async def make(native: Native) -> str:
    request = incident_pb2.CreateIncidentRequest(
        parent="orgs/1", incident=ticket_pb2.Ticket(summary="printer on fire")
    )
    made = await native.incidents.CreateIncident(request, metadata=native.headers())
    return made.name.replace("incidents", "tickets")


async def add(native: Native, parent: str, *files: Note.File, **headers: str) -> Note:
    note = Note(files=files)
    note.MergeFrom(EMAIL)
    request = note_pb2.CreateNoteRequest(parent=parent, note=note)
    return await NoteServiceStub(native.channel).CreateNote(
        request, metadata=native.headers(**headers)
    )


async def listed(
    native: Native, parent: str, note: str = "", **asked: Any
) -> attachment_pb2.ListAttachmentsResponse:
    request = attachment_pb2.ListAttachmentsRequest(parent=parent, note=note, **asked)
    return await AttachmentServiceStub(native.channel).ListAttachments(
        request, metadata=native.headers()
    )


async def bytes_of(native: Native, name: str) -> bytes:
    request = attachment_pb2.DownloadAttachmentRequest(name=name)
    stub = AttachmentServiceStub(native.channel)
    answers = stub.DownloadAttachment(request, metadata=native.headers())
    return b"".join([piece.data async for piece in answers])


async def refused(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error.value


async def test_an_email_comes_with_its_files(native: Native, tmp_path: Path) -> None:
    parent = await make(native)
    before = len(kept(tmp_path))

    note = await add(
        native,
        parent,
        Note.File(file_name="a.txt", content_type="text/plain", data=b"one", source_id="1234"),
        Note.File(file_name="b.bin", data=b"\0two"),
        Note.File(file_name="c.txt", data=b"one"),
    )

    files = (await listed(native, parent, note.name)).attachments
    assert not note.files
    assert [(file.file_name, file.content_type, file.source_id) for file in files] == [
        ("a.txt", "text/plain", "1234"),
        ("b.bin", "application/octet-stream", ""),
        ("c.txt", "application/octet-stream", ""),
    ]
    assert {file.note for file in files} == {note.name}
    assert [await bytes_of(native, file.name) for file in files] == [b"one", b"\0two", b"one"]
    assert len(kept(tmp_path)) == before + 2


async def test_the_files_of_a_note_are_listed_in_pages(native: Native) -> None:
    parent = await make(native)
    note = await add(
        native, parent, *(Note.File(file_name=f"{n}.txt", data=b"x") for n in range(3))
    )
    other = await add(native, parent, Note.File(file_name="other.txt", data=b"x"))

    first = await listed(native, parent, note.name, page_size=2)
    second = await listed(native, parent, note.name, page_size=2, page_token=first.next_page_token)
    wrong = await refused(
        listed(native, parent, other.name, page_size=2, page_token=first.next_page_token)
    )

    names = [file.file_name for file in (*first.attachments, *second.attachments)]
    assert names == ["0.txt", "1.txt", "2.txt"]
    assert len((await listed(native, parent)).attachments) == 4
    assert wrong.code() is CODE.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (Note.File(data=b"x"), "note.files[1].file_name is required"),
        (Note.File(file_name="../x", data=b"x"), "note.files[1].file_name is a path"),
        (Note.File(file_name="x", content_type="text"), "note.files[1].the content type is not"),
        (Note.File(file_name="x", source_id="x" * 256), "note.files[1].source_id has 256"),
        (Note.File(file_name="x", data=b"x" * (LARGEST + 1)), f"larger than {LARGEST} bytes"),
    ],
)
async def test_a_file_that_is_refused_leaves_nothing(
    native: Native, tmp_path: Path, file: Note.File, words: str
) -> None:
    parent = await make(native)
    before = len(kept(tmp_path))

    error = await refused(add(native, parent, Note.File(file_name="a.txt", data=b"one"), file))

    assert words in str(error.details())
    assert not (await listed(native, parent)).attachments
    assert len(kept(tmp_path)) == before


async def test_more_than_100_files_are_refused(native: Native, tmp_path: Path) -> None:
    parent = await make(native)
    before = len(kept(tmp_path))
    files = [Note.File(file_name=f"{n}.txt", data=b"x") for n in range(101)]

    error = await refused(add(native, parent, *files))

    assert "at most 100" in str(error.details())
    assert len(kept(tmp_path)) == before


async def test_a_note_of_an_outdated_ticket_leaves_no_bytes(native: Native, tmp_path: Path) -> None:
    parent = await make(native)
    before = len(kept(tmp_path))

    error = await refused(
        add(native, parent, Note.File(file_name="a.txt", data=b"new"), **{"if-match": "ff"})
    )

    assert error.code() is CODE.ABORTED
    assert len(kept(tmp_path)) == before


async def test_a_key_stands_for_the_files_too(native: Native, tmp_path: Path) -> None:
    parent = await make(native)
    file, key = Note.File(file_name="a.txt", data=b"one"), {"idempotency-key": "k"}

    first = await add(native, parent, file, **key)
    size = len(kept(tmp_path))
    again = await add(native, parent, file, **key)
    other = await refused(add(native, parent, Note.File(file_name="a.txt", data=b"two"), **key))

    assert again == first
    assert len((await listed(native, parent)).attachments) == 1
    assert other.code() is CODE.ABORTED
    assert len(kept(tmp_path)) == size


async def test_notes_with_the_same_bytes_at_once_keep_them_once(
    native: Native, tmp_path: Path
) -> None:
    parent = await make(native)
    before = len(kept(tmp_path))

    notes = await asyncio.gather(
        *(add(native, parent, Note.File(file_name="a.txt", data=b"same")) for _ in range(8))
    )

    files = (await listed(native, parent)).attachments
    assert {file.note for file in files} == {note.name for note in notes}
    assert [await bytes_of(native, file.name) for file in files] == [b"same"] * 8
    assert len(kept(tmp_path)) == before + 1


async def test_a_file_is_added_to_a_note_of_its_ticket_alone(native: Native) -> None:
    parent, other = await make(native), await make(native)
    note = await add(native, parent)

    async def upload(ticket: str, of: str) -> attachment_pb2.Attachment:
        async def pieces() -> AsyncIterator[attachment_pb2.UploadAttachmentRequest]:
            yield attachment_pb2.UploadAttachmentRequest(
                parent=ticket,
                file_name="late.txt",
                data=httpbody_pb2.HttpBody(data=b"late"),
                note=of,
                source_id="77",
            )

        stub = AttachmentServiceStub(native.channel)
        return await stub.UploadAttachment(pieces(), metadata=native.headers())

    late = await upload(parent, note.name)
    foreign = await refused(upload(other, note.name))
    missing = await refused(upload(parent, f"{parent}/notes/1"))

    assert (late.note, late.source_id) == (note.name, "77")
    assert list((await listed(native, parent, note.name)).attachments) == [late]
    assert foreign.code() is CODE.INVALID_ARGUMENT
    assert missing.code() is CODE.NOT_FOUND


@pytest.mark.envoy
async def test_rest_brings_a_note_with_a_file(native: Native, rest: Rest) -> None:
    parent = await make(native)
    data = base64.b64encode(b"\0\1").decode()
    said = {"kind": "KIND_COMMENT", "body": "see", "files": [{"fileName": "a.bin", "data": data}]}

    answer = await rest.request("POST", f"/desk/v1/{parent}/notes", data=json.dumps(said))
    name = answer.json()["name"]
    files = await rest.request("GET", f"/desk/v1/{parent}/attachments?note={name}")

    (file,) = files.json()["attachments"]
    assert (file["fileName"], file["note"]) == ("a.bin", name)
    assert await bytes_of(native, file["name"]) == b"\0\1"

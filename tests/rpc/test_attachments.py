"""Files of tickets, by gRPC and by REST, on a hub that takes two MiB at most."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import itertools
import os
import shutil
import socket
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import aiohttp
import grpc
import grpc.aio
import pytest
from google.api import httpbody_pb2

from polydesk.api.v1 import attachment_pb2, incident_pb2, ticket_pb2
from polydesk.api.v1.attachment_pb2_grpc import AttachmentServiceStub
from polydesk.config import Settings
from polydesk.domain.attachment import AttachmentDraft
from polydesk.domain.errors import PolydeskError
from polydesk.server import Hub
from tests.conftest import Native
from tests.stack import DEMO, Answer, Rest

Attachment = attachment_pb2.Attachment
Piece = attachment_pb2.UploadAttachmentRequest

LARGEST = 2 * 1024 * 1024
LONG = os.urandom(1_500_000)
NOWHERE = "tickets/2147483647"
CODE = grpc.StatusCode


class Blobs(NamedTuple):
    """What a hub keeps on the disk."""

    folder: Path

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    async def settle(self, size: int) -> list[Path]:
        """Waits until so many files are there; what broke off is cleared away behind the call."""
        for _ in range(200):
            if len(self.files()) == size:
                break
            await asyncio.sleep(0.02)
        return self.files()


@pytest.fixture
async def hub(seeded: Path, tmp_path: Path) -> AsyncIterator[Hub]:
    path = shutil.copy(seeded, tmp_path / "polydesk.db")
    running = await Hub.start(
        Settings(database_url=f"sqlite:///{path}", data=tmp_path, largest_file=LARGEST)
    )
    yield running
    await running.stop()


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def stub(native: Native) -> AttachmentServiceStub:
    return AttachmentServiceStub(native.channel)


async def make(native: Native, org: int = 1) -> str:
    """Makes an incident, and returns the name of its ticket."""
    request = incident_pb2.CreateIncidentRequest(
        parent=f"orgs/{org}", incident=ticket_pb2.Ticket(summary="printer on fire")
    )
    made = await native.incidents.CreateIncident(request, metadata=native.headers())
    return str(made.name).replace("incidents", "tickets")


def pieces(parent: str, data: bytes, *, size: int = 256 * 1024, **said: Any) -> list[Piece]:
    said = {"file_name": "error.log", "content_type": "text/plain"} | said
    body = httpbody_pb2.HttpBody(content_type=said.pop("content_type"), data=data[:size])
    first = Piece(parent=parent, data=body, **said)
    rest = range(size, len(data), size)
    return [
        first,
        *(Piece(data=httpbody_pb2.HttpBody(data=data[at : at + size])) for at in rest),
    ]


async def send(native: Native, sent: Iterable[Piece], **headers: str) -> Attachment:
    return await stub(native).UploadAttachment(iter(sent), metadata=native.headers(**headers))


async def upload(native: Native, parent: str, data: bytes, **said: Any) -> Attachment:
    headers = said.pop("headers", {})
    return await send(native, pieces(parent, data, **said), **headers)


async def download(native: Native, name: str, **headers: str) -> bytes:
    request = attachment_pb2.DownloadAttachmentRequest(name=name)
    call = stub(native).DownloadAttachment(request, metadata=native.headers(**headers))
    return b"".join([body.data async for body in call])


async def get(native: Native, name: str, **headers: str) -> Attachment:
    return await stub(native).GetAttachment(
        attachment_pb2.GetAttachmentRequest(name=name), metadata=native.headers(**headers)
    )


async def page(native: Native, parent: str, **asked: Any) -> attachment_pb2.ListAttachmentsResponse:
    headers = asked.pop("headers", {})
    return await stub(native).ListAttachments(
        attachment_pb2.ListAttachmentsRequest(parent=parent, **asked),
        metadata=native.headers(**headers),
    )


async def delete(native: Native, name: str, **headers: str) -> None:
    await stub(native).DeleteAttachment(
        attachment_pb2.DeleteAttachmentRequest(name=name), metadata=native.headers(**headers)
    )


async def post(rest: Rest, parent: str, data: bytes, query: str = "?fileName=a.txt") -> Answer:
    body = io.BytesIO(data)  # aiohttp warns of long bytes
    return await rest.request("POST", f"/desk/v1/{parent}/attachments{query}", data=body)


def damage(path: Path) -> None:
    """Turns the last bit over."""
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


async def test_a_file_comes_back_as_it_went(native: Native, blobs: Blobs) -> None:
    parent = await make(native)

    made = await upload(native, parent, LONG, file_name="Ä b.log", content_type="text/plain; a=b")

    (kept,) = blobs.files()
    sha256 = hashlib.sha256(LONG).hexdigest()
    assert made.name.startswith(f"{parent}/attachments/")
    assert (made.file_name, made.content_type) == ("Ä b.log", "text/plain; a=b")
    assert (made.size_bytes, made.sha256, made.uploader) == (len(LONG), sha256, "demo@example.com")
    assert await get(native, made.name) == made
    assert await download(native, made.name) == LONG
    assert kept.read_bytes() == LONG
    assert kept.parent.name + kept.name.partition(".")[0] == sha256
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)


async def test_a_download_tells_name_and_digest_and_is_no_page(native: Native) -> None:
    made = await upload(native, await make(native), b"<script>", file_name='a"b\u00fc;.html')
    request = attachment_pb2.DownloadAttachmentRequest(name=made.name)

    call = stub(native).DownloadAttachment(request, metadata=native.headers())
    told = {key: value for key, value in await call.initial_metadata() if key != "date"}
    bodies = [body async for body in call]

    digest = base64.b64encode(hashlib.sha256(b"<script>").digest()).decode()
    assert told["content-disposition"] == "attachment; filename*=UTF-8''a%22b%C3%BC%3B.html"
    assert told["repr-digest"] == f"sha-256=:{digest}:"
    assert told["x-content-type-options"] == "nosniff"
    assert bodies[0].content_type == "text/plain"


@pytest.mark.parametrize("size", [0, 1, 256 * 1024, 512 * 1024, LARGEST])
async def test_a_file_has_any_size_up_to_the_limit(native: Native, size: int) -> None:
    data = os.urandom(size)

    made = await upload(native, await make(native), data)

    assert made.size_bytes == size
    assert await download(native, made.name) == data


async def test_what_is_left_out_is_bytes_of_any_type(native: Native) -> None:
    made = await send(native, [Piece(parent=await make(native), file_name="x")])

    assert (made.content_type, made.size_bytes) == ("application/octet-stream", 0)


async def test_a_ticket_tells_what_became_of_its_files(native: Native) -> None:
    parent = await make(native)
    made = await upload(native, parent, b"it burns")
    await delete(native, made.name)

    listed = await native.tickets.ListTicketChanges(
        ticket_pb2.ListTicketChangesRequest(parent=parent), metadata=native.headers()
    )
    ticket = await native.tickets.GetTicket(
        ticket_pb2.GetTicketRequest(name=parent), metadata=native.headers()
    )

    assert [change.action for change in listed.changes] == ["create", "attach", "detach"]
    told = listed.changes[1].fields[0]
    assert told.field == "attachment"
    assert made.sha256 in told.new_json
    assert listed.changes[2].fields[0].old_json == told.new_json
    assert ticket.etag == "3"
    assert ticket.update_time.ToNanoseconds() > ticket.modify_time.ToNanoseconds()


async def test_the_same_bytes_are_kept_once_under_all_their_names(
    native: Native, blobs: Blobs
) -> None:
    one, other = await make(native), await make(native, org=7)
    first = await upload(native, one, LONG, file_name="first.log")
    second = await upload(native, other, LONG, file_name="second.log")
    kept = blobs.files()

    await delete(native, first.name)
    left = await download(native, second.name), blobs.files()
    await delete(native, second.name)

    assert len(kept) == 1
    assert (first.file_name, second.file_name) == ("first.log", "second.log")
    assert left == (LONG, kept)
    assert blobs.files() == []


async def test_bytes_that_were_deleted_may_come_again(native: Native, blobs: Blobs) -> None:
    parent = await make(native)
    first = await upload(native, parent, LONG)
    await delete(native, first.name)

    again = await upload(native, parent, LONG)

    assert again.name != first.name
    assert await download(native, again.name) == LONG
    assert len(blobs.files()) == 1
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await get(native, first.name)
    assert caught.value.code() is CODE.NOT_FOUND


async def test_uploads_and_deletions_of_the_same_bytes_do_not_meet(
    native: Native, blobs: Blobs
) -> None:
    parent = await make(native)

    async def come_and_go(rounds: int) -> None:
        for _ in range(rounds):
            made = await upload(native, parent, b"the same")
            assert await download(native, made.name) == b"the same"
            await delete(native, made.name)

    await asyncio.gather(*(come_and_go(10) for _ in range(8)))

    assert (await page(native, parent)).attachments == []
    assert blobs.files() == []


async def test_bytes_that_got_lost_come_back_with_their_next_upload(
    native: Native, blobs: Blobs
) -> None:
    parent = await make(native)
    first = await upload(native, parent, LONG)
    blobs.files()[0].unlink()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await download(native, first.name)

    await upload(native, parent, LONG)

    assert caught.value.code() is CODE.UNAVAILABLE
    assert await download(native, first.name) == LONG


@pytest.mark.parametrize(
    "name",
    [
        "../passwd",
        "..",
        ".",
        "/etc/passwd",
        "C:\\autoexec.bat",
        "a\nb",
        "a\0b",
        "a\x7fb",
        "a\u0085b",
        "\u202etxt.exe",
        "a\u2028b",
        " ",
        "",
        "x" * 256,
    ],
)
async def test_a_hostile_name_is_refused(native: Native, blobs: Blobs, name: str) -> None:
    parent = await make(native)

    with pytest.raises(grpc.aio.AioRpcError, match="file_name") as caught:
        await upload(native, parent, b"short", file_name=name)

    assert caught.value.code() is CODE.INVALID_ARGUMENT
    assert await blobs.settle(0) == []


@pytest.mark.parametrize("name", ["x" * 255, "a b'c\"d%2F?#&=.log", "…", "संलग्न 📎.pdf"])
async def test_a_name_is_any_other_text(native: Native, name: str) -> None:
    made = await upload(native, await make(native), b"x", file_name=name)

    assert (await get(native, made.name)).file_name == name


@pytest.mark.parametrize(
    "content_type", ["text", "text/", "a/b\r\nset-cookie: x", "é/x", "a/b" * 90]
)
async def test_a_content_type_that_is_none_is_refused(native: Native, content_type: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match="type/subtype") as caught:
        await upload(native, await make(native), b"x", content_type=content_type)

    assert caught.value.code() is CODE.INVALID_ARGUMENT


async def test_too_large_a_file_leaves_nothing(native: Native, blobs: Blobs) -> None:
    parent = await make(native)

    with pytest.raises(grpc.aio.AioRpcError, match="larger than 2097152 bytes") as caught:
        await upload(native, parent, bytes(LARGEST + 1))

    assert caught.value.code() is CODE.RESOURCE_EXHAUSTED
    assert await blobs.settle(0) == []
    assert (await page(native, parent)).attachments == []


async def test_the_bytes_must_be_those_that_are_claimed(native: Native, blobs: Blobs) -> None:
    parent = await make(native)
    sha256 = hashlib.sha256(LONG).hexdigest()

    made = await upload(native, parent, LONG, sha256=sha256.upper())
    for claim, complaint in ((sha256, "2 bytes that came have"), ("00", "64 hexadecimal")):
        with pytest.raises(grpc.aio.AioRpcError, match=complaint) as caught:
            await upload(native, parent, b"no", sha256=claim)
        assert caught.value.code() is CODE.INVALID_ARGUMENT

    assert made.sha256 == sha256
    assert len(await blobs.settle(1)) == 1
    assert len((await page(native, parent)).attachments) == 1


async def test_an_upload_that_breaks_off_leaves_nothing(native: Native, blobs: Blobs) -> None:
    parent = await make(native)

    async def endless() -> AsyncIterator[Piece]:
        for piece in itertools.cycle(pieces(parent, LONG[: LARGEST // 8], size=LARGEST // 8)):
            yield piece
            await asyncio.sleep(0.2)

    call = stub(native).UploadAttachment(endless(), metadata=native.headers())
    begun = await blobs.settle(1)
    call.cancel()

    assert [path.parent.name for path in begun] == ["incoming"]
    assert await blobs.settle(0) == []
    assert (await page(native, parent)).attachments == []


async def test_an_upload_of_nothing_at_all_is_refused(native: Native) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match="at least one message") as caught:
        await send(native, [])

    assert caught.value.code() is CODE.INVALID_ARGUMENT


async def test_what_dead_hubs_left_is_cleared_away(native: Native, hub: Hub, blobs: Blobs) -> None:
    await upload(native, await make(native), LONG)
    (kept,) = blobs.files()
    old, new = (blobs.folder / "incoming" / name for name in ("old", "new"))
    for path in (old, new):
        path.touch()
    for path in (old, kept):
        os.utime(path, (time.time() - 90_000,) * 2)

    await hub.desk.attachments.sweep()

    assert set(blobs.files()) == {kept, new}


async def test_a_key_stands_for_names_and_bytes(native: Native, blobs: Blobs) -> None:
    parent = await make(native)
    key = {"idempotency-key": "k"}

    first = await upload(native, parent, LONG, headers=key)
    again = await upload(native, parent, LONG, size=100_000, headers=key)
    for other in ({"data": b"other"}, {"data": LONG, "file_name": "other"}):
        with pytest.raises(grpc.aio.AioRpcError, match="another request") as caught:
            await upload(native, parent, headers=key, **other)
        assert caught.value.code() is CODE.ABORTED
    await delete(native, first.name)
    last = await upload(native, parent, LONG, headers=key)

    assert first == again == last
    assert await blobs.settle(0) == []


async def test_an_etag_guards_the_ticket_of_a_file(native: Native, blobs: Blobs) -> None:
    parent = await make(native)
    made = await upload(native, parent, b"x", headers={"if-match": "1"})

    for call in (
        upload(native, parent, b"y", headers={"if-match": "1"}),
        delete(native, made.name, **{"if-match": "1"}),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is CODE.ABORTED

    assert len(await blobs.settle(1)) == 1


async def test_files_are_listed_in_pages(native: Native) -> None:
    parent = await make(native)
    made = [await upload(native, parent, b"x", file_name=f"{n}") for n in range(5)]

    first = await page(native, parent, page_size=3)
    second = await page(native, parent, page_size=3, page_token=first.next_page_token)

    assert [*first.attachments, *second.attachments] == made
    assert second.next_page_token == ""


async def test_foreign_missing_and_deleted_tickets_answer_alike(
    native: Native, blobs: Blobs
) -> None:
    foreign, deleted = await make(native, org=7), await make(native)
    made = [await upload(native, parent, b"x") for parent in (foreign, deleted)]
    await native.incidents.DeleteIncident(
        incident_pb2.DeleteIncidentRequest(name=deleted.replace("tickets", "incidents")),
        metadata=native.headers(),
    )
    await native.registry.add_user("eve@example.com", "secret", name="Eve", roles={1: native.agent})
    eve = {"login": "eve@example.com", "secret": "secret"}
    names = {
        foreign: made[0].name,
        deleted: made[1].name,
        NOWHERE: f"{NOWHERE}/attachments/1",
    }

    for parent, name in names.items():
        for call in (
            upload(native, parent, LONG, headers=eve),
            page(native, parent, headers=eve),
            get(native, name, **eve),
            download(native, name, **eve),
            delete(native, name, **eve),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            assert caught.value.code() is CODE.NOT_FOUND
            assert caught.value.details() == f"there is no ticket {parent.partition('/')[2]}"
    assert len(blobs.files()) == 1


async def test_a_file_is_found_under_its_own_ticket_alone(native: Native) -> None:
    made, other = await upload(native, await make(native), b"x"), await make(native)
    name = f"{other}/attachments/{made.name.rpartition('/')[2]}"

    for call in (get(native, name), download(native, name), delete(native, name)):
        with pytest.raises(grpc.aio.AioRpcError, match="has no attachment") as caught:
            await call
        assert caught.value.code() is CODE.NOT_FOUND


async def test_a_reader_reads_files_and_attaches_none(native: Native, blobs: Blobs) -> None:
    parent = await make(native)
    made = await upload(native, parent, b"x")
    await native.registry.add_user(
        "ruth@example.com", "secret", name="Ruth", roles={1: native.reader}
    )
    ruth = {"login": "ruth@example.com", "secret": "secret"}

    for call in (upload(native, parent, LONG, headers=ruth), delete(native, made.name, **ruth)):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is CODE.PERMISSION_DENIED

    assert await download(native, made.name, **ruth) == b"x"
    assert len(blobs.files()) == 1


async def test_nobody_uploads_without_credentials(native: Native, blobs: Blobs) -> None:
    parent = await make(native)
    asked = 0

    async def endless() -> AsyncIterator[Piece]:
        nonlocal asked
        for piece in itertools.cycle(pieces(parent, LONG)):
            asked += 1
            yield piece
            await asyncio.sleep(0.05)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub(native).UploadAttachment(endless())

    assert caught.value.code() is CODE.UNAUTHENTICATED
    assert blobs.files() == []


async def test_a_damaged_file_ends_with_an_error(native: Native, blobs: Blobs) -> None:
    parent = await make(native)
    names = [(await upload(native, parent, data)).name for data in (LONG, b"short")]
    for path in blobs.files():
        damage(path)

    for name in names:
        with pytest.raises(grpc.aio.AioRpcError, match="not what they were") as caught:
            await download(native, name)
        assert caught.value.code() is CODE.DATA_LOSS


async def test_a_message_that_is_none_ends_an_upload(native: Native, blobs: Blobs) -> None:
    first = pieces(await make(native), LONG)[0].SerializeToString()
    call: Any = native.channel.stream_unary("/polydesk.api.v1.AttachmentService/UploadAttachment")

    with pytest.raises(grpc.aio.AioRpcError, match="cannot be read") as caught:
        await call(iter([first, b"\xff"]), metadata=native.headers())

    assert caught.value.code() is CODE.INVALID_ARGUMENT
    assert await blobs.settle(0) == []


def test_a_draft_is_checked_where_it_is_made() -> None:
    with pytest.raises(PolydeskError):
        AttachmentDraft(file_name="a/b")


@pytest.mark.envoy
async def test_the_body_of_a_request_is_a_file(native: Native, rest: Rest, blobs: Blobs) -> None:
    parent = await make(native)
    name = "Ä 100% + 📎?.log"

    uploaded = await rest.request(
        "POST",
        f"/desk/v1/{parent}/attachments?fileName={quote(name)}",
        data=io.BytesIO(LONG),
        headers={"Content-Type": "text/x-log; charset=utf-8"},
    )
    made = uploaded.json()
    path = f"/desk/v1/{made['name']}"
    downloaded = await rest.request("GET", f"{path}:download")
    listed = await rest.request("GET", f"/desk/v1/{parent}/attachments")
    deleted = await rest.request("DELETE", path)
    gone = await rest.request("GET", f"{path}:download")

    assert uploaded.status == 200, uploaded.body
    assert (made["fileName"], made["contentType"]) == (name, "text/x-log; charset=utf-8")
    assert made["sizeBytes"] == len(LONG)
    assert (downloaded.status, downloaded.body) == (200, LONG)
    assert downloaded.headers["content-type"] == "text/x-log; charset=utf-8"
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    assert downloaded.headers["content-disposition"] == disposition
    assert downloaded.headers["x-content-type-options"] == "nosniff"
    assert listed.json()["attachments"] == [made]
    assert (deleted.status, deleted.json()) == (200, {})
    assert (gone.status, gone.json()["code"]) == (404, 5)
    assert blobs.files() == []


@pytest.mark.envoy
async def test_a_file_is_not_translated_on_its_way(native: Native, rest: Rest) -> None:
    parent = await make(native)
    data = b'[{"x": 1}]\n' * 1_000

    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(data), 999):
            yield data[at : at + 999]

    made = await rest.request(
        "POST",
        f"/desk/v1/{parent}/attachments?fileName=a.json",
        data=chunks(),
        headers={"Content-Type": "application/json"},
    )
    empty = await post(rest, parent, b"")
    for accept in ("*/*", "text/event-stream", "application/x-ndjson"):
        got = await rest.request(
            "GET",
            f"/desk/v1/{made.json()['name']}:download",
            headers={"Accept": accept, "Accept-Encoding": "gzip"},
        )
        assert got.body == data
        assert got.headers["content-type"] == "application/json"
        assert "content-encoding" not in got.headers
    nothing = await rest.request("GET", f"/desk/v1/{empty.json()['name']}:download")

    assert empty.json()["sizeBytes"] == 0
    assert (nothing.status, nothing.body) == (200, b"")


@pytest.mark.envoy
@pytest.mark.parametrize(
    ("query", "data", "answer"),
    [
        ("", b"x", (400, "file_name is required")),
        ("?fileName=a%2Fb", b"x", (400, "file_name is a path")),
        ("?fileName=a&parent=tickets/1", b"x", (400, "parent stands in the path")),
        ("?fileName=a&data.content_type=x", b"x", (400, "data stands in the path or the body")),
        ("?fileName=a&sha256=" + "0" * 64, b"x", (400, "the 1 bytes that came")),
        ("?fileName=a", bytes(LARGEST + 1), (413, "larger than 2097152 bytes")),
    ],
)
async def test_a_bad_upload_says_what_to_mend(
    native: Native, rest: Rest, *, query: str, data: bytes, answer: tuple[int, str]
) -> None:
    parent = await make(native)

    refused = await post(rest, parent, data, query)

    assert refused.status == answer[0]
    assert answer[1] in refused.json()["message"]
    assert (await page(native, parent)).attachments == []


@pytest.mark.envoy
async def test_what_nobody_may_see_is_not_there_over_rest(rest: Rest) -> None:
    missing = await post(rest, NOWHERE, LONG)
    download = await rest.request("GET", f"/desk/v1/{NOWHERE}/attachments/1:download")

    assert (missing.status, missing.json()["code"]) == (404, 5)
    assert (download.status, download.json()["code"]) == (404, 5)


@pytest.mark.envoy
async def test_an_upload_without_credentials_is_told_at_once(
    native: Native, rest: Rest, blobs: Blobs
) -> None:
    parent = await make(native)
    port = urlsplit(rest.base).port or 0

    answer = await asyncio.to_thread(begin_upload, port, parent)

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"www-authenticate: Basic" in answer
    assert blobs.files() == []


def begin_upload(port: int, parent: str) -> bytes:
    """Promises 50 MB, sends a piece of it, and returns what comes back."""
    head = (
        f"POST /desk/v1/{parent}/attachments?fileName=a HTTP/1.1\r\nhost: x\r\n"
        "content-type: text/plain\r\ncontent-length: 50000000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(head.encode() + LONG[:1_000])
        return connection.recv(65_536)


@pytest.mark.envoy
async def test_a_request_that_breaks_off_leaves_nothing(
    native: Native, rest: Rest, blobs: Blobs
) -> None:
    parent = await make(native)
    url = urlsplit(rest.base)
    for length in ("content-length: 2000000", "transfer-encoding: chunked"):
        head = (
            f"POST /desk/v1/{parent}/attachments?fileName=a HTTP/1.1\r\nhost: x\r\n"
            f"authorization: {DEMO['Authorization']}\r\n{length}\r\n\r\n"
        )
        _, writer = await asyncio.open_connection(url.hostname, url.port)
        chunk = LONG[:4_096] if "length" in length else b"1000\r\n" + LONG[:4_096] + b"\r\n"
        writer.write(head.encode() + chunk)
        await writer.drain()
        begun = await blobs.settle(1)

        writer.close()

        assert [path.parent.name for path in begun] == ["incoming"]
        assert await blobs.settle(0) == []
    assert (await page(native, parent)).attachments == []


@pytest.mark.envoy
async def test_a_damaged_file_is_cut_off_over_rest(
    native: Native, rest: Rest, blobs: Blobs
) -> None:
    parent = await make(native)
    names = [(await upload(native, parent, data)).name for data in (LONG, b"short")]
    for path in blobs.files():
        damage(path)

    with pytest.raises(aiohttp.ClientPayloadError):
        await rest.request("GET", f"/desk/v1/{names[0]}:download")
    short = await rest.request("GET", f"/desk/v1/{names[1]}:download")

    assert (short.status, short.json()["code"]) == (500, 15)

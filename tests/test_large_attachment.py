"""A file of 100 MB goes up and down, by REST, by gRPC and in a form, through little memory."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import grpc.aio
import pytest
from google.api import httpbody_pb2

from polydesk.api.v1 import attachment_pb2
from polydesk.api.v1.attachment_pb2_grpc import AttachmentServiceStub
from tests.stack import DEMO, Stack

pytestmark = pytest.mark.envoy

CHUNK = os.urandom(1_000_000)
CHUNKS = 100
SHA256 = hashlib.sha256()
for number in range(CHUNKS):
    SHA256.update(CHUNK[number:] + CHUNK[:number])
MOST = 200
SLOW_CHUNKS = 20
FILES = "/v2/itsmattachment/orgentityid/1/moduleid/1"


def chunks() -> Iterator[bytes]:
    for number in range(CHUNKS):
        yield CHUNK[number:] + CHUNK[:number]


def peak(pid: int) -> int:
    """Returns the most MB that a process has ever had in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1_000


@pytest.fixture
def one_stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack.running(tmp_path / "var") as running:
        yield running


async def ticket(session: aiohttp.ClientSession) -> str:
    async with session.post("/desk/v1/orgs/1/incidents", json={"summary": "large"}) as answer:
        made = await answer.json()
    return str(made["name"]).replace("incidents", "tickets")


async def up_by_rest(session: aiohttp.ClientSession, parent: str) -> str:
    async def body() -> AsyncIterator[bytes]:
        for chunk in chunks():
            yield chunk

    path = f"/desk/v1/{parent}/attachments?fileName=rest.bin"
    async with session.post(path, data=body()) as answer:
        made = await answer.json()
    assert made["sha256"] == SHA256.hexdigest(), made
    return str(made["name"])


async def down_by_rest(session: aiohttp.ClientSession, name: str, *, pause: float = 0) -> str:
    """Reads a file, the first part of it slowly."""
    seal = hashlib.sha256()
    async with session.get(f"/desk/v1/{name}:download") as answer:
        read = 0
        async for chunk in answer.content.iter_chunked(1_000_000):
            seal.update(chunk)
            read += 1
            await asyncio.sleep(pause if read <= SLOW_CHUNKS else 0)
    return seal.hexdigest()


async def up_by_form(session: aiohttp.ClientSession) -> None:
    """Sends a multipart form through a dialect, of a file that claims to be a PDF."""
    head = '--b\r\nContent-Disposition: form-data; name="file"; filename="large.pdf"\r\n\r\n%PDF-'

    async def body() -> AsyncIterator[bytes]:
        yield head.encode()
        for chunk in chunks():
            yield chunk
        yield b"\r\n--b--\r\n"

    path = f"{FILES}/uploadattachment?incidentNumber=INC0303863"
    sent = {"Content-Type": "multipart/form-data; boundary=b"}
    async with session.post(path, data=body(), headers=sent) as answer:
        assert answer.status == 200, await answer.text()


async def down_by_sys_id(session: aiohttp.ClientSession) -> str:
    seal, head = hashlib.sha256(), b""
    path = f"{FILES}/getattachmentforsysid?sysId=2b535ab3dbc988506d7550d3dc96190e"
    async with session.get(path) as answer:
        head = await answer.content.readexactly(5)
        async for chunk in answer.content.iter_chunked(1_000_000):
            seal.update(chunk)
    assert head == b"%PDF-"
    return seal.hexdigest()


async def up_by_grpc(stub: AttachmentServiceStub, parent: str) -> str:
    async def messages() -> AsyncIterator[attachment_pb2.UploadAttachmentRequest]:
        said = {"parent": parent, "file_name": "grpc.bin"}
        for chunk in chunks():
            yield attachment_pb2.UploadAttachmentRequest(
                data=httpbody_pb2.HttpBody(data=chunk), **said
            )

    made = await stub.UploadAttachment(messages(), metadata=metadata())
    assert (made.size_bytes, made.sha256) == (CHUNKS * len(CHUNK), SHA256.hexdigest())
    return str(made.name)


async def down_by_grpc(stub: AttachmentServiceStub, name: str) -> str:
    seal = hashlib.sha256()
    request = attachment_pb2.DownloadAttachmentRequest(name=name)
    async for body in stub.DownloadAttachment(request, metadata=metadata()):
        seal.update(body.data)
    return seal.hexdigest()


def metadata() -> tuple[tuple[str, str], ...]:
    return (("authorization", DEMO["Authorization"]),)


async def test_a_large_file_streams_through(one_stack: Stack, tmp_path: Path) -> None:
    (hub,), envoy = one_stack.hubs(), one_stack.envoy()
    before = peak(hub), peak(envoy)
    address = f"127.0.0.1:{one_stack.port}"

    async with (
        aiohttp.ClientSession(f"http://{address}", headers=DEMO) as session,
        grpc.aio.insecure_channel(address) as channel,
    ):
        stub = AttachmentServiceStub(channel)
        parent = await ticket(session)
        by_rest = await up_by_rest(session, parent)
        by_grpc = await up_by_grpc(stub, parent)
        seals = [
            await down_by_rest(session, by_grpc),
            await down_by_rest(session, by_rest, pause=0.05),
            await down_by_grpc(stub, by_rest),
        ]
        await up_by_form(session)
        seals.append(await down_by_sys_id(session))

    after = peak(hub), peak(envoy)
    print(f"\npeak RSS in MB, before and after: hub {before[0]} {after[0]}", end=", ")
    print(f"Envoy {before[1]} {after[1]}")
    assert seals == [SHA256.hexdigest()] * 4
    assert max(after) < MOST
    kept = [path for path in (tmp_path / "var" / "blobs").rglob("*") if path.is_file()]
    *demo, large, as_pdf = sorted(path.stat().st_size for path in kept)
    assert max(demo) < 100
    assert (large, as_pdf) == (CHUNKS * len(CHUNK), CHUNKS * len(CHUNK) + 5)

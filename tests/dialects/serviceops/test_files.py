"""Files: uploaded before their incident, attached with it or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.dialects.sample import fits
from tests.dialects.serviceops.guide import BOUNDARY, MULTIPART, TIM, Ops, form, wrong
from tests.stack import DEMO, Stack

pytestmark = pytest.mark.envoy
MEGABYTE = os.urandom(1_000_000)
MEGABYTES = 50


async def attached(ops: Ops, id_: int) -> list[dict[str, Any]]:
    """Returns the attachments of an incident, as the hub's own API tells them."""
    answer = await ops.rest.request("GET", f"/desk/v1/tickets/{id_}/attachments")
    found: list[dict[str, Any]] = answer.json()["attachments"]
    return found


async def test_files_come_with_a_new_incident(ops: Ops) -> None:
    references = [await ops.upload("a.jpg", b"\xff\xd8a"), await ops.upload("ü ✓.txt", b"text")]

    id_ = await ops.create(attachmentsRefNames=references)

    read = (await ops.read(id_))["fileAttachments"]
    assert read == [
        {"refFileName": references[0], "realName": "a.jpg", "link": None},
        {"refFileName": references[1], "realName": "ü ✓.txt", "link": None},
    ]
    assert all(re.fullmatch("[A-Za-z0-9]{10}", reference) for reference in references)
    found = await attached(ops, id_)
    assert [each["fileName"] for each in found] == ["a.jpg", "ü ✓.txt"]
    name = found[0]["name"]
    assert (await ops.rest.request("GET", f"/desk/v1/{name}:download")).body == b"\xff\xd8a"


async def test_files_come_with_an_update_and_others_stay(ops: Ops) -> None:
    id_ = await ops.create(attachmentsRefNames=[await ops.upload("a.txt", b"a")])

    await ops.update(id_, attachmentsRefNames=[await ops.upload("b.txt", b"b")])
    await ops.update(id_, attachmentsRefNames=[await ops.upload("c.txt", b"c")], status="Resolved")

    read = await ops.read(id_)
    assert [each["realName"] for each in read["fileAttachments"]] == ["a.txt", "b.txt", "c.txt"]
    assert read["status"] == "Resolved"


async def test_a_file_of_another_api_has_a_reference_too(ops: Ops) -> None:
    id_ = await ops.create()
    await ops.rest.request(
        "POST", f"/desk/v1/tickets/{id_}/attachments?fileName=x.txt", data=b"x", headers=DEMO
    )

    (file,) = (await ops.read(id_))["fileAttachments"]

    assert file["realName"] == "x.txt"
    assert re.fullmatch("[0-9]{10}", file["refFileName"])


async def test_a_file_that_is_not_there_keeps_the_rest_from_happening(ops: Ops) -> None:
    id_, reference = await ops.create(), await ops.upload("a.txt", b"a")

    refused = await ops.call(
        "POST",
        f"/api/v1/incident/{id_}",
        {"subject": "changed", "attachmentsRefNames": [reference, "0123456789"]},
    )
    unchanged = await ops.read(id_)
    await ops.update(id_, attachmentsRefNames=[reference])

    assert refused.status == 400
    assert unchanged["subject"] == "Need a new keyboard"
    assert unchanged["fileAttachments"] is None
    assert len((await ops.read(id_))["fileAttachments"]) == 1


async def test_a_file_is_good_for_one_incident(ops: Ops) -> None:
    reference = await ops.upload("a.txt", b"a")
    await ops.create(attachmentsRefNames=[reference])

    again = await ops.call(
        "POST", f"/api/v1/incident/{await ops.create()}", {"attachmentsRefNames": [reference]}
    )

    assert again.status == 400
    assert again.json()["userMessage"].startswith(
        f"attachmentsRefNames: there is no uploaded file {reference}"
    )


async def test_one_reference_twice_is_one_file(ops: Ops) -> None:
    reference = await ops.upload("a.txt", b"a")

    id_ = await ops.create(attachmentsRefNames=[reference, reference])

    assert len(await attached(ops, id_)) == 1


async def test_a_file_of_another_org_is_as_one_that_is_not_there(ops: Ops) -> None:
    account: dict[str, Any] = {
        "kind": "KIND_USER",
        "login": "seven@acme.com",
        "displayName": "Seven",
    }
    account |= {"memberships": [{"org": "orgs/7", "role": "ROLE_AGENT"}]}
    await ops.call("POST", "/desk/v1/accounts", {"account": account, "secret": "s3cret"}, **DEMO)
    seven = {"Authorization": "Basic c2V2ZW5AYWNtZS5jb206czNjcmV0", "Content-Type": MULTIPART}
    theirs = await ops.call("POST", "/api/oprfile", form(("file", b"x", "x.txt")), **seven)

    refused = await ops.call(
        "POST",
        f"/api/v1/incident/{await ops.create()}",
        {"attachmentsRefNames": [theirs.json()["refFileName"]]},
    )

    assert (theirs.status, refused.status) == (200, 400)


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "a/b.txt", "a\\b.txt", "..", "evil\u202etxt.exe", "x" * 256, "a\x07.txt"],
)
async def test_a_hostile_name_is_refused(ops: Ops, name: str) -> None:
    answer = await ops.post_file(name.replace("\\", "\\\\"), b"x")

    assert answer.status == 400
    assert fits(answer.json(), wrong("VALIDATION_ERROR", 1)), answer


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(form(("file", b"x", "")), MULTIPART, id="no file"),
        pytest.param(form(("file", b"x", "a"), ("file", b"y", "b")), MULTIPART, id="two files"),
        pytest.param(form(("file", b"x", "a"))[:-9], MULTIPART, id="cut off"),
        pytest.param(b"x", "text/plain", id="no form"),
        pytest.param(b"", MULTIPART, id="nothing"),
    ],
)
async def test_a_form_without_a_file_is_refused(ops: Ops, body: bytes, content_type: str) -> None:
    answer = await ops.rest.request(
        "POST",
        "/api/oprfile",
        data=body,
        headers={"Authorization": TIM, "Content-Type": content_type},
    )

    assert answer.status == 400
    assert fits(answer.json(), wrong("VALIDATION_ERROR", 1)), answer


async def test_a_type_that_is_none_is_unknown(ops: Ops) -> None:
    body = form(("file", b"x", "x.bin")).replace(
        b'"x.bin"\r\n', b'"x.bin"\r\nContent-Type: nonsense\r\n'
    )
    reference = await ops.call("POST", "/api/oprfile", body, **{"Content-Type": MULTIPART})

    id_ = await ops.create(attachmentsRefNames=[reference.json()["refFileName"]])

    assert (await attached(ops, id_))[0]["contentType"] == "application/octet-stream"


async def test_the_same_key_keeps_a_file_once(ops: Ops) -> None:
    key = {"Content-Type": MULTIPART, "Idempotency-Key": "file-1"}

    first, again, other = [
        await ops.call("POST", "/api/oprfile", form(("file", data, "x.txt")), **key)
        for data in (b"x", b"x", b"y")
    ]

    assert first.json() == again.json()
    assert (other.status, other.json()["returnCode"]) == (409, "CONFLICT")


def peak(pid: int) -> int:
    """Returns the most MB that a process has ever had in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1_000


async def test_fifty_megabytes_go_up_through_little_memory(ops: Ops, site: Stack) -> None:
    head, _, tail = form(("file", b"|", "big.bin")).partition(b"|")
    seal = hashlib.sha256()
    processes = [*site.hubs(), site.envoy()]
    before = [await asyncio.to_thread(peak, pid) for pid in processes]

    async def chunks() -> AsyncIterator[bytes]:
        yield head
        for number in range(MEGABYTES):
            piece = MEGABYTE[number:] + MEGABYTE[:number]
            seal.update(piece)
            yield piece
        yield tail

    answer = await ops.rest.request(
        "POST",
        "/api/oprfile",
        data=chunks(),
        headers={
            "Authorization": TIM,
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        },
    )
    id_ = await ops.create(attachmentsRefNames=[answer.json()["refFileName"]])
    grown = [await asyncio.to_thread(peak, pid) for pid in processes]

    (file,) = await attached(ops, id_)
    assert int(file["sizeBytes"]) == MEGABYTES * 1_000_000
    assert file["sha256"] == seal.hexdigest()
    for earlier, later in zip(before, grown, strict=True):
        assert later - earlier < MEGABYTES

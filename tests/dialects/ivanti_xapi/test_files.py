"""Files: in JSON and in forms, large ones and hostile ones, and those of e-mails."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from polydesk.client import Client
from tests.client.test_mail import NESTED, lines
from tests.dialects.ivanti_xapi.document import (
    FORM,
    commented,
    encoded,
    form,
    pair,
    path_of,
    raised,
)
from tests.dialects.sample import token_of
from tests.stack import Answer, Rest, Stack
from tests.stories.way import RestWay

from .conftest import Api, joined
from .test_refusals import told

pytestmark = pytest.mark.envoy

MANY = 50
MOST_MB = 200
CHUNK = os.urandom(1_000_000)


async def download(api: Api, id_: str, file: str) -> Answer:
    return await api.ask("GET", f"/v2/events/incidents/{id_}/emails/attachments/{file}")


@pytest.mark.parametrize("route", ["C01", "C03", "C05", "C09"])
async def test_a_file_in_json_is_attached(api: Api, desk: RestWay, key: str, route: str) -> None:
    said = pair("Änderung.log", f"bytes of {route}".encode())
    person = {"customerEmail": "a@b", "subject": "x", "description": "y"}
    id_ = await api.incident() if route in ("C05", "C09") else ""
    body = {"C01": person, "C03": raised(key), "C05": commented()}.get(route, {}) | said

    answer = await api.send("POST", path_of(route, id_=id_), body)

    ticket = f"tickets/{answer['incidentId']}"
    listed = await desk.call("AttachmentService.ListAttachments", {"parent": ticket})
    (file,) = listed["attachments"]
    assert (file["fileName"], file["contentType"]) == ("Änderung.log", "text/plain")
    assert file["note"] == (f"{ticket}/notes/{answer['noteId']}" if route == "C05" else "")
    assert await desk.download(file["name"]) == f"bytes of {route}".encode()


async def test_base64_may_come_in_lines(api: Api) -> None:
    id_ = await api.incident()
    text = encoded(b"x" * 100)
    wrapped = "\r\n".join((text[:76], text[76:]))

    added = await api.send(
        "POST",
        path_of("C09", id_=id_),
        {"attachmentFileName": "a.bin", "attachmentFileData": wrapped},
    )

    assert (await download(api, id_, added["attachmentId"])).body == b"x" * 100


async def test_a_corrupt_file_leaves_no_incident_behind(api: Api, desk: RestWay, key: str) -> None:
    broken = {"attachmentFileName": "a.txt", "attachmentFileData": "a"}

    told(await api.ask("POST", path_of("C03"), raised(key) | broken), "ISM_5000")

    sought = {"parent": "orgs/1", "system": "zendesk", "key": key}
    assert (await desk.call("LinkService.LookupLinks", sought))["results"] == []


async def test_a_download_cannot_run_in_a_browser(api: Api) -> None:
    id_ = await api.incident()
    page = form(name="<script>.html", data=b"<script>alert(1)</script>", kind="text/html")
    added = await api.ask("POST", path_of("C09", id_=id_), page, Content_Type=FORM)

    answer = await download(api, id_, added.json()["attachmentId"])

    assert answer.body == b"<script>alert(1)</script>"
    assert answer.headers["Content-Type"] == "text/html"
    name = quote("<script>.html", safe="")
    assert answer.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{name}"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "..", "a\u202etxt.exe", "a\nb", "a\0b", "C:\\x.txt", "x" * 256, "/"],
)
async def test_a_hostile_name_is_refused(api: Api, name: str) -> None:
    told(await api.ask("POST", path_of("C09"), pair(name)), "70400", "file_name")


async def test_fields_before_the_file_of_a_form_do_no_harm(api: Api) -> None:
    id_ = await api.incident()
    field = b'--xyz\r\nContent-Disposition: form-data; name="comment"\r\n\r\nsee\r\n'

    answer = await api.ask("POST", path_of("C09", id_=id_), field + form(), Content_Type=FORM)

    assert answer.status == 201
    assert answer.json()["fileName"] == "scan.pdf"


async def test_an_email_is_listed_with_its_files(api: Api, site: Stack, tmp_path: Path) -> None:
    path = tmp_path / "mail.eml"
    path.write_bytes(NESTED)
    second = tmp_path / "second.eml"
    second.write_bytes(lines("From: bob@example.com", "Subject: no date", "", "Hm."))
    id_ = await api.incident()
    async with Client(f"127.0.0.1:{site.port}", token=api.token) as client:
        await client.add_email(f"incidents/{id_}", path)
        await client.add_email(f"incidents/{id_}", second)

    listed = await api.get(path_of("C06", id_=id_))
    notes = (await api.get(path_of("C04", id_=id_)))["notes"]

    first, other = listed["emails"]
    assert listed["incidentId"] == id_
    assert first == first | {
        "from": "j@example.com",
        "to": ["desk@example.net"],
        "subject": "Rechnung über 17 €",
        "body": "Grüße",
        "sentDateTime": "2024-01-31T10:11:12.000Z",
    }
    assert [(file["fileName"], file["size"]) for file in first["attachments"]][:2] == [
        ("part-3.png", 4),
        ("Rechnung ü.pdf", 8),
    ]
    assert (other["subject"], other["attachments"]) == ("no date", [])
    assert notes == []
    pdf = await download(api, id_, first["attachments"][1]["attachmentId"])
    assert (pdf.body, pdf.headers["Content-Type"]) == (b"%PDF-1.7", "application/pdf")


async def test_a_file_has_the_id_of_where_it_came_from(api: Api, desk: RestWay) -> None:
    id_, other = await api.incident(), await api.incident()
    file = {"fileName": "a.txt", "data": encoded(b"theirs"), "sourceId": "A/7 ü"}
    note = {"kind": "KIND_EMAIL", "subject": "x", "files": [file]}
    await desk.call("NoteService.CreateNote", {"parent": f"tickets/{id_}", "note": note})

    listed = await api.get(path_of("C06", id_=id_))
    found = await download(api, id_, quote("A/7 ü", safe=""))

    (email,) = listed["emails"]
    assert [each["attachmentId"] for each in email["attachments"]] == ["A/7 ü"]
    assert found.body == b"theirs"
    told(await download(api, other, quote("A/7 ü", safe="")), "70404")


async def test_nobody_elses_file_is_found_by_its_id(api: Api, desk: RestWay) -> None:
    id_ = await api.incident()
    added = await api.send("POST", path_of("C09", id_=id_), pair())
    stranger = await joined(desk, api.rest)
    own = await stranger.api.incident()

    told(await download(stranger.api, id_, added["attachmentId"]), "70404")
    told(await download(stranger.api, own, added["attachmentId"]), "70404")


def peak(pid: int) -> int:
    """Returns the most MB that a process has ever had in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1_000


async def test_a_form_of_50_mb_streams_through(tmp_path: Path) -> None:
    stack = Stack.start(tmp_path / "var")
    try:
        async with aiohttp.ClientSession() as session:
            rest = Rest(session, stack.port)
            api = Api(rest, await token_of(rest))
            before = peak(stack.hubs()[0]), peak(stack.envoy())
            digest = hashlib.sha256()

            async def body() -> AsyncIterator[bytes]:
                head, tail = form(data=b"#").split(b"#")
                yield head
                for _ in range(MANY):
                    digest.update(CHUNK)
                    yield CHUNK
                yield tail

            path = "/qa1/v2/ivanti/api/events/incident/855097/attachments"
            headers = {"Authorization": f"Bearer {api.token}", "Content-Type": FORM}
            async with session.post(rest.base + path, data=body(), headers=headers) as answer:
                assert answer.status == 201
                added = await answer.json()
            got = await download(api, "855097", added["attachmentId"])
            after = peak(stack.hubs()[0]), peak(stack.envoy())
    finally:
        stopped = stack.stop()

    print(f"\npeak RSS in MB, before and after: hub {before[0]} {after[0]}", end=", ")
    print(f"Envoy {before[1]} {after[1]}")
    assert hashlib.sha256(got.body).hexdigest() == digest.hexdigest()
    assert max(after) < MOST_MB
    assert stopped == 0

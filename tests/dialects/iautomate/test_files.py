"""Files of tickets: what is taken, what is refused, what comes back."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final

import pytest

from polydesk.dialects.iautomate.attachment import looked_through
from polydesk.domain.errors import Invalid
from tests.dialects.iautomate.guide import MULTIPART, NUMBER, form
from tests.dialects.sample import fits

if TYPE_CHECKING:
    from tests.stack import Answer, Rest

ROUTE: Final = "/v2/itsmattachment/orgentityid/1/moduleid/1"
SYS_ID: Final = "2b535ab3dbc988506d7550d3dc96190e"
PDF: Final = b"%PDF-1.7\n" + bytes(range(256)) * 400


def workbook() -> bytes:
    """The beginning of a real one: a ZIP archive with these names."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>" * 100)
        archive.writestr("xl/workbook.xml", "<workbook/>" * 100)
    return made.getvalue()


def archive() -> bytes:
    """A ZIP archive that is none."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("readme.txt", "nothing" * 100)
    return made.getvalue()


async def upload(
    rest: Rest, body: bytes, *, number: str = NUMBER, content_type: str = MULTIPART
) -> Answer:
    return await rest.request(
        "POST",
        f"{ROUTE}/uploadattachment?incidentNumber={number}",
        data=body,
        headers={"Content-Type": content_type},
    )


async def download(rest: Rest, name: str = "") -> Answer:
    named = f"&fileName={name}" if name else ""
    return await rest.request("GET", f"{ROUTE}/getattachmentforsysid?sysId={SYS_ID}{named}")


@pytest.mark.envoy
@pytest.mark.parametrize(
    ("name", "data", "content_type"),
    [
        ("report.PDF", PDF, "application/pdf"),
        (
            "sheet.xlsx",
            workbook(),
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        ("cpu.csv", b"time,load\r\n1,2\r\n", "text/csv"),
        ("Änderung.txt", "Änderung".encode(), "text/plain"),
        ("utf-16.txt", "Änderung".encode("utf-16"), "text/plain"),
        ("empty.log", b"", "text/plain"),
    ],
)
async def test_the_newest_file_comes_back_as_it_went(
    rest: Rest, name: str, data: bytes, content_type: str
) -> None:
    sent = await upload(rest, form(("comment", "", b"see there"), ("file", name, data)))
    newest, named = await download(rest), await download(rest, "error.log")

    assert sent.json()["StatusCode"] == 200
    assert newest.body == data
    assert newest.headers["Content-Type"] == content_type
    assert newest.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''")
    assert newest.headers["X-Content-Type-Options"] == "nosniff"
    assert named.body == b"2019-11-18 00:54:52 testing\n"


WRONG: Final = {
    "an extension": form(("file", "run.exe", b"MZ")),
    "no extension": form(("file", "pdf", PDF)),
    "two extensions": form(("file", "invoice.pdf.exe", PDF)),
    "a path": form(("file", "../error.log", b"x")),
    "hidden letters": form(("file", "exe\u202etxt.log", b"x")),
    "no pdf": form(("file", "a.pdf", b"<html>" * 100)),
    "no workbook": form(("file", "a.xlsx", archive())),
    "no text": form(("file", "a.txt", b"text" * 100 + b"\0")),
    "two files": form(("file", "a.txt", b"a"), ("file", "b.txt", b"b")),
    "no file": form(("comment", "", b"see there")),
    "a form that breaks off": form(("file", "a.txt", b"a"), whole=False),
    "no form": b"plain text",
    "nothing": b"",
}


@pytest.mark.envoy
@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG.keys())
async def test_a_wrong_file_is_refused_and_nothing_is_attached(rest: Rest, body: bytes) -> None:
    answer = await upload(rest, body)

    refusal = {"StatusCode": 400, "Status": "Fail", "Message": "<text>"}
    assert (answer.status, fits(answer.json(), refusal)) == (400, True), answer
    assert (await download(rest)).body == b"2019-11-18 00:54:52 testing\n"


@pytest.mark.envoy
async def test_a_file_needs_a_ticket_and_a_form(rest: Rest) -> None:
    body = form(("file", "a.txt", b"a"))

    unknown = await upload(rest, body, number="INC9")
    unnamed = await upload(rest, body, number="")
    untold = await upload(rest, body, content_type="text/plain")
    wrong_verb = await rest.request("GET", f"{ROUTE}/uploadattachment?incidentNumber={NUMBER}")

    assert [(each.status, each.json()["StatusCode"]) for each in (unknown, unnamed, untold)] == [
        (404, 404),
        (400, 400),
        (400, 400),
    ]
    assert wrong_verb.status == 405
    assert wrong_verb.json()["StatusCode"] == 405


@pytest.mark.envoy
async def test_a_secret_is_not_kept_on_its_way(rest: Rest) -> None:
    answer = await rest.request("GET", "/v2/secret/InternalVault/demo/1")

    assert json.loads(answer.body)["Result"] == "DemoPassword"
    assert answer.headers["Cache-Control"] == "no-store"


async def pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


@pytest.mark.parametrize("size", [1, 7, 63, 64, 65, 1_000_000])
async def test_a_file_is_looked_through_however_it_comes(size: int) -> None:
    async def through(name: str, data: bytes) -> bytes:
        chunks: Any = pieces(data, size)
        return b"".join([chunk async for chunk in looked_through(chunks, name)])

    assert await through("a.pdf", PDF) == PDF
    assert await through("a.xlsx", workbook()) == workbook()
    assert await through("a.log", b"") == b""
    with pytest.raises(Invalid):
        await through("a.pdf", b"%PDE" + PDF)
    with pytest.raises(Invalid):
        await through("a.csv", b"a" * 200 + b"\0")

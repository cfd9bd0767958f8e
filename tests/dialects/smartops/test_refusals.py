"""What is refused: always in the contract's envelope, in words that say what to mend."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing, suppress
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from polydesk.dialects.smartops.refusal import CODES, refuse
from polydesk.domain.errors import PolydeskError
from tests.dialects.smartops.contract import (
    CREATE,
    FETCH,
    NEW,
    NUMBER,
    SYS_ID,
    TICKET,
    UPDATE,
    Smart,
    refused,
)
from tests.stack import PATIENCE, Answer

pytestmark = pytest.mark.envoy


def told(answer: Answer, status: int, words: str) -> None:
    """Fails unless an answer is the contract's envelope with these words."""
    assert answer.status == status, answer
    assert answer.headers["Content-Type"].startswith("application/json")
    body = answer.json()
    assert list(body) == ["statusCode", "statusMessage", "ticketDetails"]
    assert body == refused(status, body["statusMessage"])
    assert words in body["statusMessage"], body


def new(**said: Any) -> dict[str, Any]:
    return {"ticketJSON": {**NEW, **said}, "ticketFields": ["sysId"]}


def change(**said: Any) -> dict[str, Any]:
    return {"sysId": SYS_ID, "ticketJSON": said, "ticketFields": ["sysId"]}


LONG = "x" * 65_537

BAD: list[tuple[str, str, Any, int, str]] = [
    # The body.
    ("POST", CREATE, "", 400, "ticketJSON is required"),
    ("POST", CREATE, "{}", 400, "ticketJSON is required"),
    ("POST", CREATE, "null", 400, "send JSON as documented"),
    ("POST", CREATE, "[]", 400, "send JSON as documented"),
    ("POST", CREATE, "5", 400, "send JSON as documented"),
    ("POST", CREATE, "{", 400, "send JSON as documented"),
    ("POST", CREATE, b"\xff\xfe", 400, "send JSON as documented"),
    ("POST", CREATE, '{"ticketJSON": "x"}', 400, "send JSON as documented"),
    ("POST", CREATE, '{"ticketJSON": []}', 400, "send JSON as documented"),
    ("POST", CREATE, '{"ticketJSON": {"a": ' + "[" * 70 + "]" * 70 + "}}", 400, "too deeply"),
    ("POST", CREATE, '{"ticketJSON": {"a": ' + "[" * 200 + "]" * 200 + "}}", 400, "send JSON"),
    ("POST", CREATE, {**new(), "ticketFields": [{}]}, 400, "send JSON as documented"),
    ("POST", CREATE, {**new(), "connectionDetails": "x"}, 400, "send JSON as documented"),
    ("GET", TICKET, "{", 400, "send JSON as documented"),
    ("GET", TICKET, "[1]", 400, "send JSON as documented"),
    # What is missing.
    ("POST", CREATE, {"ticketJSON": {}}, 400, "ticketJSON.shortDescription is required"),
    ("POST", CREATE, new(shortDescription=""), 400, "ticketJSON.shortDescription is required"),
    ("POST", CREATE, new(shortDescription=None), 400, "ticketJSON.shortDescription is required"),
    ("POST", UPDATE, {"ticketJSON": {}}, 400, "sysId is required"),
    ("POST", UPDATE, {"sysId": " ", "ticketJSON": {}}, 400, "sysId is required"),
    ("POST", UPDATE, change(shortDescription=""), 400, "ticketJSON.shortDescription is required"),
    ("GET", TICKET, None, 400, "ticketNumber is required"),
    ("GET", TICKET, {"ticketNumber": " "}, 400, "ticketNumber is required"),
    ("GET", f"{TICKET}?ticketNumber=", None, 400, "ticketNumber is required"),
    ("POST", FETCH, {}, 400, "ticketNumber is required"),
    # What is not there.
    ("POST", UPDATE, {"sysId": "x"}, 404, "Ticket not found: no incident has the sysId x"),
    ("POST", UPDATE, {"sysId": NUMBER}, 404, "Ticket not found"),
    ("GET", TICKET, {"ticketNumber": SYS_ID}, 404, "Ticket not found: no ticket has the number"),
    ("GET", f"{TICKET}?ticketNumber=x", None, 404, "Ticket not found"),
    ("POST", FETCH, {"ticketNumber": "x" * 255}, 404, "Ticket not found"),
    # Texts.
    ("POST", CREATE, new(shortDescription="x" * 1_001), 400, "shortDescription has 1001"),
    ("POST", CREATE, new(longDescription=LONG), 400, "ticketJSON.longDescription has 65537"),
    ("POST", CREATE, new(assignedTo="x" * 256), 400, "ticketJSON.assignedTo has 256 characters"),
    ("POST", CREATE, new(assignedGroup={}), 400, "ticketJSON.assignedGroup is a text"),
    ("POST", CREATE, new(category=["x"]), 400, "ticketJSON.category is a text"),
    ("POST", CREATE, new(subCategory="x" * 256), 400, "ticketJSON.subCategory has 256"),
    ("POST", CREATE, new(callerId="a\0b"), 400, "ticketJSON.callerId holds the character NUL"),
    ("POST", CREATE, new(callerId=2**60), 400, "beyond 2^53"),
    ("POST", CREATE, new(ticketNumber="x" * 256), 400, "ticketJSON.ticketNumber has 256"),
    ("POST", CREATE, new(ticketNumber=NUMBER), 409, f"has INCIDENT {NUMBER} already"),
    ("POST", UPDATE, {"sysId": "x" * 256}, 400, "sysId has 256 characters"),
    ("POST", UPDATE, {"sysId": "a\0"}, 400, "sysId holds the character NUL"),
    ("POST", FETCH, {"ticketNumber": "x" * 256}, 400, "ticketNumber has 256 characters"),
    ("POST", FETCH, {"ticketNumber": "a\0"}, 400, "ticketNumber holds the character NUL"),
    ("GET", f"{TICKET}?ticketNumber=%00", None, 400, "ticketNumber holds the character NUL"),
    # Words.
    ("POST", CREATE, new(ticketStatus="x"), 400, "ticketJSON.ticketStatus is x, it can be New, "),
    ("POST", UPDATE, change(ticketStatus="done"), 400, "ticketStatus is done, it can be New, In"),
    ("POST", CREATE, new(ticketPriority="0"), 400, "ticketPriority is 0, it can be Critical, "),
    ("POST", CREATE, new(urgency="urgent"), 400, "urgency is urgent, it can be High, Medium, Low"),
    ("POST", CREATE, new(ticketSeverity=4), 400, "ticketSeverity is 4, it can be High, Medium, "),
    ("POST", CREATE, new(urgency=["1"]), 400, "ticketJSON.urgency is a text"),
    # What the desk alone tells.
    *(
        ("POST", path, body(**{name: "x"}), 400, f"ticketJSON.{name} is told by the desk")
        for path, body in ((CREATE, new), (UPDATE, change))
        for name in (
            *("ticketBusinessDuration", "ticketBusinessTimeLeft", "updatedTime", "sysId"),
            *("createdBy", "updatedBy", "resolvedBy", "closedBy"),
        )
    ),
    ("POST", UPDATE, change(ticketNumber="x"), 400, "ticketJSON.ticketNumber is told by the desk"),
    ("POST", UPDATE, change(createdTime="2024-01-01T00:00:00"), 400, "createdTime is told by"),
    # Times.
    ("POST", CREATE, new(createdTime="x"), 400, "ticketJSON.createdTime: x is no time"),
    ("POST", CREATE, new(createdTime="2024-02-30T00:00:00"), 400, "createdTime: 2024-02-30T00"),
    ("POST", CREATE, new(createdTime=5), 400, "ticketJSON.createdTime: 5 is no time"),
    ("POST", CREATE, new(createdTime={}), 400, "ticketJSON.createdTime is a text"),
    ("POST", CREATE, new(resolvedTime="2024-01-01T00:00:00"), 400, "goes with a ticketStatus of"),
    ("POST", UPDATE, change(resolvedTime="2024-01-01T00:00:00"), 400, "resolvedTime goes with"),
    *(
        ("POST", CREATE, new() | {"itsmTimeZoneOffset": offset}, 400, "itsmTimeZoneOffset is")
        for offset in ("x", "+5", "05:30", "+24:00", "+14:01", "+05:60", "IST", "Asia/Kolkata", "+")
    ),
    ("POST", FETCH, {"ticketNumber": "x", "itsmTimeZoneOffset": "x"}, 400, "itsmTimeZoneOffset"),
    ("GET", f"{TICKET}?ticketNumber=x&itsmTimeZoneOffset=x", None, 400, "it can be +05:30, -0500"),
    # Notes.
    ("POST", CREATE, new(comments={}), 400, "ticketJSON.comments.comment is required"),
    ("POST", CREATE, new(comments=[{}]), 400, "ticketJSON.comments[0].comment is required"),
    ("POST", CREATE, new(comments=[[1]]), 400, "ticketJSON.comments[0].comment is a text"),
    ("POST", CREATE, new(comments=["a", {"comment": [1]}]), 400, "comments[1].comment is a text"),
    ("POST", CREATE, new(comments=[{"workNote": "x"}]), 400, "comments[0] has workNote, it takes"),
    ("POST", CREATE, new(workNotes=LONG), 400, "workNotes.workNote has 65537 characters"),
    (
        "POST",
        CREATE,
        new(closureNotes={"closureNote": "x", "closureNoteTime": "soon"}),
        400,
        "ticketJSON.closureNotes.closureNoteTime: soon is no time",
    ),
    (
        "POST",
        CREATE,
        new(workNotes={"workNote": "x", "workNoteBy": "x" * 256}),
        400,
        "ticketJSON.workNotes.workNoteBy has 256 characters",
    ),
    ("POST", CREATE, new(comments=["x"] * 101), 400, "comments has 101 notes, at most 100"),
    # Other names.
    ("POST", CREATE, new(**{"x" * 256: 1}), 400, "ticketJSON has 256 characters"),
    ("POST", CREATE, new(**{" ": 1}), 400, "ticketJSON has a name that is empty"),
    ("POST", CREATE, new(**{f"n{n}": n for n in range(101)}), 400, "101 names beyond those of"),
    ("POST", CREATE, new(other=["a\0"]), 400, "ticketJSON holds the character NUL"),
    ("POST", CREATE, new(other={"a\0": 1}), 400, "ticketJSON holds the character NUL"),
    ("POST", CREATE, new(other=LONG), 400, "at most 65536 are taken"),
    ("POST", CREATE, new(stage={}), 400, "ticketJSON.Stage takes a text"),
    ("POST", CREATE, new(stage="x" * 256), 400, "ticketJSON.Stage has 256 characters"),
    ("POST", CREATE, {**new(), "ticketFields": ["x" * 256]}, 400, "ticketFields has 256"),
    (
        "POST",
        FETCH,
        {"ticketNumber": NUMBER, "ticketFields": [f"n{n}" for n in range(101)]},
        400,
        "ticketFields has 101 names, at most 100 are taken",
    ),
    # The query.
    ("GET", f"{TICKET}?ticketNumber={NUMBER}", {"ticketNumber": NUMBER}, 400, "out of the query"),
    ("GET", f"{TICKET}?ticketNumber=a&ticketNumber=b", None, 400, "more than once"),
    ("GET", f"{TICKET}?sysId={SYS_ID}", None, 400, "there is no sysId in the query"),
    ("GET", f"{TICKET}?ticketnumber={NUMBER}", None, 400, "there is no ticketnumber in the query"),
    ("GET", f"{TICKET}?ticketNumber=x&ticketFields={'x,' * 8_200}", None, 400, "16384 are taken"),
    ("POST", f"{FETCH}?ticketNumber=x", {"ticketNumber": "x"}, 400, "leave it out of the query"),
    ("POST", f"{UPDATE}?sysId=x", change(), 400, "leave it out of the query"),
    # The org.
    (
        "POST",
        CREATE,
        {**new(), "connectionDetails": {"organization": "Nobody"}},
        404,
        "there is no organization Nobody that you are in",
    ),
    (
        "POST",
        CREATE,
        {**new(), "connectionDetails": {"organization": "x" * 256}},
        400,
        "connectionDetails.organization has 256 characters",
    ),
    # The path.
    ("GET", "/smartops", None, 404, "there is no such path"),
    ("POST", "/smartops/itsm/v1/ticket/delete", {}, 404, "there is no such path"),
    ("GET", "/smartops/itsm/v2/ticket", None, 404, "there is no such path"),
    ("POST", TICKET, {}, 405, "this path takes GET only"),
    ("DELETE", TICKET, None, 405, "this path takes GET only"),
    ("GET", CREATE, None, 405, "this path takes POST only"),
    ("PUT", UPDATE, {}, 405, "this path takes POST only"),
    ("GET", FETCH, None, 405, "this path takes POST only"),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        pytest.param(*row, id=f"{number} {row[0]} {row[1][-12:]} {row[4][:40]}")
        for number, row in enumerate(BAD)
    ],
)
async def test_a_request_that_is_wrong_is_told_what_to_mend(  # noqa: PLR0917 - a row of the table
    smart: Smart, method: str, path: str, body: Any, status: int, words: str
) -> None:
    told(await smart.ask(method, path, body), status, words)


async def test_nothing_that_is_refused_changes_anything(smart: Smart) -> None:
    number, sys_id = await smart.made()
    names = ("updatedTime", "assignedTo", "comments")
    before = await smart.fetch(number, *names)

    mistakes: tuple[dict[str, Any], ...] = (
        {"urgency": "x"},
        {"comments": [{}]},
        {"stage": {}},
        {"other": "a\0"},
    )
    for mistake in mistakes:
        said = {"assignedTo": "bob", "workNotes": "x", **mistake}
        told(await smart.ask("POST", UPDATE, {"sysId": sys_id, "ticketJSON": said}), 400, "")

    assert await smart.fetch(number, *names) == before


async def test_names_that_are_kept_do_not_grow_for_ever(smart: Smart) -> None:
    _, sys_id = await smart.made(**{f"n{number}": number for number in range(99)})

    one = {"sysId": sys_id, "ticketJSON": {"last": "x"}}
    more = {"sysId": sys_id, "ticketJSON": {"beyond": "x"}}
    instead = {"sysId": sys_id, "ticketJSON": {"beyond": "x", "last": None}}

    assert (await smart.ask("POST", UPDATE, one)).status == 200
    told(await smart.ask("POST", UPDATE, more), 400, "101 names beyond")
    assert (await smart.ask("POST", UPDATE, instead)).status == 200


async def test_headers_that_choose_two_orgs_are_refused(smart: Smart) -> None:
    answer = await smart.ask(
        "POST", CREATE, new(), organization_key="1", organization_name="Demo 7"
    )

    told(answer, 400, "organization-key and organization-name choose different organizations")


async def test_too_large_a_body_is_told(smart: Smart) -> None:
    def send() -> Answer:
        connection = HTTPConnection(urlsplit(smart.rest.base).netloc, timeout=PATIENCE)
        body = json.dumps(new(longDescription="x" * 17_000_000)).encode()
        with closing(connection):
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request("POST", CREATE, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())

    answer = await asyncio.to_thread(send)

    assert answer.json() == refused(
        413, "the request's body is larger than 16 MiB: send less at once"
    )


def test_every_error_has_a_code_of_its_own_in_the_envelope() -> None:
    for kind, http in CODES.items():
        refusal = refuse(kind("words"), "FetchTicket")
        assert refusal.http == http
        assert refusal.body["statusCode"] == str(http)
        assert "words" in refusal.body["statusMessage"]
        assert refusal.body["ticketDetails"] == {}
    assert issubclass(max(CODES, key=lambda kind: len(kind.__mro__)), PolydeskError)

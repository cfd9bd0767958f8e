"""What a user gets wrong first, through a real Envoy: it is told, and nothing is half saved."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp
import pytest

from polydesk import dialects
from polydesk.composition import migrate
from polydesk.config import Settings
from polydesk.gateway import Gateway, render
from polydesk.server import Hub
from tests.gateway.envoy import Envoy
from tests.stack import Rest, await_answer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres import Server

pytestmark = pytest.mark.envoy

PUSH = "/v2/incident/orgentityid/1"
PUSH_V1 = "/iAutomateAPI/Request/SaveIncidentData/1"
READ_V1 = "/iAutomateAPI/Request/GetIncidentTicketData/1"
JSON = {"Content-Type": "application/json"}


def ticket(number: str = "FE1", **said: Any) -> dict[str, Any]:
    return {
        "TicketNumber": number,
        "Summary": "printer on fire",
        "sys_id": "fe1",
        "StatusCode": "1",
        "CreationDate": "2026-01-31 09:00:00",
        "Description": "It smokes.",
        "LastModifiedDate": "2026-01-31 09:00:00",
        "IsTimeZoneOrOffset": "GMT",
        "IsEpoch": "N",
        "ModuleId": "1",
    } | said


def tickets(*said: dict[str, Any]) -> str:
    return json.dumps([ticket(f"FE{number}", **fields) for number, fields in enumerate(said)])


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


class Mistake(NamedTuple):
    """A request that is wrong, and how it is answered: HTTP status and words of the message."""

    name: str
    http: int
    words: str
    body: Any = None
    path: str = PUSH
    method: str = "POST"
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


DEEP = "[" * 90 + "]" * 90
MISTAKES = [
    Mistake("an empty body", 400, "TicketNumber is required", ""),
    Mistake("no ticket", 400, "at least one of tickets is required", "[]"),
    Mistake("null", 400, "at least one of tickets is required", "null"),
    Mistake("malformed JSON", 400, "send JSON as documented", '[{"TicketNumber": "FE1"'),
    Mistake("no JSON at all", 400, "send JSON as documented", "hello"),
    Mistake(
        "the third of five has no number",
        400,
        "TicketNumber is required (item 2)",
        tickets({}, {}, {"TicketNumber": ""}, {}, {}),
    ),
    Mistake(
        "an unknown zone",
        400,
        "Mars/Base is no time zone",
        tickets({"IsTimeZoneOrOffset": "TIMEZONE", "TimeZone": "Mars/Base"}),
    ),
    Mistake(
        "no zone where one is needed",
        400,
        "TimeZone is required",
        tickets({"IsTimeZoneOrOffset": "TIMEZONE"}),
    ),
    Mistake(
        "the placeholder of the guide",
        400,
        "IsTimeZoneOrOffset is TIMEZONE/OFFSET/GMT",
        tickets({"IsTimeZoneOrOffset": "TIMEZONE/OFFSET/GMT"}),
    ),
    Mistake(
        "a bad epoch",
        400,
        "123456789012345 is no epoch time",
        tickets({"IsEpoch": "Y", "CreationDate": "123456789012345"}),
    ),
    Mistake(
        "10,001 tickets",
        400,
        "10001 tickets came, at most 10000",
        tickets(*({} for _ in range(10_001))),
    ),
    Mistake("20 MB", 413, "larger than 16 MiB", tickets({"Description": "x" * 20_000_000})),
    Mistake("the wrong verb", 405, "this path takes GET, POST only", method="DELETE"),
    Mistake("an unknown path", 404, "no such path", path="/v2/incident/nowhere", method="GET"),
    Mistake("an unknown path of nobody", 404, "no such path", path="/nowhere", method="GET"),
    Mistake("no credentials", 401, "no credentials came", "[]", headers={"Authorization": ""}),
    Mistake(
        "a wrong password",
        401,
        "the user name or password is incorrect",
        tickets({}),
        headers=basic("demo@example.com:wrong"),
    ),
    Mistake(
        "a token of nobody",
        401,
        "none of this hub's",
        tickets({}),
        headers={"Authorization": "Bearer x.y.z"},
    ),
    Mistake("a foreign org", 404, "there is no org 2", tickets({}), "/v2/incident/orgentityid/2"),
    Mistake("an org that is no number", 404, "no org x", tickets({}), "/v2/incident/orgentityid/x"),
    Mistake(
        "a query that fights the path",
        400,
        "orgentityid stands in the path",
        tickets({}),
        f"{PUSH}?orgentityid=7",
    ),
    Mistake(
        "a query that adds a row",
        400,
        "tickets stands in the path or the body",
        tickets({}),
        f"{PUSH}?tickets.summary=x",
    ),
    Mistake("JSON 90 deep for a text", 400, "", f'[{{"Summary": {DEEP}}}]'),
    Mistake("NUL", 400, "Summary holds the character NUL", tickets({"Summary": "a\0b"})),
    Mistake(
        "a summary that is too long",
        400,
        "Summary has 1001 characters, at most 1000",
        tickets({}, {"Summary": "x" * 1_001}),
    ),
    Mistake("a number for a text", 400, "send JSON as documented", '[{"Summary": 1}]'),
    Mistake("V1 without a ticket", 400, "at least one of tickets", "[]", PUSH_V1),
    Mistake("V1, the wrong verb", 405, "this path takes GET only", "[]", READ_V1),
    Mistake(
        "a filter that does not exist",
        400,
        "there is no filter colour",
        path=f"{READ_V1}?colour=red",
        method="GET",
    ),
    Mistake(
        "a bad page token",
        400,
        "page_token",
        path="/desk/v1/orgs/1/tickets?page_token=x",
        method="GET",
    ),
    Mistake("desk: an unknown path", 404, "no such path", path="/desk/v1/nowhere", method="GET"),
    Mistake(
        "desk: a foreign org",
        404,
        "there is no org 2",
        path="/desk/v1/orgs/2/tickets",
        method="GET",
    ),
    Mistake(
        "desk: an idempotency key that is too long",
        400,
        "Idempotency-Key has 1 to 255",
        '{"summary": "x"}',
        "/desk/v1/orgs/1/incidents",
        headers={"Idempotency-Key": "k" * 256},
    ),
    Mistake("no form", 400, "Content-Type is", "{}", "/token"),
]


def message_of(answer: Any) -> str:
    """Returns the message, in whichever envelope it stands; fails for an envelope of nobody."""
    match answer:
        case {"Id": None, "Status": "Fail", "Message": str(message)}:
            return message
        case {"Count": 0, "Result": [], "Status": "Fail", "Message": str(message)}:
            return message
        case {"statusCode": int(), "status": "Fail", "message": str(message), "result": None}:
            return message
        case {"error": str(), "error_description": str(message)}:
            return message
        case {"code": int(), "message": str(message), "details": [*_]}:
            return message
    raise AssertionError(answer)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
async def test_a_mistake_is_told_and_nothing_is_half_saved(rest: Rest, mistake: Mistake) -> None:
    before = await rest.request("GET", "/desk/v1/orgs/1/tickets")

    answer = await rest.request(
        mistake.method,
        mistake.path,
        data=mistake.body,
        headers=(JSON if mistake.body is not None else {}) | mistake.headers,
    )

    assert answer.status == mistake.http, answer.body
    assert mistake.words in message_of(answer.json())
    assert answer.headers["Content-Type"].startswith("application/json")
    assert (await rest.request("GET", "/desk/v1/orgs/1/tickets")).body == before.body


@asynccontextmanager
async def gateway_to(hub: str, **limits: Any) -> AsyncIterator[Rest]:
    config = render(Gateway(listen="127.0.0.1:0", hubs=[hub], **limits), dialects.load())
    envoy = await asyncio.to_thread(Envoy.start, config)
    async with aiohttp.ClientSession() as session:
        yield Rest(session, envoy.port)
    await asyncio.to_thread(envoy.stop)


async def test_a_hub_that_is_not_there_is_unavailable() -> None:
    async with gateway_to("127.0.0.1:1") as rest:
        answer = await rest.request("POST", PUSH, data=tickets({}), headers=JSON)

    assert answer.status == 503
    assert message_of(answer.json()) == "the hub cannot be reached: try again later"
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.postgres
async def test_a_store_that_is_down_is_unavailable_and_comes_back(postgres: Server) -> None:
    settings = Settings(database_url=postgres.database("down"), demo=True)
    await migrate(settings)
    hub = await Hub.start(settings)
    async with gateway_to(hub.address) as rest:
        body = tickets({})
        await rest.request("GET", "/desk/v1/caller")
        postgres.stop()
        try:
            down = await rest.request("POST", PUSH, data=body, headers=JSON)
            reading = await rest.request("GET", READ_V1)
        finally:
            postgres.start()
        up = await rest.request("POST", PUSH, data=body, headers=JSON)
    await hub.stop()

    assert (down.status, reading.status) == (503, 503)
    assert message_of(down.json()) == "the database cannot be reached"
    assert message_of(reading.json()) == "the database cannot be reached"
    assert up.status == 200


async def test_a_hub_that_does_not_answer_in_time_is_told_as_late(
    seeded: Path, tmp_path: Path
) -> None:
    shutil.copy(seeded, tmp_path / "polydesk.db")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "polydesk", "serve", "--hub", "unix:hub.sock", "--data", "."),
        cwd=tmp_path,
    )
    try:
        async with gateway_to(f"unix:{tmp_path / 'hub.sock'}", rest_seconds=1) as rest:
            port = int(rest.base.rpartition(":")[2])
            await asyncio.to_thread(await_answer, port, b" 401 ")
            process.send_signal(signal.SIGSTOP)
            answer = await rest.request("POST", PUSH, data=tickets({}), headers=JSON)
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        await process.wait()

    assert answer.status == 504
    assert "took too long" in message_of(answer.json())

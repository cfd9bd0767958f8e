"""What is refused, in the words of the document's table of errors."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from polydesk.composition import newest_entries
from polydesk.config import Settings
from tests.dialects.ivanti_xapi.document import (
    FORM,
    NO_CUSTOMER,
    NO_PAIR,
    ROUTES,
    TABLE,
    commented,
    created,
    form,
    pair,
    path_of,
    raised,
    spellings,
)
from tests.stack import Answer, Stack
from tests.stories.way import RestWay

from .conftest import Api

pytestmark = pytest.mark.envoy

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
CORRUPT = "ISM_5000"
OWN = "70400"


def told(answer: Answer, code: str, words: str = "", *, http: int = 0) -> None:
    """Fails unless an answer is a row of the table; 70400 is told in other words, too."""
    assert answer.headers["Content-Type"].startswith("application/json"), answer
    body = answer.json()
    assert list(body) == ["errorCode", "errorMessage", "transactionId", "timestamp"], body
    known, message = TABLE.get(code, (400, ""))
    assert (answer.status, body["errorCode"]) == (http or known, code), answer
    if message:
        assert body["errorMessage"] == message
    assert words in body["errorMessage"], body
    assert answer.headers["X-TRANSACTION-ID"] == body["transactionId"]
    assert re.fullmatch(TIME, body["timestamp"])


def without(said: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name not in names}


BROKEN = {"attachmentFileName": "a.txt", "attachmentFileData": "###"}


@pytest.mark.parametrize(
    ("route", "body", "code", "words"),
    [
        pytest.param("C01", {}, OWN, "subject is required", id="C01 nothing"),
        pytest.param("C01", "", OWN, "subject is required", id="C01 no body"),
        pytest.param("C01", "{", OWN, "send JSON as documented", id="C01 no JSON"),
        pytest.param("C01", "5", OWN, "send JSON as documented", id="C01 a number"),
        pytest.param("C01", created(subject={}), OWN, "send JSON", id="C01 an object for a text"),
        pytest.param(
            "C01", created(customerEmail=""), OWN, NO_CUSTOMER, id="C01 neither e-mail nor name"
        ),
        pytest.param("C01", created(customerEmail=" "), OWN, NO_CUSTOMER, id="C01 a blank e-mail"),
        pytest.param(
            "C01", created(customerEmail=None), OWN, NO_CUSTOMER, id="C01 null for the e-mail"
        ),
        pytest.param(
            "C01", without(created(), "description"), OWN, "description is required", id="C01 text"
        ),
        pytest.param(
            "C01", created(attachmentFileName="a.txt"), OWN, NO_PAIR, id="C01 a name without data"
        ),
        pytest.param(
            "C01", created(attachmentFileData="aGk="), OWN, NO_PAIR, id="C01 data without a name"
        ),
        pytest.param("C01", created(**BROKEN), CORRUPT, "", id="C01 corrupt"),
        pytest.param(
            "C01",
            created(attachmentFileName="a.txt", attachmentFileData="aGk"),
            CORRUPT,
            "",
            id="C01 Base64 without its end",
        ),
        pytest.param(
            "C01",
            created(attachmentFileName="a.txt", attachmentFileData="aGkü"),
            CORRUPT,
            "",
            id="C01 Base64 with an umlaut",
        ),
        pytest.param(
            "C01", created(**pair("../a.txt")), OWN, "file_name is a path", id="C01 a path"
        ),
        pytest.param(
            "C01",
            created(category="Nonsense"),
            OWN,
            "category is Nonsense, it can be one of How-To, Certificates",
            id="C01 category",
        ),
        pytest.param(
            "C01",
            created(urgency="now"),
            OWN,
            "urgency is now, it can be one of Low, Medium, High",
            id="C01 urgency",
        ),
        pytest.param("C01", created(impact="9"), OWN, "impact is 9", id="C01 impact"),
        pytest.param(
            "C01",
            created(subject="x" * 1_001),
            OWN,
            "subject has 1001 characters, at most 1000",
            id="C01 a long subject",
        ),
        pytest.param(
            "C01", created(description="x" * 65_537), OWN, "description has", id="C01 a long text"
        ),
        pytest.param("C01", created(service="x" * 256), OWN, "service has", id="C01 service"),
        pytest.param("C01", created(subject="a\0b"), OWN, "subject holds", id="C01 NUL"),
        pytest.param("C03", {}, OWN, "zendeskTicketId is required", id="C03 nothing"),
        pytest.param("C03", raised(" "), OWN, "zendeskTicketId is required", id="C03 a blank id"),
        pytest.param("C03", without(raised(), "requesterEmail"), OWN, NO_CUSTOMER, id="C03 nobody"),
        pytest.param(
            "C03",
            raised(priority="soon"),
            OWN,
            "priority is soon, it can be one of Low, Normal",
            id="C03 priority",
        ),
        pytest.param(
            "C03", raised() | {"zendeskTicketId": 5}, OWN, "send JSON", id="C03 a number for a text"
        ),
        pytest.param("C03", raised(category="x"), OWN, "category is x", id="C03 category"),
        pytest.param(
            "C03", raised(attachmentFileName="a"), OWN, NO_PAIR, id="C03 a name without data"
        ),
        pytest.param("C03", raised(**BROKEN), CORRUPT, "", id="C03 corrupt"),
        pytest.param("C03", raised(tags=["x"] * 101), OWN, "101 tags came", id="C03 tags"),
        pytest.param(
            "C03",
            raised(zendeskTicketUrl="javascript:x"),
            OWN,
            "zendeskTicketUrl: url does not begin with http",
            id="C03 url",
        ),
        pytest.param("C05", {}, OWN, "subject is required", id="C05 nothing"),
        pytest.param(
            "C05", without(commented(), "noteBody"), OWN, "noteBody is required", id="C05 no text"
        ),
        pytest.param(
            "C05", commented(attachmentFileData="aGk="), OWN, NO_PAIR, id="C05 data without a name"
        ),
        pytest.param("C05", commented(**BROKEN), CORRUPT, "", id="C05 corrupt"),
        pytest.param(
            "C05", commented(noteBody="x" * 65_537), OWN, "noteBody has", id="C05 a long text"
        ),
        pytest.param("C08", {}, OWN, "zendeskTicketId is required", id="C08 nothing"),
        pytest.param("C08", {"zendeskTicketId": []}, OWN, "send JSON", id="C08 a list"),
        pytest.param(
            "C08", {"zendeskTicketId": "x" * 256}, OWN, "zendeskTicketId has 256", id="C08 long"
        ),
        pytest.param("C09", {}, OWN, NO_PAIR, id="C09 nothing"),
        pytest.param("C09", "", OWN, "the body is not JSON", id="C09 no body"),
        pytest.param("C09", "[]", OWN, "the body is not JSON", id="C09 an array"),
        pytest.param("C09", '{"attachmentFileName":5}', OWN, "not JSON", id="C09 a number"),
        pytest.param(
            "C09", {"attachmentFileName": "a", "attachmentFileData": None}, OWN, NO_PAIR, id="null"
        ),
        pytest.param("C09", BROKEN, CORRUPT, "", id="C09 corrupt"),
        pytest.param("C09", pair("a/b"), OWN, "file_name is a path", id="C09 a path"),
    ],
)
async def test_what_is_wrong_is_told_by_its_code(
    api: Api, route: str, body: Any, code: str, words: str
) -> None:
    before = await api.get(path_of("C04"))

    answer = await api.ask(ROUTES[route][0], path_of(route), body)

    told(answer, code, words)
    assert await api.get(path_of("C04")) == before


@pytest.mark.parametrize(
    ("body", "content_type", "code", "words"),
    [
        (b"", FORM, CORRUPT, ""),
        (b"--xyz--\r\n", FORM, OWN, NO_PAIR),
        (form()[:-9], FORM, CORRUPT, ""),
        (form(), "multipart/form-data", CORRUPT, ""),
        (form(name=""), FORM, OWN, NO_PAIR),
        (form(name="..\\\\evil.exe"), FORM, OWN, "file_name is a path"),
        (form(kind="text"), FORM, OWN, "the content type is not"),
        (form()[:-8] + b"\r\n" + form(), FORM, CORRUPT, ""),
    ],
    ids=["empty", "no part", "broken off", "no boundary", "no name", "a path", "no type", "two"],
)
async def test_a_form_that_is_none_is_told(
    api: Api, body: bytes, content_type: str, code: str, words: str
) -> None:
    before = await api.get(path_of("C04"))

    answer = await api.ask("POST", path_of("C09"), body, Content_Type=content_type)

    told(answer, code, words)
    assert await api.get(path_of("C04")) == before


@pytest.mark.parametrize("route", ["C04", "C05", "C06", "C07", "C08", "C09"])
@pytest.mark.parametrize("id_", ["2147483646", "2147483648", "x", "-1", "0", "1%2F2"])
async def test_an_incident_that_is_none_is_not_found(api: Api, route: str, id_: str) -> None:
    sound = {"C05": commented(), "C08": {"zendeskTicketId": "1"}, "C09": pair()}

    answer = await api.ask(ROUTES[route][0], path_of(route, id_=id_), sound.get(route))

    told(answer, "70404")


@pytest.mark.parametrize("file", ["1", "12345", "x", "1%2F2", "x" * 300, "2147483648"])
async def test_a_file_that_is_none_is_not_found(api: Api, file: str) -> None:
    path = path_of("C07").replace("1234", file)

    told(await api.ask("GET", path), "70404")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/nothing",
        "/v1",
        "/v2/events/nothing",
        "/v1/create",
        "/api/v1/events",
        "/api/v2/incidents/1/nothing",
        "/qa1/v1/ivanti/api/nothing",
        "/production/v2/ivanti",
        "/v2/ivanti/api/events/incidents",
        "/qa1/v2/ivanti/api/categories/1?x=1",
    ],
)
async def test_an_unknown_path_is_told_in_the_words_of_the_table(api: Api, path: str) -> None:
    told(await api.ask("GET", path), "70404")


@pytest.mark.parametrize("route", ROUTES)
async def test_a_wrong_verb_is_told_the_right_one(api: Api, route: str) -> None:
    for path in spellings(route, versions=("v1", "v2")):
        answer = await api.ask("DELETE", path)

        told(answer, "70404", http=405)
        assert ROUTES[route][0] in answer.headers["Allow"].split(", ")


@pytest.mark.parametrize("route", ["C01", "C03", "C05", "C08"])
async def test_too_large_a_body_is_told(api: Api, route: str) -> None:
    for path in spellings(route):
        body = json.dumps(created(description="x" * 17_000_000))
        answer = await api.ask_apart(ROUTES[route][0], path, body)

        told(answer, OWN, "larger than 16 MiB", http=413)


async def test_json_of_a_file_may_have_16_mib(api: Api) -> None:
    large = json.dumps(pair(data=b"x" * 12_700_000))

    told(await api.ask_apart("POST", path_of("C09"), large), OWN, "over 16777216 bytes", http=413)


async def test_a_query_that_fights_the_path_is_refused(api: Api) -> None:
    told(await api.ask("GET", f"{path_of('C04')}?incidentId=1"), OWN, "stands in the path")


@pytest.mark.parametrize("asked", ["limit=-1", "limit=1001"])
async def test_a_limit_that_is_none_is_refused(api: Api, asked: str) -> None:
    told(await api.ask("GET", f"{path_of('C04')}?{asked}"), OWN, "it can be 1 to 1000")


async def test_a_key_that_was_used_for_something_else_is_told(api: Api, key: str) -> None:
    said = {"Idempotency_Key": key}

    first = await api.ask("POST", path_of("C01"), created(), **said)
    again = await api.ask("POST", path_of("C01"), created(), **said)
    other = await api.ask("POST", path_of("C01"), created(subject="other"), **said)

    assert (first.status, again.status) == (201, 201)
    assert first.json() == again.json()
    told(other, OWN, "was used for another request", http=409)


async def test_an_etag_that_is_outdated_is_told(api: Api) -> None:
    id_ = await api.incident()

    told(
        await api.ask("POST", path_of("C05", id_=id_), commented(), If_Match='"ff"'),
        OWN,
        "was changed meanwhile",
        http=412,
    )


async def test_a_ticket_that_is_no_incident_is_not_found(api: Api, desk: RestWay) -> None:
    row = {"kind": "KIND_PROBLEM", "number": "PRB-X", "summary": "x"}
    saved = await desk.call("TicketService.SaveTickets", {"parent": "orgs/1", "tickets": [row]})
    id_ = saved["results"][0]["name"].partition("/")[2]

    told(await api.ask("GET", path_of("C04", id_=id_)), "70404")


async def test_a_deleted_incident_is_not_found(api: Api, desk: RestWay) -> None:
    id_ = await api.incident()
    await desk.call("IncidentService.DeleteIncident", {"name": f"incidents/{id_}"})

    for route in ("C04", "C06"):
        told(await api.ask("GET", path_of(route, id_=id_)), "70404")
    told(await api.ask("POST", path_of("C05", id_=id_), commented()), "70404")


async def test_bytes_that_are_damaged_are_a_technical_error(api: Api, site: Stack) -> None:
    id_ = await api.incident()
    data = base64.b64encode(b"soon damaged, and nowhere else").decode()
    file = {"attachmentFileName": "a.txt", "attachmentFileData": data}
    added = await api.send("POST", path_of("C09", id_=id_), file)
    for path in (site.log.with_suffix("") / "blobs").rglob("*"):
        if path.is_file() and path.read_bytes() == base64.b64decode(data):
            path.write_bytes(b"other" + path.read_bytes()[5:])

    answer = await api.ask(
        "GET", f"/v2/events/incidents/{id_}/emails/attachments/{added['attachmentId']}"
    )

    told(answer, "60006")


# The id of a request.


def logged(log: Path, id_: str) -> str:
    """Returns the id that Envoy's log has for a request, which it writes a little later."""
    for _ in range(400):
        for line in log.read_text().splitlines():
            if id_ in line:
                return str(json.loads(line)["transaction_id"])
        time.sleep(0.05)
    return ""


async def test_what_envoy_cannot_read_it_cannot_look_up(api: Api) -> None:
    answer = await api.ask("GET", path_of("C04", id_="%00"), X_TRANSACTION_ID="trace-me-9")

    told(answer, OWN)
    assert answer.json()["transactionId"] == "trace-me-9"


@pytest.mark.parametrize("route", ROUTES)
async def test_a_transaction_id_is_echoed_in_every_answer(api: Api, route: str) -> None:
    bodies = {
        "C01": created(),
        "C03": raised(),
        "C05": commented(),
        "C08": {"zendeskTicketId": "35436"},
        "C09": pair(),
    }

    answer = await api.ask(
        ROUTES[route][0], path_of(route), bodies.get(route), X_TRANSACTION_ID="T-1/é".encode().hex()
    )

    assert answer.status in (200, 201), answer
    assert answer.headers["X-TRANSACTION-ID"] == "T-1/é".encode().hex()


async def test_an_answer_without_one_gets_one(api: Api) -> None:
    answer = await api.ask("GET", path_of("C02"))
    refused = await api.ask("GET", path_of("C04", id_="2147483646"))

    assert re.fullmatch(UUID, answer.headers["X-TRANSACTION-ID"])
    assert re.fullmatch(UUID, refused.json()["transactionId"])
    assert answer.headers["X-TRANSACTION-ID"] != refused.json()["transactionId"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", path_of("C04", id_="2147483646"), None),
        ("GET", "/qa1/v2/ivanti/api/nothing", None),
        ("DELETE", "/qa1/v1/ivanti/api/categories", None),
        ("POST", "/qa1/v1/ivanti/api/incident", "{"),
        ("POST", path_of("C01"), "{}"),
    ],
    ids=["by the hub", "no path", "no verb", "no JSON", "no subject"],
)
async def test_a_refusal_has_the_id_of_its_request(
    api: Api, method: str, path: str, body: str | None
) -> None:
    answer = await api.ask(method, path, body, X_TRANSACTION_ID="trace-me-7")

    assert answer.json()["transactionId"] == answer.headers["X-TRANSACTION-ID"] == "trace-me-7"


async def test_the_history_and_the_log_know_the_id(api: Api, site: Stack) -> None:
    data = site.log.with_suffix("")

    answer = await api.ask("POST", path_of("C01"), created(), X_TRANSACTION_ID="trace-me-8")

    (entry,) = await newest_entries(Settings(data=data), 1, limit=1)
    assert f"{entry.ticket}" == answer.json()["incidentId"]
    assert (entry.request_id, entry.via) == ("trace-me-8", "ivanti_xapi")
    assert await asyncio.to_thread(logged, data / "logs" / "access.log", "trace-me-8") == (
        "trace-me-8"
    )


async def test_a_browser_may_send_the_id(api: Api) -> None:
    origin = {"Origin": "http://localhost:3000", "Authorization": ""}
    asked = origin | {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-transaction-id",
    }

    allowed = await api.rest.request("OPTIONS", path_of("C01"), headers=asked)

    assert "x-transaction-id" in allowed.headers["Access-Control-Allow-Headers"]

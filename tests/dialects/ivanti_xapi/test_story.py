"""The sequence of seed 000: token, validation, the ticket, the comment; each fault at its step."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from polydesk import dialects
from polydesk.composition import migrate
from polydesk.config import Settings
from polydesk.gateway import Gateway, render
from polydesk.server import Hub
from tests.dialects.ivanti_xapi.document import ROUTES, commented, path_of, raised, spellings
from tests.dialects.sample import token_of
from tests.gateway.envoy import Envoy
from tests.postgres import Server
from tests.stack import Rest, await_answer
from tests.stories.way import RestWay

from .conftest import Api
from .test_refusals import told

pytestmark = pytest.mark.envoy


async def test_a_zendesk_ticket_becomes_an_incident_and_is_talked_about(
    api: Api, desk: RestWay, key: str
) -> None:
    url = f"https://example.zendesk.com/agent/tickets/{key}"

    made = await api.send("POST", path_of("C03"), raised(key, zendeskTicketUrl=url))
    id_ = made["incidentId"]
    noted = await api.send("POST", path_of("C05", id_=id_), commented(category="Memo"))
    read = await api.get(path_of("C04", id_=id_))

    assert read == read | {
        "incidentId": id_,
        "subject": "My certificate is wrong",
        "description": "The name is misspelt.",
        "status": "Logged",
        "customerEmail": "customer@example.com",
        "zendeskTicketId": key,
    }
    (note,) = read["notes"]
    assert note == note | {
        "noteId": noted["noteId"],
        "subject": "Called back",
        "noteBody": "It works again.",
        "source": "Zendesk",
        "category": "Memo",
        "createdBy": "APIuser@hcl.com",
    }
    links = await desk.call("LinkService.ListLinks", {"parent": f"tickets/{id_}"})
    assert [(link["system"], link["key"], link["url"]) for link in links["links"]] == [
        ("zendesk", key, url)
    ]


async def test_a_fault_is_told_at_its_step_and_before_later_ones(api: Api) -> None:
    wrong = {"subject": "", "attachmentFileName": "a.txt"}
    nowhere = path_of("C05", id_="2147483646")
    sound = commented()

    # Each call has all the faults of the steps behind its own.
    told(await api.ask("POST", nowhere, wrong, Authorization=""), "70402")
    told(await api.ask("POST", nowhere, wrong, Authorization="Bearer x.y.z"), "70401")
    told(await api.ask("POST", nowhere, wrong), "70400", "subject is required")
    told(await api.ask("POST", nowhere, wrong | sound), "70400", "To attach file send both")
    corrupt = sound | {"attachmentFileName": "a.txt", "attachmentFileData": "?"}
    told(await api.ask("POST", nowhere, corrupt), "ISM_5000")
    told(await api.ask("POST", nowhere, sound), "70404")
    answer = await api.ask("POST", path_of("C05"), sound)
    assert answer.status == 201


@asynccontextmanager
async def gateway_to(hub: str, **limits: Any) -> AsyncIterator[Rest]:
    config = render(Gateway(listen="127.0.0.1:0", hubs=[hub], **limits), dialects.load())
    envoy = await asyncio.to_thread(Envoy.start, config)
    async with aiohttp.ClientSession() as session:
        yield Rest(session, envoy.port)
    await asyncio.to_thread(envoy.stop)


async def test_a_hub_that_is_frozen_and_killed_is_told_on_every_route(
    seeded: Path, tmp_path: Path
) -> None:
    shutil.copytree(seeded.parent, tmp_path, dirs_exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "polydesk", "serve", "--hub", "unix:hub.sock", "--data", "."),
        cwd=tmp_path,
    )
    try:
        async with gateway_to(f"unix:{tmp_path / 'hub.sock'}", rest_seconds=1) as rest:
            port = int(rest.base.rpartition(":")[2])
            await asyncio.to_thread(await_answer, port, b" 401 ")
            api = Api(rest, await token_of(rest))
            assert (await api.ask("GET", path_of("C02"))).status == 200
            process.send_signal(signal.SIGSTOP)
            frozen = await api.ask("POST", path_of("C05"), commented(), X_TRANSACTION_ID="frozen-1")
            process.kill()
            await process.wait()
            killed = [
                await api.ask(ROUTES[route][0], path, {} if route != "C02" else None)
                for route in ROUTES
                for path in spellings(route)
            ]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

    told(frozen, "70504")
    assert frozen.json()["transactionId"] == "frozen-1"
    for answer in killed:
        told(answer, "70503")
        assert answer.headers["Retry-After"] == "1"


@pytest.mark.postgres
async def test_a_database_that_is_down_is_a_back_end_that_is_down(postgres: Server) -> None:
    settings = Settings(database_url=postgres.database("xapi_down"), demo=True)
    await migrate(settings)
    hub = await Hub.start(settings)
    async with gateway_to(hub.address) as rest:
        api = Api(rest, await token_of(rest))
        before = await api.ask("GET", path_of("C04"))
        postgres.stop()
        try:
            down = [
                await api.ask("POST", path_of("C03"), json.dumps(raised("1"))),
                await api.ask("GET", path_of("C04")),
            ]
        finally:
            postgres.start()
        up = await api.ask("POST", path_of("C03"), json.dumps(raised("1")))
    await hub.stop()

    assert (before.status, up.status) == (200, 201)
    for answer in down:
        told(answer, "70503")


async def test_too_many_requests_are_slowed_down_in_the_words_of_the_table(hub: Hub) -> None:
    async with gateway_to(hub.address, rate=1) as rest:
        answers = [
            await Api(rest, "none").ask("GET", "/qa1/v1/ivanti/api/categories") for _ in range(5)
        ]

    slowed = [answer for answer in answers if answer.status == 429]
    assert slowed
    body = slowed[0].json()
    assert body["errorCode"] == "70503"
    assert slowed[0].headers["Retry-After"] == "1"

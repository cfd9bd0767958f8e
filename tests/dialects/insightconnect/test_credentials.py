"""Who starts an action: a key in the body, or the header, which counts when both come."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import grpc.aio
import pytest
from google.api import httpbody_pb2

from polydesk.api.insightconnect.v1 import insightconnect_pb2 as pb
from polydesk.api.insightconnect.v1.insightconnect_pb2_grpc import InsightConnectServiceStub
from polydesk.dialects.ivanti_sm.action.input import ACTIONS
from polydesk.domain.identity import Role
from polydesk.server import Hub
from tests.dialects.insightconnect.page import EXAMPLES, KEY, NUMBER, done, failed, started
from tests.dialects.sample import fits
from tests.stack import DEMO, Rest, Stack
from tests.stories.way import RestWay

from .conftest import Orchestrator

pytestmark = pytest.mark.envoy

NOTE = EXAMPLES["add_note"]
TEST = "/api/v1/connection/test"
HEADER = f"rest_api_key={KEY}"


def probe(credentials: Any) -> dict[str, Any]:
    """Returns the envelope that tests a connection."""
    connection = {"credentials": credentials, "ssl_verify": True, "url": "http://127.0.0.1:1"}
    return {"version": "v1", "type": "connection_test", "body": {"connection": connection}}


async def author(answer: Any) -> str:
    assert answer.status == 200, answer
    login: str = answer.json()["body"]["output"]["journal_note"]["CreatedBy"]
    return login


@pytest.mark.parametrize("key", [KEY, f" {KEY}\n"])
async def test_a_key_in_the_body_says_who_calls(orchestrator: Orchestrator, key: str) -> None:
    orchestrator.key = key

    assert await author(await orchestrator.start("add_note", NOTE)) == "demo-client"


async def test_a_key_may_stand_as_the_page_prints_it(orchestrator: Orchestrator) -> None:
    envelope = started("add_note", NOTE)
    envelope["body"]["connection"]["credentials"] = KEY

    assert await author(await orchestrator.post("/actions/add_note", envelope)) == "demo-client"
    for credentials in (KEY, {"secretKey": KEY}):
        answer = await orchestrator.post(TEST, probe(credentials))
        assert (answer.status, answer.json()) == (
            200,
            done({"success": True}, type_="connection_test"),
        )


@pytest.mark.parametrize("header", [HEADER, f"Apikey {KEY}"])
@pytest.mark.parametrize("key", ["", "wrong"])
async def test_the_header_says_who_calls_where_the_body_does_not(
    orchestrator: Orchestrator, header: str, key: str
) -> None:
    orchestrator.key = key

    answer = await orchestrator.start("add_note", NOTE, Authorization=header)

    assert await author(answer) == "demo-client"


async def test_the_header_counts_when_both_come(orchestrator: Orchestrator) -> None:
    right = await orchestrator.start("add_note", NOTE, **DEMO)
    wrong = await orchestrator.start("add_note", NOTE, Authorization="rest_api_key=wrong")

    assert await author(right) == "demo@example.com"
    assert wrong.status == 401


@pytest.mark.parametrize(
    "credentials", [None, "", " ", 5, ["x"], {}, {"secretKey": ""}, {"secretKey": 5}, {"key": KEY}]
)
async def test_no_key_at_all_is_told(orchestrator: Orchestrator, credentials: Any) -> None:
    envelope = started("add_note", NOTE)
    envelope["body"]["connection"]["credentials"] = credentials

    answers = (
        await orchestrator.post("/actions/add_note", envelope),
        await orchestrator.post(TEST, probe(credentials)),
    )

    for answer, type_ in zip(answers, ("action_event", "connection_test"), strict=True):
        words = "no credentials came: send an API key as body.connection.credentials.secretKey, or"
        assert answer.status == 401
        assert answer.headers["www-authenticate"]
        assert answer.json() == failed(
            "Invalid API key provided.", f"{words} the header Authorization", type_=type_
        )


@pytest.mark.parametrize("key", ["wrong", KEY.lower(), f"{KEY}x", "ä\u2028", "x" * 50_000])
async def test_a_wrong_key_is_told_and_not_repeated(orchestrator: Orchestrator, key: str) -> None:
    orchestrator.key = key

    answers = (
        await orchestrator.start("add_note", NOTE | {"category": "nonsense"}),
        await orchestrator.post(TEST, probe({"secretKey": key})),
    )

    for answer, type_ in zip(answers, ("action_event", "connection_test"), strict=True):
        assert answer.status == 401
        assert answer.json() == failed(
            "Invalid API key provided.", "the API key is unknown", type_=type_
        )


async def test_what_is_told_of_the_plugin_needs_no_key(orchestrator: Orchestrator) -> None:
    for path in ("status", "info", "spec", "actions", "spec?format=yaml"):
        answer = await orchestrator.rest.request(
            "GET", f"/api/v1/{path}", headers={"Authorization": ""}
        )
        assert answer.status == 200
    assert (await orchestrator.rest.request("GET", "/api/v1/actions")).json() == [*ACTIONS]


async def test_a_key_may_do_what_its_client_may(rest: Rest, hub: Hub) -> None:
    registry = hub.desk.registry
    await registry.add_client(
        "reader", "reader-secret", name="Reader", roles={1: Role.READER}, default_org=1
    )
    await registry.add_client(
        "stranger", "stranger-secret", name="Stranger", roles={7: Role.AGENT}, default_org=7
    )
    for login in ("reader", "stranger"):
        await registry.add_key(login, f"{login}-key-0123456789abcdef", label="test")
    reader, stranger = (
        Orchestrator(rest, f"{login}-key-0123456789abcdef") for login in ("reader", "stranger")
    )

    tests = [await each.post(TEST, probe(each.key)) for each in (reader, stranger)]
    denied = [await reader.start(action, said) for action, said in EXAMPLES.items()]
    foreign = [
        await stranger.start(action, EXAMPLES[action])
        for action in ("add_note", "update_incident", "delete_incident")
    ]

    assert [answer.status for answer in tests] == [200, 200]
    for answer in denied:
        assert answer.status == 403
        assert fits(answer.json(), failed("The account of this connection may not do this."))
    for answer in foreign:
        assert answer.status == 400
        assert answer.json()["body"]["exception"]["cause"] == "No incidents found."
        assert str(NUMBER) in answer.json()["body"]["error"]


async def test_an_idempotency_key_makes_an_action_happen_once(orchestrator: Orchestrator) -> None:
    said = EXAMPLES["create_incident"]

    answers = [
        await orchestrator.start("create_incident", said, Idempotency_Key="actions-once")
        for _ in range(2)
    ]
    other = await orchestrator.start(
        "create_incident", said | {"summary": "x"}, Idempotency_Key="actions-once"
    )

    assert answers[0].json() == answers[1].json()
    assert other.status == 400
    assert fits(other.json(), failed("The action is refused."))


async def test_grpc_takes_the_key_from_the_body_too(hub: Hub) -> None:
    async with grpc.aio.insecure_channel(hub.address) as channel:
        stub = InsightConnectServiceStub(channel)
        start = json.dumps(started("add_note", NOTE)).encode()
        answer = await stub.RunAction(
            pb.RunActionRequest(name="add_note", data=httpbody_pb2.HttpBody(data=start))
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.RunAction(
                pb.RunActionRequest(name="add_note", data=httpbody_pb2.HttpBody(data=b"{}"))
            )

    assert json.loads(answer.data)["body"]["output"]["journal_note"]["CreatedBy"] == "demo-client"
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_key_is_neither_logged_nor_kept(
    orchestrator: Orchestrator, site: Stack, desk: RestWay
) -> None:
    wrong = "wrong-key-fedcba9876543210"
    number = (await orchestrator.create())["IncidentNumber"]
    await orchestrator.start("add_note", NOTE | {"source": "x"}, Idempotency_Key="kept-not")
    await orchestrator.start("add_note", NOTE, meta={"a": 1}, Idempotency_Key="kept-not")
    await orchestrator.post("/actions/add_note", f'{{"connection": "{KEY}" oops')
    await Orchestrator(orchestrator.rest, wrong).start("add_note", NOTE)
    history = await desk.call("TicketService.ListTicketChanges", {"parent": f"tickets/{number}"})

    found = await asyncio.to_thread(
        lambda: [
            path.name
            for path in (site.log, *site.log.with_suffix("").rglob("*"))
            if path.is_file() and any(key.encode() in path.read_bytes() for key in (KEY, wrong))
        ]
    )

    assert found == []
    assert KEY not in json.dumps(history)
    assert {entry["via"] for entry in history["changes"]} == {"insightconnect"}

"""What a dialect leaves blank in its refusals, Envoy fills in: the id of the request, the time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

import grpc.aio
import pytest

from polydesk.domain.desk import Desk
from polydesk.domain.errors import PolydeskError
from polydesk.gateway import Gateway, render
from polydesk.wire import Blank, Refusal
from tests.gateway.conftest import STATUS, Start
from tests.gateway.echo import SERVICE
from tests.gateway.envoy import Envoy

pytestmark = pytest.mark.envoy

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


class Leaving:
    """A dialect that leaves open what it does not know, below prefixes with any first segment."""

    SERVICE = SERVICE
    PREFIXES: Mapping[str, str] = {"/v9/own": "Own", "/*/v9/own": "Any", "/v9": "All"}

    def register(self, server: grpc.aio.Server, desk: Desk) -> None:
        del server, desk

    def refuse(self, error: PolydeskError, rpc: str) -> Refusal:
        body = {
            "rpc": rpc,
            "message": f"100% {error.reason}",
            "id": Blank.REQUEST_ID,
            "at": Blank.TIME,
        }
        headers: dict[str, str | Blank] = {
            "x-transaction-id": Blank.REQUEST_ID,
            "x-word": "50%",
        }
        return Refusal(http=STATUS[error.reason], body=body, headers=headers)


@pytest.fixture(scope="module")
def leaving(echo: str) -> Iterator[Envoy]:
    """A gateway that speaks the dialect."""
    config = Gateway(listen="127.0.0.1:0", hubs=[echo], access_log="/dev/null")
    envoy = Envoy.start(render(config, [Leaving()]))
    yield envoy
    envoy.stop()


@pytest.mark.parametrize(
    ("path", "rpc"),
    [
        ("/v9/own/nothing", "Own"),
        ("/qa1/v9/own/nothing", "Any"),
        ("/qa1/v9/own", "Any"),
        ("/qa1/v9/own?x=1", "Any"),
        ("//production//v9/own/x", "Any"),
        ("/v9/other", "All"),
    ],
)
def test_a_star_in_a_prefix_is_any_one_segment(leaving: Envoy, path: str, rpc: str) -> None:
    answer = leaving.ask("GET", path)

    assert (answer.status, answer.json()["rpc"]) == (404, rpc)


@pytest.mark.parametrize("path", ["/qa1/uk/v9/own", "/qa1/v9/owned", "/qa1/v9", "/x/own"])
def test_a_star_is_no_more_than_that(leaving: Envoy, path: str) -> None:
    answer = leaving.ask("GET", path)

    assert list(answer.json()) == ["code", "message", "details"]


def test_the_blanks_of_a_body_are_filled_in_its_order(leaving: Envoy) -> None:
    answer = leaving.ask("GET", "/v9/own", headers={"x-transaction-id": "T-1/7:{a}%REQ(x)%"})

    body = answer.json()
    assert list(body) == ["rpc", "message", "id", "at"]
    assert body["id"] == "T-1/7:{a}%REQ(x)%"
    assert re.fullmatch(TIME, body["at"])
    assert body["message"] == "100% UNKNOWN_ROUTE"
    assert answer.headers["x-transaction-id"] == body["id"]
    assert answer.headers["x-word"] == "50%"


@pytest.mark.parametrize(
    "named",
    ["", 'a"b', "a\\b", "a b", "x" * 129, '","errorCode":"0', "ä".encode().decode("latin-1")],
)
def test_a_name_that_is_none_is_replaced_by_the_gateways(leaving: Envoy, named: str) -> None:
    answer = leaving.ask("GET", "/v9/own", headers={"x-transaction-id": named} if named else {})

    body = json.loads(answer.body)
    assert re.fullmatch(UUID, body["id"])
    assert body["id"] == answer.headers["x-request-id"] == answer.headers["x-transaction-id"]


@pytest.mark.parametrize(
    ("method", "path", "body", "http"),
    [
        ("PUT", "/v2/incident/orgentityid/7", None, 405),
        ("POST", "/v2/incident/orgentityid/7", b"[{", 400),
        ("POST", "/v2/incident/orgentityid/7", b'[{"Summary":"' + b"x" * 17_000_000 + b'"}]', 413),
    ],
)
def test_a_request_that_has_a_method_is_named_too(
    leaving: Envoy, method: str, path: str, body: bytes | None, http: int
) -> None:
    answer = leaving.ask(method, path, body=body, headers={"x-transaction-id": "T-1"})

    assert (answer.status, answer.json()["id"]) == (http, "T-1")
    assert answer.headers["x-transaction-id"] == "T-1"


def test_a_hub_that_is_away_does_not_take_the_name_along(start: Start) -> None:
    gateway = start(Leaving(), hubs=["127.0.0.1:1"])

    answer = gateway.ask("GET", "/v2/incident/orgentityid/7", headers={"x-transaction-id": "T-1"})

    assert (answer.status, answer.json()["id"]) == (503, "T-1")
    assert answer.headers["retry-after"] == "1"

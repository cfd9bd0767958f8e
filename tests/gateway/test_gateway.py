from __future__ import annotations

import gzip
import json
import os
import re
import signal
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from polydesk import dialects
from polydesk.api.iautomate.v1 import iautomate_pb2 as pb
from polydesk.api.iautomate.v1 import iautomate_pb2_grpc as pb_grpc
from polydesk.dialects import Dialect
from polydesk.gateway.replies import FAULTS
from polydesk.gateway.routes import Route, read_contracts, read_routes
from polydesk.wire import Blank
from tests.gateway.conftest import Start, serve_echo
from tests.gateway.envoy import PATIENCE, Answer, Envoy

pytestmark = pytest.mark.envoy

V2 = "/v2/incident/orgentityid/7"
V1 = "/iAutomateAPI/Request/GetIncidentTicketData/7"
SERVICE = "polydesk.api.iautomate.v1.IAutomateService"


@pytest.fixture
async def stub(gateway: Envoy) -> AsyncIterator[pb_grpc.IAutomateServiceStub]:
    async with grpc.aio.insecure_channel(gateway.address) as channel:
        yield pb_grpc.IAutomateServiceStub(channel)


def words(rpc: str, reason: str) -> dict[str, str]:
    return {"z": rpc, "Status": "Fail", "a": f'100% "{reason}"'}


def until(wanted: int, ask: Callable[[], Answer]) -> Answer:
    deadline = time.monotonic() + PATIENCE
    while (answer := ask()).status != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


# The hub is reached.


def test_an_array_is_one_message(gateway: Envoy) -> None:
    answer = gateway.ask("POST", V2, body=[{"Summary": "a"}, {"Summary": "b"}])

    assert answer.status == 200
    assert answer.json() == {"Id": "2", "Status": "7", "Message": ""}


def test_a_form_arrives_as_it_was_sent(gateway: Envoy) -> None:
    form = b"grant_type=password&username=a%40b"
    headers = {"content-type": "application/x-www-form-urlencoded"}

    answer = gateway.ask("POST", "/token", body=form, headers=headers)

    assert answer.json()["access_token"] == form.decode()
    assert answer.json()["token_type"] == headers["content-type"]


@pytest.mark.parametrize("path", [f"/{V2}", "//v2///incident//orgentityid/7", f"{V2}/"])
def test_slashes_too_many_do_no_harm(gateway: Envoy, path: str) -> None:
    answer = gateway.ask("GET", f"{path}?a=1")

    assert (answer.status, answer.json()["Status"], answer.json()["Message"]) == (200, "7", "a=1")


def test_an_escaped_slash_stays_in_its_segment(gateway: Envoy) -> None:
    answer = gateway.ask("GET", "/v2/incident/TicketStatus/INC%2F1,INC2/7")

    assert (answer.json()["Message"], answer.json()["Status"]) == ("INC/1,INC2", "7")


@pytest.mark.parametrize(
    "query",
    [
        "ModuleId=1&%20start_date%3E=2020-01-29%2007:12:23.607&end_date%3C=2019-11-18%2006:24:52&",
        "ModuleId=1&+start_date>=2020-01-29+07:12:23.607&end_date<=2019-11-18+06:24:52&",
        "start_date>2020-01-29",
        "start_date=2020-01-29",
        'queryParams={"filter":"start_date>=2020-01-29&end_date<=2020-02-01"}',
        "queryParams=%7B%22filter%22:%22start_date%3E=2020-01-29&end_date%3C=2020-02-01%22%7D",
        "queryParams={%22filter%22:%22start_date%3E=2020-01-29&end_date%3C=2020-02-01%22}",
        "queryParams=%7B%22filter%22%3A%22start_date%3E%3D2020-01-29%26end_date%3C%3D2020%22%7D",
        "&&",
        "a?b=c",
        "%zz%00%",
        "orgentityid=8",
        "raw_query=x",
        "a=" + "x" * 9000,
    ],
)
def test_a_query_reaches_the_hub_as_the_client_wrote_it(gateway: Envoy, query: str) -> None:
    answer = gateway.ask("GET", f"{V2}?{query}")

    assert (answer.status, answer.json()["Message"]) == (200, query)
    assert answer.json()["Status"] == "7"


def test_a_query_that_the_method_does_not_read_itself_is_left_alone(gateway: Envoy) -> None:
    answer = gateway.ask("GET", "/v2/incident/TicketStatus/INC1/7?odd=1")

    assert (answer.status, answer.json()["Message"]) == (200, "INC1")


def test_rest_is_spoken_over_http2(gateway: Envoy) -> None:
    status, body = ask_h2(gateway.port, f"{V2}?a=1")

    assert status == b"\x88"  # HPACK's index of `:status: 200`
    assert json.loads(body)["Message"] == "a=1"


def ask_h2(port: int, path: str) -> tuple[bytes, bytes]:
    """GETs with prior knowledge of HTTP/2; just enough of it, literals only."""

    def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
        return (
            struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload
        )

    def field(name: str, value: str) -> bytes:
        return b"\0" + b"".join(bytes([len(text)]) + text.encode() for text in (name, value))

    pseudo = {":method": "GET", ":scheme": "http", ":authority": "polydesk", ":path": path}
    headers = b"".join(field(*pair) for pair in pseudo.items())
    status, body = b"", b""
    with (
        socket.create_connection(("127.0.0.1", port), PATIENCE) as peer,
        peer.makefile("rb") as come,
    ):
        peer.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b""))
        peer.sendall(frame(1, 5, 1, headers))
        while True:
            length, kind, flags, stream = struct.unpack(">IBBI", b"\0" + come.read(9))
            payload = come.read(length)
            if stream == 1 and kind == 1:
                status = payload[:1] if payload[0] & 0x80 else payload[1:2]
            if stream == 1 and kind == 0:
                body += payload
            if stream == 1 and flags & 1:
                return status, body


def test_an_old_client_is_answered(gateway: Envoy) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), PATIENCE) as peer:
        peer.sendall(f"GET {V2} HTTP/1.0\r\n\r\n".encode())
        with peer.makefile("rb") as come:
            assert b" 200 OK" in come.readline()


async def test_grpc_is_spoken_on_the_same_port(stub: pb_grpc.IAutomateServiceStub) -> None:
    answer = await stub.GetIncidentsV2(pb.GetIncidentsV2Request(orgentityid="7", raw_query="a>=1"))

    assert (answer.status, answer.message) == ("7", "a>=1")


def test_health_and_reflection_are_reached(gateway: Envoy) -> None:
    with grpc.insecure_channel(gateway.address) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        reflection: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        state = health.Check(health_pb2.HealthCheckRequest()).status
        asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        listed = next(reflection.ServerReflectionInfo(asked)).list_services_response

    assert state == health_pb2.HealthCheckResponse.SERVING
    assert SERVICE in [service.name for service in listed.service]


def ask_grpc_web(gateway: Envoy, message: Any) -> Answer:
    data = message.SerializeToString()
    headers = {"content-type": "application/grpc-web+proto", "origin": "http://localhost:3000"}
    body = b"\0" + struct.pack(">I", len(data)) + data
    return gateway.ask("POST", f"/{SERVICE}/GetIncidentsV2", body=body, headers=headers)


def test_grpc_web_is_spoken(gateway: Envoy) -> None:
    answer = ask_grpc_web(gateway, pb.GetIncidentsV2Request(orgentityid="7"))

    length = int.from_bytes(answer.body[1:5])
    assert pb.GetIncidentsV2Response.FromString(answer.body[5 : 5 + length]).status == "7"
    assert b"grpc-status:0" in answer.body[5 + length :]
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"


def test_grpc_web_gets_an_error_as_grpc_does(gateway: Envoy) -> None:
    answer = ask_grpc_web(gateway, pb.GetIncidentsV2Request(orgentityid="refuse"))

    assert (answer.headers["grpc-status"], answer.headers["grpc-message"]) == ("3", "refused")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost:3000", True),
        ("https://console.example", True),
        ("https://console.example.evil", False),
        ("http://localhost.evil", False),
    ],
)
def test_pages_ask_before_they_call(start: Start, echo: str, origin: str, *, allowed: bool) -> None:
    gateway = start(hubs=[echo], origins=["https://console.example"])
    headers = {"origin": origin, "access-control-request-method": "POST"}

    answer = gateway.ask("OPTIONS", V2, headers=headers)

    assert (answer.headers.get("access-control-allow-origin") == origin) is allowed


def test_long_json_is_compressed(gateway: Envoy) -> None:
    answer = gateway.ask("GET", f"{V2}?{'a' * 2000}", headers={"accept-encoding": "gzip"})

    assert answer.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(answer.body))["Message"] == "a" * 2000


# The hub's own words.


def test_the_hub_words_an_error_for_rest(gateway: Envoy) -> None:
    answer = gateway.ask("GET", "/v2/incident/orgentityid/refuse?2")

    assert answer.status == 422
    assert list(answer.json().items()) == [("Status", "Fail"), ("Message", "üü"), ("Count", 0)]
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Basic"


def test_a_long_error_arrives_whole(gateway: Envoy) -> None:
    answer = gateway.ask("GET", "/v2/incident/orgentityid/refuse?3400")

    assert answer.status == 422
    assert answer.json()["Message"] == "ü" * 3400
    assert len(answer.body) > 20_000


def test_the_hub_chooses_the_status_of_a_success(gateway: Envoy) -> None:
    answer = gateway.ask("GET", "/v2/incident/orgentityid/created")

    assert (answer.status, answer.json()["Status"]) == (201, "created")


@pytest.mark.parametrize("org", ["7", "refuse", "created"])
def test_rest_clients_see_no_inner_header(gateway: Envoy, org: str) -> None:
    headers = gateway.ask("GET", f"/v2/incident/orgentityid/{org}").headers

    assert [name for name in headers if re.match("grpc-|x-polydesk-|x-envoy-", name)] == []
    assert headers["server"] == "polydesk"


async def test_grpc_clients_get_the_error_as_a_status(stub: pb_grpc.IAutomateServiceStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.GetIncidentsV2(pb.GetIncidentsV2Request(orgentityid="refuse"))

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details() == "refused"


# What a client claims.

CLAIMS = {
    "x-envoy-original-path": "/forged",
    "x-envoy-original-method": "forged",
    "x-envoy-external-address": "198.51.100.1",
    "x-envoy-upstream-rq-timeout-ms": "1",
    "x-envoy-retry-on": "5xx",
    "x-forwarded-for": "198.51.100.1",
    "x-forwarded-host": "forged",
    "x-polydesk-status": "200",
    "x-polydesk-body": "forged",
    "x-request-id": "forged",
}


def test_a_rest_client_cannot_claim_what_the_gateway_says(gateway: Envoy) -> None:
    odd = {"grpc-timeout": "forged", "grpc-trace-bin": "%%%"}

    answer = gateway.ask("GET", "/v2/incident/orgentityid/headers", headers=CLAIMS | odd)

    seen = json.loads(answer.json()["Message"])
    assert not [value for value in seen.values() if "forged" in value or "198.51" in value]
    assert seen["x-envoy-original-path"] == "/v2/incident/orgentityid/headers"
    assert seen["x-envoy-original-method"] == "GET"
    assert seen["x-envoy-external-address"] == "127.0.0.1"
    assert not seen.keys() & {"x-polydesk-status", "x-polydesk-body", "x-envoy-retry-on", *odd}


async def test_a_grpc_client_cannot_pass_for_rest(stub: pb_grpc.IAutomateServiceStub) -> None:
    request = pb.GetIncidentsV2Request(orgentityid="headers")

    answer = await stub.GetIncidentsV2(request, metadata=(*CLAIMS.items(), ("mine-bin", b"\1")))

    seen = json.loads(answer.message)
    assert not [value for value in seen.values() if "forged" in value or "198.51" in value]
    assert not [name for name in seen if re.match("x-polydesk-|x-envoy-original", name)]
    assert seen["mine-bin"] == "01"


def test_an_answer_names_its_request(gateway: Envoy) -> None:
    answer = gateway.ask("GET", "/v2/incident/orgentityid/headers")

    assert answer.headers["x-request-id"] == json.loads(answer.json()["Message"])["x-request-id"]


# What Envoy answers by itself.


@pytest.mark.parametrize(
    "body",
    [
        b"[{",
        b"5",
        b'"x"',
        b"\xff",
        b"[{}] x",
        b'[{"Summary":{}}]',
        b'[{"Summary":' + b"[" * 90 + b"]" * 90 + b"}]",
        b'[{"unknown":' + b"[" * 200 + b"]" * 200 + b"}]",
    ],
    ids=lambda body: body[:20].decode(errors="replace"),
)
def test_a_body_of_another_shape_is_refused_in_the_words_of_its_method(
    gateway: Envoy, body: bytes
) -> None:
    answer = gateway.ask("POST", V2, body=body)

    assert (answer.status, answer.headers["content-type"]) == (400, "application/json")
    assert list(answer.json().items()) == list(words("PushIncidentsV2", "INVALID").items())


@pytest.mark.parametrize(
    ("path", "rpc"),
    [
        ("/v2/nothing", "GetIncidentsV2"),
        ("/v2", "GetIncidentsV2"),
        ("/v2?x=1", "GetIncidentsV2"),
        ("//v2//nothing", "GetIncidentsV2"),
        ("/v2/event/nothing", "GetEventStatus"),
        ("/v2/eventual", "GetIncidentsV2"),
        ("/iAutomateAPI/nothing?x", "GetIncidentsV1"),
        ("/token/nothing", "IssueToken"),
    ],
)
def test_an_unknown_path_is_answered_by_the_longest_prefix(
    gateway: Envoy, path: str, rpc: str
) -> None:
    answer = gateway.ask("GET", path)

    assert (answer.status, answer.json()) == (404, words(rpc, "UNKNOWN_ROUTE"))


@pytest.mark.parametrize(
    "path", ["/", "/desk/v1/nothing", "/tokens", "/stats", "/v2/../x", "/%2Fv2"]
)
def test_a_path_of_no_dialect_is_answered_in_the_canonical_words(gateway: Envoy, path: str) -> None:
    answer = gateway.ask("GET", path)

    assert (answer.status, answer.headers["content-type"]) == (404, "application/json")
    assert list(answer.json()) == ["code", "message", "details"]
    assert answer.json()["code"] == 5


@pytest.mark.parametrize(
    ("method", "path", "allow", "rpc"),
    [
        ("PUT", f"{V2}?x=1", "GET, POST", "PushIncidentsV2"),
        ("DELETE", f"/{V2}/", "GET, POST", "PushIncidentsV2"),
        ("OPTIONS", V2, "GET, POST", "PushIncidentsV2"),
        ("POST", V1, "GET", "GetIncidentsV1"),
        ("GET", "/token", "POST", "IssueToken"),
    ],
)
def test_a_wrong_verb_is_told_the_right_ones(
    gateway: Envoy, method: str, path: str, allow: str, rpc: str
) -> None:
    answer = gateway.ask(method, path)

    assert (answer.status, answer.headers["allow"]) == (405, allow)
    assert answer.json() == words(rpc, "WRONG_METHOD")


def test_head_gets_no_body(gateway: Envoy) -> None:
    answer = gateway.ask("HEAD", V2)

    assert (answer.status, answer.headers["allow"], answer.body) == (405, "GET, POST", b"")


def test_a_custom_verb_is_not_an_id(gateway: Envoy) -> None:
    answer = gateway.ask("GET", "/desk/v1/accounts/1:setRole")

    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert gateway.ask("GET", "/desk/v1/tickets/1:setRole").status == 404


LARGE = b'[{"Summary":"' + b"x" * 20_000_000 + b'"}]'


@pytest.mark.parametrize("body", [LARGE, iter([LARGE[:10_000_000], LARGE[10_000_000:]])], ids=type)
def test_a_large_body_is_refused(gateway: Envoy, body: Any) -> None:
    answer = gateway.ask("POST", V2, body=body)

    assert (answer.status, answer.json()) == (413, words("PushIncidentsV2", "TOO_LARGE"))


def test_a_body_just_below_the_limit_is_taken(gateway: Envoy) -> None:
    body = b'[{"Summary":"' + b"x" * 16_000_000 + b'"}]'

    assert gateway.ask("POST", V2, body=body).json()["Id"] == "1"


async def test_a_large_grpc_message_is_refused_by_the_hub(
    stub: pb_grpc.IAutomateServiceStub,
) -> None:
    large = pb.PushedIncidentV2(summary="x" * 40_000_000)

    call = stub.PushIncidentsV2(pb.PushIncidentsV2Request(tickets=[large]))

    assert await call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_large_headers_are_refused(gateway: Envoy) -> None:
    answer = gateway.ask("GET", V2, headers={"x-large": "x" * 70_000})

    assert (answer.status, answer.json()["code"]) == (431, 8)


@pytest.mark.parametrize("head", [f"GET {V2}?a b HTTP/1.1", f"GET {V2}?ü HTTP/1.1", "nonsense"])
def test_what_is_no_http_is_refused_in_json(gateway: Envoy, head: str) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), PATIENCE) as peer:
        peer.sendall(f"{head}\r\nhost: x\r\n\r\n".encode())
        with peer.makefile("rb") as come:
            head_, _, body = come.read().partition(b"\r\n\r\n")

    assert b" 400 " in head_
    assert json.loads(body)["code"] == 3


def test_too_many_requests_are_slowed_down(start: Start, echo: str) -> None:
    gateway = start(hubs=[echo], rate=1)

    answer = until(429, lambda: gateway.ask("POST", V2, body=[]))

    assert answer.json() == words("PushIncidentsV2", "OVERLOADED")
    assert answer.headers["retry-after"] == "1"


async def test_a_grpc_client_is_slowed_down_with_a_status(start: Start, echo: str) -> None:
    gateway = start(hubs=[echo], rate=1)

    async with grpc.aio.insecure_channel(gateway.address) as channel:
        stub = pb_grpc.IAutomateServiceStub(channel)
        calls = [stub.GetIncidentsV2(pb.GetIncidentsV2Request()) for _ in range(50)]
        codes = {await call.code() for call in calls}

    assert codes == {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}


def test_an_answer_that_takes_too_long_is_given_up(gateway: Envoy) -> None:
    answer = gateway.ask("GET", "/v2/incident/orgentityid/sleep?x=1")

    assert (answer.status, answer.json()) == (504, words("GetIncidentsV2", "TIMED_OUT"))


def test_a_hub_that_hangs_is_left_out_until_it_recovers(start: Start) -> None:
    with serve_echo() as (address, process):
        gateway = start(hubs=[address], rest_seconds=1)
        assert gateway.ask("GET", V2).status == 200

        os.kill(process.pid, signal.SIGSTOP)
        first = gateway.ask("GET", V2)
        then = until(503, lambda: gateway.ask("GET", V2))
        os.kill(process.pid, signal.SIGCONT)
        last = until(200, lambda: gateway.ask("GET", V2))

    assert first.status in {503, 504}
    assert (then.status, then.json()) == (503, words("GetIncidentsV2", "UNAVAILABLE"))
    assert last.status == 200


def test_a_second_hub_takes_over_from_a_dead_one(start: Start, echo: str) -> None:
    with serve_echo() as (address, process):
        gateway = start(hubs=[address, echo])
        process.kill()
        process.wait()

        assert {gateway.ask("GET", V2).status for _ in range(20)} == {200}


async def test_a_grpc_client_reads_plain_text_when_no_hub_is_there(
    start: Start, tmp_path: Path
) -> None:
    gateway = start(hubs=[f"unix:{tmp_path / 'nobody'}"])

    async with grpc.aio.insecure_channel(gateway.address) as channel:
        stub = pb_grpc.IAutomateServiceStub(channel)
        call = stub.GetIncidentsV2(pb.GetIncidentsV2Request(), metadata=tuple(CLAIMS.items()))

        assert await call.code() is grpc.StatusCode.UNAVAILABLE
        assert await call.details() == "no healthy upstream"


# Every route of every real dialect, also of those to come.


def every_route() -> list[tuple[Dialect, Route]]:
    owners = {dialect.SERVICE: dialect for dialect in dialects.load()}
    routes = read_routes(read_contracts())
    return [(owners[route.service], route) for route in routes if route.service in owners]


def test_every_dialect_says_in_its_own_words_that_no_hub_is_there(
    start: Start, tmp_path: Path
) -> None:
    gateway = start(*dialects.load(), hubs=[f"unix:{tmp_path / 'nobody'}"])
    down = FAULTS[-1].error

    for dialect, route in every_route():
        body = b"{}" if route.verb in {"POST", "PUT", "PATCH"} else None
        answer = gateway.ask(route.verb, route.path.replace("*", "7"), body=body)

        blanks = {
            Blank.REQUEST_ID: answer.headers["x-request-id"],
            Blank.TIME: answer.json().get("timestamp", ""),
        }
        refusal = dialect.refuse(down, route.rpc).filled(blanks)
        assert (answer.status, answer.json()) == (refusal.http, refusal.body), route
        assert list(answer.json()) == list(refusal.body), route
        assert answer.headers["retry-after"] == "1"


def test_every_path_of_a_dialect_refuses_another_verb(start: Start, tmp_path: Path) -> None:
    gateway = start(*dialects.load(), hubs=[f"unix:{tmp_path / 'nobody'}"])

    for _, route in every_route():
        answer = gateway.ask("TRACE", route.path.replace("*", "7"))

        assert answer.status == 405, route
        assert route.verb in answer.headers["allow"].split(", ")


# The access log.


def test_the_access_log_tells_no_secret(gateway: Envoy, access_log: Path) -> None:
    headers = {"authorization": "Basic c2VjcmV0"}
    answer = gateway.ask("GET", f"/{V2}?token=hidden", headers=headers)

    gateway.ask("GET", "/v2/nothing?token=hidden", headers=headers)

    lines = wait_for_lines(access_log, answer.headers["x-request-id"])
    line = next(line for line in lines if line["request_id"] == answer.headers["x-request-id"])
    assert (line["method"], line["path"], line["status"]) == ("GET", V2, 200)
    assert line["rpc"] == f"/{SERVICE}/GetIncidentsV2"
    assert (line["client"], line["route"], line["grpc_status"]) == ("127.0.0.1", "rest-get", 0)
    assert not re.search("hidden|c2VjcmV0|[?]", access_log.read_text())


def wait_for_lines(path: Path, request_id: str) -> list[dict[str, Any]]:
    deadline = time.monotonic() + PATIENCE
    while request_id not in path.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    return [json.loads(line) for line in path.read_text().splitlines()]

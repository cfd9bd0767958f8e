"""The OpenAPI documents: sound, complete, and true of a running hub."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

import aiohttp
import grpc
import grpc.aio
import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from polydesk.api.v1.page_pb2 import GetOpenApiDocumentRequest, GetSwaggerFileRequest
from polydesk.api.v1.page_pb2_grpc import PageServiceStub
from polydesk.config import Settings
from polydesk.gateway.routes import read_contracts, read_routes
from polydesk.openapi import documents
from polydesk.server import Hub
from tests.dialects.sample import token_of
from tests.dialects.serviceops.guide import CLIENT
from tests.page import ROOT
from tests.pages.browser import MODULES, install, node
from tests.played import understood
from tests.stack import Rest, Stack

NAMES: Final = sorted(documents())
CASES: Final = 3
CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "invalid_data_rejection",  # in tests/played.py
)
# What approves or rejects needs a run that waits.
NOT_IN_THE_DEMO: Final = {"ApproveRun": [409], "RejectRun": [409]}
# There the client shows who it is, and its user stands in the body.
CREDENTIALS: Final = {"/api/oauth/token": {"Authorization": CLIENT}}
_VERBS: Final = ("get", "post", "put", "patch", "delete")


def document(name: str) -> Any:
    return json.loads(documents()[name]())


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name in NAMES:
        for path, item in document(name)["paths"].items():
            for verb, said in item.items():
                yield verb, path, said


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Stack]:
    with Stack.running(tmp_path / "var") as running:
        yield running


def shown_in(part: Any) -> Iterator[dict[str, Any]]:
    """Yields whatever has an example and a schema."""
    if isinstance(part, dict) and {"example", "schema"} <= part.keys():
        yield part
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from shown_in(each)


class Call(NamedTuple):
    """A call as a document shows it, and how it is answered."""

    operation: str
    verb: str
    path: str
    body: str | None
    headers: dict[str, str]
    bearer: bool
    statuses: list[int]
    answer: Any


def calls(whole: dict[str, Any]) -> Iterator[Call]:
    """Yields the calls of which a document shows all that they need."""
    for path, item in whole["paths"].items():
        for verb, said in item.items():
            shown = [each for each in said["parameters"] if "example" in each]
            kind, body = shown_body(said)
            needed = [each for each in said["parameters"] if each.get("required")]
            if body is None if "requestBody" in said else not shown:
                continue
            if all(each in shown for each in needed):
                fine = {each: told for each, told in said["responses"].items() if each[0] == "2"}
                content = next(iter(fine.values())).get("content", {})
                yield Call(
                    operation=said["operationId"].partition("_")[0],
                    verb=verb.upper(),
                    path=filled(path, shown),
                    body=body,
                    headers={"Content-Type": kind} if body else {},
                    bearer=said.get("security") == [{"bearer": []}],
                    statuses=[int(each) for each in fine],
                    answer=content.get("application/json", {}).get("example"),
                )


def filled(path: str, shown: list[dict[str, Any]]) -> str:
    """Returns a path with its parameters and its query."""
    for each in shown:
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", quote(each["example"], safe="()'"))
    query = {each["name"]: each["example"] for each in shown if each["in"] == "query"}
    return f"{path}?{urlencode(query, doseq=True)}".rstrip("?")


def shown_body(said: dict[str, Any]) -> tuple[str, str | None]:
    """Returns the content type and the body that an operation shows."""
    for kind, each in said.get("requestBody", {}).get("content", {}).items():
        if "example" in each:
            is_json = kind == "application/json"
            return kind, json.dumps(each["example"]) if is_json else urlencode(each["example"])
    return "", None


@pytest.mark.parametrize("name", NAMES)
def test_a_document_is_what_openapi_says(name: str) -> None:
    assert list(OpenAPIV31SpecValidator(document(name)).iter_errors()) == []


@pytest.mark.parametrize("name", NAMES)
def test_redocly_finds_nothing_to_complain_of(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(documents()[name]())
    program = str(MODULES / "@redocly" / "cli" / "bin" / "cli.js")
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}

    install()
    linted = node(
        program, "lint", "--extends", "recommended", "--format", "json", str(file), **quiet
    )

    assert json.loads(linted[linted.index("{") :])["problems"] == []


def test_every_route_of_the_contracts_stands_in_one_document() -> None:
    def erased(path: str) -> str:
        return re.sub(r"{[^}]+}", "*", path)

    documented = {(verb.upper(), erased(path)) for verb, path, _ in operations()}
    routes = {(each.verb, each.path.replace("**", "*")) for each in read_routes(read_contracts())}

    assert documented == routes


def test_each_operation_tells_what_it_does_who_may_and_what_may_go_wrong() -> None:
    for verb, path, said in operations():
        where = f"{verb} {path}"
        assert verb in _VERBS, where
        assert said["summary"], where
        assert said["tags"], where
        refusals = {"400", "404", "405", "500"} | ({"401"} if said.get("security") != [] else set())
        assert refusals <= said["responses"].keys(), where
        assert {"200", "201", "204"} & said["responses"].keys(), where


def test_limits_and_demands_of_the_contract_are_those_of_the_document() -> None:
    pushed = document("iautomate.json")["components"]["schemas"]["PushedIncidentV2"]
    summary = pushed["properties"]["Summary"]

    assert {"TicketNumber", "Summary", "sys_id"} <= set(pushed["required"])
    assert (summary["type"], summary["maxLength"], summary["minLength"]) == ("string", 1_000, 1)


def test_each_operation_that_takes_json_shows_what() -> None:
    for verb, path, said in operations():
        content = said.get("requestBody", {}).get("content", {})
        if "application/json" in content and said["requestBody"]["required"]:
            assert any("example" in each for each in content.values()), f"{verb} {path}"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_shown_keeps_to_the_schema_beside_it(name: str) -> None:
    whole = document(name)
    for shown in shown_in(whole["paths"]):
        validator = OAS31Validator(shown["schema"] | {"components": whole["components"]})
        assert list(validator.iter_errors(shown["example"])) == [], shown["example"]


@pytest.mark.parametrize(
    ("said", "valid"),
    [
        ({"a": "x", "b": None}, True),
        ({"a": "x", "b": "y"}, True),
        ({"a": "x", "b": [["y"], None]}, True),
        ({"a": None}, False),
        ({"a": "long"}, False),
        ({"a": 1}, False),
        ({"a": ["x"]}, False),
        ({"a": "x", "b": [{}]}, False),
        ([{"a": "x"}], False),
    ],
)
def test_what_envoy_takes_beyond_a_contract_excuses_nothing_else(said: Any, *, valid: bool) -> None:
    text = {"type": "string", "maxLength": 3}
    members = {"a": text, "b": {"type": "array", "items": text}}
    schema = {"type": "object", "properties": members, "required": ["a"]}

    assert OAS31Validator(schema).is_valid(understood(said, schema, {})) is valid


@pytest.mark.envoy
@pytest.mark.parametrize("name", NAMES)
async def test_the_demo_answers_each_call_that_a_document_shows(name: str, demo: Stack) -> None:
    async with aiohttp.ClientSession() as session:
        rest = Rest(session, demo.port)
        token = {"Authorization": f"Bearer {await token_of(rest)}"}
        for call in calls(document(name)):
            headers = call.headers | (token if call.bearer else {}) | CREDENTIALS.get(call.path, {})
            answer = await rest.request(call.verb, call.path, data=call.body, headers=headers)

            assert answer.status in NOT_IN_THE_DEMO.get(call.operation, call.statuses), (
                call,
                answer,
            )
            if call.answer:
                assert list(answer.json()) == list(call.answer), call


@pytest.mark.envoy
@pytest.mark.parametrize("name", NAMES)
def test_a_running_hub_keeps_what_a_document_promises(
    name: str, demo: Stack, tmp_path: Path
) -> None:
    url = f"http://127.0.0.1:{demo.port}"
    played = subprocess.run(
        [
            Path(sysconfig.get_path("scripts"), "schemathesis"), "run", f"{url}/openapi/{name}",
            "--url", url, "--auth", "demo@example.com:demo", "--max-examples", str(CASES),
            "--phases", "examples,coverage,fuzzing", "--checks", ",".join(CHECKS), "--no-color",
            "--suppress-health-check", "all",
            "--exclude-path-regex", ":watch$",  # which goes on and on
        ],
        cwd=tmp_path,
        env=os.environ | {"SCHEMATHESIS_HOOKS": "tests.played", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip

    found = re.search(r"(\d+) generated", played.stdout)
    assert played.returncode == 0, played.stdout[-20_000:]
    assert found
    print(f"{name}: {found[1]} cases")
    assert int(found[1]) > 50 * len(document(name)["paths"]) // 4


async def test_pages_can_be_switched_off(sqlite_url: str, tmp_path: Path) -> None:
    hub = await Hub.start(Settings(data=tmp_path, database_url=sqlite_url, pages=False))
    async with grpc.aio.insecure_channel(hub.address) as channel:
        stub = PageServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as page:
            await stub.GetSwaggerFile(GetSwaggerFileRequest())
        with pytest.raises(grpc.aio.AioRpcError) as told:
            await stub.GetOpenApiDocument(GetOpenApiDocumentRequest(document="polydesk.json"))
    await hub.stop()

    assert page.value.details() == told.value.details()
    assert "POLYDESK_PAGES is false" in str(told.value.details())


@pytest.mark.envoy
async def test_documents_and_the_console_are_served_to_everybody(rest: Rest) -> None:
    names = await rest.request("GET", "/openapi/index.json", headers={"Authorization": ""})
    page = await rest.request("GET", "/swagger", headers={"Authorization": ""})
    guides = await rest.request("GET", "/swagger/ui/index")
    none = await rest.request("GET", "/swagger/../../config.py")
    unknown = await rest.request("GET", "/openapi/colour.json")

    assert names.json() == NAMES
    assert page.body == guides.body
    assert b"swagger-ui" in page.body
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert (none.status, unknown.status) == (404, 404)
    assert "there are: " in unknown.json()["message"]


@pytest.mark.envoy
async def test_a_header_that_grpc_could_not_carry_is_left_out(rest: Rest) -> None:
    answer = await rest.request("GET", "/openapi/index.json", headers={"a'b!*": "x"})

    assert answer.status == 200

"""The OpenAPI documents: sound, complete, and true of a running hub."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import grpc
import grpc.aio
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from polydesk.api.v1.page_pb2 import GetOpenApiDocumentRequest, GetSwaggerFileRequest
from polydesk.api.v1.page_pb2_grpc import PageServiceStub
from polydesk.config import Settings
from polydesk.gateway.routes import read_contracts, read_routes
from polydesk.openapi import documents
from polydesk.server import Hub
from tests.pages.browser import MODULES, install, node
from tests.stack import Rest, Stack

NAMES: Final = sorted(documents())
CASES: Final = 3
CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
_VERBS: Final = ("get", "post", "put", "patch", "delete")


def document(name: str) -> Any:
    return json.loads(documents()[name]())


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name in NAMES:
        for path, item in document(name)["paths"].items():
            for verb, said in item.items():
                yield verb, path, said


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


@pytest.mark.envoy
@pytest.mark.parametrize("name", NAMES)
def test_a_running_hub_keeps_what_a_document_promises(name: str, tmp_path: Path) -> None:
    stack = Stack.start(tmp_path / "var")
    try:
        url = f"http://127.0.0.1:{stack.port}"
        played = subprocess.run(
            [
                Path(sysconfig.get_path("scripts"), "schemathesis"), "run", f"{url}/openapi/{name}",
                "--url", url, "--auth", "demo@example.com:demo", "--max-examples", str(CASES),
                "--phases", "coverage,fuzzing", "--checks", ",".join(CHECKS), "--no-color",
                "--suppress-health-check", "all",
            ],
            cwd=tmp_path,
            env=os.environ | {"NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
    finally:
        assert stack.stop() == 0

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

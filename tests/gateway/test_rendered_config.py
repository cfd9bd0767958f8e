from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)

from polydesk import dialects
from polydesk.domain.errors import Invalid
from polydesk.gateway import ConfigurationRefused, Gateway, check, render
from polydesk.gateway.replies import local_replies
from polydesk.gateway.routes import Route, clashes, read_contracts, read_routes, services
from polydesk.gateway.template import BadTemplate, fill, to_json, to_yaml
from tests.gateway.conftest import ROOT, StandIn

pytestmark = pytest.mark.envoy

PLAIN = Gateway(listen="127.0.0.1:8080", hubs=["unix:/run/polydesk/hub"])
WIDE = {
    FieldDescriptorProto.TYPE_INT64,
    FieldDescriptorProto.TYPE_UINT64,
    FieldDescriptorProto.TYPE_SINT64,
    FieldDescriptorProto.TYPE_FIXED64,
    FieldDescriptorProto.TYPE_SFIXED64,
}


def dialect_files() -> list[FileDescriptorProto]:
    return [
        file
        for file in read_contracts().file
        if re.fullmatch(r"polydesk\.api\.\w+\.v\d+", file.package)
    ]


def wide_fields(messages: list[DescriptorProto]) -> Iterator[str]:
    for message in messages:
        yield from (f"{message.name}.{field.name}" for field in message.field if field.type in WIDE)
        yield from wide_fields(list(message.nested_type))


def unnamed_fields(contract: str) -> list[str]:
    """Fields whose JSON name would be made by protoc, which turns `sys_id` into `sysId`."""
    code = re.sub(r"//.*", "", contract)
    field = r"^\s*(?:repeated |optional )?[\w.]+ (\w*_\w*) = \d+([^;]*);"
    fields = re.findall(field, code, re.MULTILINE)
    return [name for name, options in fields if "json_name" not in options]


def test_envoy_takes_what_is_rendered() -> None:
    settings = Gateway(
        listen="127.0.0.1:8080",
        hubs=["127.0.0.1:9000", "[::1]:9001"],
        admin="unix:@polydesk-admin",
        rate=50,
        origins=["https://console.example"],
    )

    for gateway in (PLAIN, settings):
        for spoken in ((StandIn(),), dialects.load(), ()):
            check(render(gateway, spoken))


def test_envoy_refuses_a_wrong_configuration() -> None:
    with pytest.raises(ConfigurationRefused, match="nonsense"):
        check(render(PLAIN, []) | {"nonsense": 1})


def test_what_is_written_reads_as_what_was_rendered() -> None:
    config = render(PLAIN, [StandIn()])

    assert yaml.safe_load(to_yaml(config)) == json.loads(to_json(config)) == config
    assert "!hole" not in to_yaml(config)


def test_a_hole_that_nobody_fills_is_an_error() -> None:
    with pytest.raises(BadTemplate, match="'unheard'"):
        fill("a: !hole unheard", {})


def test_a_value_without_a_hole_is_an_error() -> None:
    with pytest.raises(BadTemplate, match="left"):
        fill("a: 1", {"left": 1})


def test_no_two_methods_share_a_route() -> None:
    assert clashes(read_routes(read_contracts())) == []


def test_a_route_declared_twice_is_found_whatever_its_variables_are_called() -> None:
    contracts = read_contracts()
    (service,) = (each.service[0] for each in dialect_files() if "iautomate" in each.package)
    planted = contracts.file.add(package="polydesk.api.acme.v1").service.add(name="Acme")
    planted.method.add().CopyFrom(service.method[0])
    rule = planted.method[0].options.Extensions[annotations_pb2.http]
    rule.post = rule.post.replace("{orgentityid}", "{other=*}")

    assert clashes(read_routes(contracts)) == ["POST /v2/incident/orgentityid/*"]


def test_every_service_of_ours_is_served_and_no_other() -> None:
    contracts = read_contracts()

    assert {dialect.SERVICE for dialect in dialects.load()} <= set(services(contracts))
    assert all(name.startswith("polydesk.api.") for name in services(contracts))


def test_no_route_has_a_suffix_behind_a_variable() -> None:
    routes = read_routes(read_contracts())

    # Whatever follows it, `**` takes.
    assert [each.path for each in routes if re.search(r"\*(?!\*$)[^/:]", each.path)] == []


def test_no_dialect_has_a_number_that_json_would_quote() -> None:
    found = [name for file in dialect_files() for name in wide_fields(list(file.message_type))]

    assert found == []


@pytest.mark.parametrize(
    "contract",
    sorted(Path(ROOT, "proto/polydesk/api").glob("*/*/*.proto")),
    ids=lambda path: path.stem,
)
def test_every_dialect_field_of_two_words_says_its_json_name(contract: Path) -> None:
    assert unnamed_fields(contract.read_text()) == []


def test_a_field_without_its_json_name_is_found() -> None:
    contract = (
        'string sys_id = 1;\n  repeated a.B to_do = 2 [\n json_name = "todo"\n ];\n string x = 3;'
    )

    assert unnamed_fields(contract) == ["sys_id"]


def test_a_body_keeps_the_order_of_its_members() -> None:
    route = Route(verb="GET", path="/v2/x/*", service=StandIn.SERVICE, rpc="GetX")

    replies = list(local_replies([route], [StandIn()]))

    texts = [
        reply["body_format_override"]["text_format_source"]["inline_string"] for reply in replies
    ]
    bodies = [json.loads(text.replace("%%", "%")) for text in texts if text[0] == "{"]
    assert [*bodies[3]] == ["z", "Status", "a"]


def test_an_admin_that_strangers_could_reach_is_refused() -> None:
    with pytest.raises(Invalid, match="loopback"):
        Gateway(listen="127.0.0.1:8080", hubs=["unix:/hub"], admin="0.0.0.0:9901")


def test_a_gateway_without_a_hub_is_refused() -> None:
    with pytest.raises(Invalid, match="hub"):
        Gateway(listen="127.0.0.1:8080", hubs=[])


def test_an_address_without_a_port_is_refused() -> None:
    with pytest.raises(Invalid, match="host:port"):
        render(Gateway(listen="localhost", hubs=["unix:/hub"]), [])


def test_hubs_with_names_are_resolved() -> None:
    config = render(Gateway(listen="127.0.0.1:8080", hubs=["hub-1:9000"]), [])

    assert config["static_resources"]["clusters"][0]["type"] == "STRICT_DNS"

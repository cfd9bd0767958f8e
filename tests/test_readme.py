"""Every command that the README prints, run as it is printed; only the port is another."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Final

import pytest

from tests.page import calls
from tests.stack import Stack, free_port

pytestmark = [pytest.mark.envoy, calls("curl")]

ROOT = Path(__file__).parents[1]
README: Final = (ROOT / "README.md").read_text()
BLOCKS: Final = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PRINTED_ADDRESS: Final = "127.0.0.1:8080"
UP: Final = re.compile(r"^(?=\S*polydesk up\b)", re.MULTILINE)
MAKE: Final = re.compile(r"^make .*\n", re.MULTILINE)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder in which what the README calls is where it says; it is the user's home too."""
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(sysconfig.get_path("scripts"))
    (tmp_path / ".curlrc").write_text("fail\n")  # an HTTP error is an exit status
    return tmp_path


def environment(home: Path) -> dict[str, str]:
    inherited = {name: it for name, it in os.environ.items() if not name.startswith("POLYDESK_")}
    return inherited | {"HOME": str(home)}


def shell(script: str, *, cwd: Path, port: int) -> str:
    """Runs a script of which each command has to succeed, and returns what it printed."""
    done = subprocess.run(
        ["sh", "-e", "-x", "-c", script.replace(PRINTED_ADDRESS, f"127.0.0.1:{port}")],
        cwd=cwd,
        env=environment(cwd),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout


def commands_of_the_demo() -> list[str]:
    """Returns what is printed in blocks, a paragraph each, but for `make` and for `polydesk up`."""
    blocks = [MAKE.sub("", block) for block in BLOCKS if not UP.search(block)]
    return [command for block in blocks for command in block.split("\n\n") if command.strip()]


def test_every_make_command_is_one() -> None:
    targets = re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)

    named = re.findall(r"(?:^|`)make ([a-z]+)", README, re.MULTILINE)

    assert {"run", "test"} <= {*named} <= {*targets}


def test_the_commands_of_the_demo_work_in_their_order(checkout: Path) -> None:
    stack = Stack.start(checkout / "var")
    try:
        printed = {
            command: shell(command, cwd=checkout, port=stack.port)
            for command in commands_of_the_demo()
        }
    finally:
        assert stack.stop() == 0

    assert not [out for out in printed.values() if re.search(r'"(fail|error)\w*"', out.lower())]
    pushed, by_v1, by_grpc = (out for command, out in printed.items() if "INC42" in command)
    assert json.loads(pushed)["Status"] == "Success"
    (read,) = json.loads(by_v1)["result"]
    assert (read["TicketNumber"], read["Summary"]) == ("INC42", "printer on fire")
    looked_up = json.loads(by_grpc)
    assert (looked_up["number"], looked_up["summary"]) == ("INC42", "printer on fire")
    (around,) = (out for command, out in printed.items() if "describe" in command)
    assert "polydesk.api.v1.TicketService\n" in around
    assert "rpc SaveTickets (" in around
    assert '"status": "SERVING"' in around
    assert '"login": "demo@example.com"' in around


def test_the_commands_without_the_demo_serve_who_was_added(checkout: Path) -> None:
    (script,) = (block for block in BLOCKS if UP.search(block))
    port, log = free_port(), checkout / "up.log"
    # The shell becomes its last command, so that this process is the one to end.
    script = UP.sub("exec ", script.replace(PRINTED_ADDRESS, f"127.0.0.1:{port}"))
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["sh", "-e", "-c", script],
            cwd=checkout,
            env=environment(checkout),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    stack = Stack(process, port, log)
    try:
        stack.wait()
        orgs = shell(
            f'curl -u "ann@example.com:Ann\'s password" http://{PRINTED_ADDRESS}/desk/v1/orgs',
            cwd=checkout,
            port=port,
        )
    finally:
        ended = stack.stop()

    assert ended == 0, log.read_text()
    assert [org["name"] for org in json.loads(orgs)["orgs"]] == ["orgs/1"]
    assert (checkout / "polydesk" / "polydesk.db").is_file()

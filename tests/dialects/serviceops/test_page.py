"""Every command of the dialect's page, run as it is printed; only the port is another."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import Stack

pytestmark = pytest.mark.envoy
PAGE = Path(__file__).parents[3] / "docs" / "dialects" / "serviceops.md"
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Stack]:
    """A demo of its own, in which the next incident is 502."""
    running = Stack.start(tmp_path / "var")
    yield running
    assert running.stop() == 0


def test_the_commands_of_the_page_work_in_their_order(fresh: Stack, tmp_path: Path) -> None:
    script = "".join(BLOCKS).replace("127.0.0.1:8080", f"127.0.0.1:{fresh.port}")
    (tmp_path / ".curlrc").write_text('fail\nsilent\nwrite-out = "\\n"\n')

    done = subprocess.run(
        ["sh", "-e", "-x", "-c", script],
        cwd=tmp_path,
        env=os.environ
        | {"HOME": str(tmp_path), "PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    refreshed, created, updated, read, attached, form, valued, deleted = answers
    assert refreshed["expires_in"] == 7199
    assert [answer["id"] for answer in (created, updated, attached, valued, deleted)] == [
        502,
        501,
        501,
        501,
        502,
    ]
    assert read["subject"] == "Need a new Mouse"
    assert [field["id"] for field in form["fields"]] == [1, 35]

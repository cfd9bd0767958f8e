"""Each snippet of docs/client.md runs as it is printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import Stack

pytestmark = pytest.mark.envoy
GUIDE = Path(__file__).parents[2] / "docs" / "client.md"
BLOCKS = re.findall(r"```(python|sh)\n(.*?)```", GUIDE.read_text(), re.DOTALL)


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_a_snippet_runs(running: Stack, tmp_path: Path, block: int) -> None:
    language, text = BLOCKS[block]
    said = text.replace("127.0.0.1:8080", f"127.0.0.1:{running.port}").replace(
        "--user", f"--url http://127.0.0.1:{running.port} --user"
    )
    program = [sys.executable, "-c", said] if language == "python" else ["sh", "-ec", said]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    done = subprocess.run(
        program, cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, check=False
    )

    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout
    assert not done.stderr

"""Every command of the dialects' pages, run in the order of its page against a demo."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Final

import pytest

from tests.stack import Stack

pytestmark = [
    pytest.mark.envoy,
    # A machine may lack curl; CI may not, so there its absence is a failure.
    pytest.mark.skipif(
        not shutil.which("curl") and "CI" not in os.environ, reason="the pages call curl"
    ),
]

PAGES: Final = sorted((Path(__file__).parents[1] / "docs" / "dialects").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_work_in_their_order(page: Path, tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / ".curlrc").write_text("fail-with-body\nsilent\n")  # an HTTP error ends the script
    path = f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"
    stack = Stack.start(tmp_path / "var")
    try:
        done = subprocess.run(
            ["sh", "-ec", "\n".join(blocks).replace("127.0.0.1:8080", f"127.0.0.1:{stack.port}")],
            cwd=tmp_path,
            env=os.environ | {"HOME": str(tmp_path), "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        assert stack.stop() == 0

    assert blocks
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert '"Fail"' not in done.stdout

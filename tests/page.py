"""Pages whose commands are run as they are printed: each is a user's session of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Final

import pytest

from tests.stack import free_port

ROOT: Final = Path(__file__).parents[1]
DOCS: Final = ROOT / "docs"
PRINTED: Final = "127.0.0.1:8080"
PATIENCE: Final = 600
_BLOCK: Final = re.compile(r"^( *)```sh\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_SERVES: Final = re.compile(r"^(make run|polydesk up)\b", re.MULTILINE)
# A server takes a terminal: here it goes on beside what follows, and makes way for the next one.
_TERMINALS: Final = """
UP= LOG=$HOME/up.log
polydesk() {
  [ "$1" = up ] || { command polydesk "$@"; return; }
  down; : > "$LOG"
  command polydesk "$@" >> "$LOG" 2>&1 & UP=$!
  until grep -q 'answers REST' "$LOG"; do
    kill -0 $UP 2> /dev/null || { cat "$LOG"; exit 70; }
    sleep 0.1
  done
}
make() { polydesk up --demo; }
down() { [ -z "$UP" ] || { kill $UP; wait $UP || { cat "$LOG"; exit 71; }; UP=; }; }
trap 'ended=$?; down; exit $ended' EXIT
"""


def calls(*programs: str) -> pytest.MarkDecorator:
    """Marks tests that call programs: a machine may lack them; CI may not, and fails there."""
    lacking = [each for each in programs if not shutil.which(each)]
    return pytest.mark.skipif(
        bool(lacking) and "CI" not in os.environ, reason=f"there is no {', '.join(lacking)}"
    )


def blocks(page: Path) -> list[str]:
    """Returns what a page has one type in."""
    return [dedent(found[2]) for found in _BLOCK.finditer(page.read_text())]


def play(page: Path, home: Path, *, told: Mapping[str, str] | None = None, before: str = "") -> str:
    """Types in a page, beside a demo unless it starts what it calls; returns what was printed.

    `told` has what stands for words of the page that are true on no machine, `before` what its
    reader has done already.
    """
    script, port = "\n".join(blocks(page)), free_port()
    serves = "" if _SERVES.search(script.partition(PRINTED)[0]) else "make run\n"
    script = f"{before}\n{serves}{script}"
    for word, meaning in {PRINTED: f"127.0.0.1:{port}", **(told or {})}.items():
        script = script.replace(word, meaning)
    (home / ".curlrc").write_text("fail-with-body\nsilent\n")  # an HTTP error ends the script
    (home / ".venv").mkdir()
    (home / ".venv" / "bin").symlink_to(sysconfig.get_path("scripts"))
    done = subprocess.run(
        ["sh", "-ec", _TERMINALS + script],
        cwd=home,
        env=_environment(home, port),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def _environment(home: Path, port: int) -> dict[str, str]:
    inherited = {name: it for name, it in os.environ.items() if not name.startswith("POLYDESK_")}
    return inherited | {
        "HOME": str(home),
        "PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}",
        "POLYDESK_LISTEN": f"127.0.0.1:{port}",
    }

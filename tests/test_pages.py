"""Every command of the tutorial and of the pages beside it, run in its order."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.page import DOCS, blocks, calls, play

pytestmark = [pytest.mark.envoy, calls("curl")]

TUTORIAL: Final = DOCS / "tutorial.md"
# Pages that other tests run.
ELSEWHERE: Final = {
    DOCS / "client.md": "tests/client/test_guide.py",
    DOCS / "operations.md": "tests/telemetry/test_page.py",
}
PAGES: Final = [
    page
    for page in sorted(DOCS.glob("*.md"))
    if blocks(page) and page != TUTORIAL and page not in ELSEWHERE
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_work_in_their_order(page: Path, tmp_path: Path) -> None:
    play(page, tmp_path)


def test_the_tutorial_reads_its_ticket_by_four_more_doors(tmp_path: Path) -> None:
    printed = play(TUTORIAL, tmp_path)

    assert printed.count("backup failed on db01") >= 5
    for state in ('"Open"', '"Logged"', '"New"', '"STATE_LOGGED"'):
        assert state in printed
    assert "Execution Successful and Marked for Closure" in printed
    assert "the history is whole" in printed

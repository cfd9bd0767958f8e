"""Every command of the dialects' pages, run in the order of its page against a demo."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.page import DOCS, blocks, calls, play

pytestmark = [pytest.mark.envoy, calls("curl")]

PAGES: Final = sorted((DOCS / "dialects").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_work_in_their_order(page: Path, tmp_path: Path) -> None:
    printed = play(page, tmp_path)

    assert blocks(page)
    assert '"Fail"' not in printed

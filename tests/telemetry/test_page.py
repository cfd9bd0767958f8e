"""The page on operations, as an operator plays it; its private ports are any that are free."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.page import DOCS, play
from tests.telemetry.page import free_row

pytestmark = pytest.mark.envoy


def test_what_the_page_has_one_type_in_works_in_its_order(tmp_path: Path) -> None:
    first = free_row(3)
    told = {f"127.0.0.1:{9464 + step}": f"127.0.0.1:{first + step}" for step in range(3)}

    printed = play(DOCS / "operations.md", tmp_path, told=told)

    assert "wrong" not in printed
    assert "ok    gateway: it answers at" in printed
    assert "polydesk_calls_total{" in printed
    assert "polydesk_runs" in printed
    assert "envoy_cluster_membership_healthy{" in printed
    assert '"status": "SERVING"' in printed

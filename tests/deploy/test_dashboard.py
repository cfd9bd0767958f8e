"""The dashboard of Grafana: each number it asks for is one that is told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cli.conftest import wait_until
from tests.deploy.plan import DEPLOY
from tests.stack import Stack
from tests.telemetry.page import ask, free_row
from tests.telemetry.page import told as addresses

pytestmark = pytest.mark.envoy

QUERIES: Final = [
    pytest.param(target["expr"], id=f"{panel['title']}, {target['refId']}")
    for panel in json.loads((DEPLOY / "grafana.json").read_text())["panels"]
    for target in panel.get("targets", ())
]
# Words of PromQL and labels: what is neither is a metric.
WORDS: Final = {"by", "le", "sum", "min", "max", "count", "rate", "increase", "topk"}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, set[str]]]:
    """What a site tells of itself: the labels of each metric."""
    first = free_row(3)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("POLYDESK_METRICS", f"127.0.0.1:{first}")
        running = Stack.start(tmp_path_factory.mktemp("dashboard") / "var")
    try:
        wait_until(lambda: len(addresses(running.log, "metrics and health")) == 2)
        places = [(first, "/metrics"), (first + 1, "/metrics"), (first + 2, "/stats/prometheus")]
        yield labels("\n".join(ask(f"127.0.0.1:{port}", path)[1] for port, path in places))
    finally:
        running.stop()


def labels(text: str) -> dict[str, set[str]]:
    """Returns the metrics of a page, each with the labels that its samples have, or may have."""
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        if match := re.match(r"# TYPE (\w+) (\w+)", line):
            name, kind = match.groups()
            suffixes = {"histogram": ["_bucket", "_sum", "_count"]}.get(kind, [""])
            found |= {name + suffix: set() for suffix in suffixes}
        elif match := re.match(r"(\w+){(.*)} ", line):
            known = found.setdefault(match[1], set())
            known |= set(re.findall(r'(\w+)="', match[2]))
    return found


def asked(query: str) -> Iterator[tuple[str, set[str]]]:
    """Yields the metrics of a query, each with the labels that it is chosen by."""
    bare = re.sub(r"by \([^)]*\)", "", query)
    for name, chosen in re.findall(r"\b([a-z][a-z_]+_[a-z_]+)\b(?:{([^}]*)})?", bare):
        if name not in WORDS | {"histogram_quantile", "rate_interval"}:
            yield name, set(re.findall(r"(\w+)(?:=~|!=|=)", chosen or ""))


@pytest.mark.parametrize("query", QUERIES)
def test_each_number_of_the_dashboard_is_told(query: str, told: dict[str, set[str]]) -> None:
    found = list(asked(query))

    assert found
    for name, chosen in found:
        assert name in told, f"nobody tells {name}"
        assert chosen - {"job"} <= told[name] or not told[name]


def test_a_number_that_nobody_tells_is_noticed(told: dict[str, set[str]]) -> None:
    [(name, chosen)] = asked('sum by (le) (rate(polydesk_no_such_total{code="OK"}[5m]))')

    assert (name, chosen) == ("polydesk_no_such_total", {"code"})
    assert name not in told


def test_each_metric_of_ours_is_on_the_dashboard(told: dict[str, set[str]]) -> None:
    ours = {name for name in told if name.startswith("polydesk_") and not name.endswith("_created")}
    shown = {name for query in QUERIES for name, _ in asked(str(query.values[0]))}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in ours}

    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown} >= families


def test_panels_do_not_lie_over_each_other() -> None:
    panels = json.loads((DEPLOY / "grafana.json").read_text())["panels"]

    ids = [panel["id"] for panel in panels]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        cells = set(_cells(panel["gridPos"]))
        assert not cells & taken
        taken |= cells
    assert len(set(ids)) == len(ids)
    assert all(x < 24 for x, _ in taken)


def _cells(place: dict[str, Any]) -> Iterator[tuple[int, int]]:
    for x in range(place["x"], place["x"] + place["w"]):
        for y in range(place["y"], place["y"] + place["h"]):
            yield x, y


def test_the_dashboard_names_no_machine() -> None:
    text = Path(DEPLOY / "grafana.json").read_text()

    assert "localhost" not in text
    assert "${source}" in text

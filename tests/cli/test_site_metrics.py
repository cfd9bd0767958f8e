"""`polydesk up` with metrics: a port for each process; runs leave their traces in the worker's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.stack import free_port
from tests.telemetry.page import Page, ask, free_row, told

from .conftest import AS_DEMO, Command, Site, wait_until

pytestmark = pytest.mark.envoy


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running site that tells its metrics."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("POLYDESK_METRICS", f"127.0.0.1:{free_row(3)}")
        running = Site(tmp_path_factory.mktemp("site") / "data")
    try:
        yield running.started()
    finally:
        running.end()


@pytest.fixture
def ports(site: Site) -> list[str]:
    """The private addresses: of the hub, of the worker, of Envoy."""
    wait_until(lambda: len(told(site.log, "metrics and health")) == 2)
    first = min(int(each.rpartition(":")[2]) for each in told(site.log, "metrics and health"))
    return [f"127.0.0.1:{first + step}" for step in range(3)]


def test_the_hub_the_worker_and_envoy_have_a_port_each(site: Site, ports: list[str]) -> None:
    hub, worker, envoy = ports
    site.ask("/v2/incident/TicketStatus/INC0303863/1")

    assert set(told(site.log, "metrics and health")) == {hub, worker}
    assert f"metrics are told at {hub}, {worker}, {envoy}" in site.log.read_text()
    assert Page.of(hub).sum("polydesk_calls_total") >= 1
    assert "polydesk_watches" not in Page.of(worker).text
    assert Page.of(envoy, "/stats/prometheus").sum("envoy_cluster_membership_healthy") >= 1
    assert ask(worker, "/healthz") == ask(worker, "/readyz") == (200, "ok\n")


def test_a_run_is_counted_where_it_was_started_and_where_it_ended(
    desk: Command, ports: list[str]
) -> None:
    hub, worker, _ = ports
    desk("target", "add", "5", "here", "--allow", "echo *", "--allow", "false")
    before = Page.of(hub).sum("polydesk_runs_total", state="QUEUED")

    for command in ("echo planted", "false"):
        desk("run", "start", "5", "--target", "here", "--command", command, "--watch")

    wait_until(lambda: Page.of(worker).sum("polydesk_runs_total", state="FAILED") == 1)
    found = Page.of(worker)  # the demo's own runs are in it, too
    assert Page.of(hub).sum("polydesk_runs_total", state="QUEUED") == before + 2
    assert found.sum("polydesk_runs_total", state="SUCCEEDED") >= 1
    assert found.sum("polydesk_run_wait_seconds_count") >= 2
    launches = "polydesk_launch_seconds_count"
    assert found.sum(launches, kind="LOCAL", outcome="SUCCEEDED") >= 1
    assert found.sum(launches, kind="LOCAL", outcome="FAILED") == 1
    assert "planted" not in found.text


def test_what_is_due_is_counted_whether_a_run_comes_of_it_or_not(
    desk: Command, ports: list[str]
) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    added = desk("schedule", "add", "5", "987654", "--once", soon)
    assert added.status == 0, added.err

    def left_out() -> float:
        found = Page.of(ports[1])
        return found.sum("polydesk_fired_total", cause="schedule", outcome="left_out")

    wait_until(lambda: left_out() == 1)


def test_a_site_says_which_of_its_private_ports_is_taken(
    ports: list[str], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYDESK_METRICS", ports[2])

    done = command("up", "--demo", "--listen", f"127.0.0.1:{free_port()}")

    assert done.status == 1
    assert done.err == (
        f"polydesk: {ports[2]} is taken by another program; choose another with POLYDESK_METRICS\n"
    )


def test_with_port_0_each_process_takes_any_and_its_log_tells_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYDESK_METRICS", "127.0.0.1:0")
    site = Site(tmp_path / "data")
    try:
        site.started()
        wait_until(lambda: len(told(site.log, "metrics and health")) == 2)

        found = told(site.log, "metrics and health")

        assert len(set(found)) == 2
        assert [ask(address, "/healthz") for address in found] == [(200, "ok\n")] * 2
    finally:
        site.end()


def test_the_log_of_a_site_is_json_line_by_line(site: Site, ports: list[str]) -> None:
    assert ports
    lines = [line for line in site.log.read_text().splitlines() if line.startswith("{")]

    assert all({"event", "level", "timestamp"} <= json.loads(line).keys() for line in lines)
    assert AS_DEMO[1] not in "".join(lines)

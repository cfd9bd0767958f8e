"""`polydesk ci` against a hub, as operators use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Command

pytestmark = pytest.mark.envoy


def test_groups_and_cis_are_added_listed_shown_and_removed(desk: Command) -> None:
    group = desk("ci", "group", "add", "19", "Routers", "--id", "40")
    desk("ci", "group", "rename", "19", "40", "Core routers")
    added = desk(
        "ci", "add", "19", "r1", "--group", "40", "--task", "Task1", "--type", "Router", "--json"
    )
    groups = desk("ci", "group", "list", "19")
    listed = desk("ci", "list", "19", "--task", "Task1")
    id_ = json.loads(added.out)["name"].rpartition("/")[2]
    shown = desk("ci", "show", "19", id_)
    kept = desk("ci", "group", "remove", "19", "40")
    desk("ci", "remove", "19", id_)
    removed = desk("ci", "group", "remove", "19", "40")
    empty = desk("ci", "list", "19")

    assert group.status == 0, group.err
    assert "40  Core routers" in groups.out
    assert listed.out.splitlines()[1].split() == [id_, "40", "r1", "Task1", "Router", "Deployed"]
    assert "host_name     r1\n" in shown.out
    assert (kept.status, removed.status) == (1, 0)
    assert "CI group 40 has CIs" in kept.err
    assert "no CI fits" in empty.err


def test_a_file_is_imported_and_again_without_change(desk: Command, tmp_path: Path) -> None:
    file = tmp_path / "cis.csv"
    file.write_text(
        "host_name,group,tasks,management_ip,column2\nr1,50,Task1;Task2,10.0.0.1,x\nr2,,,,\n"
    )
    for id_ in ("50", "51"):
        desk("ci", "group", "add", "19", f"G{id_}", "--id", id_)

    first = desk("ci", "import", "19", str(file), "--group", "51")
    listed = desk("ci", "list", "19", "--json")
    again = desk("ci", "import", "19", str(file), "--group", "51")

    r1, r2 = (json.loads(line) for line in listed.out.splitlines())
    assert first.out == again.out == "saved: 2\n"
    assert (r1["tasks"], r1["columns"]) == (["Task1", "Task2"], ["", "x"])
    assert r2["group"] == "orgs/19/ciGroups/51"
    assert desk("ci", "list", "19", "--json").out == listed.out


def test_a_file_that_cannot_be_read_is_told_by_its_line(desk: Command, tmp_path: Path) -> None:
    file = tmp_path / "cis.csv"

    told = []
    for text in ("host_name,colour\n", "host_name\nr1\n", "host_name,group\nr1,x\n"):
        file.write_text(text)
        told.append(desk("ci", "import", "19", str(file)).err)

    assert "the file has a column 'colour'; it may have: host_name," in told[0]
    assert "the file has no column 'group'" in told[1]
    assert f"line 2 of {file} names no group" in told[2]


def test_what_was_reported_is_listed(desk: Command) -> None:
    nothing = desk("ci", "status", "1", "--task", "none")
    status = desk("ci", "status", "1", "--group", "3")

    assert "nothing was reported" in nothing.err
    assert status.status == 0

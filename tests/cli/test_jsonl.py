"""`polydesk export` and the import of JSONL: what goes out comes in the same."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from polydesk.cli.transfer import Bookmark

from .conftest import Command, Site

pytestmark = pytest.mark.envoy

FULL = {
    "kind": "KIND_PROBLEM",
    "number": "PRB1",
    "sysId": "abc",
    "summary": 'Ünïcode \u2028 and "quotes"',
    "description": "two\nlines",
    "state": "STATE_CLOSED",
    "requester": "bob",
    "assignee": "ann",
    "assignmentGroup": "linux",
    "category": "disk",
    "impact": "LEVEL_HIGH",
    "urgency": "LEVEL_LOW",
    "priority": "PRIORITY_PLANNING",
    "resolution": "removed logs",
    "causeCode": "logs",
    "openTime": "2020-01-01T00:00:00Z",
    "modifyTime": "2020-01-03T00:00:00.123456Z",
    "resolveTime": "2020-01-02T00:00:00Z",
    "customFields": {"rack": {"text": "A7"}, "unit": {"integer": "42"}},
}  # fmt: skip
WAITING = {
    "kind": "KIND_CHANGE_TASK",
    "number": "T1",
    "summary": "s",
    "state": "STATE_WAITING",
    "waitReason": "vendor",
}


@pytest.fixture
def desk(site: Site, command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command against the site, as the demo user."""
    monkeypatch.setenv("POLYDESK_PASSWORD", "demo")
    options = ("--url", site.url, "--user", "demo@example.com")
    return lambda *arguments: command(*arguments, *options)


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def rows(count: int, prefix: str) -> list[dict[str, Any]]:
    return [
        {"kind": "KIND_INCIDENT", "number": f"{prefix}{number:04}", "summary": f"s {number}"}
        for number in range(count)
    ]


def test_a_round_trip_into_another_org_is_the_same_bytes(desk: Command, tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", FULL, WAITING, *rows(450, "R"))
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    ours = 'number = "PRB1" OR number = "T1" OR number : "R0"'

    for org in ("1", "119"):
        desk("field", "add", org, "rack", "text")
        desk("field", "add", org, "unit", "long")
    imported = desk("import", str(source), "--org", "1")
    exported = desk("export", "1", str(first), "--filter", ours)
    desk("import", str(first), "--org", "119", "--batch", "7")
    again = desk("export", "119", str(second), "--filter", ours)

    assert imported.out.startswith("452 rows in ")
    assert imported.out.endswith(": 452 created\n")
    digest = hashlib.sha256(first.read_bytes()).hexdigest()
    assert exported.out == again.out == f"452 tickets, sha256 {digest}\n"
    assert second.read_bytes() == first.read_bytes()
    assert json.loads(first.read_text().split("\n")[0]) == FULL
    assert not list(tmp_path.glob("*.part"))


def test_an_import_that_is_repeated_changes_nothing(desk: Command, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl.gz"
    timed = [row | {"modifyTime": "2020-01-01T00:00:00Z"} for row in rows(5, "AGAIN")]
    with gzip.open(source, "wt") as file:
        file.writelines(f"{json.dumps(row)}\n" for row in timed)

    first = desk("import", str(source), "--org", "5")
    second = desk("import", str(source), "--org", "5", "--batch", "2")

    assert first.out.endswith(": 5 created\n")
    assert second.out.endswith(": 5 unchanged\n")


def test_what_a_list_prints_can_be_imported(desk: Command, tmp_path: Path) -> None:
    listed = tmp_path / "listed.jsonl"
    listed.write_text(desk("ticket", "list", "1", "--json", "--limit", "2").out)

    done = desk("import", str(listed), "--org", "7")

    assert done.status == 0, done.err
    assert done.out.startswith("2 rows in ")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 3 of "),
        ('{"colour": "red"}', 'no field named "colour"'),
        ("[]", "line 3 of "),
        ('{"kind": "KIND_INCIDENT", "number": "BAD"}', ": summary is required; "),
        ('{"kind": "KIND_CAR", "number": "BAD", "summary": "s"}', "KIND_CAR"),
        ('{"number": "BAD", "summary": "s"}', ": kind is required; "),
    ],
)
def test_a_line_that_is_refused_is_named(
    desk: Command, tmp_path: Path, line: str, message: str
) -> None:
    source = write(tmp_path / "in.jsonl", *rows(2, "BEFORE"))
    source.write_text(f"{source.read_text()}{line}\n")

    done = desk("import", str(source), "--org", "7", "--batch", "2")

    assert done.status == 1
    assert f"polydesk: line 3 of {source}: " in done.err
    assert message in done.err
    assert "the lines up to 2 are in: mend the line and import again" in done.err
    assert done.err.count("\n") == 1


def test_an_import_goes_on_behind_what_was_acknowledged(
    desk: Command, site: Site, tmp_path: Path
) -> None:
    source = write(tmp_path / "in.jsonl", *rows(6, "RESUMED"))
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    Bookmark(source, f"{digest} 5 {site.url}").note(4)

    done = desk("import", str(source), "--org", "5", "--resume")

    assert done.err == "polydesk: going on after line 4\n"
    assert done.out.endswith(": 2 created\n")
    assert not source.with_name("in.jsonl.progress").exists()


def test_a_mapping_is_for_csv_alone(desk: Command, tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", FULL)

    jsonl = desk("import", str(source), "--org", "1", "--map", "x.toml")
    csv = desk("import", "x.csv", "--org", "1")

    assert (jsonl.status, csv.status) == (2, 2)
    assert "--map is for CSV" in jsonl.err
    assert "a CSV file needs --map" in csv.err


def test_an_export_that_is_refused_leaves_the_old_file(desk: Command, tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    file.write_text("old")

    done = desk("export", "1", str(file), "--filter", "x =")

    assert done.status == 1
    assert file.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["out.jsonl"]

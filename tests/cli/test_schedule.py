"""`polydesk schedule` against a hub, as operators use it."""

from __future__ import annotations

import io
import json

import pytest

from .conftest import Command

pytestmark = pytest.mark.envoy


def test_a_schedule_is_added_listed_paused_resumed_and_removed(desk: Command) -> None:
    added = desk(
        "schedule", "add", "19", "7611", "--every", "week", "--on", "mon,fri", "--at", "02:05",
        "--zone", "Europe/London", "--tool", "external", "--timeout", "10m", "--id", "40",
        "--param", "host=h1",
    )  # fmt: skip
    listed = desk("schedule", "list", "19")
    due = desk("schedule", "next", "19", "40", "--count", "3")
    desk("schedule", "pause", "19", "40")
    paused = desk("schedule", "list", "19")
    desk("schedule", "resume", "19", "40")
    shown = desk("schedule", "show", "19", "40")
    removed = desk("schedule", "remove", "19", "40")
    empty = desk("schedule", "list", "19")

    assert added.status == 0, added.err
    assert "weekly, mon,fri 02:05" in listed.out
    assert len(due.out.splitlines()) == 3
    assert "paused" in paused.out
    assert "parameters   host=h1\n" in shown.out
    assert "timeout      600s\n" in shown.out
    assert (removed.status, "the org has no schedule" in empty.err) == (0, True)


def test_what_runs_once_and_what_recurs_otherwise_is_told(desk: Command) -> None:
    for id_, options in enumerate(
        (
            ("--once", "2099-01-01T10:10:10Z"),
            ("--every", "hour", "--at", "05"),
            ("--every", "day", "--at", "02:05"),
            ("--every", "month", "--on", "31", "--at", "02:05", "--paused"),
        ),
        start=50,
    ):
        done = desk("schedule", "add", "7", "1", "--id", str(id_), *options)
        assert done.status == 0, done.err

    listed = desk("schedule", "list", "7").out

    for told in ("once, 2099-01-01 10:10:10 UTC", "hourly, :05", "daily, 02:05", "day 31 02:05"):
        assert told in listed


def test_a_secret_comes_from_stdin_and_is_never_printed(
    desk: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("hush-1\n"))

    added = desk("schedule", "add", "5", "1", "--every", "hour", "--secret", "password", "--json")

    (parameter,) = json.loads(added.out)["parameters"]
    assert parameter["secret"].startswith("orgs/5/secrets/schedule-")
    assert "hush" not in added.out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "say when: either --every hour, day, week or month, or --once TIME"),
        (("--every", "year"), "--every is 'year', it can be hour, day, week, month"),
        (("--every", "day", "--at", "2 pm"), "--at '2 pm' is no time of the day"),
        (("--every", "week", "--on", "someday"), "--on 'someday' is no day of the week"),
        (("--every", "month"), "--on '' is no day of the month"),
        (("--every", "week"), "schedule.recurrence.weekdays is required by WEEKLY"),
        (("--once", "tomorrow"), "--once 'tomorrow' is no time"),
        (("--every", "day", "--timeout", "soon"), "'soon' is no span of time"),
        (("--every", "day", "--param", "x"), "'x' is no parameter"),
    ],
)
def test_what_cannot_be_is_refused(desk: Command, options: tuple[str, ...], told: str) -> None:
    done = desk("schedule", "add", "19", "1", *options)

    assert done.status == 1
    assert told in done.err

"""`polydesk ticket`, `incident` and `watch` against a hub, as people and scripts use them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from .conftest import AS_DEMO, POLYDESK, Command, Site, created, wait_until

pytestmark = pytest.mark.envoy


@contextmanager
def watch(arguments: Sequence[str], out: Path, err: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a command beside the test, and ends it."""
    with out.open("wb") as told, err.open("wb") as said:
        process = subprocess.Popen([*POLYDESK, *arguments], stdout=told, stderr=said)
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_an_incident_goes_through_its_life(desk: Command) -> None:
    name = created(
        desk, "--summary", "disk full", "--impact", "high", "--urgency", "HIGH", "--group", "linux"
    )["name"]

    said = [
        desk("incident", "assign", name, "--assignee", "ann"),
        desk("incident", "resolve", name, "--resolution", "removed logs", "--cause-code", "logs"),
        desk("incident", "close", name.removeprefix("incidents/")),
        desk("incident", "reopen", name),
        desk("incident", "cancel", name),
        desk("incident", "delete", name),
        desk("incident", "undelete", name),
    ]
    shown = desk("incident", "show", name)

    states = [done.out.split()[-1] for done in said]
    assert states == [
        "active", "resolved", "closed", "active", "cancelled", "deleted", "cancelled"
    ]  # fmt: skip
    assert all(done.out.startswith(f"{name}  INC") for done in said)
    assert "\nassignee          ann\n" in shown.out
    assert "\npriority          critical\n" in shown.out
    assert "\nresolution        removed logs\n" in shown.out


def test_an_update_changes_what_is_given_and_nothing_else(desk: Command) -> None:
    incident = created(
        desk, "--summary", "disk full", "--category", "disk", "--impact", "low", "--urgency", "low"
    )
    updated = desk(
        "incident", "update", incident["name"], "--group", "linux", "--impact", "HIGH",
        "--state", "waiting", "--wait-reason", "a new disk", "--etag", incident["etag"], "--json",
    )  # fmt: skip

    after = json.loads(updated.out)
    changed = {name for name in after if after[name] != incident[name]}
    assert changed == {
        "assignmentGroup", "etag", "impact", "modifyTime", "priority", "state", "updateTime",
        "waitReason",
    }  # fmt: skip
    assert (after["assignmentGroup"], after["impact"]) == ("linux", "LEVEL_HIGH")
    assert (after["state"], after["waitReason"]) == ("STATE_WAITING", "a new disk")


def test_an_update_empties_what_it_is_told_to(desk: Command) -> None:
    name = created(desk, "--summary", "s", "--assignee", "ann", "--group", "linux")["name"]

    done = desk("incident", "update", name, "--clear", "assignee", "--clear", "group")
    shown = desk("incident", "show", name)

    assert done.out.startswith(f"{name}  INC")
    assert "\nassignee" not in shown.out
    assert "\nassignment_group" not in shown.out
    assert "\nsummary           s\n" in shown.out


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        ([], 2, "nothing is to change: give one of --summary, --description, --requester, "),
        (["--assignee", ""], 2, "--assignee has no value; --clear assignee empties it"),
        (["--summary", ""], 2, "--summary has no value\n"),
        (["--clear", "summary"], 2, "--clear cannot empty 'summary'; it can: description, "),
        (["--clear", "number"], 2, "--clear cannot empty 'number'; it can: description, "),
        (
            ["--cause-code", "x", "--clear", "cause-code"],
            2,
            "--cause-code and --clear cause-code contradict",
        ),
        (["--priority", "x"], 1, "'x' is no priority; there are: planning, low, medium, high, cr"),
        (["--state", "closed"], 1, "does not become CLOSED by an update: there are resolve, cl"),
        (["--category", "c", "--etag", "old"], 1, "was changed meanwhile"),
        (["--category", "x" * 256], 1, "category has 256 characters"),
    ],
)
def test_an_update_that_cannot_be_is_told_in_one_line(
    desk: Command, options: list[str], status: int, message: str
) -> None:
    incident = created(desk)

    done = desk("incident", "update", incident["name"], *options)

    assert done.status == status
    assert message in done.err
    assert done.err.count("\n") == 1
    after = json.loads(desk("incident", "show", incident["name"], "--json").out)
    assert after == incident


def test_a_list_is_aligned_in_a_pipe(desk: Command) -> None:
    numbers = [created(desk, org="19")["number"] for _ in range(2)]

    done = desk("incident", "list", "19", "--filter", 'summary:"fire"', "--order", "create_time")

    head, *rows = done.out.splitlines()
    assert head.split()[:4] == ["name", "kind", "number", "state"]
    assert [row.split()[2] for row in rows] == numbers
    assert {row.index("printer on fire") for row in rows} == {head.index("summary")}


def test_a_list_that_is_cut_says_so(desk: Command) -> None:
    done = desk("ticket", "list", "1", "--limit", "1", "--json")

    assert done.status == 0
    assert [json.loads(line)["number"] for line in done.out.splitlines()] == ["INC0000001"]
    assert done.err == "polydesk: these are the first 1; --limit 0 lists all\n"


def test_an_empty_list_prints_nothing_where_others_read(desk: Command) -> None:
    done = desk("ticket", "list", "1", "--filter", 'assignee = "nobody"')

    assert (done.status, done.out, done.err) == (0, "", "polydesk: no ticket fits\n")


def test_a_ticket_is_found_by_its_name_and_by_its_number(desk: Command) -> None:
    incident = created(desk)
    id_ = incident["name"].removeprefix("incidents/")

    by_name = desk("ticket", "show", f"tickets/{id_}", "--json")
    by_number = desk("ticket", "show", "7", "incident", incident["number"], "--json")

    assert json.loads(by_name.out) == json.loads(by_number.out)
    assert json.loads(by_name.out)["summary"] == "printer on fire"


def test_a_history_tells_who_did_what(desk: Command) -> None:
    name = created(desk)["name"]
    desk("incident", "assign", name, "--assignee", "ann")

    shown = desk("incident", "show", name, "--history")
    told = json.loads(desk("incident", "show", name, "--history", "--json").out)

    last = shown.out.splitlines()[-1]
    assert "demo@example.com  desk  update  " in last
    assert 'assignee="ann"' in last
    assert 'state="ACTIVE"' in last
    assert [change["action"] for change in told["changes"]] == ["create", "update"]


def test_what_somebody_wrote_moves_no_cursor(desk: Command) -> None:
    incident = created(desk, "--summary", "\x1b[31mred\x07", "--description", "one\ntwo\x1b[2J")

    listed = desk("incident", "list", "7", "--filter", f'number = "{incident["number"]}"')
    shown = desk("incident", "show", incident["name"])

    assert "\x1b" not in listed.out + shown.out
    assert "\x07" not in listed.out
    assert "\ndescription       one\n                  two [2J\n" in shown.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["incident", "close", "999999"], "there is no incident 999999"),
        (["incident", "close", "orgs/1"], "'orgs/1' is no name, such as incidents/42"),
        (["incident", "create", "1", "--summary", "s", "--impact", "x"], "'x' is no impact; there"),
        (["incident", "create", "1", "--summary", ""], "summary is required"),
        (["ticket", "list", "1", "--filter", "x ="], "filter: "),
        (["ticket", "list", "77"], "org"),
        (["ticket", "show", "1", "incident"], "say which: tickets/42, or an org, a kind and a n"),
        (["ticket", "show", "1", "car", "1"], "'car' is no kind; there are: incident, service_req"),
        (["watch", "1", "--cursor", "x"], "cursor is none that was given out"),
    ],
)
def test_what_is_refused_is_told_in_one_line(
    desk: Command, arguments: list[str], message: str
) -> None:
    done = desk(*arguments)

    assert done.status == 1
    assert message in done.err
    assert done.err.count("\n") <= (2 if arguments[0] == "watch" else 1)
    assert done.out == ""


def test_an_outdated_etag_is_refused(desk: Command) -> None:
    incident = created(desk)
    desk("incident", "assign", incident["name"], "--assignee", "ann")

    done = desk("incident", "cancel", incident["name"], "--etag", incident["etag"])

    assert done.status == 1
    assert "was changed meanwhile" in done.err


def test_a_token_calls_instead_of_a_login(
    site: Site, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = command("token", "issue", "demo@example.com", "--data", str(site.data)).out.strip()
    monkeypatch.setenv("POLYDESK_TOKEN", token)

    done = command("ticket", "list", "1", "--url", site.url)

    assert done.status == 0
    assert "INC0303863" in done.out


def test_nobody_and_a_wrong_password_are_refused(
    site: Site, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = command("ticket", "list", "1", "--url", site.url)
    monkeypatch.setenv("POLYDESK_PASSWORD", "wrong")
    wrong = command("ticket", "list", "1", "--url", site.url, "--user", "x@example.com")

    assert nobody.err == "polydesk: nobody calls: say --user LOGIN, or set POLYDESK_TOKEN\n"
    assert wrong.err == "polydesk: the user name or password is incorrect\n"
    assert nobody.status == wrong.status == 1


def test_a_hub_that_is_not_there_is_told_soon(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYDESK_TOKEN", "t")

    done = command("ticket", "list", "1", "--url", "http://127.0.0.1:1")

    assert done.status == 1
    assert done.err.startswith("polydesk: no hub answers at 127.0.0.1:1: ")
    assert done.err.count("\n") == 1


def test_a_watch_tells_changes_over_the_death_of_a_hub(
    desk: Command, site: Site, tmp_path: Path
) -> None:
    told, said = tmp_path / "told", tmp_path / "said"
    first = created(desk, org="119")["number"]
    arguments = ["watch", "119", "--json", "--cursor", "0", *AS_DEMO]
    with watch([*arguments, "--url", site.url], told, said) as watching:
        wait_until(lambda: first in told.read_text(), process=watching)
        hub = site.children()["hub"]
        os.kill(hub, signal.SIGKILL)
        wait_until(lambda: site.children().get("hub", hub) != hub)
        wait_until(lambda: site.ask("/desk/v1/caller") == 200)
        number = created(desk, org="119")["number"]
        wait_until(lambda: number in told.read_text(), process=watching)
        watching.send_signal(signal.SIGINT)
        status = watching.wait(30)

    assert status == 130
    events = [json.loads(line) for line in told.read_text().splitlines()]
    assert events[-1]["changed"]["ticket"]["number"] == number
    assert events[-1]["changed"]["change"]["action"] == "create"
    assert "trying again" in said.read_text()
    assert f"go on with --cursor {events[-1]['cursor']}" in said.read_text()


def test_a_watch_is_read_by_people(site: Site, tmp_path: Path, desk: Command) -> None:
    number = created(desk, "--summary", "line\x1b[0m", org="5")["number"]
    told = tmp_path / "told"
    arguments = ["watch", "5", "--cursor", "0", "--url", site.url, *AS_DEMO]
    with watch(arguments, told, tmp_path / "said") as watching:
        wait_until(lambda: number in told.read_text(), process=watching)

    line = next(line for line in told.read_text().splitlines() if number in line)
    assert line.endswith(f"  incident  {number}  logged  line [0m  (demo@example.com)")
    assert "  create  tickets/" in line


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://x", "http://", "http://x:y"])
def test_a_wrong_url_is_told_as_such(command: Command, url: str) -> None:
    done = command("ticket", "list", "1", "--url", url, "--user", "a@b")

    assert done.status == 2
    assert repr(url) in done.err


def test_a_ticket_of_any_kind_is_saved_again_and_again(desk: Command) -> None:
    said = ("ticket", "save", "7", "change-task", "CT1", "--summary")

    made = desk(*said, "replace the disk", "--parent", "CHG1", "--state", "active")
    changed = desk(*said, "replace both disks", "--assignee", "ann")
    shown = desk("ticket", "show", "7", "change-task", "CT1")
    wrong = desk("ticket", "save", "7", "car", "CT1", "--summary", "x")

    assert made.out.split()[1] == "created", made.err
    assert changed.out.split() == [made.out.split()[0], "updated"]
    assert "replace both disks" in shown.out
    assert "CHG1" in shown.out
    assert "active" in shown.out
    assert "there are: incident, service_request_task" in wrong.err

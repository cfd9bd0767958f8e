"""`polydesk file` against a hub, as people and scripts use it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .conftest import AS_DEMO, POLYDESK, Command, Done, Site, created

pytestmark = pytest.mark.envoy
CONTENT = os.urandom(700_000)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the commands of a test run; it holds `error.log`."""
    place = tmp_path / "here"
    place.mkdir()
    (place / "error.log").write_bytes(CONTENT)
    monkeypatch.chdir(place)
    return place


def attached(desk: Command, *options: str) -> dict[str, Any]:
    """Attaches `error.log` to a new ticket."""
    name = created(desk)["name"]
    done = desk("file", "add", name, "error.log", *options, "--json")
    assert done.status == 0, done.err
    attachment: dict[str, Any] = json.loads(done.out)
    return attachment


def ticket_of(attachment: dict[str, Any]) -> str:
    ticket: str = attachment["name"].partition("/attachments")[0]
    return ticket


def test_a_file_goes_up_and_comes_down(desk: Command, folder: Path) -> None:
    name = created(desk)["name"]

    added = desk("file", "add", name, "error.log")
    attachment = added.out.split()[0]
    got = desk("file", "get", attachment, "copy.log")

    assert added.out == f"{attachment}  error.log  700000 bytes\n"
    assert attachment.startswith(name.replace("incidents", "tickets") + "/attachments/")
    assert got.out == "copy.log  700000 bytes\n"
    assert (folder / "copy.log").read_bytes() == CONTENT
    assert added.err == got.err == ""


@pytest.mark.usefixtures("folder")
def test_a_file_has_the_name_and_the_type_that_are_said(desk: Command) -> None:
    said = attached(desk, "--name", "disk full.txt", "--type", "text/x-log")

    listed = desk("file", "list", ticket_of(said))
    (told,) = desk("file", "list", ticket_of(said), "--json").out.splitlines()

    assert (said["fileName"], said["contentType"]) == ("disk full.txt", "text/x-log")
    assert said["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert json.loads(told) == said
    head, row = listed.out.splitlines()
    assert head.split() == ["name", "file", "type", "bytes", "uploader", "uploaded"]
    assert row[head.index("file") :].startswith("disk full.txt  text/x-log  700000  demo@example")


def test_a_file_keeps_its_own_name_in_a_folder(desk: Command, folder: Path) -> None:
    attachment = attached(desk, "--name", "other.log")["name"]
    (folder / "below").mkdir()

    here = desk("file", "get", attachment)
    below = desk("file", "get", attachment.replace("tickets", "incidents"), "below")

    assert (here.out, below.out) == (
        "other.log  700000 bytes\n",
        "below/other.log  700000 bytes\n",
    )
    assert (folder / "other.log").read_bytes() == CONTENT
    assert (folder / "below" / "other.log").read_bytes() == CONTENT


@pytest.mark.parametrize("path", [[], ["error.log"], ["."]])
def test_a_file_that_is_there_is_kept_unless_forced(
    desk: Command, folder: Path, path: list[str]
) -> None:
    attachment = attached(desk)["name"]
    (folder / "error.log").write_text("mine")

    refused = desk("file", "get", attachment, *path)
    kept = (folder / "error.log").read_text()
    forced = desk("file", "get", attachment, *path, "--force", "--json")

    assert refused.status == 1
    assert refused.err == (
        "polydesk: error.log is there already: name another, or overwrite it with --force\n"
    )
    assert kept == "mine"
    assert json.loads(forced.out)["name"] == attachment
    assert (folder / "error.log").read_bytes() == CONTENT


def test_what_is_no_file_is_not_overwritten_even_by_force(desk: Command, folder: Path) -> None:
    attachment = attached(desk)["name"]
    os.mkfifo(folder / "pipe")

    done = desk("file", "get", attachment, "pipe", "--force")

    assert done.err == "polydesk: pipe is no file, and stays as it is\n"
    assert (folder / "pipe").is_fifo()


def test_a_file_is_written_to_stdout_and_nothing_else_is(
    site: Site, desk: Command, folder: Path
) -> None:
    attachment = attached(desk)["name"]
    command = [*POLYDESK, "file", "get", attachment, "-", "--url", site.url, *AS_DEMO]

    done = subprocess.run(command, capture_output=True, check=True)

    assert done.stdout == CONTENT
    assert done.stderr == b""
    assert [path.name for path in folder.iterdir()] == ["error.log"]


def test_a_file_is_removed(desk: Command, folder: Path) -> None:
    attachment = attached(desk)
    name = attachment["name"]

    removed = desk("file", "remove", name)
    listed = desk("file", "list", ticket_of(attachment))
    got = desk("file", "get", name, "copy.log")

    assert removed.out == f"{name}  removed\n"
    assert (listed.status, listed.out, listed.err) == (0, "", "polydesk: it has no file\n")
    assert got.status == 1
    assert got.err.count("\n") == 1
    assert not (folder / "copy.log").exists()


@pytest.mark.usefixtures("folder")
def test_a_removal_is_told_as_rest_answers_it(desk: Command) -> None:
    assert desk("file", "remove", attached(desk)["name"], "--json").out == "{}\n"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["add", "1", "missing.log"], 1, "there is no file missing.log"),
        (["add", "1", "."], 1, ". is a folder"),
        (["add", "999999", "error.log"], 1, "there is no ticket 999999"),
        (["add", "1", "error.log", "--name", "a/b"], 1, "file_name is a path: send its last part"),
        (["add", "1", "error.log", "--type", "x"], 1, "the content type is not type/subtype"),
        (["list", "x"], 1, "'x' is no name, such as tickets/42"),
        (["get", "7"], 1, "'7' is no name, such as tickets/42/attachments/7"),
        (["get", "tickets/1/attachments/99999"], 1, "ticket 1 has no attachment 99999"),
        (["get", "tickets/1/attachments/1", "no/where"], 1, "there is no folder no"),
        (["get", "tickets/1/attachments/1", "-", "--json"], 2, "--json has no place beside a file"),
        (["remove", "tickets/1/attachments/99999"], 1, "ticket 1 has no attachment 99999"),
    ],
)
def test_what_is_refused_is_told_in_one_line(
    desk: Command, folder: Path, arguments: list[str], status: int, message: str
) -> None:
    done = desk("file", *arguments)

    assert done.status == status
    assert message in done.err
    assert done.err.count("\n") == 1
    assert done.out == ""
    assert [path.name for path in folder.iterdir()] == ["error.log"]


def test_progress_is_shown_in_a_terminal_alone(site: Site, desk: Command, folder: Path) -> None:
    attachment = attached(desk)["name"]

    shown = in_terminal("file", "get", attachment, "copy.log", "--url", site.url, *AS_DEMO)

    assert shown.status == 0
    assert "Downloading" in shown.out
    assert "100%" in shown.out
    assert "copy.log  700000 bytes" in shown.out
    assert (folder / "copy.log").read_bytes() == CONTENT


def in_terminal(*arguments: str) -> Done:
    """Runs `polydesk` in a terminal of its own."""
    ours, theirs = os.openpty()
    known = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(
        [*POLYDESK, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=known
    ) as process:
        os.close(theirs)
        printed = b""
        try:
            while piece := os.read(ours, 4096):
                printed += piece
        except OSError:  # the other end is closed
            pass
        os.close(ours)
    return Done(process.returncode, printed.decode(), "")

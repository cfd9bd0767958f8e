"""`polydesk note` and `link` against a hub, as people and scripts use them."""

from __future__ import annotations

import io
import json
import subprocess
from typing import Any

import pytest

from .conftest import AS_DEMO, POLYDESK, Command, Site, created

pytestmark = pytest.mark.envoy


def printed(desk: Command, *arguments: str) -> list[Any]:
    """Returns the lines of JSON that a command prints."""
    done = desk(*arguments, "--json")
    assert done.status == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def ticket(desk: Command, org: str = "7") -> str:
    """Records an incident, and returns the name of its ticket."""
    name: str = created(desk, org=org)["name"]
    return name.replace("incidents", "tickets")


def test_a_note_is_added_listed_and_shown(desk: Command) -> None:
    name = ticket(desk)

    added = desk(
        "note", "add", name, "--kind", "work-note", "--subject", "called", "--body", "one\ntwo",
        "--author", "ann",
    )  # fmt: skip
    (listed,) = printed(desk, "note", "list", name)
    shown = desk("note", "show", listed["name"])

    assert added.out == f"{listed['name']}  work_note\n"
    assert listed["kind"] == "KIND_WORK_NOTE"
    assert "\nauthor       ann\n" in shown.out
    assert "\nbody         one\n             two\n" in shown.out


def test_a_note_is_a_comment_of_the_caller_by_itself(desk: Command) -> None:
    name = ticket(desk)

    (added,) = printed(desk, "note", "add", name.removeprefix("tickets/"), "--body", "hello")

    assert (added["kind"], added["author"]) == ("KIND_COMMENT", "demo@example.com")
    assert printed(desk, "note", "show", added["name"]) == [added]


def test_an_incident_has_the_notes_of_its_ticket(desk: Command) -> None:
    name = ticket(desk).replace("tickets", "incidents")

    (added,) = printed(desk, "note", "add", name, "--body", "hello")

    assert printed(desk, "note", "list", name) == [added]
    assert printed(desk, "note", "show", added["name"].replace("tickets", "incidents")) == [added]


def test_the_text_of_a_note_comes_from_stdin(
    desk: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Grüße,\n\nAnn\n"))

    (added,) = printed(desk, "note", "add", ticket(desk), "--body", "-")

    assert added["body"] == "Grüße,\n\nAnn"


def test_stdin_holds_the_password_and_then_the_text(
    site: Site, desk: Command, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = ticket(desk)
    monkeypatch.delenv("POLYDESK_PASSWORD")
    monkeypatch.setattr("sys.stdin", io.StringIO("demo\nthe text\n"))
    options = ("--url", site.url, *AS_DEMO, "--password-stdin", "--json")

    done = command("note", "add", name, "--body", "-", *options)

    assert json.loads(done.out)["body"] == "the text"


def test_a_text_in_another_encoding_is_refused_in_one_line(site: Site, desk: Command) -> None:
    command = [*POLYDESK, "note", "add", ticket(desk), "--body", "-", "--url", site.url, *AS_DEMO]

    done = subprocess.run(command, input=b"Gr\xfc\xdfe", capture_output=True, check=False)

    assert done.returncode == 1
    assert done.stderr == b"polydesk: what was given is not in UTF-8\n"


def test_notes_are_listed_by_their_kinds_and_to_a_limit(desk: Command) -> None:
    name = ticket(desk)
    for kind in ("comment", "work-note", "closure-note"):
        desk("note", "add", name, "--kind", kind, "--body", f"{kind}\x1b[2J\nmore")

    some = desk("note", "list", name, "--kind", "comment", "--kind", "closure-note")
    first = desk("note", "list", name, "--limit", "1")

    head, *rows = some.out.splitlines()
    assert head.split() == ["name", "kind", "time", "author", "text"]
    assert [row.split()[1] for row in rows] == ["comment", "closure_note"]
    assert [row.split()[-2:] for row in rows] == [["comment", "[2J"], ["closure-note", "[2J"]]
    assert len(first.out.splitlines()) == 2
    assert first.err == "polydesk: these are the first 1; --limit 0 lists all\n"


def test_all_notes_are_listed_however_many_pages_they_fill(desk: Command) -> None:
    name = ticket(desk)
    for index in range(102):
        assert desk("note", "add", name, "--body", str(index)).status == 0

    notes = printed(desk, "note", "list", name, "--limit", "0")

    assert [note["body"] for note in notes] == [str(index) for index in range(102)]


def test_a_link_is_added_listed_found_and_removed(desk: Command) -> None:
    name = ticket(desk, org="19")
    url = "https://acme.zendesk.com/tickets/4711"

    added = desk("link", "add", name, "zendesk", "4711", "--link-url", url)
    (listed,) = printed(desk, "link", "list", name)
    found = desk("link", "find", "19", "zendesk", "4711")
    (told,) = printed(desk, "link", "find", "19", "zendesk", "4711")
    removed = desk("link", "remove", listed["name"])
    gone = desk("link", "find", "19", "zendesk", "4711")

    assert added.out == removed.out == f"{listed['name']}  zendesk  4711\n"
    assert (listed["url"], listed["creator"]) == (url, "demo@example.com")
    assert found.out.splitlines()[1].split()[:3] == [listed["name"], name, "incident"]
    assert told["link"] == listed
    assert told["ticket"]["name"] == name
    assert (gone.status, gone.out, gone.err) == (0, "", "polydesk: no ticket is linked to it\n")


def test_links_are_aligned_in_a_pipe(desk: Command) -> None:
    name = ticket(desk)
    (jira,) = printed(desk, "link", "add", name, "jira", "ABC-1")
    desk("link", "add", name, "zendesk", "4711", "--link-url", "https://z.example.com/4711")

    head, *rows = desk("link", "list", name).out.splitlines()

    assert [row.split()[1:3] for row in rows] == [["jira", "ABC-1"], ["zendesk", "4711"]]
    assert rows[0].startswith(jira["name"])
    assert rows[1].index("https://z.example.com/4711") == head.index("url")


def test_an_empty_journal_says_so(desk: Command) -> None:
    name = ticket(desk)

    assert desk("note", "list", name).err == "polydesk: no note fits\n"
    assert desk("link", "list", name).err == "polydesk: it has no link\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["note", "add", "999999", "--body", "b"], "there is no ticket 999999"),
        (["note", "add", "orgs/1", "--body", "b"], "'orgs/1' is no name, such as tickets/42"),
        (["note", "add", "1"], "subject or body is required"),
        (["note", "add", "1", "--body", "b", "--kind", "x"], "'x' is no kind; there are: comment"),
        (["note", "list", "1", "--kind", "x"], "'x' is no kind; there are: comment, work_note"),
        (["note", "show", "7"], "'7' is no name, such as tickets/42/notes/7"),
        (["note", "show", "tickets/1/links/7"], "'tickets/1/links/7' is no name, such as tickets"),
        (["note", "show", "tickets/1/notes/99999"], "ticket 1 has no note 99999"),
        (["link", "add", "1", "Zendesk", "1"], "system takes 1 to 63 of a-z, 0-9, - and _, a l"),
        (["link", "add", "1", "zendesk", "1", "--link-url", "ftp://x"], "url does not begin with"),
        (["link", "remove", "tickets/1/links/99999"], "ticket 1 has no link 99999"),
        (["link", "remove", "tickets/1"], "'tickets/1' is no name, such as tickets/42/links/7"),
        (["link", "find", "77", "zendesk", "1"], "org"),
    ],
)
def test_what_is_refused_is_told_in_one_line(
    desk: Command, arguments: list[str], message: str
) -> None:
    done = desk(*arguments)

    assert done.status == 1
    assert message in done.err
    assert done.err.count("\n") == 1
    assert done.out == ""


def test_a_link_is_made_once(desk: Command) -> None:
    name = ticket(desk)
    desk("link", "add", name, "zendesk", "1")

    again = desk("link", "add", name, "zendesk", "1")

    assert again.status == 1
    assert again.err.count("\n") == 1
    assert len(printed(desk, "link", "list", name)) == 1

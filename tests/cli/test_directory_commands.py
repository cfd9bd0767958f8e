"""`polydesk person` and `polydesk location` against a hub."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Command, Site

pytestmark = pytest.mark.envoy


@pytest.fixture
def desk(site: Site, command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command against the site, as the demo user."""
    monkeypatch.setenv("POLYDESK_PASSWORD", "demo")
    options = ("--url", site.url, "--user", "demo@example.com")
    return lambda *arguments: command(*arguments, *options)


def test_people_are_added_listed_and_removed(desk: Command) -> None:
    added = desk("person", "add", "7", "ann@acme.com", "--name", "Ann", "--team", "Desk")
    twice = desk("person", "add", "7", "Ann@acme.com")
    listed = desk("person", "list", "7", "--json")
    removed = desk("person", "remove", "7", json.loads(listed.out)["name"].rpartition("/")[2])
    empty = desk("person", "list", "7")

    assert added.status == 0, added.err
    assert added.out.splitlines()[1].split()[1:] == ["ann@acme.com", "Ann", "Desk"]
    assert (twice.status, removed.status) == (1, 0)
    assert "org 7 has a person ann@acme.com already" in twice.err
    assert "there is none" in empty.err


def test_a_file_of_people_adds_and_changes(desk: Command, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("email,display_name,team\nann@acme.com,Ann,Desk\nbob@acme.com,Bob,\n")
    first = desk("person", "import", "19", str(file))
    file.write_text("email,team\nANN@acme.com,Field\ncid@acme.com,Desk\n")
    second = desk("person", "import", "19", str(file))
    listed = desk("person", "list", "19")

    assert first.out == "2 added, 0 changed\n", first.err
    assert second.out == "1 added, 1 changed\n", second.err
    assert [line.split()[1:] for line in listed.out.splitlines()[1:]] == [
        ["ANN@acme.com", "Ann", "Field"],
        ["bob@acme.com", "Bob"],
        ["cid@acme.com", "Desk"],
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name\nAnn\n", "the first line names email"),
        ("email,age\na@b,9\n", "the first line names email"),
        ("email,team\na@b\n", "line 2: it has not 2 fields"),
        ("email\nann\n", "line 2: person.email is no e-mail address"),
    ],
)
def test_a_file_that_is_wrong_is_told_with_its_line(
    desk: Command, tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "people.csv"
    file.write_text(text)

    done = desk("person", "import", "5", str(file))

    assert done.status == 1
    assert message in done.err


def test_locations_are_added_listed_and_removed(desk: Command) -> None:
    added = desk("location", "add", "7", "Ahmedabad", "--json")
    listed = desk("location", "list", "7")
    id_ = json.loads(added.out)["name"].rpartition("/")[2]
    removed = desk("location", "remove", "7", id_)

    assert [line.split() for line in listed.out.splitlines()] == [
        ["id", "name"],
        [id_, "Ahmedabad"],
    ]
    assert removed.status == 0

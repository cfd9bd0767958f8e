"""`polydesk category` and `polydesk field` against a hub."""

from __future__ import annotations

import json

import pytest

from .conftest import Command, Site

pytestmark = pytest.mark.envoy


@pytest.fixture
def desk(site: Site, command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command against the site, as the demo user."""
    monkeypatch.setenv("POLYDESK_PASSWORD", "demo")
    options = ("--url", site.url, "--user", "demo@example.com")
    return lambda *arguments: command(*arguments, *options)


def test_categories_are_added_listed_and_removed(desk: Command) -> None:
    hardware = desk("category", "add", "19", "Hardware", "--service", "Desk", "--id", "40")
    desk("category", "add", "19", "Printer", "--above", "40")
    listed = desk("category", "list", "19")
    kept = desk("category", "remove", "19", "40")
    removed = desk("category", "remove", "19", "41")

    assert hardware.status == 0, hardware.err
    assert [line.split() for line in listed.out.splitlines()] == [
        ["id", "title", "below", "service"],
        ["40", "Hardware", "Desk"],
        ["41", "Printer", "40"],
    ]
    assert (kept.status, removed.status) == (1, 0)
    assert "delete them first" in kept.err


def test_a_custom_field_is_added_and_shown_with_its_ticket(desk: Command) -> None:
    added = desk("field", "add", "19", "building", "text", "--option", "A", "--option", "B")
    listed = desk("field", "list", "19", "--json")
    wrong = desk("field", "add", "19", "x", "colour")
    desk("field", "remove", "19", json.loads(listed.out)["name"].rpartition("/")[2])
    empty = desk("field", "list", "19")

    assert added.status == 0, added.err
    assert json.loads(listed.out)["options"] == ["A", "B"]
    assert "there are: text, long_text, integer" in wrong.err
    assert "there is none" in empty.err

"""`polydesk email` against a hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.client.test_mail import NESTED, PLAIN

from .conftest import Command, created

pytestmark = pytest.mark.envoy


def printed(desk: Command, *arguments: str) -> list[Any]:
    """Returns the lines of JSON that a command prints."""
    done = desk(*arguments, "--json")
    assert done.status == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


@pytest.fixture
def ticket(desk: Command) -> str:
    """The name of a ticket."""
    name: str = created(desk, org="7")["name"]
    return name.replace("incidents", "tickets")


def test_an_email_is_added_with_its_files(desk: Command, ticket: str, tmp_path: Path) -> None:
    path = tmp_path / "mail.eml"
    path.write_bytes(NESTED)

    added = desk("email", "add", ticket, str(path))
    (note,) = printed(desk, "note", "list", ticket, "--kind", "email")
    files = printed(desk, "file", "list", ticket)
    desk("file", "get", files[1]["name"], str(tmp_path / "got.pdf"))

    assert added.out == f"{note['name']}  Rechnung über 17 €\n"
    assert (note["body"], note["email"]["sender"]) == ("Grüße", "j@example.com")
    assert note["noteTime"] == "2024-01-31T10:11:12Z"
    assert {file["note"] for file in files} == {note["name"]}
    assert (tmp_path / "got.pdf").read_bytes() == b"%PDF-1.7"


def test_an_email_says_what_it_has_become(desk: Command, ticket: str, tmp_path: Path) -> None:
    path = tmp_path / "mail.eml"
    path.write_bytes(PLAIN)

    (note,) = printed(desk, "email", "add", ticket.removeprefix("tickets/"), str(path))

    assert (note["kind"], note["subject"]) == ("KIND_EMAIL", "printer on fire")


def test_what_is_no_email_is_told(desk: Command, ticket: str, tmp_path: Path) -> None:
    path = tmp_path / "mail.eml"
    path.write_bytes(b"hello")

    done = desk("email", "add", ticket, str(path))
    nothing = desk("email", "add", ticket, str(tmp_path / "none.eml"))
    folder = desk("email", "add", ticket, str(tmp_path))

    assert (done.status, "it is no e-mail" in done.err) == (1, True)
    assert "there is no file" in nothing.err
    assert "is a folder" in folder.err


def test_a_ticket_that_is_none_is_told(desk: Command, tmp_path: Path) -> None:
    path = tmp_path / "mail.eml"
    path.write_bytes(PLAIN)

    done = desk("email", "add", "tickets/2147483646", str(path))

    assert done.status == 1
    assert "there is no ticket 2147483646" in done.err

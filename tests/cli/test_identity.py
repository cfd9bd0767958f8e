from __future__ import annotations

import io
import json
from typing import Any

import pytest

from polydesk.cli.identity import read_roles
from polydesk.domain.identity import Role

from .conftest import Command


@pytest.fixture
def desk(command: Command) -> Command:
    """A command line on a database with one org."""
    assert command("migrate").status == 0
    assert command("org", "add", "1", "First").status == 0
    return command


def say(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def listed(desk: Command, what: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(desk(what, "list", "--json").out)
    return rows


def test_roles_are_read() -> None:
    assert read_roles(["1:agent", "7:Reader"]) == {1: Role.AGENT, 7: Role.READER}


@pytest.mark.parametrize("text", ["one:agent", "1", "1:boss", ""])
def test_what_is_no_role_is_a_usage_error(command: Command, text: str) -> None:
    done = command("user", "add", "a@example.com", "--org", text)

    assert done.status == 2
    assert done.err.count("\n") == 1


def test_orgs_are_listed(desk: Command) -> None:
    assert listed(desk, "org") == [{"id": 1, "name": "First"}]
    assert "First" in desk("org", "list").out


def test_an_org_is_opened_once(desk: Command) -> None:
    done = desk("org", "add", "1", "Again")

    assert (done.status, done.err) == (1, "polydesk: there is an org 1 already\n")


def test_a_user_is_opened_with_a_password_from_stdin(
    desk: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(monkeypatch, "a good password\n")

    done = desk(
        "user", "add", "ann@example.com", "--name", "Ann", "--org", "1:agent", "--password-stdin"
    )

    assert (done.status, done.out, done.err) == (0, "", "")
    assert listed(desk, "user") == [
        {"login": "ann@example.com", "name": "Ann", "roles": {"1": "agent"}, "operator": False}
    ]


def test_nobody_is_asked_where_there_is_no_terminal(
    desk: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(monkeypatch, "")

    done = desk("user", "add", "ann@example.com")

    assert (done.status, "use --password-stdin" in done.err) == (1, True)


def test_an_empty_password_is_refused(desk: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    say(monkeypatch, "\n")

    done = desk("user", "add", "ann@example.com", "--password-stdin")

    assert (done.status, "stdin has no password" in done.err) == (1, True)


def test_a_role_is_given_and_taken(desk: Command) -> None:
    desk("client", "add", "robot")

    assert desk("user", "role", "robot", "1", "reader").status == 0
    assert listed(desk, "client")[0]["roles"] == {"1": "reader"}
    assert desk("user", "role", "robot", "1", "none").status == 0
    assert listed(desk, "client")[0]["roles"] == {}


def test_a_client_gets_a_secret_once_and_its_first_org_as_default(desk: Command) -> None:
    done = desk("client", "add", "robot", "--org", "1:agent")

    assert (done.status, len(done.out.strip()) >= 40) == (0, True)
    assert done.out.strip() not in desk("client", "list", "--json").out
    assert listed(desk, "client")[0]["default_org"] == 1


def test_each_key_is_another(desk: Command) -> None:
    desk("client", "add", "robot")

    keys = {desk("client", "key", "robot", "--label", "test").out for _ in range(2)}

    assert len(keys) == 2


def test_the_keys_of_a_client_are_listed_and_one_is_ended(desk: Command) -> None:
    desk("client", "add", "robot")
    shown = [desk("client", "key", "robot", "--label", label).out.strip() for label in "ab"]

    keys = json.loads(desk("client", "keys", "robot", "--json").out)
    table = desk("client", "keys", "robot").out
    done = desk("client", "revoke", "robot", keys[0]["id"])
    again = desk("client", "revoke", "robot", keys[0]["id"])

    assert [key["label"] for key in keys] == ["a", "b"]
    assert keys[0]["id"] in table
    assert not any(key in table for key in shown)
    assert (done.status, done.out) == (0, "")
    assert again.err == f"polydesk: the account has no key {keys[0]['id']}\n"
    assert json.loads(desk("client", "keys", "robot", "--json").out) == keys[1:]


def test_the_key_that_signs_tokens_is_changed(desk: Command) -> None:
    desk("client", "add", "robot")

    assert desk("token", "rotate").status == 0
    assert desk("token", "issue", "robot").out.count(".") == 2


def test_tokens_are_issued_and_revoked(desk: Command) -> None:
    desk("client", "add", "robot")

    assert desk("token", "issue", "robot").out.count(".") == 2
    assert desk("token", "revoke", "robot").status == 0
    assert desk("token", "issue", "nobody").err == "polydesk: there is no account nobody\n"


def test_a_database_that_is_not_there_is_told_with_the_way_out(command: Command) -> None:
    done = command("org", "list")

    assert done.status == 1
    assert "run polydesk migrate" in done.err

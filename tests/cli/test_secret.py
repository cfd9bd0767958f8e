"""`polydesk secret` and `audit list`: values come in and go out unseen, keys are changed."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from polydesk.cli.options import read_settings
from polydesk.domain.keyring import KeyRing, new_line

from .conftest import POLYDESK, Command, Site

pytestmark = pytest.mark.envoy
VALUE = "hush-c04d1e-never-to-be-seen"
TERMINAL = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"


@pytest.fixture
def desk(site: Site, command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command against the site, as the demo user."""
    monkeypatch.setenv("POLYDESK_PASSWORD", "demo")
    return lambda *arguments: command(*arguments, "--url", site.url, "--user", "demo@example.com")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A file with one key."""
    path = tmp_path / "keys"
    path.write_text(f"{new_line()}\n")
    path.chmod(0o600)
    return path


def say(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def id_of(line: str) -> str:
    return line.partition(":")[0]


def entries(command: Command, data: Path, *options: str) -> list[dict[str, Any]]:
    done = command("audit", "list", "--json", "--data", str(data), *options)
    assert done.status == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def test_a_secret_is_set_shown_listed_revealed_and_removed(
    desk: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(monkeypatch, f"{VALUE}\n")
    made = desk("secret", "set", "7", "database", "--description", "of the database")
    say(monkeypatch, "line 1\r\nline 2\n\n")
    changed = desk("secret", "set", "7", "database", "--json")

    shown = desk("secret", "show", "7", "database")
    listed = desk("secret", "list", "7")
    revealed = desk("secret", "reveal", "7", "database")
    removed = desk("secret", "remove", "7", "database")
    gone = desk("secret", "reveal", "7", "database")

    assert [each.status for each in (made, changed, shown, listed, revealed, removed)] == [0] * 6
    assert revealed.out == "line 1\r\nline 2\n\n"
    assert "\ndescription  of the database\n" in shown.out
    assert json.loads(changed.out)["description"] == "of the database"
    assert listed.out.splitlines()[1].split()[0] == "database"
    assert (gone.status, gone.err) == (1, "polydesk: there is no secret database in org 7\n")
    assert not any(
        text in said.out + said.err
        for said in (made, changed, shown, listed, removed)
        for text in (VALUE, "line 1")
    )


def test_the_password_is_the_first_line_and_the_value_is_the_rest(
    site: Site, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = ("--url", site.url, "--user", "demo@example.com", "--password-stdin")
    say(monkeypatch, f"demo\n{VALUE}\n")
    made = command("secret", "set", "7", "both", *who)
    say(monkeypatch, "demo\n")

    revealed = command("secret", "reveal", "7", "both", *who)

    assert made.status == 0, made.err
    assert revealed.out == f"{VALUE}\n"


def test_nothing_on_stdin_is_no_value(desk: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    for nothing in ("", "\n"):
        say(monkeypatch, nothing)

        done = desk("secret", "set", "7", "nothing")

        assert (done.status, done.err) == (1, "polydesk: stdin has no value\n")


def test_a_value_is_no_argument(desk: Command) -> None:
    done = desk("secret", "set", "7", "name", VALUE)

    assert done.status == 2


def test_in_a_terminal_the_value_is_asked_twice_and_not_echoed(site: Site, desk: Command) -> None:
    del desk  # it sets the password
    arguments = ["secret", "set", "7", "typed", "--url", site.url, "--user", "demo@example.com"]
    with subprocess.Popen(
        [sys.executable, "-c", TERMINAL, *POLYDESK, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin
        assert process.stdout
        seen = b""
        for prompt in (b"Value: ", b"Repeat for confirmation: "):
            seen += read_until(process.stdout, prompt)
            process.stdin.write(f"{VALUE}\n".encode())
            process.stdin.flush()
        seen += process.stdout.read()
        status = process.wait(60)

    assert status == 0, seen
    assert VALUE.encode() not in seen
    assert b"typed" in seen


def read_until(stream: IO[bytes], end: bytes) -> bytes:
    read = b""
    while not read.endswith(end):
        byte = os.read(stream.fileno(), 1)
        assert byte, read
        read += byte
    return read


def test_an_outdated_etag_is_refused(desk: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    say(monkeypatch, "one")
    etag = json.loads(desk("secret", "set", "7", "guarded", "--json").out)["etag"]
    say(monkeypatch, "two")
    desk("secret", "set", "7", "guarded", "--etag", etag)

    say(monkeypatch, "three")
    changed = desk("secret", "set", "7", "guarded", "--etag", etag)
    removed = desk("secret", "remove", "7", "guarded", "--etag", etag)
    say(monkeypatch, "four")
    missing = desk("secret", "set", "7", "nowhere", "--etag", etag)

    assert "was changed meanwhile" in changed.err
    assert "was changed meanwhile" in removed.err
    assert "there is no secret nowhere" in missing.err
    assert desk("secret", "reveal", "7", "guarded").out == "two\n"


def test_an_empty_list_says_so(desk: Command) -> None:
    done = desk("secret", "list", "119")

    assert (done.status, done.out, done.err) == (0, "", "polydesk: the org has no secret\n")


def test_who_revealed_a_secret_is_listed_by_the_audit(
    desk: Command, site: Site, command: Command
) -> None:
    desk("secret", "reveal", "1", "demo")

    last = entries(command, site.data, "--org", "1")[-1]
    people = command("audit", "list", "--data", str(site.data), "--org", "1", "--limit", "1")

    assert (last["actor"], last["via"], last["action"]) == (
        "demo@example.com", "desk", "secret.access",
    )  # fmt: skip
    assert (last["org"], last["ticket"], last["new"]["secret"]) == (1, None, "demo")
    head, line = people.out.splitlines()
    assert head.split() == ["entry", "time", "actor", "via", "action", "org", "ticket", "fields"]
    assert "demo@example.com  desk  secret.access  1" in line
    assert "secret=demo, etag=" in line
    assert command("audit", "verify", "--data", str(site.data)).status == 0


def test_the_audit_lists_the_newest_entries_in_their_order(site: Site, command: Command) -> None:
    newest = entries(command, site.data, "--limit", "3")
    of_org = entries(command, site.data, "--org", "1", "--limit", "1000")

    sequences = [entry["entry"] for entry in newest]
    assert sequences == list(range(sequences[0], sequences[0] + 3))
    assert {entry["org"] for entry in of_org} == {1}
    assert next(entry["ticket"] for entry in of_org if entry["ticket"]) == 1


def test_an_empty_history_says_so(command: Command) -> None:
    command("migrate")

    done = command("audit", "list")

    assert (done.status, done.out, done.err) == (0, "", "polydesk: nothing has happened\n")


def test_a_fresh_key_is_a_ring(command: Command) -> None:
    lines = {command("secret", "key").out for _ in range(3)}

    assert len(lines) == 3
    assert len(KeyRing.read(sorted(lines), source="the test").ids) == 3


def test_keys_reach_another_process_by_its_environment_and_are_not_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    line = new_line()
    monkeypatch.setenv("POLYDESK_SECRET_KEYS", line)
    given = read_settings(data=tmp_path)

    said = given.environment()

    assert said["POLYDESK_SECRET_KEYS"] == line
    assert line not in f"{given!r} {given}"


def test_keys_that_are_none_keep_a_hub_from_serving_with_78(
    command: Command, monkeypatch: pytest.MonkeyPatch, keys: Path
) -> None:
    command("migrate")
    keys.chmod(0o644)
    monkeypatch.setenv("POLYDESK_SECRET_KEY_FILE", str(keys))

    readable = serve()
    monkeypatch.setenv("POLYDESK_SECRET_KEYS", "nonsense")
    monkeypatch.delenv("POLYDESK_SECRET_KEY_FILE")
    malformed = serve()

    assert readable.returncode == malformed.returncode == 78
    assert readable.stderr == (
        "polydesk: others can read the file of POLYDESK_SECRET_KEY_FILE: chmod 600 it\n"
    )
    assert "key 1 of POLYDESK_SECRET_KEYS is not of the form id:base64" in malformed.stderr


def serve() -> subprocess.CompletedProcess[str]:
    """Runs a hub that has to give up, in a process of its own, because it sets up the log."""
    return subprocess.run(
        [*POLYDESK, "serve", "--hub", "127.0.0.1:0"], capture_output=True, text=True, check=False
    )


@pytest.fixture
def keyed(
    keys: Path, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    """A site whose keys are in that file."""
    del command  # it sets where data are, which the site says for itself
    monkeypatch.setenv("POLYDESK_SECRET_KEY_FILE", str(keys))
    monkeypatch.setenv("POLYDESK_PASSWORD", "demo")
    site = Site(tmp_path / "data")
    try:
        yield site.started()
    finally:
        site.end()


def test_keys_are_changed_while_a_hub_serves(keyed: Site, keys: Path, command: Command) -> None:
    old, new = keys.read_text().strip(), new_line()
    who = ("--url", keyed.url, "--user", "demo@example.com")
    before = command("secret", "reveal", "1", "demo", *who)
    keys.write_text(f"{new}\n{old}\n")

    rotated = command("secret", "rotate", "--data", str(keyed.data))
    again = command("secret", "rotate", "--data", str(keyed.data))
    after = command("secret", "reveal", "1", "demo", *who)

    assert rotated.out.splitlines() == [
        f"sealed anew with the key {id_of(new)}: 1",
        f"the key {id_of(new)} seals 1: keep it",
        f"the key {id_of(old)} seals nothing any more: backups apart, it may be dropped",
    ]
    assert again.out.startswith(f"sealed anew with the key {id_of(new)}: 0\n")
    assert before.out == after.out == "DemoPassword\n"
    assert not (keyed.data / "secrets.key").exists()
    rotation = entries(command, keyed.data, "--limit", "2")[0]
    assert (rotation["action"], rotation["actor"], rotation["via"]) == (
        "secret.rotate", "operator", "cli",
    )  # fmt: skip


def test_a_rotation_says_what_it_could_not_open(keyed: Site, keys: Path, command: Command) -> None:
    keys.write_text(f"{new_line()}\n")

    done = command("secret", "rotate", "--data", str(keyed.data))

    assert done.status == 1
    assert done.err.splitlines() == [
        "polydesk: org 1: demo cannot be opened",
        "polydesk: left as they are: 1",
    ]


def test_a_key_stands_in_no_process_list_and_envoy_gets_none(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    del command
    line = new_line()
    monkeypatch.setenv("POLYDESK_SECRET_KEYS", line)
    site = Site(tmp_path / "keyed")
    try:
        children = site.started().children()
        lines = [Path(f"/proc/{pid}/cmdline").read_text() for pid in children.values()]
        known = {name: Path(f"/proc/{pid}/environ").read_text() for name, pid in children.items()}
    finally:
        site.end()

    assert f"POLYDESK_SECRET_KEYS={line}\0" in known["hub"]
    assert "POLYDESK_" not in known["envoy"]
    assert not any(line.partition(":")[2] in each for each in lines)
    assert line.partition(":")[2] not in site.log.read_text()

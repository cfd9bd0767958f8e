"""`polydesk copy`: a backup of this machine's data, and its restore."""

from __future__ import annotations

from pathlib import Path

from .conftest import Command


def test_a_backup_is_restored_into_a_new_folder(command: Command, tmp_path: Path) -> None:
    command("migrate")
    command("org", "add", "7", "Example Ltd")
    backup = f"sqlite:///{tmp_path / 'backup.db'}"

    made = command("copy", backup)
    (tmp_path / "new").mkdir()
    restored = command(
        "copy", f"sqlite:///{tmp_path / 'new' / 'polydesk.db'}", "--database-url", backup
    )
    again = command("copy", backup)

    assert (made.status, made.err) == (0, "")
    assert made.out == restored.out
    assert "entries of history copied" in made.out
    assert "Example Ltd" in command("org", "list", "--data", str(tmp_path / "new")).out
    assert again.status == 1
    assert "not empty" in again.err


def test_a_source_that_is_not_there_is_told(command: Command, tmp_path: Path) -> None:
    done = command("copy", f"sqlite:///{tmp_path / 'backup.db'}")

    assert done.status == 1
    assert done.err == "polydesk: the database is not up to date: run polydesk migrate\n"

"""`polydesk audit verify`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from polydesk.store import sqlite
from tests.cli.conftest import Command


@pytest.fixture
def data(command: Command, seeded: Path, tmp_path: Path) -> Path:
    del command  # it points polydesk to tmp_path
    return Path(shutil.copy(seeded, tmp_path / "polydesk.db"))


def test_an_untouched_history_is_whole(command: Command, data: Path) -> None:
    del data

    done = command("audit", "verify")

    assert (done.status, done.out) == (0, "the history is whole\n")


@pytest.mark.parametrize(
    "tampering",
    [
        "update history set actor = 'nobody' where sequence = 3",
        "delete from history where sequence = 3",
        "update history set hash = zeroblob(32) where sequence = 3",
    ],
)
def test_tampering_is_found_where_it_was_done(command: Command, data: Path, tampering: str) -> None:
    connection = sqlite.connect(str(data), mode="rw")
    connection.execute(tampering)
    connection.close()

    done = command("audit", "verify")

    assert done.status == 1
    assert "broken at entry 3" in done.err


def test_an_end_that_was_cut_off_is_found(command: Command, data: Path) -> None:
    connection = sqlite.connect(str(data), mode="rw")
    connection.execute("delete from history where sequence = (select max(sequence) from history)")
    connection.close()

    done = command("audit", "verify")

    assert done.status == 1
    assert "broken" in done.err

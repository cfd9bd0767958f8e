from __future__ import annotations

import os
from pathlib import Path

import pytest

from polydesk.cli.failure import Failure
from polydesk.cli.folder import DataFolder


def test_the_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    with DataFolder(tmp_path / "a" / "data") as folder:
        assert folder.path.stat().st_mode & 0o777 == 0o700
        assert folder.logs.is_dir()


def test_a_folder_in_use_is_refused_with_the_pid(tmp_path: Path) -> None:
    with (
        DataFolder(tmp_path),
        pytest.raises(Failure, match=rf"in use by another hub \(pid {os.getpid()}\)"),
        DataFolder(tmp_path),
    ):
        pass


def test_a_folder_is_free_again_afterwards(tmp_path: Path) -> None:
    with DataFolder(tmp_path):
        pass
    with DataFolder(tmp_path) as folder:
        assert (folder.path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").touch()

    with pytest.raises(Failure, match="cannot hold the data"), DataFolder(tmp_path / "data"):
        pass

"""Where keys come from: files, who may read them, and two processes that make the first one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from polydesk.domain.errors import NotConfigured
from polydesk.domain.keyring import new_line
from polydesk.store import LocalKeys

MAKER = """
import asyncio, sys, time
from pathlib import Path
from polydesk.store import LocalKeys
folder = Path(sys.argv[1])
Path(folder / sys.argv[2]).touch()
while not (folder / "go").exists():
    time.sleep(0.001)
print(asyncio.run(LocalKeys(own=folder / "secrets.key").to_seal()).first)
"""


def written(path: Path, *lines: str, mode: int = 0o600) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    path.chmod(mode)
    return path


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def id_of(line: str) -> str:
    return line.partition(":")[0]


async def test_the_hub_makes_its_own_key_when_it_first_needs_one(tmp_path: Path) -> None:
    own = tmp_path / "secrets.key"
    keys = LocalKeys(own=own)
    await keys.check()
    before = own.exists()

    ring = await keys.to_seal()

    assert not before
    assert own.stat().st_mode & 0o777 == 0o600
    assert own.read_text().count("\n") == 1
    assert ring.ids == (id_of(own.read_text()),)
    assert (await LocalKeys(own=own).to_seal()).ids == ring.ids
    assert names_in(tmp_path) == ["secrets.key"]


async def test_a_lost_key_is_not_made_anew_to_open_what_it_sealed(tmp_path: Path) -> None:
    keys = LocalKeys(own=tmp_path / "secrets.key")

    with pytest.raises(NotConfigured, match=r"secrets\.key in the data folder cannot be read: No"):
        await keys.to_open("k1")

    assert names_in(tmp_path) == []


def test_processes_that_make_the_key_at_once_end_with_the_same(tmp_path: Path) -> None:
    makers = [
        subprocess.Popen(
            [sys.executable, "-c", MAKER, tmp_path, str(number)], stdout=subprocess.PIPE, text=True
        )
        for number in range(6)
    ]
    while len(names_in(tmp_path)) < len(makers):
        assert all(maker.poll() is None for maker in makers)

    (tmp_path / "go").touch()
    told = {maker.communicate()[0] for maker in makers}

    assert [maker.returncode for maker in makers] == [0] * 6
    assert told == {f"{id_of((tmp_path / 'secrets.key').read_text())}\n"}
    assert not list(tmp_path.glob(".secrets*"))


async def test_a_named_file_goes_before_the_hubs_own(tmp_path: Path) -> None:
    lines = [new_line(), new_line()]
    named = written(tmp_path / "named", lines[0], "", lines[1])

    ring = await LocalKeys(file=named, own=tmp_path / "secrets.key").to_seal()

    assert ring.ids == tuple(map(id_of, lines))
    assert not (tmp_path / "secrets.key").exists()


async def test_keys_come_from_the_environment_in_their_order(tmp_path: Path) -> None:
    lines = [new_line() for _ in range(3)]

    ring = await LocalKeys(inline=", ".join(lines), own=tmp_path / "secrets.key").to_seal()

    assert ring.ids == tuple(map(id_of, lines))
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o644])
async def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "k", new_line(), mode=mode)

    for keys, what in (
        (LocalKeys(file=path), "the file of POLYDESK_SECRET_KEY_FILE"),
        (LocalKeys(own=path), "secrets.key in the data folder"),
    ):
        with pytest.raises(NotConfigured, match=f"others can read {what}: chmod 600 it"):
            await keys.to_seal()


async def test_what_is_no_file_of_keys_is_refused_with_what_to_mend(tmp_path: Path) -> None:
    line = new_line()
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "binary").chmod(0o600)
    wrong = {
        tmp_path / "nowhere": "cannot be read: No such file",
        tmp_path: "cannot be read: Is a directory",
        tmp_path / "binary": "is no text",
        written(tmp_path / "empty"): "holds no key: polydesk secret key prints one",
        written(tmp_path / "bad", line, "nonsense"): "key 2 of the file of POLYDESK_SECRET_KEY_F",
    }

    for path, complaint in wrong.items():
        keys = LocalKeys(file=path)
        with pytest.raises(NotConfigured, match=complaint) as caught:
            await keys.check()
        assert line.partition(":")[2] not in str(caught.value)
        assert str(tmp_path) not in str(caught.value)


async def test_keys_from_two_places_are_refused(tmp_path: Path) -> None:
    keys = LocalKeys(inline=new_line(), file=written(tmp_path / "k", new_line()))

    with pytest.raises(NotConfigured, match="either POLYDESK_SECRET_KEYS or"):
        await keys.check()


async def test_where_there_are_no_keys_the_settings_are_named() -> None:
    keys = LocalKeys()
    await keys.check()

    for call in (keys.to_seal(), keys.to_open("k1")):
        with pytest.raises(NotConfigured, match="POLYDESK_SECRET_KEYS or POLYDESK_SECRET_KEY_FILE"):
            await call


async def test_a_key_that_is_added_to_the_file_is_found_by_a_running_hub(tmp_path: Path) -> None:
    old, new = new_line(), new_line()
    path = written(tmp_path / "k", old)
    keys = LocalKeys(file=path)
    before = await keys.to_seal()
    written(path, new, old)

    after = await keys.to_open(id_of(new))

    assert before.ids == (id_of(old),)
    assert after.ids == (await keys.to_seal()).ids == (id_of(new), id_of(old))

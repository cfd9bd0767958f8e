"""Bytes in a folder."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from polydesk.domain.errors import Damaged, Unavailable
from polydesk.store import LocalBlobs

DATA = b"it burns " * 100_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "a" / "blobs"


@pytest.fixture
async def blobs(folder: Path) -> AsyncIterator[LocalBlobs]:
    blobs = LocalBlobs(folder)
    yield blobs
    await blobs.close()


async def pieces(data: bytes = DATA, size: int = 70_000) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def read(blobs: LocalBlobs, key: str, data: bytes = DATA) -> bytes:
    sha256 = hashlib.sha256(data).hexdigest()
    return b"".join([piece async for piece in blobs.read(key, sha256=sha256)])


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def opened() -> list[str]:
    """Returns the paths that this process has open."""
    links = [path for path in Path("/proc/self/fd").iterdir() if path.exists()]
    return [str(path.readlink()) for path in links]


async def test_bytes_come_back(blobs: LocalBlobs) -> None:
    blob = await blobs.put(pieces())

    assert (blob.size, blob.sha256) == (len(DATA), hashlib.sha256(DATA).hexdigest())
    assert await read(blobs, blob.key) == DATA


async def test_each_upload_has_a_key_of_its_own(blobs: LocalBlobs) -> None:
    one, other = await asyncio.gather(blobs.put(pieces()), blobs.put(pieces()))

    await blobs.discard(one.key)

    assert one.sha256 == other.sha256
    assert await read(blobs, other.key) == DATA
    with pytest.raises(Unavailable, match="No such file"):
        await read(blobs, one.key)


async def test_what_is_discarded_twice_is_gone_once(blobs: LocalBlobs, folder: Path) -> None:
    blob = await blobs.put(pieces())

    await blobs.discard(blob.key)
    await blobs.discard(blob.key)

    assert files(folder) == []


async def test_of_two_that_are_united_one_is_left(blobs: LocalBlobs, folder: Path) -> None:
    one, other, lost = [await blobs.put(pieces()) for _ in range(3)]
    await blobs.discard(lost.key)

    await blobs.unite(one.key, into=other.key)
    await blobs.unite(other.key, into=lost.key)

    assert len(files(folder)) == 1
    assert await read(blobs, lost.key) == DATA


async def test_a_source_that_fails_leaves_nothing(blobs: LocalBlobs, folder: Path) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield DATA
        raise KeyError

    with pytest.raises(KeyError):
        await blobs.put(failing())
    await blobs.close()

    assert files(folder) == []


async def test_an_upload_that_outlives_the_hub_leaves_nothing(
    blobs: LocalBlobs, folder: Path
) -> None:
    async def closing() -> AsyncIterator[bytes]:
        yield DATA
        await blobs.close()
        raise KeyError

    with pytest.raises(KeyError):
        await blobs.put(closing())

    assert files(folder) == []


@pytest.mark.parametrize("steps", range(12))
async def test_whoever_goes_away_at_any_moment_leaves_nothing(
    blobs: LocalBlobs, folder: Path, steps: int
) -> None:
    putting = asyncio.create_task(blobs.put(pieces(size=300_000)))
    for _ in range(steps):
        await asyncio.sleep(0.0005)
    putting.cancel()
    [kept] = await asyncio.gather(putting, return_exceptions=True)
    await blobs.close()

    assert len(files(folder)) == (0 if isinstance(kept, BaseException) else 1)


async def test_a_reader_that_leaves_early_lets_go_of_the_file(blobs: LocalBlobs) -> None:
    blob = await blobs.put(pieces())
    reading = blobs.read(blob.key, sha256=blob.sha256)

    await anext(reading)
    await reading.aclose()
    await blobs.close()

    assert not any(blob.sha256[2:] in path for path in opened())


async def test_damaged_bytes_are_never_given_whole(blobs: LocalBlobs, folder: Path) -> None:
    blob = await blobs.put(pieces())
    (path,) = files(folder)
    path.write_bytes(DATA[:-1])
    got = []

    async def read_on() -> None:
        async for piece in blobs.read(blob.key, sha256=blob.sha256):
            got.append(piece)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(Damaged):
        await read_on()

    assert 0 < len(b"".join(got)) < len(DATA) - 1


async def test_a_folder_that_cannot_be_reached_is_unavailable(
    blobs: LocalBlobs, folder: Path
) -> None:
    folder.parent.write_text("a file")

    with pytest.raises(Unavailable, match="cannot be reached"):
        await blobs.put(pieces())

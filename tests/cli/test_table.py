from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from polydesk.cli.failure import Failure
from polydesk.cli.table import Table


def table(path: Path, content: bytes, *, encoding: str = "utf-8-sig") -> Table:
    path.write_bytes(content)
    return Table(path, delimiter=",", encoding=encoding)


def test_rows_know_the_line_that_they_begin_in(tmp_path: Path) -> None:
    csv = table(tmp_path / "a.csv", b'\xef\xbb\xbfa,b\r\n1,"two\nlines"\r\n\r\n3,\xc3\xa9\r\n')

    assert csv.head() == ["a", "b"]
    assert [(line.number, line.row) for line in csv.rows()] == [
        (2, {"a": "1", "b": "two\nlines"}),
        (5, {"a": "3", "b": "é"}),
    ]


def test_a_packed_file_is_unpacked_and_has_the_digest_of_its_content(tmp_path: Path) -> None:
    plain = table(tmp_path / "a.csv", b"a\n1\n")
    packed = table(tmp_path / "a.csv.gz", gzip.compress(b"a\n1\n", mtime=0))

    assert packed.content() == plain.content()
    assert [line.row for line in packed.rows()] == [{"a": "1"}]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"a,b\n1\n", "line 2 of .* has 1 columns, and the head has 2"),
        ("a.csv", b'a\n"1\n', "line 2 of .* is no CSV"),
        ("a.csv", b"a\n\xff\n", "line 2 of .* is not utf-8"),
        ("a.csv.gz", b"a\n1\n", "cannot be read: Not a gzipped file"),
        ("a.csv.gz", gzip.compress(b"a\n1\n", mtime=0)[:-9], "cannot be read"),
    ],
)
def test_a_broken_file_is_told(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    csv = table(tmp_path / name, content)

    with pytest.raises(Failure, match=why):
        csv.head(), list(csv.rows())


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="cannot be read: No such file"):
        Table(tmp_path / "a.csv", delimiter=",", encoding="utf-8").content()

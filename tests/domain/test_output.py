"""Output: lines are neither lost nor repeated however they come, and never hold a secret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polydesk.domain.output import LONGEST_LINE, Cutter, Piece


def taken(data: bytes, cuts: list[int], *secrets: str) -> list[Piece]:
    """Takes data as a worker does that sees more of it each time, and dies at any of them."""
    offset, pieces = 0, []
    for seen in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        if seen > offset:
            more, end = Cutter(secrets).cut(data[offset:seen], final=False)
            pieces += more
            offset += end
    more, end = Cutter(secrets).cut(data[offset:], final=True)
    assert offset + end == len(data)
    return pieces + more


def joined(pieces: list[Piece]) -> str:
    return "".join(each.text if each.cut else f"{each.text}\n" for each in pieces)


texts = st.text(alphabet="ab\n é🔥", max_size=200)


@given(texts, st.lists(st.integers(0, 1_000), max_size=8))
def test_lines_are_the_same_however_they_come(text: str, cuts: list[int]) -> None:
    data = text.encode()

    pieces = taken(data, cuts)

    assert joined(pieces) == (text if text.endswith("\n") or not text else f"{text}\n")
    assert [each.text for each in pieces] == text.split("\n")[: len(pieces)]


@given(st.integers(1, 40_000), st.sampled_from(["x", "é", "🔥"]), st.lists(st.integers(0, 99_999)))
def test_a_long_line_is_cut_and_whole(length: int, letter: str, cuts: list[int]) -> None:
    text = letter * length

    pieces = taken(text.encode(), cuts)

    assert joined(pieces) == f"{text}\n"
    assert all(len(each.text) <= LONGEST_LINE for each in pieces)
    assert [each.cut for each in pieces] == [True] * (len(pieces) - 1) + [False]


@given(st.integers(0, 20_000), st.integers(0, 20_000), st.lists(st.integers(0, 50_000)))
def test_no_secret_is_told_wherever_a_line_is_cut(before: int, after: int, cuts: list[int]) -> None:
    secret = "pä55-word"

    pieces = taken(f"{'x' * before}{secret}{'y' * after}".encode(), cuts, secret)

    told = "".join(each.text for each in pieces)
    assert told == f"{'x' * before}***{'y' * after}"


def test_a_secret_of_several_lines_is_told_in_none() -> None:
    key = "-----BEGIN KEY-----\nabcdefgh\nijklmnop\n-----END KEY-----"

    pieces = taken(f"a\n{key}\nb\n".encode(), [], key)

    assert [each.text for each in pieces] == ["a", "***", "***", "***", "***", "b"]


def test_the_longer_of_two_secrets_goes_first() -> None:
    assert Cutter(["abc", "abcdef"]).mask(b"abcdef abc") == "*** ***"


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\0b\n", ["a\ufffdb"]),
        (b"\xff\xfe\n", ["\ufffd\ufffd"]),
        (b"\n\n", ["", ""]),
        (b"", []),
    ],
)
def test_what_no_database_keeps_is_made_text(data: bytes, lines: list[str]) -> None:
    assert [each.text for each in taken(data, [])] == lines

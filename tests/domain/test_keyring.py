"""Sealing: what is bound to its place, which key does it, and which rings are refused."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polydesk.domain.errors import Damaged, NotConfigured
from polydesk.domain.keyring import KeyRing, Sealed, new_line
from polydesk.domain.secret import place

ORGS = st.integers(1, 2**31 - 1)
NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1)
HERE = place(7, "database")


def key(letter: str, *, id_: str = "") -> str:
    """Returns a key as a ring has it, of one letter's bytes."""
    return f"{id_ or letter}:{base64.b64encode(letter.encode() * 32).decode()}"


def ring(*letters: str) -> KeyRing:
    return KeyRing.read(map(key, letters), source="the test")


def test_what_is_sealed_opens_where_it_was_sealed() -> None:
    text = "pässwörd ✓ 🔥\n" * 1_000

    sealed = ring("a").seal(text, about=HERE)

    assert ring("a").open(sealed, about=HERE) == text


def test_the_same_text_is_sealed_otherwise_each_time() -> None:
    boxes = {ring("a").seal("x", about=HERE).box for _ in range(1_000)}

    assert len(boxes) == len({box[:12] for box in boxes}) == 1_000


@pytest.mark.parametrize(
    "there", [place(8, "database"), place(7, "databasf"), place(7, "Database"), b""]
)
def test_what_is_moved_elsewhere_does_not_open(there: bytes) -> None:
    sealed = ring("a").seal("x", about=HERE)

    with pytest.raises(Damaged, match=r"^the secret cannot be opened$"):
        ring("a").open(sealed, about=there)


@given(ORGS, NAMES, ORGS, NAMES)
def test_no_two_secrets_have_the_same_place(org: int, name: str, other: int, named: str) -> None:
    same = (org, name) == (other, named)

    assert (place(org, name) == place(other, named)) is same


@pytest.mark.parametrize("at", [0, 11, 12, 13, -1])
def test_a_bit_that_is_turned_is_found(at: int) -> None:
    sealed = ring("a").seal("hush", about=HERE)
    box = bytearray(sealed.box)
    box[at] ^= 1

    with pytest.raises(Damaged):
        ring("a").open(Sealed(key="a", box=bytes(box)), about=HERE)


@pytest.mark.parametrize("box", [b"", b"1234567", b"x" * 12, b"x" * 27])
def test_what_is_cut_short_is_found(box: bytes) -> None:
    with pytest.raises(Damaged):
        ring("a").open(Sealed(key="a", box=box), about=HERE)


def test_the_first_key_seals_and_all_open() -> None:
    old = ring("a").seal("x", about=HERE)

    both = ring("b", "a")

    assert both.first == both.seal("x", about=HERE).key == "b"
    assert both.open(old, about=HERE) == "x"
    assert both.ids == ("b", "a")


def test_another_key_of_the_same_id_does_not_open() -> None:
    sealed = ring("a").seal("x", about=HERE)
    impostor = KeyRing.read([key("b", id_="a")], source="the test")

    with pytest.raises(Damaged, match=r"^the secret cannot be opened$"):
        impostor.open(sealed, about=HERE)


def test_a_key_that_is_missing_is_named() -> None:
    sealed = ring("a").seal("x", about=HERE)

    with pytest.raises(NotConfigured, match="sealed with the key a, which the hub does not have"):
        ring("b").open(sealed, about=HERE)


def test_a_fresh_key_is_read_and_is_another_each_time() -> None:
    lines = {new_line() for _ in range(100)}

    read = KeyRing.read(sorted(lines), source="the test")

    assert len(read.ids) == 100


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [""],
        ["a"],
        ["a:"],
        [":" + key("a").partition(":")[2]],
        [key("a").partition(":")[2]],
        [key("a")[:-4]],
        [key("a") + "AAAA"],
        ["a:" + base64.b64encode(b"x" * 16).decode()],
        ["a:" + "!" * 44],
        [key("a", id_="a b")],
        [key("a", id_="ä")],
        [key("a", id_="a" * 65)],
        [key("a"), ""],
        [key("a"), key("b", id_="a")],
    ],
)
def test_a_malformed_ring_is_refused_without_a_word_of_its_keys(lines: list[str]) -> None:
    with pytest.raises(NotConfigured, match="POLYDESK_X") as caught:
        KeyRing.read(lines, source="POLYDESK_X")

    told = str(caught.value)
    assert not any(part in told for line in lines if len(part := line.partition(":")[2]) > 4)


def test_a_ring_prints_no_key() -> None:
    read = ring("a", "b")

    assert "YWFh" not in f"{read!r} {read}"
    assert "aaaa" not in f"{read!r} {read}"


def test_a_digest_depends_on_the_first_key() -> None:
    assert ring("a", "b").digest(b"x") == ring("a").digest(b"x")
    assert ring("a").digest(b"x") != ring("b").digest(b"x")

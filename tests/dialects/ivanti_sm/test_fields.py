"""The fields of incidents: those of the page, in its order, from what the desk holds."""

from __future__ import annotations

from polydesk.dialects.ivanti_sm.field import FIELDS, OURS
from tests.dialects.ivanti_sm.page import EXAMPLE, TABLE


def plain(name: str) -> str:
    return name.replace(" ", "").replace("_", "").lower()


def test_the_fields_stand_in_the_order_of_the_example() -> None:
    assert [name for name in FIELDS if name in EXAMPLE] == list(EXAMPLE[1:])


def test_the_fields_are_those_of_the_example_and_the_table() -> None:
    known = {plain(name) for name in FIELDS}

    assert known == {plain(name) for name in (*TABLE, *EXAMPLE[1:])}


def test_a_twin_stands_before_what_it_is_a_twin_of() -> None:
    names = list(FIELDS)
    for name in names:
        if name.endswith("_Valid"):
            assert names[names.index(name) + 1] == name.removesuffix("_Valid")


def test_what_the_desk_has_a_place_for_is_a_field() -> None:
    assert FIELDS.keys() >= OURS

"""Categories and custom fields: what can be among them, and which values fit."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polydesk.domain.catalog import Catalog
from polydesk.domain.category import Category
from polydesk.domain.custom_field import CustomField, FieldType, check_value, merged
from polydesk.domain.errors import Exists, Invalid, NotFound, WrongState
from polydesk.domain.ticket import CustomValue

FITTING: dict[FieldType, st.SearchStrategy[Any]] = {
    FieldType.TEXT: st.text(max_size=255).filter(lambda text: "\0" not in text),
    FieldType.LONG_TEXT: st.text(max_size=900).filter(lambda text: "\0" not in text),
    FieldType.INTEGER: st.integers(-(2**31), 2**31 - 1),
    FieldType.LONG: st.integers(-(2**63), 2**63 - 1),
    FieldType.NUMBER: st.floats(allow_nan=False, allow_infinity=False),
    FieldType.BOOLEAN: st.booleans(),
    FieldType.INTEGER_LIST: st.lists(st.integers(-(2**63), 2**63 - 1), max_size=9),
    FieldType.TEXT_LIST: st.lists(st.sampled_from(["a", "b"]), max_size=9),
}
WRONG: dict[FieldType, list[Any]] = {
    FieldType.TEXT: [1, True, "x" * 256, "\0", ["a"]],
    FieldType.LONG_TEXT: ["x" * 65_537, 1.5],
    FieldType.INTEGER: [2**31, -(2**31) - 1, True, 1.0, "1"],
    FieldType.LONG: [2**63, False],
    FieldType.NUMBER: [1, True, math.inf, math.nan],
    FieldType.BOOLEAN: [1, "true"],
    FieldType.INTEGER_LIST: [["a"], [True], [1] * 101, 1],
    FieldType.TEXT_LIST: [[1], ["x" * 256], ["x"] * 101, "a"],
}


def field(type_: FieldType = FieldType.TEXT, **said: Any) -> CustomField:
    usual: dict[str, Any] = {"id": 0, "key": "building", "type": type_}
    return CustomField(**(usual | said))


def titled(*titles: str) -> Catalog:
    """Returns a catalog of categories, each below the one before it."""
    catalog = Catalog()
    for above, title in enumerate(titles):
        catalog = catalog.with_new_category(Category(id=0, title=title, above=above))
    return catalog


@given(st.data())
def test_a_fitting_value_is_taken_and_kept_as_it_is(data: st.DataObject) -> None:
    type_ = data.draw(st.sampled_from(FieldType))
    value = data.draw(FITTING[type_])

    check_value(field(type_), value)
    kept = msgspec.json.decode(msgspec.json.encode(value), type=CustomValue)

    assert kept == value
    assert type(kept) is type(value)


@pytest.mark.parametrize(
    ("type_", "value"), [(type_, value) for type_, values in WRONG.items() for value in values]
)
def test_a_value_of_another_kind_is_refused_by_the_name_of_the_field(
    type_: FieldType, value: Any
) -> None:
    with pytest.raises(Invalid) as caught:
        check_value(field(type_), value)

    assert caught.value.field == "custom_fields.building"
    assert caught.value.message.startswith("custom_fields.building")


def test_options_are_the_only_texts() -> None:
    choice = field(options=("A", "B"))

    check_value(choice, "A")
    with pytest.raises(Invalid, match="takes one of A, B"):
        check_value(choice, "C")


def test_a_key_that_the_org_does_not_have_names_those_it_has() -> None:
    catalog = Catalog().with_new_field(field()).with_new_field(field(key="floor"))

    with pytest.raises(Invalid, match="there are: building, floor"):
        catalog.check_values({"bulding": "A"})


def test_what_is_said_of_custom_fields_changes_these_alone() -> None:
    assert merged({"a": 1, "b": 2}, {"b": None, "c": 3}) == {"a": 1, "c": 3}


def test_ids_are_chosen_or_the_next_and_never_given_twice() -> None:
    catalog = Catalog().with_new_field(field(id=35)).with_new_field(field(key="floor"))
    catalog = catalog.without_field(36).with_new_field(field(key="room"))

    assert [(each.id, each.key) for each in catalog.fields] == [(35, "building"), (37, "room")]
    with pytest.raises(Exists):
        catalog.with_new_field(field(key="x", id=35))
    with pytest.raises(Exists):
        catalog.with_new_field(field(key="room"))


@pytest.mark.parametrize("key", ["", "Building", "1st", "a b", "a" * 64, "ä"])
def test_a_key_is_a_plain_name(key: str) -> None:
    with pytest.raises(Invalid):
        Catalog().with_new_field(field(key=key))


def test_siblings_have_titles_of_their_own() -> None:
    catalog = titled("Hardware", "Printer")

    with pytest.raises(Exists):
        catalog.with_new_category(Category(id=0, title="hardware"))
    assert len(catalog.with_new_category(Category(id=0, title="Printer")).categories) == 3


def test_a_category_is_never_below_itself() -> None:
    catalog = titled("A", "B", "C")

    with pytest.raises(Invalid, match="below itself"):
        catalog.with_category(Category(id=1, title="A", above=3))
    with pytest.raises(NotFound):
        catalog.with_category(Category(id=1, title="A", above=9))


def test_levels_are_limited_wherever_the_change_is() -> None:
    catalog = titled("1", "2", "3", "4", "5").with_new_category(Category(id=0, title="top"))

    with pytest.raises(Invalid):
        titled("1", "2", "3", "4", "5", "6")
    with pytest.raises(Invalid):
        catalog.with_category(Category(id=1, title="1", above=6))


def test_a_category_with_others_below_it_stays() -> None:
    with pytest.raises(WrongState):
        titled("A", "B").without_category(1)

    assert titled("A", "B").without_category(2).categories == titled("A").categories

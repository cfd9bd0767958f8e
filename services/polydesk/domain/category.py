"""Categories: the words by which an org classifies its tickets, some below others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from polydesk.domain.errors import Exists, Invalid, Missing, NotFound
from polydesk.domain.ticket import LONGEST_NAME, check_text

MOST_LEVELS: Final = 5


class Category(msgspec.Struct, frozen=True, kw_only=True):
    """A word of an org; `above` is the id of the category it is below, 0 at the top."""

    id: int
    title: str
    above: int = 0
    service: str = ""


def check_category(category: Category, all_: Mapping[int, Category]) -> None:
    """Refuses a category that cannot be among all of them."""
    if not category.title.strip():
        raise Missing("category.title is required", field="category.title")
    check_text("category.title", category.title, most=LONGEST_NAME)
    check_text("category.service", category.service, most=LONGEST_NAME)
    for other in all_.values():
        _check_level(other, all_)
        siblings = other.id != category.id and other.above == category.above
        if siblings and other.title.casefold() == category.title.casefold():
            raise Exists(f"there is a category {other.title} already")


def _check_level(category: Category, all_: Mapping[int, Category]) -> None:
    level, above = 1, category.above
    while above:
        if above not in all_:
            raise NotFound(f"there is no category {above}")
        level, above = level + 1, all_[above].above
        if level > MOST_LEVELS:  # as in a circle
            raise Invalid(
                f"a category is below itself, or below {MOST_LEVELS} others",
                field="category.parent_category",
            )

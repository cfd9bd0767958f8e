"""The catalog of an org: its categories and its custom fields. An operator changes it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, TypeVar

import msgspec
from msgspec.structs import replace

from polydesk.domain.category import Category, check_category
from polydesk.domain.cursor import Slice, cut, read_cursor
from polydesk.domain.custom_field import CustomField, check_field, check_value
from polydesk.domain.errors import Exists, Invalid, NotFound, WrongState

MOST_CATEGORIES: Final = 1_000
MOST_FIELDS: Final = 200
_HIGHEST: Final = 2**31 - 1
Entry = TypeVar("Entry", Category, CustomField)


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """What an org has decided; `newest_…` is the highest id ever given, for none is given twice."""

    categories: tuple[Category, ...] = ()
    fields: tuple[CustomField, ...] = ()
    newest_category: int = 0
    newest_field: int = 0

    @property
    def by_key(self) -> dict[str, CustomField]:
        """Returns the custom fields by their keys."""
        return {field.key: field for field in self.fields}

    def category(self, id_: int) -> Category:
        """Returns a category."""
        return _found("category", self.categories, id_)

    def field(self, id_: int) -> CustomField:
        """Returns a custom field."""
        return _found("custom field", self.fields, id_)

    def with_new_category(self, category: Category) -> Catalog:
        """Returns the catalog with one category more; one with the id 0 gets the next."""
        id_ = _new_id(self.categories, category.id, self.newest_category)
        return self.with_category(replace(category, id=id_))

    def with_category(self, category: Category) -> Catalog:
        """Returns the catalog with a category, new or changed."""
        others = [each for each in self.categories if each.id != category.id]
        check_category(category, {each.id: each for each in (*others, category)})
        _check_room(others, MOST_CATEGORIES, "categories")
        return replace(
            self,
            categories=_by_id(*others, category),
            newest_category=max(category.id, self.newest_category),
        )

    def with_new_field(self, field: CustomField) -> Catalog:
        """Returns the catalog with one custom field more; one with the id 0 gets the next."""
        id_ = _new_id(self.fields, field.id, self.newest_field)
        return self.with_field(replace(field, id=id_))

    def with_field(self, field: CustomField) -> Catalog:
        """Returns the catalog with a custom field, new or changed."""
        check_field(field)
        others = [each for each in self.fields if each.id != field.id]
        if any(each.key == field.key for each in others):
            raise Exists(f"there is a custom field {field.key} already")
        _check_room(others, MOST_FIELDS, "custom fields")
        return replace(
            self, fields=_by_id(*others, field), newest_field=max(field.id, self.newest_field)
        )

    def without_category(self, id_: int) -> Catalog:
        """Returns the catalog without a category, below which there must be none."""
        self.category(id_)
        if any(each.above == id_ for each in self.categories):
            raise WrongState(f"there are categories below category {id_}: delete them first")
        left = tuple(each for each in self.categories if each.id != id_)
        return replace(self, categories=left)

    def without_field(self, id_: int) -> Catalog:
        """Returns the catalog without a custom field."""
        self.field(id_)
        return replace(self, fields=tuple(each for each in self.fields if each.id != id_))

    def check_values(self, values: Mapping[str, Any]) -> None:
        """Refuses values of custom fields that the org does not have, or that do not fit."""
        known = self.by_key if values else {}
        for key, value in values.items():
            if key not in known:
                names = ", ".join(sorted(known)) or "none"
                raise Invalid(
                    f"the org has no custom field {key[:63]}; there are: {names}",
                    field=f"custom_fields.{key[:63]}",
                )
            if value is not None:
                check_value(known[key], value)


def _new_id(entries: Collection[Entry], chosen: int, newest: int) -> int:
    id_ = chosen or newest + 1
    if not 1 <= id_ <= _HIGHEST:
        raise Invalid(f"an id is 1 to {_HIGHEST}: choose one", field="id")
    if any(each.id == id_ for each in entries):
        raise Exists(f"the id {id_} is taken")
    return id_


def page(entries: Sequence[Entry], *, asked: Any, limit: int, token: str) -> Slice[Entry]:
    """Returns the entries behind a token, by their ids."""
    after = read_cursor(token, asked=asked)
    behind = [each for each in entries if each.id > after]
    return cut(behind[: limit + 1], limit, asked=asked, id_of=attrgetter("id"))


def _found(what: str, entries: Collection[Entry], id_: int) -> Entry:
    for entry in entries:
        if entry.id == id_:
            return entry
    raise NotFound(f"there is no {what} {id_}")


def _by_id(*entries: Entry) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=attrgetter("id")))


def _check_room(others: Collection[Entry], most: int, what: str) -> None:
    if len(others) >= most:
        raise Invalid(f"an org has at most {most} {what}")

"""The full-text search, which is asked and answered otherwise than `$search`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from polydesk import wire
from polydesk.dialects.ivanti_sm.incident import text_of
from polydesk.dialects.ivanti_sm.option import MOST_TOP, USUAL_TOP, Options, read_words
from polydesk.domain.errors import Invalid, Missing

TYPES: Final = ("incident", "incident#")
_MOST: Final = 10**9
# As Ivanti's own help has it: the fields of a row, and the numbers of their types.
_FIELDS: Final = (
    ("IncidentNumber", "Incident ID", 6),
    ("Subject", "Summary", 1),
    ("RecId", "RecId", 4),
)


class Sought(msgspec.Struct, frozen=True):
    """What is sought: the text as it was said, and the options of the query that finds it."""

    text: str
    options: Options


def read_sought(said: Mapping[str, Any]) -> Sought:
    """Reads what is sought."""
    text = text_of("Text", said.get("Text"))
    words = read_words(text)
    if not words:
        raise Missing(
            "Search keyword cannot be blank, provide a keyword and try again", field="Text"
        )
    kind = text_of("ObjectType", said.get("ObjectType"))
    if kind.strip().casefold() not in TYPES:
        raise Invalid(f"ObjectType is {wire.clip(kind)}, it can be Incident", field="ObjectType")
    top, skip = _number("Top", said, usual=USUAL_TOP), _number("Skip", said, usual=0)
    return Sought(text, Options(words=words, top=min(top, MOST_TOP), skip=skip))


def found(sought: Sought, entities: Sequence[Mapping[str, Any]], total: int) -> dict[str, Any]:
    """Returns the answer."""
    return {
        "data": [{name: each[name] for name, _, _ in _FIELDS} for each in entities],
        "metaData": [
            {"FieldRef": name, "DisplayName": shown, "DataType": kind}
            for name, shown, kind in _FIELDS
        ],
        "totalRows": total,
        "keyRef": "RecId",
        "searchText": sought.text,
    }


def _number(name: str, said: Mapping[str, Any], *, usual: int) -> int:
    number = said.get(name)
    if number is None:
        return usual
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= _MOST:
        raise Invalid(f"{name} is a number from 0 to {_MOST}", field=name)
    return number

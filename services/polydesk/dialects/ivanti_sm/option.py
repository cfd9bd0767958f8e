"""The other options of a query: order, page, choice of fields, words."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from polydesk import wire
from polydesk.api.ivanti_sm.v1 import ivanti_sm_pb2 as pb
from polydesk.domain.errors import Invalid
from polydesk.domain.ticket import LONGEST_NAME, check_text

Asked = pb.ReadObjectsRequest | pb.ReadRelatedRequest

USUAL_TOP: Final = 25
MOST_TOP: Final = 100
MOST_SKIP: Final = 10**9
MOST_FIELDS: Final = 200
MOST_WORDS: Final = 10
_DIGITS: Final = re.compile(r"[0-9]{1,18}")
_COUNTS: Final = {"": True, "true": True, "false": False}
_WORD: Final = re.compile(r'"([^"]*+)"?|([^\s"]++)')


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a query asks for besides its filter; no field in `select` asks for all."""

    order: tuple[tuple[str, bool], ...] = ()
    top: int = USUAL_TOP
    skip: int = 0
    select: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    count: bool = True


def read_options(said: Asked) -> Options:
    """Reads the options of a query."""
    for name, asked in (("$expand", said.expand), ("$apply", said.apply)):
        if asked:
            raise Invalid(f"{name} is not taken: leave it out", field=name)
    count = _COUNTS.get(said.count.strip().lower())
    if count is None:
        raise Invalid(f"$count is {wire.clip(said.count)}, it can be true or false", field="$count")
    return Options(
        order=read_order(said.orderby),
        # Who asks for more gets as many as there are on a page; the count tells the rest.
        top=min(_number("$top", said.top, usual=USUAL_TOP), MOST_TOP),
        skip=_number("$skip", said.skip, usual=0),
        select=read_select(said.select),
        words=read_words(said.search),
        count=count,
    )


def read_order(text: str) -> tuple[tuple[str, bool], ...]:
    """Reads `CreatedDateTime desc, IncidentNumber`: names, and whether they descend."""
    check_text("$orderby", text, most=1_000)
    order = []
    for part in text.split(",") if text.strip() else ():
        name, *way = part.split() or [""]
        if not name or [word.lower() for word in way] not in ([], ["asc"], ["desc"]):
            raise Invalid(
                f"$orderby cannot be {wire.clip(text)}; it takes names, and asc or desc behind"
                " each",
                field="$orderby",
            )
        order.append((name, bool(way) and way[0].lower() == "desc"))
    return tuple(order)


def read_select(text: str) -> tuple[str, ...]:
    """Reads `Subject,Status`; `*` is all."""
    names = [name.strip() for name in text.split(",")] if text.strip() else []
    if len(names) > MOST_FIELDS or any(len(name) > LONGEST_NAME for name in names):
        raise Invalid(f"$select has more than {MOST_FIELDS} fields", field="$select")
    if "" in names:
        raise Invalid("$select takes names of fields with commas between them", field="$select")
    return () if "*" in names else tuple(dict.fromkeys(names))


def read_words(text: str) -> tuple[str, ...]:
    """Reads `$search`: all its words, as they are compared; quotes keep none together."""
    check_text("$search", text, most=LONGEST_NAME)
    found = [word for quoted, bare in _WORD.findall(text) for word in (quoted or bare).split()]
    if len(found) > MOST_WORDS:
        raise Invalid(f"$search has more than {MOST_WORDS} words", field="$search")
    return tuple(dict.fromkeys(word.casefold() for word in found))


def selected(
    entities: Sequence[Mapping[str, Any]], names: Sequence[str], known: Collection[str]
) -> list[dict[str, Any]]:
    """Returns the fields that are wanted, in their own order; those without a value are null."""
    if not names:
        return [dict(entity) for entity in entities]
    spelt = {each.casefold(): each for each in (*known, *(n for e in entities for n in e))}
    for name in names:
        if name.casefold() not in spelt:
            raise Invalid(f"$select: there is no field {wire.clip(name)}", field="$select")
    wanted = {spelt[name.casefold()] for name in names}
    order = [name for name in spelt.values() if name in wanted]
    return [{name: entity.get(name) for name in order} for entity in entities]


def in_order(
    entities: Iterable[Mapping[str, Any]], order: Sequence[tuple[str, bool]], known: Collection[str]
) -> list[Mapping[str, Any]]:
    """Sorts what is not looked for in the database; what has no value comes first."""
    spelt = {name.casefold(): name for name in known}
    found = list(entities)
    for name, descends in reversed(order):
        field = spelt.get(name.casefold())
        if field is None:
            raise no_order(name, known)
        found.sort(key=partial(_place, field=field), reverse=descends)
    return found


def _place(entity: Mapping[str, Any], *, field: str) -> str:
    return str(entity.get(field) or "").casefold()


def no_order(name: str, known: Iterable[str]) -> Invalid:
    """Says what may be ordered by."""
    return Invalid(
        f"$orderby: there is no order by {wire.clip(name)}; there are {', '.join(known)}",
        field="$orderby",
    )


def _number(name: str, text: str, *, usual: int) -> int:
    if not text.strip():
        return usual
    if not _DIGITS.fullmatch(text.strip()) or int(text) > MOST_SKIP:
        raise Invalid(f"{name} is {wire.clip(text)}, it can be 0 to {MOST_SKIP}", field=name)
    return int(text)

"""`$filter`: OData's language, read into the conditions of a query.

    or:         and {"or" and}
    and:        not {"and" not}
    not:        ["not"] (comparison | call | "(" or ")")
    comparison: field ("eq" | "ne" | "lt" | "le" | "gt" | "ge") value
    call:       ("contains" | "startswith" | "endswith") "(" field "," text ")"
    value:      'a text, with '' for a quote' | number | true | false | null | a time

What a field is, and what a comparison of it means, its set says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from polydesk.domain.errors import Invalid
from polydesk.domain.query import All, AnyOf, Condition, Not
from polydesk.domain.ticket import check_text

NAME: Final = "$filter"
LONGEST_FILTER: Final = 2_000
MOST_COMPARISONS: Final = 50
MOST_LEVELS: Final = 10
COMPARISONS: Final = ("eq", "ne", "lt", "le", "gt", "ge")
FUNCTIONS: Final = ("contains", "startswith", "endswith")

Value = str | int | float | bool | datetime | None
# Says what an operator and a value mean for a field, which comes first, as it was written.
Field = Callable[[str, str, Value], Condition]

_KEYWORDS: Final = frozenset({"and", "or", "not", *COMPARISONS})
_CONSTANTS: Final[Mapping[str, Value]] = {"true": True, "false": False, "null": None}
# As older clients of Ivanti write null.
NULL: Final = "'$NULL'"
_LONGEST_QUOTE: Final = 40
_LONGEST_NUMBER: Final = 40
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*+')|(?P<open>'.*)"
    # A `+` that nobody has encoded arrives as a blank.
    r"|(?P<time>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?(?:Z|[ +-]\d\d:\d\d)?)?)"
    r"|(?P<number>-?\d++(?:\.\d++)?(?:[eE][+-]?\d++)?)"
    r"|(?P<name>[A-Za-z_][\w./]*+)|(?P<sign>[(),])|(?P<other>\S))",
    re.DOTALL | re.ASCII,
)


class Token(NamedTuple):
    """A piece: `kind` is text, time, number, name, sign, other, open (of a quote) or end."""

    kind: str
    text: str
    at: int

    @property
    def word(self) -> str:
        """Returns a keyword or the name of a function; they are taken in any letter case."""
        return self.text.lower() if self.kind == "name" else ""


def parse_filter(text: str, fields: Mapping[str, Field]) -> Condition | None:
    """Reads a filter; `fields` are those of the set, by their names as they are printed."""
    check_text(NAME, text, most=LONGEST_FILTER)
    return _Reader(text, fields).read() if text.strip() else None


def tokens(text: str) -> Iterator[Token]:
    """Cuts a filter into pieces, each looked at once."""
    at = 0
    while match := _TOKEN.match(text, at):
        kind = match.lastgroup or ""
        yield Token(kind, match[kind], match.start(kind))
        at = match.end()
    yield Token("end", "", len(text))


class _Reader:
    """Reads a filter from left to right, one token ahead."""

    def __init__(self, text: str, fields: Mapping[str, Field]) -> None:
        self._fields = {name.casefold(): field for name, field in fields.items()}
        self._names = ", ".join(fields)
        self._tokens = tokens(text)
        self._ahead = next(self._tokens)
        self._comparisons = 0
        self._levels = 0

    def read(self) -> Condition:
        condition = self._or()
        if self._ahead.text == ")":
            raise _wrong("there is no ( for the )", self._ahead)
        if self._ahead.kind != "end":
            raise _expected("and or or", self._ahead)
        return condition

    def _or(self) -> Condition:
        parts = self._joined(self._and, "or")
        return parts[0] if len(parts) == 1 else AnyOf(parts)

    def _and(self) -> Condition:
        parts = self._joined(self._not, "and")
        return parts[0] if len(parts) == 1 else All(parts)

    def _joined(self, read: Callable[[], Condition], joint: str) -> tuple[Condition, ...]:
        parts = [read()]
        while self._ahead.word == joint:
            self._take()
            parts.append(read())
        return tuple(parts)

    def _not(self) -> Condition:
        if self._ahead.word != "not":
            return self._one()
        self._take()
        return Not(self._one())

    def _one(self) -> Condition:
        if self._ahead.text != "(":
            return self._term()
        opened = self._take()
        self._levels += 1
        if self._levels > MOST_LEVELS:
            raise _wrong(f"there are more than {MOST_LEVELS} levels of parentheses", opened)
        condition = self._or()
        self._sign(")", f"and, or, or ) for the ( at character {opened.at + 1},")
        self._levels -= 1
        return condition

    def _term(self) -> Condition:
        name = self._take()
        self._comparisons += 1
        if self._comparisons > MOST_COMPARISONS:
            raise _wrong(f"there are more than {MOST_COMPARISONS} comparisons", name)
        if name.kind != "name" or name.word in _KEYWORDS:
            raise _expected("a comparison such as Status eq 'Active'", name)
        if self._ahead.text == "(":
            return self._call(name)
        field, sign = self._field(name), self._take()
        if sign.word not in COMPARISONS:
            raise _expected(f"one of {' '.join(COMPARISONS)} behind {_clip(name.text)}", sign)
        return field(name.text, sign.word, self._value())

    def _call(self, function: Token) -> Condition:
        if function.word not in FUNCTIONS:
            known = ", ".join(FUNCTIONS)
            raise _wrong(f"the function {_clip(function.text)} is not taken", function, known)
        self._take()
        name = self._take()
        if self._ahead.text == "(":
            raise _wrong(f"the function {_clip(name.text)} is not taken", name, "a field's name")
        if name.kind != "name":
            raise _expected(f"the field that {function.word} looks at", name)
        field = self._field(name)
        self._sign(",", f", behind {_clip(name.text)}")
        part = self._ahead
        value = self._value()
        if not isinstance(value, str):
            raise _expected("a text in quotes", part)
        self._sign(")", f") for {function.word}(")
        return field(name.text, function.word, value)

    def _field(self, name: Token) -> Field:
        field = self._fields.get(name.text.casefold())
        if field is None:
            raise _wrong(f"there is no filter by {_clip(name.text)}", name, self._names)
        return field

    def _value(self) -> Value:
        said = self._take()
        match said.kind:
            case "text" if said.text.upper() == NULL:
                return None
            case "text":
                return said.text[1:-1].replace("''", "'")
            case "open":
                raise _wrong("the text that begins here has no closing quote", said)
            case "number":
                return _number(said)
            case "time":
                return _time(said)
            case "name" if said.word in _CONSTANTS:
                return _CONSTANTS[said.word]
        raise _expected("a value: a text in quotes, a number, a time, true, false, null,", said)

    def _sign(self, sign: str, what: str) -> None:
        token = self._take()
        if token.kind != "sign" or token.text != sign:
            raise _expected(what, token)

    def _take(self) -> Token:
        token = self._ahead
        self._ahead = next(self._tokens, token)
        return token


def _number(said: Token) -> int | float:
    if len(said.text) > _LONGEST_NUMBER:
        raise _wrong(f"{_clip(said.text)} is too long for a number", said)
    try:
        return int(said.text)
    except ValueError:
        return float(said.text)


def _time(said: Token) -> datetime:
    try:
        return read_moment(said.text)
    except ValueError as error:
        raise _wrong(f"{_clip(said.text)} is no time", said) from error


def read_moment(text: str) -> datetime:
    """Reads a time of ISO 8601, or a day, which begins at midnight; without an offset it is UTC."""
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error


def _expected(what: str, found: Token) -> Invalid:
    stands = f"{_clip(found.text)} stands" if found.text else "the filter ends"
    return Invalid(
        f"{NAME}: {what} is expected at character {found.at + 1}, where {stands}", field=NAME
    )


def _wrong(what: str, where: Token, known: str = "") -> Invalid:
    more = f"; there is {known}" if known else ""
    return Invalid(f"{NAME}: {what} (character {where.at + 1}){more}", field=NAME)


def _clip(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"

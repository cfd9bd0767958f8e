"""The language of filters: a part of AIP-160, which is read into the conditions of a query.

    filter:     all
    all:        any {"AND" any}
    any:        one {"OR" one}
    one:        ["NOT" | "-"] (comparison | "(" all ")")
    comparison: field ("=" | "!=" | "<" | "<=" | ">" | ">=" | ":") value
    value:      a text in quotes | a bare word | "*" behind ":"

OR binds closer than AND, as AIP-160 has it. Two comparisons side by side are refused, although it
would join them by AND: what was left out may as well have been an OR. So are functions, bare words
without a field, and `.`: a ticket has no fields below fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from enum import Enum
from typing import Final, NamedTuple

from polydesk.domain.errors import Invalid
from polydesk.domain.query import (
    FIELDS,
    NAMES,
    All,
    AnyOf,
    Comparison,
    Condition,
    Not,
    Operator,
)
from polydesk.domain.ticket import Kind, State, check_text

LONGEST_FILTER: Final = 2_000
MOST_COMPARISONS: Final = 50
MOST_LEVELS: Final = 10

_COMPARISON: Final = 'a comparison such as state = "ACTIVE"'
_JOINT: Final = "AND or OR, in capitals,"
_KEYWORDS: Final = frozenset({"AND", "OR", "NOT"})
_LONGEST_QUOTE: Final = 40
_QUOTED: Final = r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')|(?P<open>["'].*)"""
_TOKEN: Final = re.compile(
    _QUOTED + r"|(?P<name>[A-Za-z_]\w*)|(?P<sign><=|>=|!=|[=<>:])|(?P<other>\S))", re.DOTALL
)
# Behind a sign, a bare word may hold what a time, a number of a ticket or an address holds.
_VALUE: Final = re.compile(
    _QUOTED + r"""|(?P<name>[^\s"'()=<>!:][^\s"()=<>!]*)|(?P<other>\S))""", re.DOTALL
)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES: Final = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "r": "\r", "t": "\t"}
_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)?)?", re.ASCII
)
_EVERY: Final[tuple[Operator, ...]] = ("=", "!=", "<", "<=", ">", ">=", ":")


class Token(NamedTuple):
    """A piece of a filter: `kind` is text, name, sign, other, open (of a quote) or end."""

    kind: str
    text: str
    at: int


def parse_filter(text: str) -> Condition | None:
    """Reads `state = "ACTIVE" AND (assignee = ann OR NOT summary : printer)`."""
    check_text("filter", text, most=LONGEST_FILTER)
    return _Reader(text).read() if text.strip() else None


def tokens(text: str) -> Iterator[Token]:
    """Cuts a filter into pieces, each looked at once; what a quote opens and none ends is one."""
    pattern, at = _TOKEN, 0
    while match := pattern.match(text, at):
        kind = match.lastgroup or ""
        yield Token(kind, match[kind], match.start(kind))
        pattern, at = _VALUE if kind == "sign" else _TOKEN, match.end()
    yield Token("end", "", len(text))


class _Reader:
    """Reads a filter from left to right, one token ahead."""

    def __init__(self, text: str) -> None:
        self._tokens = tokens(text)
        self._ahead = next(self._tokens)
        self._comparisons = 0
        self._levels = 0

    def read(self) -> Condition:
        condition = self._all()
        if self._ahead.text == ")":
            raise _wrong("there is no ( for the )", self._ahead)
        if self._ahead.kind != "end":
            raise _expected(_JOINT, self._ahead)
        return condition

    def _all(self) -> Condition:
        parts = self._joined(self._any, "AND")
        return parts[0] if len(parts) == 1 else All(parts)

    def _any(self) -> Condition:
        parts = self._joined(self._one, "OR")
        return parts[0] if len(parts) == 1 else AnyOf(parts)

    def _joined(self, read: Callable[[], Condition], joint: str) -> tuple[Condition, ...]:
        parts = [read()]
        while self._ahead.kind == "name" and self._ahead.text == joint:
            self._take()
            parts.append(read())
        return tuple(parts)

    def _one(self) -> Condition:
        if self._ahead.text in ("NOT", "-") and self._ahead.kind != "text":
            self._take()
            return Not(self._simple())
        return self._simple()

    def _simple(self) -> Condition:
        if self._ahead.text != "(":
            return self._comparison()
        opened = self._take()
        self._levels += 1
        if self._levels > MOST_LEVELS:
            raise _wrong(f"there are more than {MOST_LEVELS} levels of parentheses", opened)
        condition = self._all()
        if self._ahead.text != ")":
            raise _expected(f"{_JOINT} or ) for the ( at character {opened.at + 1}", self._ahead)
        self._take()
        self._levels -= 1
        return condition

    def _comparison(self) -> Comparison:
        name, sign = self._field(), self._take()
        type_ = FIELDS[NAMES[name.text]]
        if sign.kind != "sign":
            raise _expected(f"one of {' '.join(_operators(type_))} behind {name.text}", sign)
        self._comparisons += 1
        if self._comparisons > MOST_COMPARISONS:
            raise _wrong(f"there are more than {MOST_COMPARISONS} comparisons", name)
        said = self._take()
        if sign.text not in _operators(type_):
            raise _wrong(f"{name.text} takes {' '.join(_operators(type_))}, not {sign.text}", sign)
        value = None if _is_star(sign, said) else _value(name.text, said, type_)
        if sign.text == ":" and value is not None and type_ is not str:
            raise _wrong(f"{name.text} takes : with * alone, which asks for any value", said)
        return Comparison(NAMES[name.text], sign.text, value)

    def _field(self) -> Token:
        name = self._take()
        if name.kind != "name" or name.text in _KEYWORDS:
            raise _expected(_COMPARISON, name)
        if name.text not in NAMES:
            raise _wrong(f"there is no field {_clip(name.text)}", name, f"; {_known()}")
        return name

    def _take(self) -> Token:
        token = self._ahead
        self._ahead = next(self._tokens, token)
        return token


def _operators(type_: type) -> tuple[Operator, ...]:
    return ("=", "!=") if type_ in (Kind, State) else _EVERY


def _is_star(sign: Token, said: Token) -> bool:
    return sign.text == ":" and said.kind == "name" and said.text == "*"


def _value(name: str, said: Token, type_: type) -> str | datetime | Enum:
    if said.kind == "open":
        raise _wrong("the text that begins here has no closing quote", said)
    if said.kind not in ("text", "name") or (said.kind == "name" and said.text in _KEYWORDS):
        raise _expected(f"a value of {name}, in quotes if it is not one word,", said)
    text = _unquoted(said) if said.kind == "text" else said.text
    if type_ is str:
        return text
    try:
        return _time(text) if type_ is datetime else _member(text, type_)
    except (ValueError, OverflowError) as error:
        takes = f"; it takes {_allowed(type_)}"
        raise _wrong(f"{name} cannot be {_clip(text)}", said, takes) from error


def _unquoted(said: Token) -> str:
    def meant(escape: re.Match[str]) -> str:
        if escape[1] not in _ESCAPES:
            at = said._replace(at=said.at + 1 + escape.start())
            raise _wrong(f"{escape[0]} is no escape", at, r"; there are \\ \" \' \n \r \t")
        return _ESCAPES[escape[1]]

    return _ESCAPE.sub(meant, said.text[1:-1])


def _time(text: str) -> datetime:
    if not _TIME.fullmatch(text):
        raise ValueError(text)
    moment = datetime.fromisoformat(text.upper())
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _member(text: str, type_: type) -> Enum:
    """Reads ACTIVE, or STATE_ACTIVE as the contract's JSON has it."""
    member: Enum = type_(text.removeprefix(f"{type_.__name__.upper()}_"))
    return member


def _allowed(type_: type) -> str:
    if issubclass(type_, Enum):
        return ", ".join(member.value for member in type_)
    return "a time such as 2026-01-31T10:00:00Z, or a day such as 2026-01-31"


def _known() -> str:
    return f"there are {', '.join(NAMES)}"


def _expected(what: str, found: Token) -> Invalid:
    stands = f"{_clip(found.text)} stands" if found.text else "the filter ends"
    return Invalid(
        f"filter: {what} is expected at character {found.at + 1}, where {stands}", field="filter"
    )


def _wrong(what: str, where: Token, more: str = "") -> Invalid:
    return Invalid(f"filter: {what} (character {where.at + 1}){more}", field="filter")


def _clip(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"

"""The language of filters: what is read, and what is said of what cannot be read."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from enum import Enum
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polydesk.domain import filter as filter_
from polydesk.domain.errors import Invalid
from polydesk.domain.filter import LONGEST_FILTER, parse_filter, tokens
from polydesk.domain.query import FIELDS, NAMES, All, AnyOf, Comparison, Condition, Not
from polydesk.domain.ticket import Kind, Level, Priority, State

NOON = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
A = Comparison("number", "=", "a")
B = Comparison("number", "=", "b")
C = Comparison("number", "=", "c")
CONTRACT = {field: name for name, field in NAMES.items()}


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("  ", None),
        ("number=a", A),
        ("\tnumber\n=\r\na ", A),
        ("(number = a)", A),
        ("((number = a))", A),
        ("number = a AND number = b", All((A, B))),
        ("number = a OR number = b", AnyOf((A, B))),
        ("number = a AND number = b AND number = c", All((A, B, C))),
        ("number = a AND number = b OR number = c", All((A, AnyOf((B, C))))),
        ("number = a OR number = b AND number = c", All((AnyOf((A, B)), C))),
        ("(number = a AND number = b) OR number = c", AnyOf((All((A, B)), C))),
        ("(number=a)AND(number=b)", All((A, B))),
        ("NOT number = a", Not(A)),
        ("-number = a", Not(A)),
        ("- number = a", Not(A)),
        ("NOT(number = a)", Not(A)),
        ("-(number = a OR number = b)", Not(AnyOf((A, B)))),
        ("NOT (NOT number = a)", Not(Not(A))),
        ("NOT number = a AND number = b", All((Not(A), B))),
    ],
)
def test_or_binds_closer_than_and_and_not_closest(text: str, condition: Condition | None) -> None:
    assert parse_filter(text) == condition


@pytest.mark.parametrize(
    ("text", "comparison"),
    [
        ("kind = EVENT", Comparison("kind", "=", Kind.EVENT)),
        ('state != "WAITING"', Comparison("state", "!=", State.WAITING)),
        ("state = STATE_WAITING", Comparison("state", "=", State.WAITING)),
        ("impact >= LEVEL_LOW", Comparison("impact", ">=", Level.LOW)),
        ("urgency < HIGH", Comparison("urgency", "<", Level.HIGH)),
        ("priority <= PRIORITY_HIGH", Comparison("priority", "<=", Priority.HIGH)),
        ("priority : *", Comparison("priority", ":", None)),
        ("resolve_time:*", Comparison("resolved_at", ":", None)),
        ("assignee:*", Comparison("assignee", ":", None)),
        ('assignee:"*"', Comparison("assignee", ":", "*")),
        ("assignee = *", Comparison("assignee", "=", "*")),
        ("summary:Printer", Comparison("summary", ":", "Printer")),
        ('summary : ""', Comparison("summary", ":", "")),
        ("number = INC-1/a,b", Comparison("number", "=", "INC-1/a,b")),
        ("number = -5", Comparison("number", "=", "-5")),
        ("sys_id > O'Brien:x", Comparison("sys_id", ">", "O'Brien:x")),
        ("requester = ann@example.org", Comparison("requester", "=", "ann@example.org")),
        ("category = Büro", Comparison("category", "=", "Büro")),
        (r'number = "a \"b\" AND c"', Comparison("number", "=", 'a "b" AND c')),
        (r"number = 'a \'b\' \\ \n\r\t'", Comparison("number", "=", "a 'b' \\ \n\r\t")),
        ("number = '\"'", Comparison("number", "=", '"')),
        ('number = "NOT"', Comparison("number", "=", "NOT")),
        ("open_time>=2026-01-31T12:00:00.123456Z", Comparison("opened_at", ">=", NOON)),
        ('open_time < "2026-01-31T12:00:00.123456789z"', Comparison("opened_at", "<", NOON)),
        ("modify_time = 2026-01-31T13:30:00.123456+01:30", Comparison("modified_at", "=", NOON)),
        ("close_time > 2026-01-31T12:00:00.123456", Comparison("closed_at", ">", NOON)),
        (
            "create_time > 2026-01-31",
            Comparison("created_at", ">", datetime(2026, 1, 31, tzinfo=UTC)),
        ),
    ],
)
def test_values_are_read_by_the_type_of_their_field(text: str, comparison: Comparison) -> None:
    assert parse_filter(text) == comparison


def test_every_field_of_the_contract_is_known() -> None:
    assert " ".join(NAMES) == (
        "kind number sys_id summary description state wait_reason requester assignee"
        " assignment_group category cause_code parent_number impact urgency priority"
        " open_time modify_time resolve_time close_time create_time update_time"
    )


TIMES = "a time such as 2026-01-31T10:00:00Z, or a day such as 2026-01-31"
JOINT = "AND or OR, in capitals, is expected at character"
ASKED = 'a comparison such as state = "ACTIVE" is expected at character'
VALUE = "in quotes if it is not one word, is expected at character"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("colour = red", "there is no field colour (character 1); there are kind, number, sys_id,"),
        ("state = ACTIVE AND opened_at = x", "there is no field opened_at (character 20)"),
        ("f" * 99 + " = x", f"there is no field {'f' * 40}… (character 1)"),
        ("printer", "there is no field printer (character 1)"),
        ("state", "one of = != behind state is expected at character 6, where the filter ends"),
        (
            "summary ~ x",
            "one of = != < <= > >= : behind summary is expected at character 9, where ~",
        ),
        ("state.name = x", "one of = != behind state is expected at character 6, where . stands"),
        ("state =", f"a value of state, {VALUE} 8, where the filter ends"),
        ("state = )", f"a value of state, {VALUE} 9, where ) stands"),
        ("state == ACTIVE", f"a value of state, {VALUE} 8, where = stands"),
        ("number = AND", f"a value of number, {VALUE} 10, where AND stands"),
        ("state > ACTIVE", "state takes = !=, not > (character 7)"),
        ("kind : INC", "kind takes = !=, not : (character 6)"),
        ("open_time : 2026-01-31", "open_time takes : with * alone"),
        ("impact : HIGH", "impact takes : with * alone, which asks for any value (character 10)"),
        ("state = LOST", "state cannot be LOST (character 9); it takes LOGGED, ACTIVE, WAITING,"),
        ("state = active", "state cannot be active (character 9)"),
        ("priority = KIND_HIGH", "it takes PLANNING, LOW, MEDIUM, HIGH, CRITICAL"),
        (
            "open_time > yesterday",
            f"open_time cannot be yesterday (character 13); it takes {TIMES}",
        ),
        ("open_time > 20260131", "open_time cannot be 20260131 (character 13)"),
        ("open_time > 2026-02-30", "open_time cannot be 2026-02-30 (character 13)"),
        ("open_time > 0001-01-01T00:00:00+01:00", "(character 13)"),
        ("number = a number = b", f"{JOINT} 12, where number stands"),
        ("number = a and number = b", f"{JOINT} 12, where and stands"),
        ("number = a b", f"{JOINT} 12, where b stands"),
        ('number = a"b"', f'{JOINT} 11, where "b" stands'),
        ("open_time > 2026-01-31T10:00:00 01:00", f"{JOINT} 33, where 0 stands"),
        ("number = a AND", f"{ASKED} 15, where the filter ends"),
        ("number = a AND AND number = b", f"{ASKED} 16, where AND stands"),
        ("OR number = a", f"{ASKED} 1, where OR stands"),
        ("NOT NOT number = a", f"{ASKED} 5, where NOT stands"),
        ("--number = a", f"{ASKED} 2, where - stands"),
        ('"number" = a', f'{ASKED} 1, where "number" stands'),
        ("5 = a", f"{ASKED} 1, where 5 stands"),
        ("()", f"{ASKED} 2, where ) stands"),
        ("(number = a", "AND or OR, in capitals, or ) for the ( at character 1 is expected at"),
        ("number = a)", "there is no ( for the ) (character 11)"),
        ('number = "open', "the text that begins here has no closing quote (character 10)"),
        (r'number = "a\"', "the text that begins here has no closing quote (character 10)"),
        (r'number = "a\x"', r"\x is no escape (character 12); there are \\ \" \' \n \r \t"),
        ("(" * 10 + "number = a", "for the ( at character 10 is expected at character 21"),
        ("(" * 11 + "number = a" + ")" * 11, "more than 10 levels of parentheses (character 11)"),
        (" OR ".join(["number=a"] * 51), "there are more than 50 comparisons (character 601)"),
        ("number = x" + " " * 2_000, "filter has 2010 characters, at most 2000 are taken"),
        ("number = a\0b", "filter holds the character NUL"),
    ],
)
def test_a_bad_filter_says_what_is_expected_where(text: str, complaint: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_filter(text)

    assert complaint in caught.value.message
    assert caught.value.field == "filter"


def test_the_limits_can_be_reached() -> None:
    deep = "(" * 10 + "number = a" + ")" * 10
    long = f'number = "{"x" * (LONGEST_FILTER - 11)}"'

    assert parse_filter(deep) == A
    assert parse_filter(f"{deep} AND {deep}") == All((A, A))
    assert parse_filter(" OR ".join(["number=a"] * 50)) == AnyOf((A,) * 50)
    assert isinstance(parse_filter(long), Comparison)


def values_of(field: str) -> st.SearchStrategy[str | datetime | Enum]:
    type_ = FIELDS[field]
    if type_ is datetime:
        return st.datetimes(timezones=st.just(UTC))
    return st.sampled_from(type_) if issubclass(type_, Enum) else TEXT


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9)
OPERATORS = ("=", "!=", "<", "<=", ">", ">=", ":")
comparisons = (
    st.tuples(st.sampled_from(sorted(NAMES.values())), st.sampled_from(OPERATORS))
    .filter(lambda pair: pair[1] in ("=", "!=") or FIELDS[pair[0]] not in (Kind, State))
    .flatmap(
        lambda pair: st.builds(
            Comparison,
            st.just(pair[0]),
            st.just(pair[1]),
            (values_of(pair[0]) if FIELDS[pair[0]] is str or pair[1] != ":" else st.none())
            | (st.none() if pair[1] == ":" else values_of(pair[0])),
        )
    )
)


def several(of: st.SearchStrategy[Condition]) -> st.SearchStrategy[tuple[Condition, ...]]:
    return st.lists(of, min_size=2, max_size=4).map(tuple)


conditions: st.SearchStrategy[Condition] = st.recursive(
    comparisons,
    lambda below: (
        st.builds(All, several(below)) | st.builds(AnyOf, several(below)) | st.builds(Not, below)
    ),
    max_leaves=12,
)


def write(condition: Condition) -> str:
    """Writes a condition as a filter, with parentheses wherever they may be."""
    match condition:
        case Comparison(field, operator, value):
            return f"{CONTRACT[field]} {operator} {write_value(value)}"
        case Not(part):
            return f"NOT {inner(part)}"
        case All(parts):
            return " AND ".join(map(inner, parts))
        case AnyOf(parts):
            return " OR ".join(map(inner, parts))


def inner(condition: Condition) -> str:
    text = write(condition)
    return text if isinstance(condition, Comparison) else f"({text})"


def write_value(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return str(value.value)
    if value is None:
        return "*"
    text = str(value).replace("\\", r"\\").replace('"', r"\"")
    return f'"{text}"'


@given(conditions)
def test_what_is_written_is_read(condition: Condition) -> None:
    text = write(condition)

    try:
        assert parse_filter(text) == condition
    except Invalid as error:
        assert "more than" in error.message or "at most" in error.message  # noqa: PT017  # of a limit


PIECES = st.sampled_from(
    [
        *(*NAMES, *OPERATORS, "AND", "OR", "NOT", "-", "(", ")", '"a"', "'", '"', "\\", "*"),
        *("ACTIVE", "HIGH", "2026-01-31", "T10:00:00Z", " ", "\n", "\0", "é", "!", ".", ",", "5"),
    ]
)
anything = (
    st.text(max_size=300)
    | st.lists(PIECES, max_size=80).map(" ".join)
    | st.lists(PIECES, max_size=80).map("".join)
    | conditions.map(write)
    | st.tuples(conditions.map(write), st.integers(0, 200)).map(lambda cut: cut[0][: cut[1]])
)


@given(anything)
def test_nothing_but_invalid_comes_of_any_text(text: str) -> None:
    try:
        parse_filter(text)
    except Invalid as error:
        assert error.field == "filter"  # noqa: PT017  # most texts are filters


def steps(text: str) -> int:
    """Counts the calls that reading a filter takes inside its module."""
    taken = 0

    def note(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal taken
        taken += event == "call" and frame.f_code.co_filename == filter_.__file__

    sys.setprofile(note)
    try:
        parse_filter(text)
    except Invalid:
        pass
    finally:
        sys.setprofile(None)
    return taken


@given(anything)
def test_reading_takes_steps_in_proportion_to_the_pieces(text: str) -> None:
    pieces = len(list(tokens(text)))

    assert pieces <= len(text) + 1
    assert steps(text) <= 20 + 20 * pieces


@pytest.mark.parametrize(
    "piece", ["(", "-", '"', "'", "\\", "NOT ", "a=", "number=a OR ", "x AND "]
)
def test_a_long_row_of_one_piece_takes_no_more_steps_than_its_length(piece: str) -> None:
    short, long = (steps(piece * (size // len(piece))) for size in (200, LONGEST_FILTER))

    assert long <= 10 * short + 20

"""The rule by which a save is decided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polydesk.domain.errors import Conflict, Invalid, Missing
from polydesk.domain.saving import Basis, Outcome, Settled, settle
from polydesk.domain.ticket import Draft, Kind, State, Ticket

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
MORNING = datetime(2026, 1, 31, 8, tzinfo=UTC)


def draft(**said: Any) -> Draft:
    usual: dict[str, Any] = {
        "kind": Kind.INCIDENT,
        "number": "INC1",
        "summary": "printer on fire",
        "opened_at": MORNING,
        "modified_at": MORNING,
    }
    return Draft(**(usual | said))


def decide(
    *drafts: Draft, known: Ticket | None = None, replays: frozenset[str] = frozenset()
) -> Settled:
    records = {(known.kind, known.number): known} if known else {}
    return settle(
        drafts,
        Basis(
            org=7,
            at=NOW,
            known=records,
            replayed=lambda _, digest: digest in replays,
            new_ids=range(41, 99),
        ),
    )


def record(**said: Any) -> Ticket:
    return decide(draft(**said)).created[0]


def test_an_unknown_number_makes_a_ticket() -> None:
    settled = decide(draft(state=State.ACTIVE))

    [ticket] = settled.created
    assert (ticket.id, ticket.org, ticket.state) == (41, 7, State.ACTIVE)
    assert (ticket.created_at, ticket.updated_at) == (NOW, NOW)
    assert [row.outcome for row in settled.rows] == [Outcome.CREATED]


def test_a_ticket_without_sys_id_gets_one_of_32_digits() -> None:
    assert len(record().sys_id) == 32
    assert record(sys_id="abc").sys_id == "abc"


def test_the_newer_row_wins_and_tells_what_changed() -> None:
    later = draft(summary="printer smokes", modified_at=MORNING + timedelta(hours=1))

    settled = decide(later, known=record())

    [ticket] = settled.updated
    [change] = settled.changes
    assert ticket.summary == "printer smokes"
    assert ticket.revision == 2
    assert change.old == {"summary": "printer on fire", "modified_at": MORNING}
    assert change.new["summary"] == "printer smokes"


def test_an_older_row_is_left_aside() -> None:
    settled = decide(draft(summary="old news", modified_at=MORNING - timedelta(1)), known=record())

    assert [row.outcome for row in settled.rows] == [Outcome.STALE]
    assert not settled.updated
    assert not settled.changes


def test_of_two_rows_of_one_time_the_later_one_stands() -> None:
    settled = decide(draft(summary="first"), draft(summary="second"))

    [ticket] = settled.created
    assert ticket.summary == "second"
    assert [row.outcome for row in settled.rows] == [Outcome.CREATED, Outcome.UPDATED]
    assert {row.etag for row in settled.rows} == {"2"}


def test_the_same_row_again_changes_nothing() -> None:
    settled = decide(draft(), draft(), known=record())

    assert [row.outcome for row in settled.rows] == [Outcome.UNCHANGED, Outcome.UNCHANGED]
    assert not settled.changes


def test_a_replay_of_an_earlier_row_of_the_same_time_changes_nothing() -> None:
    first, second = draft(summary="first"), draft(summary="second")
    [ticket] = decide(first, second).created

    settled = decide(first, second, known=ticket, replays=frozenset({first.digest, second.digest}))

    assert {row.outcome for row in settled.rows} == {Outcome.UNCHANGED}
    assert not settled.changes


def test_what_is_not_said_stays() -> None:
    known = record(assignee="ann", description="flames")

    [ticket] = decide(draft(summary="new", modified_at=NOW), known=known).updated

    assert (ticket.assignee, ticket.description) == ("ann", "flames")


def test_a_resolution_can_be_taken_back() -> None:
    known = record(resolved_at=MORNING)

    [ticket] = decide(draft(resolved_at=None, modified_at=NOW), known=known).updated

    assert ticket.resolved_at is None


def test_the_fields_of_two_dialects_live_side_by_side() -> None:
    known = record(extra={"iautomate": {"Col1": "a", "Col9": "z"}})

    [ticket] = decide(
        draft(extra={"iautomate": {"Col1": "b"}, "smartops": {"x": "y"}}, modified_at=NOW),
        known=known,
    ).updated

    assert ticket.extra == {"iautomate": {"Col1": "b", "Col9": "z"}, "smartops": {"x": "y"}}


def test_a_save_without_times_is_dated_now() -> None:
    undated = Draft(kind=Kind.EVENT, number="E1", summary="disk full")

    [ticket] = decide(undated).created

    assert (ticket.opened_at, ticket.modified_at) == (NOW, NOW)


def test_a_save_without_times_that_says_nothing_new_changes_nothing() -> None:
    undated = Draft(kind=Kind.INCIDENT, number="INC1", summary="printer on fire")

    assert decide(undated, known=record()).rows[0].outcome is Outcome.UNCHANGED


def test_an_etag_that_is_not_current_is_refused() -> None:
    with pytest.raises(Conflict, match="its etag is 1, not 9"):
        decide(draft(etag="9"), known=record())
    with pytest.raises(Conflict, match="does not exist"):
        decide(draft(etag="1"))


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"summary": "a\0b"}, "summary holds the character NUL"),
        ({"summary": "a" * 1_001}, "summary has 1001 characters, at most 1000"),
        ({"number": "n" * 256}, "number has 256 characters, at most 255"),
        ({"extra": {"iautomate": {"Col1": "\0"}}}, "Col1 holds the character NUL"),
        ({"opened_at": datetime(2026, 1, 1)}, "opened_at has no time zone"),  # noqa: DTZ001 - what is refused
    ],
)
def test_a_draft_that_breaks_a_limit_is_refused(said: dict[str, Any], complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        draft(**said)


def test_a_draft_needs_a_summary() -> None:
    with pytest.raises(Missing, match="summary is required"):
        draft(summary="")


rows = st.builds(
    draft,
    number=st.sampled_from(["A", "B", "C"]),
    summary=st.sampled_from(["x", "y", "z"]),
    modified_at=st.integers(0, 3).map(lambda hours: MORNING + timedelta(hours=hours)),
)


@given(st.lists(rows, max_size=12))
def test_a_batch_ends_like_its_rows_one_by_one(drafts: list[Draft]) -> None:
    at_once = {t.number: t for t in decide(*drafts).created}

    one_by_one: dict[str, Ticket] = {}
    said: dict[str, set[str]] = {}
    for row in drafts:
        known = one_by_one.get(row.number)
        settled = decide(row, known=known, replays=frozenset(said.get(row.number, ())))
        for ticket in (*settled.created, *settled.updated):
            one_by_one[row.number] = ticket
            said.setdefault(row.number, set()).add(row.digest)

    assert {n: (t.summary, t.modified_at, t.revision) for n, t in at_once.items()} == {
        n: (t.summary, t.modified_at, t.revision) for n, t in one_by_one.items()
    }


@given(st.lists(rows, min_size=1, max_size=12))
def test_a_second_replay_of_any_log_changes_nothing(drafts: list[Draft]) -> None:
    first = decide(*drafts)
    records = {(t.kind, t.number): t for t in first.created}
    recorded = {(change.ticket, change.digest) for change in first.changes}

    again = settle(
        drafts,
        Basis(
            org=7,
            at=NOW,
            known=records,
            replayed=lambda ticket, digest: (ticket, digest) in recorded,
            new_ids=(),
        ),
    )

    assert not again.changes
    assert {row.outcome for row in again.rows} <= {Outcome.UNCHANGED, Outcome.STALE}

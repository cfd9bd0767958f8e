"""Working time, across nights, weekends, holidays and the days on which clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polydesk.domain.calendar import Calendar, Hours, check_calendar
from polydesk.domain.errors import Invalid
from polydesk.domain.policy import Policy
from polydesk.domain.service_level import measure
from polydesk.domain.ticket import Kind, Priority, Ticket, Wait

NINE_TO_FIVE = tuple(Hours(weekday=day, start=9 * 60, end=17 * 60) for day in range(1, 6))
LONDON = Calendar(time_zone="Europe/London", hours=NINE_TO_FIVE, region="GB-ENG")
ALWAYS = Calendar()


def local(text: str, zone: str = "Europe/London") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-01-30T10:00", "2026-01-30T12:00", 2),  # a Friday
        ("2026-01-30T16:00", "2026-02-02T10:00", 2),  # over the weekend
        ("2026-01-31T10:00", "2026-02-01T20:00", 0),  # within it
        ("2026-01-30T05:00", "2026-01-30T23:00", 8),
        ("2026-04-02T16:00", "2026-04-07T10:00", 2),  # Good Friday and Easter Monday
        ("2026-12-24T16:00", "2026-12-29T10:00", 2),  # Boxing Day is given on the Monday
        ("2026-03-27T16:00", "2026-03-30T10:00", 2),  # clocks go forward
        ("2026-01-30T12:00", "2026-01-30T10:00", 0),
    ],
)
def test_only_working_time_counts(start: str, end: str, hours: int) -> None:
    assert LONDON.elapsed(local(start), local(end)) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-07-01", 24)]
)
def test_a_whole_day_has_the_hours_that_clocks_leave_it(day: str, hours: int) -> None:
    calendar = Calendar(time_zone="Europe/London")
    start = local(f"{day}T00:00")

    assert calendar.due(start, timedelta(hours=hours)) == start + timedelta(hours=hours)
    assert calendar.elapsed(start, start + timedelta(hours=hours)) == timedelta(hours=hours)


def test_what_is_due_lies_in_working_time() -> None:
    assert LONDON.due(local("2026-04-02T16:00"), timedelta(hours=2)) == local("2026-04-07T10:00")


def test_nothing_is_due_where_nobody_ever_works() -> None:
    only_christmas = Calendar(hours=(Hours(weekday=1, start=0, end=1),))

    assert only_christmas.due(local("2026-01-01T00:00"), timedelta(days=400)) is None


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants naive bounds
    st.timedeltas(timedelta(seconds=1), timedelta(days=20)),
    st.sampled_from([LONDON, ALWAYS, Calendar(time_zone="Asia/Kolkata", hours=NINE_TO_FIVE)]),
)
def test_the_time_until_what_is_due_is_the_time_it_was_given(
    start: datetime, work: timedelta, calendar: Calendar
) -> None:
    due = calendar.due(start, work)

    assert due is not None
    assert calendar.elapsed(start, due) == work


@pytest.mark.parametrize(
    ("calendar", "complaint"),
    [
        (Calendar(time_zone="Mars/Base"), "no time zone"),
        (Calendar(time_zone="../etc/passwd"), "no time zone"),
        (Calendar(region="XX"), "are not known"),
        (Calendar(region="GB-XXX"), "are not known"),
        (Calendar(hours=(Hours(weekday=8, start=0, end=1),)), "days 1 to 7"),
        (Calendar(hours=(Hours(weekday=1, start=5, end=5),)), "begin before they end"),
        (Calendar(hours=(Hours(weekday=1, start=0, end=1_441),)), "begin before they end"),
        (
            Calendar(hours=(Hours(weekday=1, start=0, end=60), Hours(weekday=1, start=59, end=90))),
            "overlap on day 1",
        ),
        (Calendar(hours=NINE_TO_FIVE * 6), "at most 28"),
    ],
)
def test_a_calendar_that_cannot_be_is_refused(calendar: Calendar, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        check_calendar(calendar)


def ticket(**said: object) -> Ticket:
    opened = local("2026-01-30T10:00")
    usual: dict[str, object] = {
        "id": 1,
        "org": 1,
        "kind": Kind.INCIDENT,
        "number": "INC1",
        "sys_id": "x",
        "summary": "s",
        "opened_at": opened,
        "modified_at": opened,
        "created_at": opened,
        "updated_at": opened,
        "priority": Priority.HIGH,
    }
    return Ticket(**(usual | said))  # type: ignore[arg-type]  # by name


POLICY = Policy(calendar=LONDON, targets={Priority.HIGH: 4 * 3_600})


def test_a_ticket_is_measured_by_the_target_of_its_priority() -> None:
    level = measure(ticket(), POLICY, local("2026-01-30T12:00"))

    assert level.spent == timedelta(hours=2)
    assert level.target == timedelta(hours=4)
    assert level.due_at == local("2026-01-30T14:00")
    assert not level.breached


def test_waiting_does_not_count() -> None:
    waits = (Wait(start=local("2026-01-30T11:00"), end=local("2026-01-30T12:30")),)

    level = measure(ticket(waits=waits), POLICY, local("2026-01-30T14:00"))

    assert level.spent == timedelta(hours=2.5)
    assert level.due_at == local("2026-01-30T15:30")


def test_a_ticket_that_still_waits_stands_still() -> None:
    waits = (Wait(start=local("2026-01-30T11:00")),)

    assert measure(ticket(waits=waits), POLICY, local("2026-02-20T14:00")).spent == timedelta(
        hours=1
    )


def test_a_ticket_that_was_solved_too_late_stays_breached() -> None:
    level = measure(
        ticket(resolved_at=local("2026-01-30T16:00")), POLICY, local("2027-01-01T00:00")
    )

    assert level.spent == timedelta(hours=6)
    assert level.breached


def test_without_a_target_nothing_is_due() -> None:
    level = measure(ticket(priority=Priority.LOW), POLICY, local("2026-06-01T00:00"))

    assert (level.target, level.due_at, level.breached) == (None, None, False)

"""A schedule: when which runbook is to run, with what, and what its tool has reported.

Values of secret parameters are in the vault, under names of their own that the schedule knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from itertools import takewhile
from typing import Any, Final
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from polydesk.domain.errors import Invalid, Missing, Outdated
from polydesk.domain.history import NO_TICKET
from polydesk.domain.recurrence import Recurrence, instants, next_due, zone_of
from polydesk.domain.reported import CODES, Reported
from polydesk.domain.run import CODES as RUN_CODES
from polydesk.domain.run import RunState
from polydesk.domain.runbook import Tool
from polydesk.domain.saving import Change
from polydesk.domain.ticket import LONGEST_NAME, Kind, check_text

HIGHEST_ID: Final = 2**31 - 1
MOST_PARAMETERS: Final = 50
LONGEST_VALUE: Final = 4_096
LONGEST_TIMEOUT: Final = 366 * 86_400
# What is due is late, and maybe missed, when it could not be begun for so long.
GRACE: Final = timedelta(minutes=1)
# What a schedule says of itself while its run goes on.
OF_RUN: Final[Mapping[RunState, Reported]] = {
    state: next(each for each, code in CODES.items() if code == number)
    for state, number in RUN_CODES.items()
}
# Longer than from one instant of any rule to the next.
_LONGEST_STEP: Final = timedelta(days=62)


class Missed(Enum):
    """Decides what becomes of what was due while nobody could begin it."""

    SKIP = "SKIP"
    RUN_ONCE = "RUN_ONCE"


class Overlap(Enum):
    """Decides what becomes of what is due while an earlier run goes on."""

    SKIP = "SKIP"
    QUEUE = "QUEUE"
    ALLOW = "ALLOW"


class Parameter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run is told: a value, or the name of the secret that has it."""

    name: str
    value: str = ""
    secret: str = ""


class ScheduleSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a caller says. Either it recurs, or it runs once, at `run_at`."""

    runbook: int
    tool: Tool = Tool.COMMANDS
    kind: Kind | None = None
    recurrence: Recurrence | None = None
    run_at: datetime | None = None
    time_zone: str = "UTC"
    active: bool = True
    missed: Missed = Missed.RUN_ONCE
    overlap: Overlap = Overlap.SKIP
    timeout_seconds: int = 0
    parameters: tuple[Parameter, ...] = ()
    extra: dict[str, dict[str, str]] = {}

    def __post_init__(self) -> None:
        if not 1 <= self.runbook <= HIGHEST_ID:
            raise Invalid(
                f"runbook is {self.runbook}, it can be 1 to {HIGHEST_ID}", field="runbook"
            )
        if (self.recurrence is None) == (self.run_at is None):
            raise Missing("recurrence or run_time is required, not both", field="recurrence")
        if self.run_at is not None and self.run_at.tzinfo is None:
            raise Invalid("run_time has no time zone", field="run_time")
        zone_of(self.time_zone)
        if not 0 <= self.timeout_seconds <= LONGEST_TIMEOUT:
            raise Invalid(
                f"timeout is {self.timeout_seconds} seconds, it can be up to {LONGEST_TIMEOUT}",
                field="timeout",
            )
        _check_parameters(self.parameters)

    @property
    def secrets(self) -> set[str]:
        """Returns the names of its secrets."""
        return {each.secret for each in self.parameters if each.secret}


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a due schedule comes to: a run for one instant, or none, and when it is due next."""

    run_for: datetime | None
    next_due_at: datetime | None


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """Why what was due is not run; it `fails` where the schedule is to blame."""

    due_at: datetime
    reason: str
    fails: bool = False

    def told(self, schedule: Schedule, *, at: datetime) -> tuple[Change, Schedule]:
        """Returns what the history tells of it, and the schedule as it is then."""
        facts = {"schedule": schedule.id, "due": self.due_at, "reason": self.reason}
        change = told(schedule.org, "fail" if self.fails else "skip", old={}, new=facts)
        failed = replace(schedule, state=Reported.FAILED, state_at=at)
        return change, failed if self.fails else schedule


class Schedule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The record; `id` is unique in its org. Without `next_due_at` nothing is to come."""

    org: int
    id: int
    spec: ScheduleSpec
    state_at: datetime
    created_at: datetime
    updated_at: datetime
    state: Reported = Reported.QUEUED
    next_due_at: datetime | None = None
    revision: int = 1

    @property
    def etag(self) -> str:
        """Marks the state of what callers say of it."""
        return f"{self.created_at.timestamp():.0f}.{self.revision}"

    def due_times(self) -> Iterator[datetime]:
        """Yields when it is due from now on."""
        if self.next_due_at is None:
            return
        yield self.next_due_at
        if self.spec.recurrence is not None:
            yield from instants(
                self.spec.recurrence, zone_of(self.spec.time_zone), self.next_due_at
            )

    def claim(self, now: datetime) -> Claim:
        """Decides what is to run of what was due up to now.

        Of several instants that were missed the last one counts. Whoever acts on it starts the run
        by a key of that instant and moves the schedule on then, so that doing it again is
        harmless.
        """
        due, rule = self.next_due_at, self.spec.recurrence
        if due is None or due > now:
            return Claim(run_for=None, next_due_at=due)
        last, following = due, None
        if rule is not None:
            zone = zone_of(self.spec.time_zone)
            since = max(due, now - _LONGEST_STEP)
            passed = takewhile(lambda each: each <= now, instants(rule, zone, since))
            for last in passed:  # noqa: B007 - the last one is wanted
                pass
            following = next_due(rule, zone, now)
        missed = now - last > GRACE and self.spec.missed is Missed.SKIP
        return Claim(run_for=None if missed else last, next_due_at=following)


def new_secret() -> str:
    """Returns a name for the secret of a parameter, which no other has."""
    return f"schedule-{uuid4().hex}"


def made(org: int, id_: int, spec: ScheduleSpec, at: datetime) -> Schedule:
    """Returns a new schedule."""
    return Schedule(
        org=org,
        id=id_,
        spec=spec,
        state_at=at,
        created_at=at,
        updated_at=at,
        next_due_at=_first_due(spec, at),
    )


def changed(old: Schedule, spec: ScheduleSpec, at: datetime) -> Schedule:
    """Returns a schedule as a write leaves it; the same one where it says nothing new.

    What is due is reckoned anew only where the write says something of it.
    """
    if spec == old.spec:
        return old
    retimed = _timing(spec) != _timing(old.spec)
    return replace(
        old,
        spec=spec,
        next_due_at=_first_due(spec, at) if retimed else old.next_due_at,
        updated_at=at,
        revision=old.revision + 1,
    )


def check_etag(schedule: Schedule, etag: str) -> None:
    """Refuses a write that was meant for another state; an empty etag is for any."""
    if etag and etag != schedule.etag:
        raise Outdated(
            f"schedule {schedule.id} was changed meanwhile: its etag is {schedule.etag}, not {etag}"
        )


def told(org: int, action: str, *, old: dict[str, Any], new: dict[str, Any]) -> Change:
    """Tells the history what was done to a schedule."""
    return Change(
        ticket=NO_TICKET, org=org, action=f"schedule.{action}", digest="", old=old, new=new
    )


def facts(schedule: Schedule) -> dict[str, Any]:
    """Returns what the history tells of a schedule; of a secret, its name."""
    spec: dict[str, Any] = msgspec.to_builtins(schedule.spec)
    return {"schedule": schedule.id, **spec, "next_due_at": schedule.next_due_at}


def _timing(spec: ScheduleSpec) -> tuple[object, ...]:
    return spec.recurrence, spec.run_at, spec.time_zone, spec.active


def _first_due(spec: ScheduleSpec, at: datetime) -> datetime | None:
    if not spec.active:
        return None
    if spec.run_at is None:
        rule, zone = spec.recurrence, zone_of(spec.time_zone)
        return next_due(rule, zone, at) if rule else None
    if spec.run_at < at - GRACE:
        past = spec.run_at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "seconds")
        raise Invalid(f"run_time is {past} in UTC, which is past", field="run_time")
    return spec.run_at


def _check_parameters(parameters: tuple[Parameter, ...]) -> None:
    if len(parameters) > MOST_PARAMETERS:
        raise Invalid(
            f"parameters has {len(parameters)}, at most {MOST_PARAMETERS} are taken",
            field="parameters",
        )
    for index, parameter in enumerate(parameters):
        if not parameter.name:
            raise Missing(
                f"parameters[{index}].name is required", field=f"parameters[{index}].name"
            )
        check_text(f"parameters[{index}].name", parameter.name, most=LONGEST_NAME)
        check_text(f"parameters[{index}].value", parameter.value, most=LONGEST_VALUE)
    names = [parameter.name for parameter in parameters]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise Invalid(f"parameters has {twice} twice", field="parameters")

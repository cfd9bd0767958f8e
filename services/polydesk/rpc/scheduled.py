"""What messages say of schedules, and what they are told: to and from the record."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration
from msgspec.structs import replace

from polydesk.api.v1 import schedule_pb2 as pb
from polydesk.api.v1 import ticket_pb2
from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.recurrence import Frequency, Recurrence
from polydesk.domain.runbook import Tool
from polydesk.domain.schedule import (
    Missed,
    Overlap,
    Parameter,
    Schedule,
    ScheduleSpec,
    new_secret,
)
from polydesk.domain.ticket import Kind
from polydesk.rpc.moment import moment, timestamp
from polydesk.rpc.name import child_of
from polydesk.rpc.reported import STATE_NUMBERS

FIELDS: Final = (
    "runbook",
    "tool",
    "ticket_kind",
    "recurrence",
    "run_time",
    "time_zone",
    "missed_run_policy",
    "overlap_policy",
    "timeout",
    "parameters",
)


def _numbers(enum: Any, prefix: str, members: Any) -> dict[int, Any]:
    return {enum.Value(f"{prefix}_{member.name}"): member for member in members}


_TOOLS: Final = _numbers(pb.Schedule.Tool, "TOOL", Tool)
_KINDS: Final = _numbers(ticket_pb2.Ticket.Kind, "KIND", Kind)
_MISSED: Final = _numbers(pb.Schedule.MissedRunPolicy, "MISSED_RUN_POLICY", Missed)
_OVERLAPS: Final = _numbers(pb.Schedule.OverlapPolicy, "OVERLAP_POLICY", Overlap)
_FREQUENCIES: Final = _numbers(pb.Schedule.Recurrence.Frequency, "FREQUENCY", Frequency)
_NUMBERS: Final[Mapping[Enum, Any]] = {
    member: number
    for table in (_TOOLS, _KINDS, _MISSED, _OVERLAPS, _FREQUENCIES)
    for number, member in table.items()
}


class Said:
    """What a message says of a schedule; `secrets` has the values of its secret parameters."""

    def __init__(self, message: pb.Schedule, org: int) -> None:
        self._said = message
        self._org = org
        self._names = {each.name: new_secret() for each in message.parameters if each.secret_value}
        self.secrets = {
            self._names[each.name]: each.secret_value
            for each in message.parameters
            if each.secret_value
        }

    def spec(self) -> ScheduleSpec:
        """Returns the schedule that it makes."""
        if not self._said.runbook:
            raise Missing("schedule.runbook is required", field="schedule.runbook")
        values = self._values(FIELDS, kept={})
        with _named():
            return ScheduleSpec(**values, active=not self._said.paused)

    def change(self, paths: Collection[str]) -> Callable[[ScheduleSpec], ScheduleSpec]:
        """Returns what it does to a schedule: to the fields that are named, or else set."""
        wanted = paths or [field.name for field, _ in self._said.ListFields()]

        def change(old: ScheduleSpec) -> ScheduleSpec:
            kept = {each.name: each.secret for each in old.parameters if each.secret}
            values = self._values([name for name in FIELDS if name in wanted], kept=kept)
            with _named():
                return replace(old, **values)

        return change

    def _values(self, names: Collection[str], *, kept: Mapping[str, str]) -> dict[str, Any]:
        said = self._said
        values: dict[str, Any] = {}
        if "runbook" in names:
            values["runbook"] = self._runbook()
        if "tool" in names:
            values["tool"] = _member(_TOOLS, said.tool, Tool.COMMANDS, "tool")
        if "ticket_kind" in names:
            values["kind"] = _member(_KINDS, said.ticket_kind, None, "ticket_kind")
        if "recurrence" in names or "run_time" in names:
            values |= self._timing()
        if "time_zone" in names:
            values["time_zone"] = said.time_zone or "UTC"
        if "missed_run_policy" in names:
            values["missed"] = _member(
                _MISSED, said.missed_run_policy, Missed.RUN_ONCE, "missed_run_policy"
            )
        if "overlap_policy" in names:
            values["overlap"] = _member(
                _OVERLAPS, said.overlap_policy, Overlap.SKIP, "overlap_policy"
            )
        if "timeout" in names:
            values["timeout_seconds"] = _seconds(said.timeout)
        if "parameters" in names:
            values["parameters"] = tuple(
                self._parameter(index, each, kept) for index, each in enumerate(said.parameters)
            )
        return values

    def _runbook(self) -> int:
        field = "schedule.runbook"
        org, id_ = child_of(self._said.runbook, "orgs", "runbooks", field=field)
        if org != self._org:
            raise Invalid(f"{field} is of another org", field=field)
        return id_

    def _timing(self) -> dict[str, Any]:
        timing = self._said.WhichOneof("timing")
        if timing == "run_time":
            at = moment(self._said.run_time, "schedule.run_time")
            return {"recurrence": None, "run_at": at}
        if timing == "recurrence":
            with _named("schedule.recurrence"):
                return {"recurrence": to_recurrence(self._said.recurrence), "run_at": None}
        return {"recurrence": None, "run_at": None}

    def _parameter(
        self, index: int, said: pb.Schedule.Parameter, kept: Mapping[str, str]
    ) -> Parameter:
        field = f"schedule.parameters[{index}]"
        if said.value and (said.secret_value or said.secret):
            raise Invalid(f"{field} has a value and a secret", field=f"{field}.value")
        secret = self._names.get(said.name, "")
        if said.secret and not secret:
            secret = kept.get(said.name, "")
            if said.secret != f"orgs/{self._org}/secrets/{secret}":
                raise Invalid(
                    f"{field}.secret is not that of this parameter: say a secret_value",
                    field=f"{field}.secret",
                )
        return Parameter(name=said.name, value=said.value, secret=secret)


def to_recurrence(said: pb.Schedule.Recurrence) -> Recurrence:
    """Reads a rule."""
    if said.frequency not in _FREQUENCIES:
        raise Invalid(f"frequency cannot be {said.frequency}", field="frequency")
    return Recurrence(
        frequency=_FREQUENCIES[said.frequency],
        minute=said.minute,
        hour=said.hour,
        weekdays=tuple(sorted(set(said.weekdays))),
        day=said.day_of_month,
    )


def from_schedule(schedule: Schedule) -> pb.Schedule:
    """Writes a schedule, without the values of its secrets."""
    org, spec = f"orgs/{schedule.org}", schedule.spec
    written = pb.Schedule(
        name=f"{org}/schedules/{schedule.id}",
        runbook=f"{org}/runbooks/{spec.runbook}",
        tool=_NUMBERS[spec.tool],
        ticket_kind=_NUMBERS[spec.kind] if spec.kind else None,
        time_zone=spec.time_zone,
        paused=not spec.active,
        missed_run_policy=_NUMBERS[spec.missed],
        overlap_policy=_NUMBERS[spec.overlap],
        timeout=Duration(seconds=spec.timeout_seconds) if spec.timeout_seconds else None,
        parameters=[_from_parameter(org, each) for each in spec.parameters],
        reported_state=STATE_NUMBERS[schedule.state],
        report_time=timestamp(schedule.state_at),
        next_due_time=timestamp(schedule.next_due_at) if schedule.next_due_at else None,
        create_time=timestamp(schedule.created_at),
        update_time=timestamp(schedule.updated_at),
        etag=schedule.etag,
    )
    if spec.recurrence is not None:
        written.recurrence.CopyFrom(_from_recurrence(spec.recurrence))
    elif spec.run_at is not None:
        written.run_time.CopyFrom(timestamp(spec.run_at))
    return written


def _from_recurrence(rule: Recurrence) -> pb.Schedule.Recurrence:
    return pb.Schedule.Recurrence(
        frequency=_NUMBERS[rule.frequency],
        minute=rule.minute,
        hour=rule.hour,
        weekdays=rule.weekdays,
        day_of_month=rule.day,
    )


def _from_parameter(org: str, parameter: Parameter) -> pb.Schedule.Parameter:
    secret = f"{org}/secrets/{parameter.secret}" if parameter.secret else ""
    return pb.Schedule.Parameter(name=parameter.name, value=parameter.value, secret=secret)


def _member(table: Mapping[int, Any], number: int, usual: Any, name: str) -> Any:
    if number and number not in table:
        raise Invalid(f"schedule.{name} cannot be {number}", field=f"schedule.{name}")
    return table[number] if number else usual


def _seconds(span: Duration) -> int:
    if span.nanos:
        raise Invalid("schedule.timeout is told in whole seconds", field="schedule.timeout")
    return span.seconds


@contextmanager
def _named(path: str = "schedule") -> Iterator[None]:
    """Has an error name the field of the contract."""
    try:
        yield
    except Invalid as error:
        field = "day_of_month" if error.field == "day" else error.field
        message = field + error.message.removeprefix(error.field)
        raise type(error)(f"{path}.{message}", field=f"{path}.{field}") from error

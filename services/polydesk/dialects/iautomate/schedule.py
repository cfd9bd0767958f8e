"""Schedules of runbooks: what a push says becomes edits (tables 19 to 21, and version 11.2).

The guide prints them at the URL of service requests (tables 13 and 19); 11.2 gave them one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from polydesk import wire
from polydesk.api.iautomate.v1 import iautomate_pb2 as pb
from polydesk.dialects.iautomate.field import read_module, read_number, read_time, read_yes
from polydesk.dialects.iautomate.ticket import EXTRA, GMT
from polydesk.domain.edit import Create, Delete, Edit, Update
from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.recurrence import Frequency, Recurrence
from polydesk.domain.reported import CODES, Reported
from polydesk.domain.runbook import Tool
from polydesk.domain.schedule import (
    LONGEST_TIMEOUT,
    LONGEST_VALUE,
    MOST_PARAMETERS,
    Parameter,
    Schedule,
    ScheduleSpec,
    new_secret,
)
from polydesk.domain.ticket import LONGEST_NAME, check_text

Pushed = pb.PushedServiceRequestV2 | pb.PushedScheduleV2 | pb.PushedScheduleV3

# The guide's sample has 3; it tells of an outside tool, for the guide lets such report back (H14).
TOOLS: Final = {"1": Tool.LOCAL, "2": Tool.COMMANDS, "3": Tool.EXTERNAL}
# "valid Frequency ID if IsRecurring = Y else it contains -1", table 20, which lists none.
FREQUENCIES: Final = {
    "1": Frequency.HOURLY,
    "2": Frequency.DAILY,
    "3": Frequency.WEEKLY,
    "4": Frequency.MONTHLY,
}
NONE: Final = "-1"
INSERT: Final = "INSERT"
# Table 21 prints the first.
WORDS: Final[dict[type[Edit], str]] = {Create: "inserted", Update: "updated", Delete: "deleted"}
# Status codes, section 7.3.
TEXTS: Final = {
    Reported.QUEUED: "Queued",
    Reported.INITIATED: "Initiated",
    Reported.RUNNING: "In Progress",
    Reported.FAILED: "Failed",
    Reported.SUCCEEDED: "Successful",
    Reported.PENDING_APPROVAL: "Pending for approval",
    Reported.APPROVED: "Approved",
}
PLAIN: Final = frozenset({"", "TEXT", "N"})
PASSWORD: Final = frozenset({"PASSWORD", "Y"})
_SPAN: Final = re.compile(r"([0-9]{1,8})\s*+(sec|min|hour|day)?s?", re.IGNORECASE)
_SECONDS: Final = {"sec": 1, "min": 60, "hour": 3_600, "day": 86_400}
# What the record calls otherwise.
_NAMES: Final = {"run_time": "RunDate", "timeout": "TimeOutPeriod"}
_HOUR: Final = 3_600


def is_schedule(items: Sequence[pb.PushedServiceRequestV2]) -> bool:
    """Tells schedules from tasks; raises Invalid for what is neither, and for both together."""
    kinds = {_is_schedule(index, item) for index, item in enumerate(items)}
    if len(kinds) > 1:
        raise Invalid("service requests and runbook schedules came in one array: send two")
    return True in kinds


def _is_schedule(index: int, item: pb.PushedServiceRequestV2) -> bool:
    scheduled = bool(item.runbook_id or item.runbook_schedule_id)
    if scheduled == bool(item.ticket_number):
        raise Invalid(
            f"either TicketNumber or RunbookId is required (item {index})",
            field=f"items[{index}].TicketNumber",
        )
    return scheduled


def to_edits(items: Sequence[Pushed], org: int, now: datetime) -> list[Edit]:
    """Reads a push; an error says in which item of the array it is, counted from 0."""
    return [_to_edit_at(index, item, org, now) for index, item in enumerate(items)]


def _to_edit_at(index: int, item: Pushed, org: int, now: datetime) -> Edit:
    try:
        with renamed():
            return to_edit(item, org, now)
    except Invalid as error:
        raise type(error)(
            f"{error.message} (item {index})", field=f"schedules[{index}].{error.field}"
        ) from error


@contextmanager
def renamed() -> Iterator[None]:
    """Has an error bear the vendor's name of its field."""
    try:
        yield
    except Invalid as error:
        name = _NAMES.get(error.field, error.field)
        raise type(error)(name + error.message.removeprefix(error.field), field=name) from error


def to_edit(item: Pushed, org: int, now: datetime) -> Edit:
    """Reads one schedule; an error begins with the name of its field."""
    if read_number("OrgId", needed("OrgId", item.org_id)) != org:
        raise Invalid(f"OrgId is {wire.clip(item.org_id)}, the path says {org}", field="OrgId")
    code, id_ = _code(item), _id(item)
    if code == INSERT:
        spec, secrets = to_spec(item, now)
        return Create(spec=spec, id=id_, again=bool(id_), secrets=secrets)
    if not id_:
        name = "RunbookScheduleId"
        raise Missing(f"{name} is required by ActivityCode {code}", field=name)
    if code == "DELETE":
        return Delete(id=id_)
    spec, secrets = to_spec(item, now)
    return Update(id=id_, change=_stating(spec), secrets=secrets)


def _stating(spec: ScheduleSpec) -> Callable[[ScheduleSpec], ScheduleSpec]:
    """Returns what an update does: it states all but what this dialect has no words for."""
    return lambda old: replace(spec, missed=old.missed, overlap=old.overlap)


def to_spec(item: Pushed, now: datetime) -> tuple[ScheduleSpec, dict[str, str]]:
    """Reads what is to run when; returns the values of secrets by their names beside it."""
    kind = read_module(needed("ModuleId", item.module_id))
    tool = _chosen("RunbookToolId", item.runbook_tool_id, TOOLS)
    runbook = read_number("RunbookId", needed("RunbookId", item.runbook_id))
    zone = _zone(said(item, "timezone"))
    timing = _timing(item, zone, now)
    active = read_yes("IsActive", needed("IsActive", item.is_active))
    timeout = _seconds(needed("TimeOutPeriod", item.time_out_period))
    parameters, secrets = _parameters(item.param_values)
    spec = ScheduleSpec(
        kind=kind,
        tool=tool,
        runbook=runbook,
        time_zone=zone_name(zone),
        active=active,
        timeout_seconds=timeout,
        parameters=parameters,
        extra=_extra(item),
        **timing,
    )
    return spec, secrets


def message_of(edits: Sequence[Edit]) -> str:
    """Returns what table 21 answers to edits."""
    words = dict.fromkeys(WORDS[type(edit)] for edit in edits)
    return f"Manage Schedule Runbook {'/'.join(words)} successfully"


def from_schedule(schedule: Schedule) -> pb.ScheduleStatus:
    """Writes what was reported of a schedule."""
    return pb.ScheduleStatus(
        schedule_id=str(schedule.id),
        status=str(CODES[schedule.state]),
        status_text=TEXTS[schedule.state],
        updated_date_in_gmt=wire.write_time(schedule.state_at, GMT),
    )


def said(item: Pushed, field: str) -> str:
    """Returns a field without blanks around it; nothing where the version has none."""
    if field not in item.DESCRIPTOR.fields_by_name:
        return ""
    text: str = getattr(item, field)
    return text.strip()


def needed(vendor: str, text: str) -> str:
    """Returns a field that must be there, without blanks around it."""
    if not text.strip():
        raise Missing(f"{vendor} is required", field=vendor)
    return text.strip()


def zone_name(zone: tzinfo) -> str:
    """Returns the IANA name of a zone as `wire.zone` knows them."""
    if isinstance(zone, ZoneInfo):
        return zone.key
    offset = zone.utcoffset(None)
    hours, rest = divmod(int(offset.total_seconds()) if offset else 0, _HOUR)
    if rest:
        return "Asia/Kolkata"  # the only abbreviation with half an hour, and of no summer time
    # IANA's signs are those of POSIX: what lies to the east is behind GMT.
    return f"Etc/GMT{-hours:+}" if hours else "UTC"


def _code(item: Pushed) -> str:
    # Version 11.2 has none, and makes schedules.
    printed = isinstance(item, pb.PushedServiceRequestV2)
    code = said(item, "activity_code").upper() or ("" if printed else INSERT)
    if code not in (INSERT, "UPDATE", "DELETE"):
        needed("ActivityCode", code)
        raise Invalid(
            f"ActivityCode is {wire.clip(code)}, it can be INSERT, UPDATE or DELETE",
            field="ActivityCode",
        )
    return code


def _id(item: Pushed) -> int:
    text = said(item, "runbook_schedule_id")
    return 0 if text == NONE else read_number("RunbookScheduleId", text)


def _zone(name: str) -> tzinfo:
    try:
        return wire.zone(name) if name else UTC
    except Invalid as error:
        raise Invalid(f"Timezone: {error.message}", field="Timezone") from error


def _timing(item: Pushed, zone: tzinfo, now: datetime) -> dict[str, Any]:
    at_once = said(item, "is_schedule_now")
    recurring = read_yes("IsRecurring", needed("IsRecurring", item.is_recurring))
    if at_once and read_yes("IsScheduleNow", at_once):
        if recurring:
            name = "IsScheduleNow"
            raise Invalid(f"{name} is Y, so IsRecurring can be N only", field=name)
        return {"run_at": now}
    date = said(item, "run_date")
    if recurring:
        if date:
            raise Invalid("RunDate is for IsRecurring N, else it is null", field="RunDate")
        return {"recurrence": _recurrence(item)}
    if said(item, "frequency_id") not in ("", NONE):
        name = "FrequencyId"
        raise Invalid(f"{name} is for IsRecurring Y, else it is {NONE}", field=name)
    return {"run_at": read_time("RunDate", needed("RunDate", date), zone=zone)}


def _recurrence(item: Pushed) -> Recurrence:
    """Reads a rule; what its frequency does not need is ignored, as the sample's DateofMonth is."""
    frequency = _chosen("FrequencyId", item.frequency_id, FREQUENCIES)
    minute = _number("ScheduleMinute", item.schedule_minute, 0, 59)
    if frequency is Frequency.HOURLY:
        return Recurrence(frequency=frequency, minute=minute)
    hour = _number("ScheduleHour", item.schedule_hour, 0, 23)
    rule = {"frequency": frequency, "minute": minute, "hour": hour}
    if frequency is Frequency.WEEKLY:
        return Recurrence(**rule, weekdays=_weekdays(item.daysof_week))
    if frequency is Frequency.MONTHLY:
        return Recurrence(**rule, day=_number("DateofMonth", item.dateof_month, 1, 31))
    return Recurrence(**rule)


def _weekdays(text: str) -> tuple[int, ...]:
    """Reads 1 to 6, Monday to Saturday, and Sunday as 0 or 7."""
    days = needed("DaysofWeek", text).split(",")
    return tuple(sorted({_number("DaysofWeek", day, 0, 7) or 7 for day in days}))


def _parameters(
    values: Sequence[pb.RunbookParameter],
) -> tuple[tuple[Parameter, ...], dict[str, str]]:
    if len(values) > MOST_PARAMETERS:
        raise Invalid(
            f"ParamValues has {len(values)}, at most {MOST_PARAMETERS} are taken",
            field="ParamValues",
        )
    parameters: dict[str, Parameter] = {}
    secrets: dict[str, str] = {}
    for value in values:
        name = needed("RunbookParam", value.runbook_param)
        check_text("RunbookParam", name, most=LONGEST_NAME)
        if name in parameters:
            raise Invalid(f"RunbookParam {wire.clip(name)} comes twice", field="RunbookParam")
        text = value.runbook_param_default_value
        check_text("RunbookParamDefaultValue", text, most=LONGEST_VALUE)
        if _is_password(value.is_password_param):
            secret = new_secret()
            secrets[secret] = needed_value(text)
            parameters[name] = Parameter(name=name, secret=secret)
        else:
            parameters[name] = Parameter(name=name, value=text)
    return tuple(parameters.values()), secrets


def needed_value(text: str) -> str:
    """Returns the value of a password as it came; there must be one."""
    if not text:
        name = "RunbookParamDefaultValue"
        raise Missing(f"{name} is required by IsPasswordParam", field=name)
    return text


def _is_password(text: str) -> bool:
    flag = text.strip().upper()
    if flag not in PLAIN | PASSWORD:
        name = "IsPasswordParam"
        raise Invalid(f"{name} is {wire.clip(text)}, it can be Text or Password", field=name)
    return flag in PASSWORD


def _extra(item: Pushed) -> dict[str, dict[str, str]]:
    """Keeps what only this dialect has."""
    kept = {"OrderID": said(item, "order_id")}
    for value in item.param_values:
        kept[f"RunbookParamId.{value.runbook_param.strip()}"] = value.runbook_param_id.strip()
    for name, text in kept.items():
        check_text(name.partition(".")[0], text, most=LONGEST_NAME)
    kept = {name: text for name, text in kept.items() if text}
    return {EXTRA: kept} if kept else {}


def _seconds(text: str) -> int:
    """Reads `10Min`; the guide has no other, and a number alone is minutes."""
    name = "TimeOutPeriod"
    match = _SPAN.fullmatch(text)
    if match is None:
        raise Invalid(
            f"{name} is {wire.clip(text)}, it can be 30Sec, 10Min, 2Hour or 1Day", field=name
        )
    seconds = int(match[1]) * _SECONDS[(match[2] or "min").casefold()]
    if not 1 <= seconds <= LONGEST_TIMEOUT:
        raise Invalid(f"{name} is {wire.clip(text)}, it can be 1Sec to 366Day", field=name)
    return seconds


def _chosen(vendor: str, text: str, table: dict[str, Any]) -> Any:
    known = list(table)
    if needed(vendor, text) not in table:
        raise Invalid(
            f"{vendor} is {wire.clip(text)}, it can be {', '.join(known[:-1])} or {known[-1]}",
            field=vendor,
        )
    return table[text.strip()]


def _number(vendor: str, text: str, least: int, most: int) -> int:
    digits = needed(vendor, text)
    if not re.fullmatch(r"[0-9]{1,2}", digits) or not least <= int(digits) <= most:
        raise Invalid(f"{vendor} is {wire.clip(text)}, it can be {least} to {most}", field=vendor)
    return int(digits)

"""When and with what, on the command line: `--every week --on mon,fri --at 02:05 --param a=b`."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import typer

from polydesk.cli.failure import Failure
from polydesk.cli.message import choose, moment, word

if TYPE_CHECKING:
    from polydesk.client.messages import schedule_pb2

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EVERY: Final = {"hour": "hourly", "day": "daily", "week": "weekly", "month": "monthly"}
_CLOCK: Final = re.compile(r"(?:(\d{1,2}):)?(\d{1,2})", re.ASCII)
_SPAN: Final = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def read_timing(*, every: str, at: str, on: str, once: str) -> dict[str, Any]:
    """Returns the field of a schedule that says when it is due."""
    if bool(every) == bool(once):
        raise Failure("say when: either --every hour, day, week or month, or --once TIME")
    if once:
        return {"run_time": _instant(once)}
    if every not in _EVERY:
        raise Failure(f"--every is {every!r}, it can be {', '.join(_EVERY)}")
    from polydesk.client.messages import schedule_pb2  # noqa: PLC0415 - keeps --help quick

    kind = schedule_pb2.Schedule.Recurrence
    hour, minute = _clock(at)
    return {
        "recurrence": kind(
            frequency=choose(kind, "frequency", _EVERY[every]),
            hour=hour,
            minute=minute,
            weekdays=[_weekday(day) for day in on.split(",")] if every == "week" and on else [],
            day_of_month=_day(on) if every == "month" else 0,
        )
    }


def read_parameters(
    said: Sequence[str], secrets: Sequence[str]
) -> list[schedule_pb2.Schedule.Parameter]:
    """Returns parameters; the values of secret ones are asked for or, line after line, on stdin."""
    from polydesk.client.messages import schedule_pb2  # noqa: PLC0415 - keeps --help quick

    kind = schedule_pb2.Schedule.Parameter
    parameters = []
    for each in said:
        name, equals, value = each.partition("=")
        if not equals:
            raise Failure(f"{each!r} is no parameter: one is written NAME=VALUE")
        parameters.append(kind(name=name, value=value))
    return parameters + [kind(name=name, secret_value=_secret(name)) for name in secrets]


def read_seconds(text: str) -> int:
    """Reads a span: `30s`, `10m`, `2h`, `1d`."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise Failure(f"{text!r} is no span of time, such as 30s, 10m, 2h or 1d")
    return int(match[1]) * _SECONDS[match[2]]


def rule_of(found: schedule_pb2.Schedule) -> str:
    """Says when a schedule is due, as people do."""
    if found.HasField("run_time"):
        return f"once, {moment(found.run_time)} UTC"
    rule = found.recurrence
    frequency = word(rule, "frequency")
    if frequency == "hourly":
        return f"hourly, :{rule.minute:02}"
    days = ",".join(_DAYS[day - 1] for day in rule.weekdays)
    day = f"day {rule.day_of_month}" if rule.day_of_month else ""
    clock = f"{rule.hour:02}:{rule.minute:02}"
    return f"{frequency}, {' '.join(each for each in (days, day, clock) if each)}"


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise Failure(f"--once {text!r} is no time, such as 2099-01-01T10:10:10Z") from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _clock(text: str) -> tuple[int, int]:
    match = _CLOCK.fullmatch(text or "0")
    if match is None:
        raise Failure(f"--at {text!r} is no time of the day, such as 02:05")
    return int(match[1] or 0), int(match[2])


def _weekday(text: str) -> int:
    day = text.strip().casefold()[:3]
    if day not in _DAYS:
        raise Failure(f"--on {text!r} is no day of the week; there are {', '.join(_DAYS)}")
    return _DAYS.index(day) + 1


def _day(text: str) -> int:
    if not text.isdecimal():
        raise Failure(f"--on {text!r} is no day of the month, 1 to 31")
    return int(text)


def _secret(name: str) -> str:
    if sys.stdin.isatty():
        return str(typer.prompt(name, hide_input=True, confirmation_prompt=True, err=True))
    value = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    if not value:
        raise Failure(f"stdin has no value for {name}")
    return value

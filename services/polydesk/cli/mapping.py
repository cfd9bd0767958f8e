"""The mapping of `polydesk import`: which columns of a CSV file become which fields of a push.

`docs/examples/servicenow-audit-log.toml` shows all of it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

import msgspec

from polydesk.cli.failure import Failure

TEXTS: Final = (
    "TicketNumber",
    "Summary",
    "Description",
    "sys_id",
    "StatusCode",
    "AssignedGroup",
    "ModuleId",
    *(f"Col{number}" for number in range(1, 21)),
)
DATES: Final = ("CreationDate", "LastModifiedDate", "ResolvedDate")
REQUIRED: Final = (*TEXTS[:5], *DATES[:2])
# What is said of each ticket unless the mapping says otherwise, and of each date in any case.
_INCIDENT: Final = {"ModuleId": "1"}
_GMT: Final = {"IsTimeZoneOrOffset": "GMT", "IsEpoch": "N"}
_PLACEHOLDER: Final = re.compile(r"\{([^{}|]+)(?:\|([^{}]*))?\}")

Row = Mapping[str, str]


class Dates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How dates are written in the file, and which fields they become."""

    format: str
    zone: str
    fields: dict[str, str]


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mapping file, as it is written."""

    fields: dict[str, str]
    dates: Dates
    constants: dict[str, str] = {}
    empty: list[str] = []
    delimiter: str = ","
    encoding: str = "utf-8-sig"


class Mapped:
    """Translates rows as a plan says."""

    def __init__(self, plan: Plan) -> None:
        _check_names("fields", plan.fields, known=TEXTS)
        _check_names("constants", plan.constants, known=TEXTS)
        _check_names("dates.fields", plan.dates.fields, known=DATES)
        said = {**_INCIDENT, **plan.constants}
        missing = set(REQUIRED) - {*said, *plan.fields, *plan.dates.fields}
        if missing:
            raise Failure(f"the mapping gives no {', '.join(sorted(missing))}")
        self.plan = plan
        self._said = {**said, **_GMT}
        self._zone = _zone(plan.dates.zone)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a mapping file."""
        try:
            return cls(msgspec.convert(tomllib.loads(path.read_text("utf-8")), Plan))
        except OSError as error:
            raise Failure(f"{path} cannot be read: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
            raise Failure(f"{path} is no mapping: {error}") from error
        except Failure as failure:
            raise Failure(f"{path}: {failure.message}") from failure

    def check_columns(self, columns: Collection[str]) -> None:
        """Raises Failure where the file lacks a column that the mapping names."""
        for name, source in {**self.plan.fields, **self.plan.dates.fields}.items():
            for column in _columns(source):
                if column not in columns:
                    raise Failure(
                        f"the mapping takes {name} from the column {column!r}, "
                        f"and the file has: {', '.join(columns)}"
                    )

    def ticket(self, row: Row) -> dict[str, str]:
        """Returns the ticket of a row; raises Failure where a date is none."""
        ticket = dict(self._said)
        for name, source in self.plan.fields.items():
            ticket[name] = self._fill(source, row)
        for name, column in self.plan.dates.fields.items():
            ticket[name] = self._date(column, row)
        return ticket

    def _value(self, column: str, row: Row) -> str:
        value = row[column]
        return "" if value in self.plan.empty else value

    def _fill(self, source: str, row: Row) -> str:
        if "{" not in source:
            return self._value(source, row)
        filled = False

        def fill(found: re.Match[str]) -> str:
            nonlocal filled
            value = self._value(found[1], row) or found[2] or ""
            filled = filled or bool(value)
            return value

        text = _PLACEHOLDER.sub(fill, source)
        return text if filled else ""

    def _date(self, column: str, row: Row) -> str:
        value = self._value(column, row)
        if not value:
            return ""
        try:
            date = datetime.strptime(value, self.plan.dates.format)  # noqa: DTZ007 - zone below
        except ValueError:
            raise Failure(
                f"{column} is {value!r}, which is no date as {self.plan.dates.format!r} has it"
            ) from None
        utc = (date if date.tzinfo else date.replace(tzinfo=self._zone)).astimezone(UTC)
        return utc.replace(tzinfo=None).isoformat(" ", "milliseconds").removesuffix(".000")


def _columns(source: str) -> list[str]:
    if "{" not in source:
        return [source]
    return [found[1] for found in _PLACEHOLDER.finditer(source)]


def _check_names(table: str, given: Mapping[str, Any], *, known: Collection[str]) -> None:
    for name in given:
        if name not in known:
            raise Failure(f"{name!r} in [{table}] is no field; there are: {', '.join(known)}")


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise Failure(f"there is no time zone {name!r}; an IANA name is wanted") from None

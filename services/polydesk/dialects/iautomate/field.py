"""The fields of the guide: orgs, modules, zones, dates; what is wrong bears the field's name."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Final, TypeVar

from polydesk import wire
from polydesk.domain.ci import HIGHEST_ID
from polydesk.domain.errors import Invalid, Missing, NotFound
from polydesk.domain.ticket import LONGEST_NAME, Kind, check_text

Value = TypeVar("Value")

SUCCESS: Final = "Success"

# "ModuleId=1 for Incident Management and ModuleId=9 for Event Management", table 2. The guide
# numbers no others; 4 stands in its table 20, of a URL of service requests.
MODULES: Final = {
    "1": Kind.INCIDENT,
    "2": Kind.PROBLEM,
    "3": Kind.CHANGE_TASK,
    "4": Kind.SERVICE_REQUEST_TASK,
    "9": Kind.EVENT,
    "10": Kind.SUB_TASK,
}
_OFFSET: Final = re.compile(r"[+-]?[0-9]{1,4}")


def org_of(text: str) -> int:
    """Returns the org of a path; one that is no number is as unknown as any other."""
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise NotFound(f"there is no org {wire.clip(text)}")
    return int(text)


def number_of(what: str, text: str) -> int:
    """Returns a number of a path; one that is none is as unknown as any other."""
    if not re.fullmatch(r"[0-9]{1,9}", text.strip()):
        raise NotFound(f"there is no {what} {wire.clip(text)}")
    return int(text)


def read_number(vendor: str, text: str) -> int:
    """Returns a number of a body, 1 to 2147483647; 0 where nothing is said."""
    said = text.strip()
    if not said:
        return 0
    if not re.fullmatch(r"[0-9]{1,10}", said) or not 1 <= int(said) <= HIGHEST_ID:
        raise Invalid(f"{vendor} is {wire.clip(text)}, it can be 1 to {HIGHEST_ID}", field=vendor)
    return int(said)


def read_numbers(text: str) -> list[str]:
    """Reads "comma separated multiple input values", each of them once (table 73)."""
    numbers = dict.fromkeys(number.strip() for number in text.split(","))
    for number in numbers:
        check_text("ticketnumber", number, most=LONGEST_NAME)
    return [number for number in numbers if number]


def read_module(module_id: str, among: Sequence[str] = tuple(MODULES)) -> Kind:
    """Returns the kind of a ModuleId."""
    if module_id.strip() not in among:
        known = f"{', '.join(among[:-1])} or {among[-1]}"
        raise Invalid(f"ModuleId is {wire.clip(module_id)}, it can be {known}", field="ModuleId")
    return MODULES[module_id.strip()]


def read_flag(is_epoch: str) -> bool:
    """Tells whether dates are counts, by IsEpoch."""
    return read_yes("IsEpoch", is_epoch)


def read_yes(vendor: str, text: str) -> bool:
    """Reads Y or N."""
    flag = text.strip().upper()
    if flag not in {"Y", "N"}:
        raise Invalid(f"{vendor} is {wire.clip(text)}, it can be Y or N", field=vendor)
    return flag == "Y"


@lru_cache(maxsize=64)
def read_zone(rule: str, time_zone: str, time_zone_offset: str) -> tzinfo:
    """Returns the zone of a ticket's dates, by the rule of IsTimeZoneOrOffset (table 2)."""
    match rule.strip().upper():
        case "GMT":
            return UTC
        case "TIMEZONE":
            name = _needed("TimeZone", time_zone)
            return _named("TimeZone", lambda: wire.zone(name))
        case "OFFSET":
            return _read_offset(_needed("TimeZoneOffset", time_zone_offset))
    # The guide's V1 sample has the three in one: "TIMEZONE/OFFSET/GMT".
    raise Invalid(
        f"IsTimeZoneOrOffset is {wire.clip(rule)}, it can be one of TIMEZONE, OFFSET, GMT",
        field="IsTimeZoneOrOffset",
    )


def _needed(vendor: str, text: str) -> str:
    if not text.strip():
        raise Missing(f"{vendor} is required by IsTimeZoneOrOffset", field=vendor)
    return text.strip()


def _read_offset(text: str) -> tzinfo:
    name = "TimeZoneOffset"
    if not _OFFSET.fullmatch(text):
        raise Invalid(f"{name} is {wire.clip(text)}, it can be minutes such as -330", field=name)
    return _named(name, lambda: wire.offset_zone(int(text)))


def read_time(vendor: str, text: str, *, zone: tzinfo, epoch: bool = False) -> datetime:
    """Returns the instant of a date."""
    return _named(vendor, lambda: wire.read_time(text, zone, epoch=epoch))


def _named(vendor: str, read: Callable[[], Value]) -> Value:
    """Reads a field, so that what is wrong with it bears the field's name."""
    try:
        return read()
    except Invalid as error:
        raise Invalid(f"{vendor}: {error.message}", field=vendor) from error

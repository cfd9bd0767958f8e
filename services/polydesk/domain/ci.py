"""CIs (configuration items), their groups, and what is reported of work on them.

A host is a CI once in each group that it is in; a task is a name that some CIs of a group share.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from polydesk.domain.errors import Invalid, Missing, Outdated
from polydesk.domain.history import NO_TICKET
from polydesk.domain.reported import Reported
from polydesk.domain.saving import Change
from polydesk.domain.ticket import LONGEST_NAME, check_text

DEPLOYED: Final = "Deployed"
MOST_TASKS: Final = 100
MOST_COLUMNS: Final = 5
HIGHEST_ID: Final = 2**31 - 1
_LONGEST_COLUMN: Final = 1_000
_LONGEST_REMARK: Final = 4_096
TEXTS: Final = (
    "host_name",
    "display_name",
    "management_ip",
    "firmware_version",
    "type",
    "manufacturer",
    "model",
    "location",
    "sub_category",
    "component_category",
    "product",
    "environment",
    "criticality",
    "deployment",
)


class CiGroup(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A named set of CIs; `id` is unique in its org, and the hub gives none twice."""

    org: int
    id: int
    name: str
    created_at: datetime
    updated_at: datetime
    revision: int = 1

    @property
    def etag(self) -> str:
        """Marks this state of the group."""
        return f"{self.id}.{self.revision}"


class CiSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a caller says of a CI."""

    host_name: str
    group: int
    tasks: tuple[str, ...] = ()
    display_name: str = ""
    management_ip: str = ""
    firmware_version: str = ""
    type: str = ""
    columns: tuple[str, ...] = ()
    manufacturer: str = ""
    model: str = ""
    location: str = ""
    sub_category: str = ""
    component_category: str = ""
    product: str = ""
    environment: str = ""
    criticality: str = ""
    deployment: str = DEPLOYED

    def __post_init__(self) -> None:
        if not self.host_name.strip():
            raise Missing("host_name is required", field="host_name")
        for name in TEXTS:
            check_text(name, getattr(self, name), most=LONGEST_NAME)
        _check_tasks(self.tasks)
        if len(self.columns) > MOST_COLUMNS:
            raise Invalid(
                f"columns has {len(self.columns)}, at most {MOST_COLUMNS} are taken",
                field="columns",
            )
        for column in self.columns:
            check_text("columns", column, most=_LONGEST_COLUMN)

    @property
    def key(self) -> tuple[int, str]:
        """Returns what the CI is known by: its group, and its host in one letter case."""
        return self.group, key_of(self.host_name)


class Ci(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A configuration item; `id` is that of the history's entry that tells of its making."""

    org: int
    id: int
    spec: CiSpec
    created_at: datetime
    updated_at: datetime
    revision: int = 1

    @property
    def etag(self) -> str:
        """Marks this state of the CI."""
        return f"{self.id}.{self.revision}"


class CiQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which CIs: all of the org, or those of a group, a task, a host."""

    group: int = 0
    task: str = ""
    host_name: str = ""


class CiReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a tool says of its work, on all CIs that `host_name`, `group` and `task` mean."""

    state: Reported
    host_name: str = ""
    group: int = 0
    task: str = ""
    schedule: int = 0
    remarks: str = ""
    file_name: str = ""
    file_path: str = ""
    change_number: str = ""

    def __post_init__(self) -> None:
        if not self.host_name and not self.group:
            raise Missing("host_name or group is required", field="host_name")
        for name in ("host_name", "task", "file_name", "change_number"):
            check_text(name, getattr(self, name), most=LONGEST_NAME)
        for name in ("remarks", "file_path"):
            check_text(name, getattr(self, name), most=_LONGEST_REMARK)

    def means(self, spec: CiSpec) -> bool:
        """Tells whether the report is about a CI."""
        return (
            (not self.host_name or key_of(self.host_name) == key_of(spec.host_name))
            and (not self.group or self.group == spec.group)
            and (not self.task or self.task in spec.tasks)
        )


class CiStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The latest report of a CI, a task and a schedule; `id` is that of the history's entry."""

    id: int
    org: int
    ci: int
    host_name: str
    group: int
    state: Reported
    reporter: str
    reported_at: datetime
    task: str = ""
    schedule: int = 0
    remarks: str = ""
    file_name: str = ""
    file_path: str = ""
    change_number: str = ""


class StatusQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which statuses: all of the org, or those of a CI, a group, a task, a schedule."""

    ci: int = 0
    group: int = 0
    task: str = ""
    schedule: int = 0


def key_of(host_name: str) -> str:
    """Returns a host's name as it is compared: blanks around it and the letter case say nothing."""
    return host_name.strip().casefold()


def check_group_name(name: str) -> None:
    """Refuses what can be no group's name."""
    if not name.strip():
        raise Missing("display_name is required", field="display_name")
    check_text("display_name", name, most=LONGEST_NAME)


def check_etag(record: Ci | CiGroup, etag: str) -> None:
    """Refuses a write that was meant for another state; an empty etag is for any."""
    if etag and etag != record.etag:
        what = "CI" if isinstance(record, Ci) else "CI group"
        raise Outdated(
            f"{what} {record.id} was changed meanwhile: its etag is {record.etag}, not {etag}"
        )


def with_spec(ci: Ci, spec: CiSpec, at: datetime) -> Ci:
    """Returns the CI as a write leaves it; the same one where it says nothing new."""
    if spec == ci.spec:
        return ci
    return replace(ci, spec=spec, updated_at=at, revision=ci.revision + 1)


def told(org: int, action: str, *, old: dict[str, Any], new: dict[str, Any]) -> Change:
    """Tells the history what was done in the inventory of an org."""
    return Change(ticket=NO_TICKET, org=org, action=action, digest="", old=old, new=new)


def _check_tasks(tasks: tuple[str, ...]) -> None:
    if len(tasks) > MOST_TASKS:
        raise Invalid(f"tasks has {len(tasks)}, at most {MOST_TASKS} are taken", field="tasks")
    if len(set(tasks)) < len(tasks):
        raise Invalid("tasks names one twice", field="tasks")
    for task in tasks:
        if not task.strip():
            raise Missing("tasks has an empty one", field="tasks")
        check_text("tasks", task, most=LONGEST_NAME)

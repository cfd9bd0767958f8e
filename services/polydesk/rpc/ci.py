"""CIs, their groups and what is reported of them: to and from the record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from msgspec.structs import replace

from polydesk.api.v1 import inventory_pb2 as pb
from polydesk.domain.ci import DEPLOYED, TEXTS, Ci, CiGroup, CiReport, CiSpec, CiStatus
from polydesk.domain.errors import Invalid, Missing
from polydesk.rpc.moment import timestamp
from polydesk.rpc.name import child_of
from polydesk.rpc.reported import STATE_NUMBERS, STATES

FIELDS: Final = (*TEXTS, "group", "tasks", "columns")
_SAID: Final = ("host_name", "task", "remarks", "file_name", "file_path", "change_number")


def to_spec(said: pb.Ci, org: int, *, path: str) -> CiSpec:
    """Reads what a caller says of a CI; `path` is where it stands in the request."""
    values = values_of(said, org, path=path)
    with below(path):
        return settled(CiSpec(**values))


def to_report(said: pb.ReportCiStatusesRequest.Report, org: int, *, path: str) -> CiReport:
    """Reads a report."""
    if said.state not in STATES:
        raise Invalid(f"{path}.state cannot be {said.state}", field=f"{path}.state")
    group = within(said.group, org, "ciGroups", field=f"{path}.group")
    schedule = within(said.schedule, org, "schedules", field=f"{path}.schedule")
    texts = {name: getattr(said, name) for name in _SAID}
    with below(path):
        return CiReport(state=STATES[said.state], group=group, schedule=schedule, **texts)


def from_group(group: CiGroup) -> pb.CiGroup:
    """Writes a group."""
    return pb.CiGroup(
        name=f"orgs/{group.org}/ciGroups/{group.id}",
        display_name=group.name,
        create_time=timestamp(group.created_at),
        update_time=timestamp(group.updated_at),
        etag=group.etag,
    )


def from_ci(ci: Ci) -> pb.Ci:
    """Writes a CI."""
    return pb.Ci(
        name=f"orgs/{ci.org}/cis/{ci.id}",
        group=f"orgs/{ci.org}/ciGroups/{ci.spec.group}",
        tasks=ci.spec.tasks,
        columns=ci.spec.columns,
        create_time=timestamp(ci.created_at),
        update_time=timestamp(ci.updated_at),
        etag=ci.etag,
        **{name: getattr(ci.spec, name) for name in TEXTS},
    )


def from_status(status: CiStatus) -> pb.CiStatus:
    """Writes what was reported."""
    org = f"orgs/{status.org}"
    return pb.CiStatus(
        ci=f"{org}/cis/{status.ci}",
        group=f"{org}/ciGroups/{status.group}",
        schedule=f"{org}/schedules/{status.schedule}" if status.schedule else "",
        state=STATE_NUMBERS[status.state],
        reporter=status.reporter,
        report_time=timestamp(status.reported_at),
        **{name: getattr(status, name) for name in _SAID},
    )


def values_of(said: pb.Ci, org: int, *, path: str) -> dict[str, Any]:
    """Reads the fields of a CI."""
    values: dict[str, Any] = {name: getattr(said, name) for name in TEXTS}
    values["group"] = within(said.group, org, "ciGroups", field=f"{path}.group")
    return values | {"tasks": tuple(said.tasks), "columns": tuple(said.columns)}


def settled(spec: CiSpec) -> CiSpec:
    """Gives a CI what it has where nothing is said."""
    if not spec.group:
        raise Missing("group is required", field="group")
    return replace(
        spec,
        display_name=spec.display_name or spec.host_name,
        deployment=spec.deployment or DEPLOYED,
    )


def within(name: str, org: int, collection: str, *, field: str) -> int:
    """Returns the id in a name of the org's own; 0 where none is said."""
    if not name:
        return 0
    its_org, id_ = child_of(name, "orgs", collection, field=field)
    if its_org != org:
        raise Invalid(f"{field} is of another org", field=field)
    return id_


def check_mask(paths: Any, known: tuple[str, ...]) -> list[str]:
    """Reads which fields are to change."""
    if unknown := set(paths) - set(known):
        raise Invalid(
            f"update_mask: {min(unknown)} cannot be changed; these can: {', '.join(known)}",
            field="update_mask",
        )
    return list(paths)


@contextmanager
def below(path: str) -> Iterator[None]:
    """Has an error name the place in the request."""
    try:
        yield
    except Invalid as error:
        if not error.message.startswith(error.field) or error.field.startswith(path):
            raise
        raise type(error)(f"{path}.{error.message}", field=f"{path}.{error.field}") from error

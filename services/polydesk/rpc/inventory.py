"""The canonical service of inventories: CI groups, CIs, and what is reported of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import grpc.aio
from msgspec.structs import replace

from polydesk.api.v1 import inventory_pb2 as pb
from polydesk.api.v1 import inventory_pb2_grpc, reported_state_pb2
from polydesk.domain.ci import (
    DEPLOYED,
    TEXTS,
    Ci,
    CiGroup,
    CiQuery,
    CiReport,
    CiSpec,
    CiStatus,
    StatusQuery,
)
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.query import page_size
from polydesk.domain.reported import Reported
from polydesk.rpc.moment import timestamp
from polydesk.rpc.name import child_of, org_of
from polydesk.wire import caller_of

Context = grpc.aio.ServicerContext[Any, Any]

_FIELDS: Final = (*TEXTS, "group", "tasks", "columns")
STATES: Final = {
    reported_state_pb2.ReportedState.Value(f"REPORTED_STATE_{state.name}"): state
    for state in Reported
}
STATE_NUMBERS: Final[dict[Reported, Any]] = {state: number for number, state in STATES.items()}
_SAID: Final = ("host_name", "task", "remarks", "file_name", "file_path", "change_number")


class InventoryServicer(inventory_pb2_grpc.InventoryServiceServicer):
    """Serves inventories."""

    def __init__(self, desk: Desk) -> None:
        self._inventory = desk.inventory

    async def CreateCiGroup(self, request: pb.CreateCiGroupRequest, _: Context) -> pb.CiGroup:
        """Makes a group."""
        with _below("ci_group"):
            made = await self._inventory.add_group(
                caller_of(),
                org_of(request.parent),
                request.ci_group.display_name,
                id_=request.ci_group_id,
            )
        return from_group(made)

    async def GetCiGroup(self, request: pb.GetCiGroupRequest, _: Context) -> pb.CiGroup:
        """Returns a group."""
        org, id_ = child_of(request.name, "orgs", "ciGroups")
        return from_group(await self._inventory.group(caller_of(), org, id_))

    async def ListCiGroups(
        self, request: pb.ListCiGroupsRequest, _: Context
    ) -> pb.ListCiGroupsResponse:
        """Returns a page of groups."""
        page = await self._inventory.groups(
            caller_of(),
            org_of(request.parent),
            limit=page_size(request.page_size),
            token=request.page_token,
        )
        return pb.ListCiGroupsResponse(
            ci_groups=map(from_group, page.items), next_page_token=page.next_token
        )

    async def UpdateCiGroup(self, request: pb.UpdateCiGroupRequest, _: Context) -> pb.CiGroup:
        """Renames a group."""
        said = request.ci_group
        org, id_ = child_of(said.name, "orgs", "ciGroups", field="ci_group.name")
        _check_mask(request.update_mask.paths, ("display_name",))
        with _below("ci_group"):
            renamed = await self._inventory.rename_group(
                caller_of(), org, id_, said.display_name, etag=said.etag
            )
        return from_group(renamed)

    async def DeleteCiGroup(self, request: pb.DeleteCiGroupRequest, _: Context) -> pb.CiGroup:
        """Deletes a group."""
        org, id_ = child_of(request.name, "orgs", "ciGroups")
        removed = await self._inventory.remove_group(caller_of(), org, id_, etag=request.etag)
        return from_group(removed)

    async def CreateCi(self, request: pb.CreateCiRequest, _: Context) -> pb.Ci:
        """Makes a CI."""
        org = org_of(request.parent)
        spec = to_spec(request.ci, org, path="ci")
        return from_ci(await self._inventory.add(caller_of(), org, spec))

    async def SaveCis(self, request: pb.SaveCisRequest, _: Context) -> pb.SaveCisResponse:
        """Saves CIs."""
        org = org_of(request.parent)
        specs = [to_spec(ci, org, path=f"cis[{index}]") for index, ci in enumerate(request.cis)]
        saved = await self._inventory.save(caller_of(), org, specs)
        return pb.SaveCisResponse(cis=map(from_ci, saved))

    async def GetCi(self, request: pb.GetCiRequest, _: Context) -> pb.Ci:
        """Returns a CI."""
        return from_ci(
            await self._inventory.get(caller_of(), *child_of(request.name, "orgs", "cis"))
        )

    async def ListCis(self, request: pb.ListCisRequest, _: Context) -> pb.ListCisResponse:
        """Returns a page of CIs."""
        org = org_of(request.parent)
        query = CiQuery(
            group=_within(request.group, org, "ciGroups", field="group"),
            task=request.task,
            host_name=request.host_name,
        )
        page = await self._inventory.page(
            caller_of(),
            org,
            query,
            limit=page_size(request.page_size),
            token=request.page_token,
        )
        return pb.ListCisResponse(cis=map(from_ci, page.items), next_page_token=page.next_token)

    async def UpdateCi(self, request: pb.UpdateCiRequest, _: Context) -> pb.Ci:
        """Changes a CI."""
        said = request.ci
        org, id_ = child_of(said.name, "orgs", "cis", field="ci.name")
        values = _values(said, org, path="ci")
        names = _check_mask(request.update_mask.paths, _FIELDS)
        changes = {name: values[name] for name in names or [n for n in values if values[n]]}

        def change(spec: CiSpec) -> CiSpec:
            with _below("ci"):
                return _settled(replace(spec, **changes))

        changed = await self._inventory.change(caller_of(), org, id_, change, etag=said.etag)
        return from_ci(changed)

    async def DeleteCi(self, request: pb.DeleteCiRequest, _: Context) -> pb.Ci:
        """Deletes a CI."""
        org, id_ = child_of(request.name, "orgs", "cis")
        return from_ci(await self._inventory.remove(caller_of(), org, id_, etag=request.etag))

    async def ReportCiStatuses(
        self, request: pb.ReportCiStatusesRequest, _: Context
    ) -> pb.ReportCiStatusesResponse:
        """Takes reports."""
        org = org_of(request.parent)
        reports = [
            to_report(report, org, path=f"reports[{index}]")
            for index, report in enumerate(request.reports)
        ]
        count = await self._inventory.report(caller_of(), org, reports)
        return pb.ReportCiStatusesResponse(count=count)

    async def ListCiStatuses(
        self, request: pb.ListCiStatusesRequest, _: Context
    ) -> pb.ListCiStatusesResponse:
        """Returns a page of statuses."""
        org = org_of(request.parent)
        query = StatusQuery(
            ci=_within(request.ci, org, "cis", field="ci"),
            group=_within(request.group, org, "ciGroups", field="group"),
            task=request.task,
            schedule=_within(request.schedule, org, "schedules", field="schedule"),
        )
        page = await self._inventory.statuses(
            caller_of(),
            org,
            query,
            limit=page_size(request.page_size),
            token=request.page_token,
        )
        return pb.ListCiStatusesResponse(
            ci_statuses=map(from_status, page.items), next_page_token=page.next_token
        )


def to_spec(said: pb.Ci, org: int, *, path: str) -> CiSpec:
    """Reads what a caller says of a CI; `path` is where it stands in the request."""
    values = _values(said, org, path=path)
    with _below(path):
        return _settled(CiSpec(**values))


def to_report(said: pb.ReportCiStatusesRequest.Report, org: int, *, path: str) -> CiReport:
    """Reads a report."""
    if said.state not in STATES:
        raise Invalid(f"{path}.state cannot be {said.state}", field=f"{path}.state")
    group = _within(said.group, org, "ciGroups", field=f"{path}.group")
    schedule = _within(said.schedule, org, "schedules", field=f"{path}.schedule")
    texts = {name: getattr(said, name) for name in _SAID}
    with _below(path):
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


def _values(said: pb.Ci, org: int, *, path: str) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(said, name) for name in TEXTS}
    values["group"] = _within(said.group, org, "ciGroups", field=f"{path}.group")
    return values | {"tasks": tuple(said.tasks), "columns": tuple(said.columns)}


def _settled(spec: CiSpec) -> CiSpec:
    """Gives a CI what it has where nothing is said."""
    if not spec.group:
        raise Missing("group is required", field="group")
    return replace(
        spec,
        display_name=spec.display_name or spec.host_name,
        deployment=spec.deployment or DEPLOYED,
    )


def _within(name: str, org: int, collection: str, *, field: str) -> int:
    """Returns the id in a name of the org's own; 0 where none is said."""
    if not name:
        return 0
    its_org, id_ = child_of(name, "orgs", collection, field=field)
    if its_org != org:
        raise Invalid(f"{field} is of another org", field=field)
    return id_


def _check_mask(paths: Any, known: tuple[str, ...]) -> list[str]:
    if unknown := set(paths) - set(known):
        raise Invalid(
            f"update_mask: {min(unknown)} cannot be changed; these can: {', '.join(known)}",
            field="update_mask",
        )
    return list(paths)


@contextmanager
def _below(path: str) -> Iterator[None]:
    """Has an error name the place in the request."""
    try:
        yield
    except Invalid as error:
        if not error.message.startswith(error.field) or error.field.startswith(path):
            raise
        raise type(error)(f"{path}.{error.message}", field=f"{path}.{error.field}") from error

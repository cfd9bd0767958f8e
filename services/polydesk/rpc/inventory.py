"""The canonical service of inventories: CI groups, CIs, and what is reported of them."""

from __future__ import annotations

from typing import Any

import grpc.aio
from msgspec.structs import replace

from polydesk.api.v1 import inventory_pb2 as pb
from polydesk.api.v1 import inventory_pb2_grpc
from polydesk.domain.ci import CiQuery, CiSpec, StatusQuery
from polydesk.domain.desk import Desk
from polydesk.domain.query import page_size
from polydesk.rpc.ci import (
    FIELDS,
    below,
    check_mask,
    from_ci,
    from_group,
    from_status,
    settled,
    to_report,
    to_spec,
    values_of,
    within,
)
from polydesk.rpc.name import child_of, org_of
from polydesk.wire import caller_of

Context = grpc.aio.ServicerContext[Any, Any]


class InventoryServicer(inventory_pb2_grpc.InventoryServiceServicer):
    """Serves inventories."""

    def __init__(self, desk: Desk) -> None:
        self._inventory = desk.inventory

    async def CreateCiGroup(self, request: pb.CreateCiGroupRequest, _: Context) -> pb.CiGroup:
        """Makes a group."""
        with below("ci_group"):
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
        check_mask(request.update_mask.paths, ("display_name",))
        with below("ci_group"):
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
            group=within(request.group, org, "ciGroups", field="group"),
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
        values = values_of(said, org, path="ci")
        names = check_mask(request.update_mask.paths, FIELDS)
        changes = {name: values[name] for name in names or [n for n in values if values[n]]}

        def change(spec: CiSpec) -> CiSpec:
            with below("ci"):
                return settled(replace(spec, **changes))

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
            ci=within(request.ci, org, "cis", field="ci"),
            group=within(request.group, org, "ciGroups", field="group"),
            task=request.task,
            schedule=within(request.schedule, org, "schedules", field="schedule"),
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

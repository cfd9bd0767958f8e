"""The inventory of netbots: what is known of CIs, and what tools report of them (section 7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import uuid4

import grpc.aio

from polydesk import wire
from polydesk.api.iautomate.v1 import iautomate_pb2 as pb
from polydesk.api.iautomate.v1 import iautomate_pb2_grpc as pb_grpc
from polydesk.dialects.iautomate.field import SUCCESS, number_of, org_of, read_number
from polydesk.domain.ci import Ci, CiReport
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid
from polydesk.domain.reported import of_code

Context = grpc.aio.ServicerContext[Any, Any]

# Fields of the contract, which has the vendor's names as JSON names, and of the record.
_FACTS: Final = {
    "host_name": "host_name",
    "device_ci_name": "display_name",
    "device_management_ip": "management_ip",
    "device_firmware_version": "firmware_version",
    "device_type": "type",
    "device_manufacturername": "manufacturer",
    "device_model": "model",
    "device_location": "location",
    "device_subcategory": "sub_category",
    "device_componentcategory": "component_category",
    "device_productname": "product",
    "device_environment": "environment",
    "device_componentcriticality": "criticality",
    "device_status": "deployment",
}
_TEXTS: Final = {
    "host_name": "host_name",
    "task": "task_number",
    "remarks": "remarks",
    "file_name": "file_name",
    "file_path": "file_path",
    "change_number": "change_number",
}
_LABELS: Final = {
    name: pb.PushedCiStatus.DESCRIPTOR.fields_by_name[field].json_name
    for name, field in _TEXTS.items()
}
# Blanks around these say nothing; remarks stay as they came.
_TRIMMED: Final = frozenset(_TEXTS) - {"remarks"}


class CiServicer(pb_grpc.IAutomateServiceServicer):
    """Serves the inventory."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def GetCiDetails(
        self, request: pb.GetCiDetailsRequest, _: Context
    ) -> pb.GetCiDetailsResponse:
        """Tells what is known of the CIs of a task: H21."""
        org, group = org_of(request.orgentityid), number_of("CI group", request.group_id)
        task = request.tasknumber.strip()
        found = await self._desk.inventory.of_task(wire.caller_of(), org, group, task)
        return pb.GetCiDetailsResponse(
            count=len(found), result=map(from_ci, found), status=SUCCESS, message=SUCCESS
        )

    async def UpdateCiStatuses(
        self, request: pb.UpdateCiStatusesRequest, _: Context
    ) -> pb.UpdateCiStatusesResponse:
        """Takes reports of work on CIs: H24."""
        org, reports = org_of(request.orgentityid), to_reports(request.statuses)
        await self._desk.inventory.report(wire.caller_of(), org, reports)
        return pb.UpdateCiStatusesResponse(
            id=str(uuid4()), status=SUCCESS, message="CI Status Updated Successfully"
        )


def from_ci(ci: Ci) -> pb.CiDetails:
    """Writes a CI as H21 answers it."""
    columns = {f"col{number}": value for number, value in enumerate(ci.spec.columns, start=1)}
    facts = {field: getattr(ci.spec, name) for field, name in _FACTS.items()}
    return pb.CiDetails(**facts, **columns)


def to_reports(statuses: Sequence[pb.PushedCiStatus]) -> list[CiReport]:
    """Reads reports; an error says in which item it is, counted from 0."""
    return [_to_report_at(index, status) for index, status in enumerate(statuses)]


def _to_report_at(index: int, status: pb.PushedCiStatus) -> CiReport:
    try:
        return to_report(status)
    except Invalid as error:
        name = _LABELS.get(error.field, error.field)
        message = name + error.message.removeprefix(error.field)
        raise type(error)(f"{message} (item {index})", field=f"statuses[{index}].{name}") from error


def to_report(status: pb.PushedCiStatus) -> CiReport:
    """Reads one report; an error begins with the name of its field."""
    said = {name: getattr(status, field) for name, field in _TEXTS.items()}
    said |= {name: said[name].strip() for name in _TRIMMED}
    group = read_number("GroupId", status.group_id)
    if not said["host_name"] and not group:
        raise Invalid("HostName or GroupId is required", field="HostName")
    return CiReport(
        state=of_code(status.status, field="Status"),
        group=group,
        schedule=read_number("ScheduleId", status.schedule_id),
        **said,
    )

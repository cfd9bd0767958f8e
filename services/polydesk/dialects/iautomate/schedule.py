"""Schedules of runbooks, which come at the URL of service requests (tables 13 and 19)."""

from __future__ import annotations

from collections.abc import Sequence

from polydesk.api.iautomate.v1 import iautomate_pb2 as pb
from polydesk.domain.errors import Invalid


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

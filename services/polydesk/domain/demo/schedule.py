"""The schedules of the iAutomate guide's samples (seed 004, sections 7.2 to 7.4), in org 1.

H07 makes one of the same number in org 5, where there is none before.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from polydesk.domain.desk import Desk
from polydesk.domain.errors import Exists
from polydesk.domain.identity import Caller
from polydesk.domain.runbook import Tool
from polydesk.domain.schedule import ScheduleSpec
from polydesk.domain.ticket import Kind

_ORG: Final = 1
_IDS: Final = (3, 19_532)
# Never in the life of a demo: nothing is to run in it by itself.
_FAR: Final = datetime(2099, 1, 1, 10, 10, 10, tzinfo=UTC)


async def seed(desk: Desk, seeder: Caller) -> None:
    """Seeds what is not there yet; the seeder may write schedules."""
    spec = ScheduleSpec(
        runbook=7_611,
        tool=Tool.EXTERNAL,
        kind=Kind.SERVICE_REQUEST_TASK,
        run_at=_FAR,
        timeout_seconds=600,
    )
    for id_ in _IDS:
        with suppress(Exists):
            await desk.schedules.create(seeder, _ORG, spec, id_=id_, secrets={})

"""The CIs of the iAutomate guide's samples (seed 004, section 7)."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from polydesk.domain.ci import CiSpec
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Exists
from polydesk.domain.identity import Caller

_ORG: Final = 1
# H21 asks for the CIs of group 1, H24 reports on those of group 3.
_GROUPS: Final = {1: "Access points", 3: "Maintenance"}
_TASK: Final = "Task1"


async def seed(desk: Desk, seeder: Caller) -> None:
    """Seeds what is not there yet; the seeder may write the inventory."""
    for id_, name in _GROUPS.items():
        with suppress(Exists):
            await desk.inventory.add_group(seeder, _ORG, name, id_=id_)
        with suppress(Exists):
            await desk.inventory.add(seeder, _ORG, _ci(id_))


def _ci(group: int) -> CiSpec:
    return CiSpec(
        host_name="SRVAT0046",
        group=group,
        tasks=(_TASK,),
        display_name="SRVAT0046",
        management_ip="10.0.0.1",
        type="Access Point",
        columns=("Test-col1",) * 5,
        manufacturer="HP",
    )

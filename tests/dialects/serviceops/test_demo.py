"""The demo: what the guide prints is there with its ids, and comes once."""

from __future__ import annotations

import shutil
from pathlib import Path

from polydesk.config import Settings
from polydesk.domain.identity import Caller, Role
from polydesk.domain.query import Query
from polydesk.server import Hub

READER = Caller(account=1, login="ann", roles={1: Role.READER}, scope="tickets.read")


async def tickets(hub: Hub) -> dict[int, str]:
    found = await hub.desk.tickets.select(READER, 1, Query())
    return {ticket.id: ticket.summary for ticket in found}


async def test_the_incidents_of_the_guide_have_its_ids_and_come_once(
    seeded: Path, tmp_path: Path
) -> None:
    shutil.copytree(seeded.parent, tmp_path, dirs_exist_ok=True)
    hub = await Hub.start(Settings(data=tmp_path))
    first = await tickets(hub)
    await hub.stop()

    hub = await Hub.start(Settings(data=tmp_path, demo=True))
    again = await tickets(hub)
    people = await hub.desk.people.page(READER, 1, limit=9)
    locations = await hub.desk.locations.page(READER, 1, limit=9)
    await hub.stop()

    assert first[1] == first[501] == "Need a new Mouse"
    assert [id_ for id_ in sorted(first) if id_ > 500][:1] == [501]
    assert again == first
    assert [person.email for person in people.items] == [
        "tim@acme.com",
        "user@example.com",
        "otheruser@example.com",
        "jdoe@example.com",
    ]
    assert [location.name for location in locations.items] == ["Ahmedabad"]

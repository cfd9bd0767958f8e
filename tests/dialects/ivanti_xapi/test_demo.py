"""The demo of the experience API: seeded once, however often a hub starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from polydesk.config import Settings
from polydesk.domain import demo
from polydesk.domain.demo.ivanti_xapi import WITH_FILE, WITH_NOTES
from polydesk.domain.desk import Desk
from polydesk.domain.errors import NotFound
from polydesk.domain.identity import Caller
from polydesk.domain.ticket import Draft, Kind
from polydesk.server import Hub


async def caller_of(desk: Desk, scope: str = "tickets.write") -> Caller:
    account = await desk.registry.account_of(demo.API_USER[0])
    return Caller(account=account.id, login=account.login, roles=account.roles, scope=scope)


async def told(desk: Desk) -> list[Any]:
    """Returns all that the demo says of its two incidents."""
    caller = await caller_of(desk)
    said: list[Any] = [await desk.catalogs.get(caller, demo.HOME)]
    for id_ in (WITH_FILE, WITH_NOTES):
        said += [
            await desk.tickets.get(caller, id_),
            (await desk.notes.page(caller, id_, limit=100)).items,
            (await desk.links.page(caller, id_, limit=100)).items,
            (await desk.attachments.page(caller, id_, limit=100)).items,
        ]
    return said


@pytest.fixture
async def settings(store_url: str, tmp_path: Path) -> Settings:
    return Settings(database_url=store_url, data=tmp_path, demo=True)


async def test_a_second_start_seeds_nothing(settings: Settings) -> None:
    first = await Hub.start(settings)
    before = await told(first.desk)
    await first.stop()

    second = await Hub.start(settings)
    after = await told(second.desk)
    await second.stop()

    assert after == before
    assert [len(each) for each in before if isinstance(each, list)] == [2, 1, 1, 4, 1, 0]


async def test_new_tickets_have_ids_behind_those_of_the_samples(settings: Settings) -> None:
    hub = await Hub.start(settings)
    draft = Draft(kind=Kind.INCIDENT, number="", summary="new")

    made = await hub.desk.tickets.record(await caller_of(hub.desk), 7, draft)
    await hub.stop()

    assert made.id == WITH_NOTES + 1


async def test_what_was_deleted_stays_so(settings: Settings) -> None:
    first = await Hub.start(settings)
    caller = await caller_of(first.desk)
    await first.desk.incidents.delete(caller, WITH_FILE)
    await first.stop()

    second = await Hub.start(settings)

    with pytest.raises(NotFound):
        await second.desk.tickets.get(caller, WITH_FILE)
    assert (await second.desk.tickets.get(caller, WITH_NOTES)).id == WITH_NOTES
    await second.stop()


async def test_a_link_that_was_taken_away_stays_away(settings: Settings) -> None:
    first = await Hub.start(settings)
    caller = await caller_of(first.desk)
    (link,) = (await first.desk.links.page(caller, WITH_NOTES, limit=9)).items
    await first.desk.links.remove(caller, WITH_NOTES, link.id)
    before = await told(first.desk)
    await first.stop()

    second = await Hub.start(settings)
    after = await told(second.desk)
    await second.stop()

    assert after == before

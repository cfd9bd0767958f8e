"""Who is known by which name, and who did what to a ticket, on both engines."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from polydesk.domain.directory import lowered
from polydesk.domain.history import Authors
from polydesk.domain.identity import Org
from polydesk.domain.lifecycle import change
from polydesk.domain.person import Person, PersonDraft
from polydesk.domain.ticket import State
from polydesk.store import SqlStore
from tests.store.records import NOW, ORG, draft, stamp

SYS_ID = "0123456789abcdef0123456789abcdef"


async def add(store: SqlStore, email: str, **said: Any) -> Person:
    person = PersonDraft(email=email, **said)
    make = partial(person.entry, org=ORG, stamp=stamp())
    return await store.people.add(ORG, make, stamp=stamp(), once=None)


async def known(store: SqlStore, *names: str) -> list[str]:
    return [each.email for each in await store.people.known(ORG, [lowered(n) for n in names])]


async def test_a_person_is_known_by_every_name(store: SqlStore) -> None:
    await store.identity.add_org(Org(id=ORG, name="Seven"))
    await add(store, "Ann@acme.com", name="Ann Élan", login="ann", sys_id=SYS_ID)
    await add(store, "bob@acme.com", name="ann")

    assert await known(store, "ANN@ACME.COM") == ["Ann@acme.com"]
    assert await known(store, "ann élan") == []
    for name in ("ANN Élan", SYS_ID.upper()):
        assert await known(store, name) == ["Ann@acme.com"]
    assert await known(store, "Ann", "nobody") == ["Ann@acme.com", "bob@acme.com"]
    assert await known(store, "an_", "%") == []
    assert await store.people.known(ORG + 1, ["ann"]) == []


@pytest.mark.parametrize("way", [(State.RESOLVED, State.CLOSED), (State.CLOSED,), ()])
async def test_the_history_tells_who_did_what(store: SqlStore, way: tuple[State, ...]) -> None:
    made = await store.tickets.create(ORG, draft(), stamp=stamp(actor="maker"), once=None)
    for state in way:
        await store.tickets.change(
            made.id,
            partial(change, said={"state": state}, at=NOW),
            action="update",
            stamp=replace(stamp(), actor=state.value, via="iautomate"),
            once=None,
        )

    told = await store.tickets.authors([made.id, 2**31 - 1])

    resolver = way[0].value if way else ""
    closer = way[-1].value if way else ""
    updater = closer or "maker"
    authors = Authors(
        creator="maker", updater=updater, via="desk", resolver=resolver, closer=closer
    )
    assert told == {made.id: authors}
    assert await store.tickets.authors([]) == {}

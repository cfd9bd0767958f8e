"""What the page of the InsightConnect plugin is about (seed 002): people, an incident, a key."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from polydesk.domain.demo.identity import CLIENT, HOME
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Exists
from polydesk.domain.identity import Caller
from polydesk.domain.person import PersonDraft
from polydesk.domain.ticket import Draft, Kind, Level

# The key and the number of the page's examples.
KEY: Final = "1A2B3CC4D5E67F8901G2HI345J6K7L89"
NUMBER: Final = 12345
# The RecIds that the page prints: of an incident, and of the one that a note is for.
REC_IDS: Final = ("085867f47547496783005d95cb82d557", "304631acab8a4efd8d8e5aa334993426")
PEOPLE: Final = (
    PersonDraft(
        email="user@example.com",
        name="User",
        login="user",
        sys_id="2f851094bfe5437c97d19871d1c539c7",
    ),
    PersonDraft(email="otheruser@example.com", name="Other User", login="otheruser"),
    PersonDraft(
        email="jdoe@example.com", name="John Doe", login="jdoe", team="Service Management Team"
    ),
)
_OPENED: Final = datetime(2020, 8, 12, 23, 33, 37, tzinfo=UTC)


async def seed_people(desk: Desk, operator: Caller) -> None:
    """Seeds the people that are not there yet, and the key."""
    for person in PEOPLE:
        with suppress(Exists):
            await desk.people.add(operator, HOME, person)
    with suppress(Exists):
        await desk.registry.add_key(CLIENT[0], KEY, label="InsightConnect")


async def seed(desk: Desk, seeder: Caller) -> None:
    """Seeds the incidents, with later numbers where the page's was given out already."""
    for id_, rec_id in enumerate(REC_IDS, start=NUMBER):
        draft = Draft(
            kind=Kind.INCIDENT,
            number=f"INC{id_:07}",
            sys_id=rec_id,
            summary="InsightConnect Test",
            description="Test incident created by InsightConnect",
            opened_at=_OPENED,
            modified_at=_OPENED,
            requester=PEOPLE[0].email,
            assignee=PEOPLE[0].login,
            assignment_group="Service Management Team",
            impact=Level.LOW,
            urgency=Level.LOW,
            extra={"ivanti_sm": {"Service": "Service Desk", "Source": "Phone"}},
        )
        with suppress(Exists):
            await desk.tickets.record(seeder, HOME, draft, least_id=id_)

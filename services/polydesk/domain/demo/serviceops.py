"""What the samples of the ServiceOps guide need (seed 001): in org 1, with the ids it prints."""

from __future__ import annotations

from contextlib import suppress
from operator import methodcaller
from typing import Final

from polydesk.domain.custom_field import CustomField, FieldType
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Exists
from polydesk.domain.identity import Caller
from polydesk.domain.location import LocationDraft
from polydesk.domain.person import PersonDraft
from polydesk.domain.ticket import Draft, Kind, Level

ORG: Final = 1
EMAIL: Final = "tim@acme.com"
LOCATION: Final = "Ahmedabad"
# M05 reads the first, M04 resolves the other.
FIRST: Final = 1
SECOND: Final = 501
_FIELDS: Final = (
    CustomField(id=1, key="stage", type=FieldType.TEXT, label="Stage"),
    CustomField(id=35, key="office_building", type=FieldType.TEXT, label="Building"),
)


async def seed_directory(desk: Desk, seeder: Caller) -> None:
    """Seeds the requester, the location and the custom fields; the seeder is an operator."""
    with suppress(Exists):
        await desk.people.add(seeder, ORG, PersonDraft(email=EMAIL, name="Tim"))
    with suppress(Exists):
        await desk.locations.add(seeder, ORG, LocationDraft(name=LOCATION))
    for field in _FIELDS:
        with suppress(Exists):
            await desk.catalogs.change(seeder, ORG, methodcaller("with_new_field", field))


async def seed_incident(desk: Desk, seeder: Caller, id_: int) -> None:
    """Seeds the incident of an id, or of a later one where that was given out already."""
    draft = Draft(
        kind=Kind.INCIDENT,
        number=f"INC{id_:07}",
        summary="Need a new Mouse",
        description="Need a wireless mouse",
        requester=EMAIL,
        impact=Level.LOW,
        urgency=Level.LOW,
        extra={
            "serviceops": {
                "categoryName": "Service Request",
                "requesterEmail": EMAIL,
                "requesterName": "Tim",
                "tags": ["mouse"],
            }
        },
    )
    with suppress(Exists):
        await desk.tickets.record(seeder, ORG, draft, least_id=id_)

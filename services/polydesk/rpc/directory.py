"""The canonical service of directories: people and locations of orgs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import grpc.aio
from google.protobuf.field_mask_pb2 import FieldMask

from polydesk.api.v1 import directory_pb2 as pb
from polydesk.api.v1 import directory_pb2_grpc
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid
from polydesk.domain.location import Location, LocationDraft
from polydesk.domain.person import Person, PersonDraft
from polydesk.domain.query import page_size
from polydesk.rpc.moment import timestamp
from polydesk.rpc.name import child_of, id_of
from polydesk.wire import caller_of

Context = grpc.aio.ServicerContext[Any, Any]

_PEOPLE: Final = ("orgs", "people")
_PLACES: Final = ("orgs", "locations")
# Names in the contract, and in the record.
_LOCATION: Final = {"display_name": "name"}
_PERSON: Final = {"email": "email", **_LOCATION, "login": "login", "team": "team"}


class DirectoryServicer(directory_pb2_grpc.DirectoryServiceServicer):
    """Serves people and locations."""

    def __init__(self, desk: Desk) -> None:
        self._people = desk.people
        self._locations = desk.locations

    async def CreatePerson(self, request: pb.CreatePersonRequest, _: Context) -> pb.Person:
        """Adds a person."""
        org, said = _org(request.parent), request.person
        draft = PersonDraft(sys_id=said.sys_id, **_values(said, _PERSON))
        return from_person(await self._people.add(caller_of(), org, draft))

    async def GetPerson(self, request: pb.GetPersonRequest, _: Context) -> pb.Person:
        """Returns one person."""
        org, id_ = child_of(request.name, *_PEOPLE)
        return from_person(await self._people.get(caller_of(), org, id_))

    async def ListPeople(self, request: pb.ListPeopleRequest, _: Context) -> pb.ListPeopleResponse:
        """Returns a page of people."""
        found = await self._people.page(
            caller_of(),
            _org(request.parent),
            limit=page_size(request.page_size),
            token=request.page_token,
        )
        return pb.ListPeopleResponse(
            people=map(from_person, found.items), next_page_token=found.next_token
        )

    async def UpdatePerson(self, request: pb.UpdatePersonRequest, _: Context) -> pb.Person:
        """Changes a person."""
        org, id_ = child_of(request.person.name, *_PEOPLE)
        said = _values(request.person, _masked(request.update_mask, _PERSON))
        return from_person(await self._people.change(caller_of(), org, id_, said))

    async def DeletePerson(self, request: pb.DeletePersonRequest, _: Context) -> pb.Person:
        """Deletes a person."""
        org, id_ = child_of(request.name, *_PEOPLE)
        return from_person(await self._people.remove(caller_of(), org, id_))

    async def CreateLocation(self, request: pb.CreateLocationRequest, _: Context) -> pb.Location:
        """Adds a location."""
        draft = LocationDraft(name=request.location.display_name)
        return from_location(await self._locations.add(caller_of(), _org(request.parent), draft))

    async def GetLocation(self, request: pb.GetLocationRequest, _: Context) -> pb.Location:
        """Returns one location."""
        org, id_ = child_of(request.name, *_PLACES)
        return from_location(await self._locations.get(caller_of(), org, id_))

    async def ListLocations(
        self, request: pb.ListLocationsRequest, _: Context
    ) -> pb.ListLocationsResponse:
        """Returns a page of locations."""
        found = await self._locations.page(
            caller_of(),
            _org(request.parent),
            limit=page_size(request.page_size),
            token=request.page_token,
        )
        return pb.ListLocationsResponse(
            locations=map(from_location, found.items), next_page_token=found.next_token
        )

    async def UpdateLocation(self, request: pb.UpdateLocationRequest, _: Context) -> pb.Location:
        """Changes a location."""
        org, id_ = child_of(request.location.name, *_PLACES)
        said = _values(request.location, _masked(request.update_mask, _LOCATION))
        return from_location(await self._locations.change(caller_of(), org, id_, said))

    async def DeleteLocation(self, request: pb.DeleteLocationRequest, _: Context) -> pb.Location:
        """Deletes a location."""
        org, id_ = child_of(request.name, *_PLACES)
        return from_location(await self._locations.remove(caller_of(), org, id_))


def from_person(person: Person) -> pb.Person:
    """Writes a person."""
    return pb.Person(
        name=f"orgs/{person.org}/people/{person.id}",
        email=person.email,
        display_name=person.name,
        login=person.login,
        team=person.team,
        sys_id=person.sys_id,
        create_time=timestamp(person.created_at),
        update_time=timestamp(person.updated_at),
    )


def from_location(location: Location) -> pb.Location:
    """Writes a location."""
    return pb.Location(
        name=f"orgs/{location.org}/locations/{location.id}",
        display_name=location.name,
        create_time=timestamp(location.created_at),
        update_time=timestamp(location.updated_at),
    )


def _org(name: str) -> int:
    return id_of(name, "orgs", field="parent")


def _values(said: pb.Person | pb.Location, names: Mapping[str, str]) -> dict[str, str]:
    return {field: getattr(said, name) for name, field in names.items()}


def _masked(mask: FieldMask, known: Mapping[str, str]) -> Mapping[str, str]:
    if unknown := set(mask.paths) - known.keys():
        raise Invalid(
            f"update_mask: {min(unknown)} cannot be changed; these can: {', '.join(known)}",
            field="update_mask",
        )
    return {name: known[name] for name in mask.paths} or known

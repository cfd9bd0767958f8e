"""The servicer: each RPC reads, calls the desk, answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import grpc.aio
import msgspec
from google.api import httpbody_pb2

from polydesk import wire
from polydesk.api.ivanti_sm.v1 import ivanti_sm_pb2 as pb
from polydesk.api.ivanti_sm.v1 import ivanti_sm_pb2_grpc as pb_grpc
from polydesk.dialects.ivanti_sm import field, journal, person
from polydesk.dialects.ivanti_sm.address import (
    EMPLOYEES,
    INCIDENTS,
    NOTES,
    Address,
    context_of,
    read_address,
    root_of,
    with_context,
)
from polydesk.dialects.ivanti_sm.filter import parse_filter
from polydesk.dialects.ivanti_sm.front import FrontDesk
from polydesk.dialects.ivanti_sm.listing import to_query
from polydesk.dialects.ivanti_sm.option import Options, in_order, read_options, selected
from polydesk.dialects.ivanti_sm.term import holds
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid, NotFound, WrongMethod
from polydesk.domain.query import All, Comparison, Condition

Context = grpc.aio.ServicerContext[Any, Any]
Entity = Mapping[str, Any]

CREATED: Final = 201
NO_CONTENT: Final = 204
JSON: Final = "application/json; odata.metadata=minimal"
_FIELDS: Final = {
    INCIDENTS: tuple(field.FIELDS),
    EMPLOYEES: person.FIELDS,
    NOTES: journal.FIELDS,
}


class IvantiSm(pb_grpc.IvantiSmServiceServicer):
    """Serves the dialect."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._front = FrontDesk(desk)

    async def ReadObjects(
        self, request: pb.ReadObjectsRequest, context: Context
    ) -> httpbody_pb2.HttpBody:
        """Reads a set, or one object of it."""
        at, options = read_address(request.object), read_options(request)
        known = _FIELDS[at.set]
        if at.key:
            [entity] = selected([await self._one(at)], options.select, known)
            return await _answer(context, with_context(_root(context), at.set, entity))
        entities, total = await self._list(at.set, request.filter, options)
        count = {"@odata.count": total} if options.count else {}
        answer = {
            "@odata.context": context_of(_root(context), at.set, entity=False),
            **count,
            "value": selected(entities, options.select, known),
        }
        return await _answer(context, answer)

    async def CreateObject(
        self, request: pb.CreateObjectRequest, context: Context
    ) -> httpbody_pb2.HttpBody:
        """Records an incident, or adds a note to one."""
        caller, set_ = wire.caller_of(), read_address(request.object).of_set()
        said = _read(request.data)
        if set_ == INCIDENTS:
            ticket = await self._front.record(caller, said)
            entity = await self._front.entity(caller, ticket)
        elif set_ == NOTES:
            entity = journal.from_note(*await self._front.note(caller, said))
        else:
            raise _read_only()
        answer = with_context(_root(context), set_, entity)
        return await _answer(context, answer, http=CREATED)

    async def UpdateObject(
        self, request: pb.UpdateObjectRequest, context: Context
    ) -> httpbody_pb2.HttpBody:
        """Changes the fields of an incident that are said."""
        caller, rec_id = wire.caller_of(), _incident(request.object)
        said = _read(request.data)
        ticket = await self._front.incident(caller, rec_id)
        changed = await self._front.change(caller, ticket, said)
        entity = await self._front.entity(caller, changed)
        return await _answer(context, with_context(_root(context), INCIDENTS, entity))

    async def DeleteObject(
        self, request: pb.DeleteObjectRequest, context: Context
    ) -> httpbody_pb2.HttpBody:
        """Deletes an incident."""
        caller, rec_id = wire.caller_of(), _incident(request.object)
        ticket = await self._front.incident(caller, rec_id)
        await self._front.delete(caller, ticket)
        await _send(context, NO_CONTENT)
        return httpbody_pb2.HttpBody()

    async def _one(self, at: Address) -> Entity:
        caller = wire.caller_of()
        if at.set == INCIDENTS:
            ticket = await self._front.incident(caller, at.key)
            return await self._front.entity(caller, ticket)
        if at.set == EMPLOYEES:
            for found in await self._desk.people.known(caller, caller.home(), [at.key]):
                if found.sys_id == at.key.lower():
                    return person.from_person(found)
            raise NotFound(f"there is no employee with the RecId {wire.clip(at.key)}")
        note = await self._desk.notes.find(caller, journal.note_id(at.key))
        ticket = await self._desk.tickets.get(caller, note.ticket)
        if ticket.org != caller.home() or note.kind not in journal.KINDS:
            raise NotFound(f"there is no note with the RecId {wire.clip(at.key)}")
        return journal.from_note(note, ticket)

    async def _list(
        self, set_: str, filter_: str, options: Options
    ) -> tuple[Sequence[Entity], int]:
        """Returns a page of a set, and how many there are on all pages."""
        caller = wire.caller_of()
        if set_ == INCIDENTS:
            query = to_query(filter_, options)
            page = await self._desk.tickets.page(
                caller, caller.home(), query, "", with_total=options.count
            )
            return await self._front.entities(caller, page.tickets[: options.top]), page.total
        if set_ == EMPLOYEES:
            condition = parse_filter(filter_, person.FILTERS)
            everybody = await self._front.people(caller)
            known = (each for each in everybody if person.has_words(each, options.words))
            entities = [person.from_person(each) for each in known]
        else:
            condition = parse_filter(filter_, journal.FILTERS)
            entities = await self._notes(condition)
        found = [entity for entity in entities if holds(condition, entity)]
        found = in_order(found, options.order, _FIELDS[set_])
        return found[options.skip :][: options.top], len(found)

    async def _notes(self, condition: Condition | None) -> list[dict[str, Any]]:
        caller = wire.caller_of()
        parts = condition.parts if isinstance(condition, All) else (condition,)
        for part in parts:
            match part:
                case Comparison("ParentLink_RecID", "=", str(parent)):
                    ticket = await self._front.incident(caller, parent)
                    return await self._front.notes(caller, ticket)
        raise Invalid(
            "notes are read by their incident: $filter=ParentLink_RecID eq 'RecId'", field="$filter"
        )


def _incident(object_: str) -> str:
    """Returns the RecId of an incident, which is what can be changed."""
    at = read_address(object_)
    if at.set == INCIDENTS:
        return at.of_object()
    raise _read_only()


def _read_only() -> WrongMethod:
    return WrongMethod("only incidents are changed here, and notes added: the rest takes GET")


def _read(data: httpbody_pb2.HttpBody) -> dict[str, Any]:
    return wire.parse_json(data.data, dict[str, Any])


def _root(context: Context) -> str:
    return root_of({key: str(value) for key, value in context.invocation_metadata() or ()})


async def _answer(context: Context, answer: Entity, *, http: int = 200) -> httpbody_pb2.HttpBody:
    await _send(context, http)
    return httpbody_pb2.HttpBody(content_type=JSON, data=msgspec.json.encode(answer))


async def _send(context: Context, http: int) -> None:
    headers = (("odata-version", "4.0"), ("x-polydesk-status", str(http)))
    await context.send_initial_metadata(headers)

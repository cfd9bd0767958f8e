"""What is read: sets, their objects, and what belongs to an incident."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from polydesk import wire
from polydesk.dialects.ivanti_sm import category, field, file, journal, person
from polydesk.dialects.ivanti_sm.address import CATEGORIES, EMPLOYEES, INCIDENTS, NOTES, Address
from polydesk.dialects.ivanti_sm.filter import Field, parse_filter
from polydesk.dialects.ivanti_sm.front import FrontDesk
from polydesk.dialects.ivanti_sm.listing import to_query
from polydesk.dialects.ivanti_sm.option import Options, in_order
from polydesk.dialects.ivanti_sm.term import holds
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid, NotFound, UnknownRoute
from polydesk.domain.identity import Caller
from polydesk.domain.query import All, Comparison, Condition
from polydesk.domain.ticket import Ticket

Entity = Mapping[str, Any]

ATTACHMENTS: Final = "attachments"
FIELDS: Final[Mapping[str, Sequence[str]]] = {
    INCIDENTS: tuple(field.FIELDS),
    EMPLOYEES: person.FIELDS,
    NOTES: journal.FIELDS,
    CATEGORIES: category.FIELDS,
    ATTACHMENTS: file.FIELDS,
}
FILTERS: Final[Mapping[str, Mapping[str, Field]]] = {
    EMPLOYEES: person.FILTERS,
    NOTES: journal.FILTERS,
    CATEGORIES: category.FILTERS,
    ATTACHMENTS: file.FILTERS,
}
# The first is Ivanti's own name; the others are made after it.
RELATIONS: Final = {
    "IncidentContainsJournal": NOTES,
    "IncidentContainsJournalNotes": NOTES,
    "IncidentContainsAttachment": ATTACHMENTS,
}


def set_of(relation: str) -> str:
    """Returns the set of what belongs to an incident by a relation."""
    for name, set_ in RELATIONS.items():
        if name.casefold() == relation.casefold():
            return set_
    raise UnknownRoute(
        f"there is no relation {wire.clip(relation)}; there are {', '.join(RELATIONS)}"
    )


class Reader:
    """Reads for a caller, in the caller's own org."""

    def __init__(self, desk: Desk, front: FrontDesk) -> None:
        self._desk = desk
        self._front = front

    async def one(self, caller: Caller, at: Address) -> tuple[Entity, str]:
        """Returns an object, and the etag of an incident."""
        if at.set == INCIDENTS:
            ticket = await self._front.incident(caller, at.key)
            return await self._front.entity(caller, ticket), ticket.etag
        if at.set == NOTES:
            return await self._note(caller, at.key), ""
        if at.set == EMPLOYEES:
            people = await self._desk.people.known(caller, caller.home(), [at.key])
            found = [person.from_person(each) for each in people]
        else:
            found = await self._categories(caller)
        for entity in found:
            if entity["RecId"].upper() == at.key.upper():
                return entity, ""
        raise NotFound(f"{at.set} has nothing with the RecId {wire.clip(at.key)}")

    async def page(
        self, caller: Caller, set_: str, filter_: str, options: Options
    ) -> tuple[Sequence[Entity], int]:
        """Returns a page of a set, and how many there are on all pages."""
        if set_ == INCIDENTS:
            query = to_query(filter_, options)
            page = await self._desk.tickets.page(
                caller, caller.home(), query, "", with_total=options.count
            )
            tickets = page.tickets[: options.top]
            return await self._front.entities(caller, tickets), page.total
        condition = parse_filter(filter_, FILTERS[set_])
        if set_ == EMPLOYEES:
            everybody = await self._front.people(caller)
            known = (each for each in everybody if person.has_words(each, options.words))
            return _cut(set_, [person.from_person(each) for each in known], condition, options)
        if set_ == CATEGORIES:
            found = await self._categories(caller)
        else:
            found = await self._front.notes(caller, await self._parent(caller, condition))
        return _cut(set_, _with_words(found, options.words), condition, options)

    async def related(
        self, caller: Caller, rec_id: str, set_: str, filter_: str, options: Options
    ) -> tuple[Sequence[Entity], int]:
        """Returns a page of what belongs to an incident, and how many there are of it."""
        condition = parse_filter(filter_, FILTERS[set_])
        ticket = await self._front.incident(caller, rec_id)
        read = self._front.notes if set_ == NOTES else self._files
        found = await read(caller, ticket)
        return _cut(set_, _with_words(found, options.words), condition, options)

    async def _note(self, caller: Caller, rec_id: str) -> Entity:
        note = await self._desk.notes.find(caller, journal.note_id(rec_id))
        ticket = await self._desk.tickets.get(caller, note.ticket)
        if ticket.org != caller.home() or note.kind not in journal.KINDS:
            raise NotFound(f"there is no note with the RecId {wire.clip(rec_id)}")
        return journal.from_note(note, ticket)

    async def _parent(self, caller: Caller, condition: Condition | None) -> Ticket:
        """Returns the incident that a filter of notes names."""
        parts = condition.parts if isinstance(condition, All) else (condition,)
        for part in parts:
            match part:
                case Comparison("ParentLink_RecID", "=", str(parent)):
                    return await self._front.incident(caller, parent)
        raise Invalid(
            "notes are read by their incident: $filter=ParentLink_RecID eq 'RecId'", field="$filter"
        )

    async def _categories(self, caller: Caller) -> list[dict[str, Any]]:
        catalog = await self._desk.catalogs.get(caller, caller.home())
        return [category.from_category(each) for each in catalog.categories]

    async def _files(self, caller: Caller, ticket: Ticket) -> list[dict[str, Any]]:
        files = await self._desk.attachments.page(caller, ticket.id, limit=file.MOST)
        return [file.from_attachment(each, ticket) for each in files.items]


def _with_words(entities: Sequence[Entity], words: Sequence[str]) -> list[Entity]:
    """Returns what has all words somewhere in its texts."""
    return [
        each
        for each in entities
        if all(word in " ".join(map(str, each.values())).casefold() for word in words)
    ]


def _cut(
    set_: str, entities: Sequence[Entity], condition: Condition | None, options: Options
) -> tuple[Sequence[Entity], int]:
    found = [each for each in entities if holds(condition, each)]
    found = in_order(found, options.order, FIELDS[set_])
    return found[options.skip :][: options.top], len(found)

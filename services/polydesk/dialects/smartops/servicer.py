"""The servicer: each RPC reads, calls the desk, answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

import grpc.aio
from google.protobuf import struct_pb2

from polydesk import wire
from polydesk.api.smartops.v1 import smartops_pb2 as pb
from polydesk.api.smartops.v1 import smartops_pb2_grpc as pb_grpc
from polydesk.dialects.smartops.field import named, read_names, read_offset
from polydesk.dialects.smartops.note import KINDS, without_known
from polydesk.dialects.smartops.person import People, told_by
from polydesk.dialects.smartops.place import Request, chosen, org_of, placed
from polydesk.dialects.smartops.query import read_fetch
from polydesk.dialects.smartops.ticket import (
    Facts,
    from_ticket,
    read_ticket,
    refused_names,
    to_changes,
    to_draft,
)
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Missing, NotFound
from polydesk.domain.history import Entry
from polydesk.domain.identity import Caller
from polydesk.domain.note import Note, NoteDraft
from polydesk.domain.ticket import LONGEST_NAME, Kind, Ticket, check_text

Context = grpc.aio.ServicerContext[Any, Any]

OK: Final = "200"
MOST_NOTES: Final = 1_000
MOST_TEXT: Final = 8_000_000
_PAGE: Final = 100
_ENTRIES: Final = 1_000
_LEVELS: Final = frozenset({"ticketBusinessDuration", "ticketBusinessTimeLeft"})
_PEOPLE: Final = frozenset({"createdBy", "updatedBy", "resolvedBy", "closedBy", "closureNotes"})


class SmartOps(pb_grpc.SmartOpsServiceServicer):
    """Serves the dialect."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def CreateTicket(
        self, request: pb.CreateTicketRequest, context: Context
    ) -> pb.CreateTicketResponse:
        """Records an incident: S01."""
        caller, org = await self._place(request, context)
        names, zone = read_names(request.ticket_fields), read_offset(request.itsm_time_zone_offset)
        catalog = await self._desk.catalogs.get(caller, org)
        said = read_ticket(request.ticket_json, zone=zone, catalog=catalog)
        with named(refused_names(catalog)):
            draft = to_draft(said)
            taken = await self._desk.intake.record(caller, org, draft, notes=said.notes)
        return pb.CreateTicketResponse(
            status_code=OK,
            status_message=f"Ticket {taken.ticket.number} created successfully",
            ticket_details=await self._details(caller, taken.ticket, names),
        )

    async def UpdateTicket(
        self, request: pb.UpdateTicketRequest, context: Context
    ) -> pb.UpdateTicketResponse:
        """Changes an incident: S02."""
        caller, org = await self._place(request, context)
        names, zone = read_names(request.ticket_fields), read_offset(request.itsm_time_zone_offset)
        old = await self._incident(caller, org, request.sys_id.strip())
        catalog = await self._desk.catalogs.get(caller, org)
        said = read_ticket(request.ticket_json, zone=zone, catalog=catalog, old=old)
        notes = await self._new_notes(caller, old, said.notes)
        with named(refused_names(catalog)):
            changes = to_changes(said, old)
            ticket = await self._desk.incidents.lead(caller, old.id, changes, notes=notes)
        return pb.UpdateTicketResponse(
            status_code=OK,
            status_message=f"Ticket {ticket.number} updated successfully",
            ticket_details=await self._details(caller, ticket, names),
        )

    async def FetchTicket(
        self, request: pb.FetchTicketRequest, context: Context
    ) -> pb.FetchTicketResponse:
        """Returns a ticket: S03."""
        caller, org = await self._place(request, context)
        asked = read_fetch(request)
        read_offset(asked.offset)
        ticket = await self._ticket(caller, org, asked.number)
        return pb.FetchTicketResponse(
            status_code=OK,
            status_message=f"Ticket {ticket.number} fetched successfully",
            ticket_details=await self._details(caller, ticket, asked.names),
        )

    async def _place(self, request: Request, context: Context) -> tuple[Caller, int]:
        """Returns the caller, and the org in which it works."""
        caller, said = wire.caller_of(), chosen(request, context)
        if not said:
            return placed(caller, caller.home()), caller.home()
        known = [org for org in await self._desk.registry.orgs() if org.id in caller.roles]
        org = org_of(said, known)
        return placed(caller, org), org

    async def _incident(self, caller: Caller, org: int, sys_id: str) -> Ticket:
        if not sys_id:
            raise Missing("sysId is required", field="sysId")
        check_text("sysId", sys_id, most=LONGEST_NAME)
        caller.admit(org)
        with suppress(NotFound):
            return await self._desk.tickets.find(caller, org, Kind.INCIDENT, sys_id=sys_id)
        raise NotFound(f"Ticket not found: no incident has the sysId {wire.clip(sys_id)}")

    async def _ticket(self, caller: Caller, org: int, number: str) -> Ticket:
        """Finds a ticket of whatever kind; of two with one number the incident is meant."""
        caller.admit(org)
        for kind in Kind:
            with suppress(NotFound):
                return await self._desk.tickets.find(caller, org, kind, number=number)
        raise NotFound(f"Ticket not found: no ticket has the number {wire.clip(number)}")

    async def _new_notes(
        self, caller: Caller, ticket: Ticket, drafts: Sequence[NoteDraft]
    ) -> list[NoteDraft]:
        if all(draft.noted_at is None for draft in drafts):
            return [*drafts]
        return without_known(drafts, await self._notes(caller, ticket))

    async def _details(
        self, caller: Caller, ticket: Ticket, names: Iterable[str]
    ) -> struct_pb2.Struct:
        """Writes what was asked for; what it takes is looked up, and nothing else."""
        asked = {*names}
        facts = Facts(
            catalog=await self._desk.catalogs.get(caller, ticket.org),
            notes=await self._notes(caller, ticket) if asked & {*KINDS} else (),
            level=await self._desk.levels.measure(caller, ticket.id) if asked & _LEVELS else None,
            people=await self._people(caller, ticket) if asked & _PEOPLE else People(),
        )
        details = struct_pb2.Struct()
        details.update(from_ticket(ticket, names, facts))
        return details

    async def _people(self, caller: Caller, ticket: Ticket) -> People:
        entries: list[Entry] = []
        after = 0
        while True:
            page = await self._desk.tickets.history(caller, ticket.id, after=after, limit=_ENTRIES)
            entries += page
            if len(page) < _ENTRIES:
                return told_by(entries)
            after = page[-1].sequence

    async def _notes(self, caller: Caller, ticket: Ticket) -> list[Note]:
        """Returns notes; where one answer does not hold them all, the newest."""
        kinds = [kind for kind, _ in KINDS.values()]
        notes: list[Note] = []
        token = ""
        while True:
            page = await self._desk.notes.page(
                caller, ticket.id, kinds=kinds, limit=_PAGE, token=token
            )
            notes = newest([*notes, *page.items])
            if not (token := page.next_token):
                return notes


def newest(notes: Sequence[Note]) -> list[Note]:
    """Returns the newest notes that one answer holds."""
    kept: list[Note] = []
    size = 0
    for note in reversed(notes[-MOST_NOTES:]):
        size += len(note.subject) + len(note.body)
        if size > MOST_TEXT:
            break
        kept.append(note)
    return kept[::-1]

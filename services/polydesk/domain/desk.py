"""The desk: the domain services that dialects and canonical servicers call.

Every method takes the caller first and lets it into the org before anything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

import msgspec

from polydesk.domain.attaching import Attachments
from polydesk.domain.catalog import Catalog
from polydesk.domain.classifying import Catalogs
from polydesk.domain.directory import Directory
from polydesk.domain.errors import Invalid, Missing, NotFound
from polydesk.domain.following import Followers
from polydesk.domain.gatekeeper import Gatekeeper
from polydesk.domain.history import Authors, Entry
from polydesk.domain.identity import Caller
from polydesk.domain.incident import Incidents
from polydesk.domain.intaking import Intake, check_new
from polydesk.domain.inventory import Inventory
from polydesk.domain.journal import Notes
from polydesk.domain.linking import Links
from polydesk.domain.location import Location
from polydesk.domain.org import Orgs
from polydesk.domain.overview import Overviews
from polydesk.domain.part import admit_present, reach, reach_present
from polydesk.domain.person import Person
from polydesk.domain.ports import Clock
from polydesk.domain.query import Page, Query, read_token, write_token
from polydesk.domain.registry import Registry
from polydesk.domain.ruling import Rules
from polydesk.domain.runbook import Runbook
from polydesk.domain.running import Runs
from polydesk.domain.saving import Saved, Terms, refused
from polydesk.domain.scheduling import Schedules
from polydesk.domain.script import Script
from polydesk.domain.service_level import ServiceLevels
from polydesk.domain.shelf import Shelf, Targets
from polydesk.domain.ticket import MOST_NUMBERS, MOST_ROWS, Draft, Execution, Kind, Ticket
from polydesk.domain.ticket_ports import TicketStore
from polydesk.domain.vault import Secrets
from polydesk.domain.watch import Watches


class Tickets:
    """Keeps the one record of every piece of work."""

    def __init__(
        self, *, store: TicketStore, clock: Clock, orgs: Orgs, attachments: Attachments
    ) -> None:
        self._store = store
        self._clock = clock
        self._orgs = orgs
        self._attachments = attachments

    async def save(
        self, caller: Caller, org: int, drafts: Sequence[Draft | Invalid], *, partial: bool = False
    ) -> Saved:
        """Saves all drafts or none, or with `partial` those that can be; the newest one wins.

        A draft that could not be read stands in the batch as what is wrong with it.
        """
        caller.admit(org)
        check_size(drafts)
        decided = await self._orgs.get(org)
        checked = [_checked(index, draft, decided.catalog) for index, draft in enumerate(drafts)]
        wrong = [each for each in checked if isinstance(each, Invalid)]
        if wrong and not partial:
            raise wrong[0]
        sound = [each for each in checked if isinstance(each, Draft)]
        if not sound:
            return Saved(batch=uuid4(), rows=[refused(error) for error in wrong])
        stamp = caller.stamp(self._clock.now())
        saved = await self._store.save(
            org,
            sound,
            terms=Terms(priorities=decided.policy.priorities, partial=partial),
            stamp=stamp,
            once=caller.once,
        )
        rows = iter(saved.rows)
        return msgspec.structs.replace(
            saved,
            rows=[refused(each) if isinstance(each, Invalid) else next(rows) for each in checked],
        )

    async def record(
        self,
        caller: Caller,
        org: int,
        draft: Draft,
        *,
        files: Sequence[str] = (),
        least_id: int = 0,
    ) -> Ticket:
        """Makes a new ticket; one without a number gets one. Ids go on behind `least_id`.

        `files` are references of pending files, which become its attachments.
        """
        caller.admit(org)
        decided = await self._orgs.get(org)
        check_new(decided, draft)
        held = await self._attachments.held(org, files)
        ticket = await self._store.create(
            org,
            draft,
            terms=Terms(priorities=decided.policy.priorities, least_id=least_id),
            files=files,
            stamp=caller.stamp(self._clock.now()),
            once=caller.once,
        )
        await self._attachments.settle(held)
        return ticket

    async def get(self, caller: Caller, id_: int) -> Ticket:
        """Returns the ticket of an id."""
        return await reach_present(caller, self._store, id_)

    async def find(
        self, caller: Caller, org: int, kind: Kind, *, number: str = "", sys_id: str = ""
    ) -> Ticket:
        """Returns the ticket of a number or a sys_id."""
        caller.admit(org)
        if bool(number) == bool(sys_id):
            raise Invalid("either number or sys_id is required", field="number")
        ticket = await self._store.find(org, kind, number=number, sys_id=sys_id)
        if ticket is None or ticket.deleted_at:
            raise NotFound(f"there is no {kind.value} {number or sys_id} in org {org}")
        return ticket

    async def select(self, caller: Caller, org: int, query: Query) -> list[Ticket]:
        """Returns the tickets of an org that fit."""
        caller.admit(org)
        return await self._store.select(org, query)

    async def page(
        self, caller: Caller, org: int, query: Query, token: str, *, with_total: bool = False
    ) -> Page:
        """Returns the page behind `token`, and the token of the next."""
        caller.admit(org)
        asked = msgspec.structs.replace(read_token(query, token), limit=query.limit + 1)
        tickets = await self._store.select(org, asked)
        total = await self._store.count(org, query) if with_total else 0
        if len(tickets) <= query.limit:
            return Page(tickets=tickets, total=total)
        del tickets[query.limit :]
        return Page(tickets=tickets, next_token=write_token(query, tickets[-1]), total=total)

    async def batch(self, caller: Caller, ids: Sequence[int]) -> list[Ticket]:
        """Returns the tickets of ids, in their order; all of them or none."""
        if len(ids) > MOST_NUMBERS:
            raise Invalid(f"{len(ids)} names came, at most {MOST_NUMBERS} are taken", field="names")
        known = await self._store.many(sorted(set(ids)))
        return [admit_present(caller, id_, known.get(id_)) for id_ in ids]

    async def executions(
        self, caller: Caller, org: int, kind: Kind, numbers: Sequence[str]
    ) -> list[tuple[str, Execution]]:
        """Returns how far automation has got with the numbers that are known, in their order."""
        caller.admit(org)
        if not numbers:
            raise Missing("at least one number is required", field="numbers")
        if len(numbers) > MOST_NUMBERS:
            raise Invalid(
                f"{len(numbers)} numbers came, at most {MOST_NUMBERS} are taken", field="numbers"
            )
        known = await self._store.executions(org, kind, numbers)
        return [(number, known[number]) for number in numbers if number in known]

    async def history(self, caller: Caller, id_: int, *, after: int = 0, limit: int) -> list[Entry]:
        """Returns what happened to a ticket, be it deleted, behind the entry `after`."""
        await reach(caller, self._store, id_)
        return await self._store.history(id_, after=after, limit=limit)

    async def authors(self, caller: Caller, tickets: Sequence[Ticket]) -> dict[int, Authors]:
        """Returns who did what to tickets, by their ids."""
        for org in {ticket.org for ticket in tickets}:
            caller.admit(org)
        return await self._store.authors([ticket.id for ticket in tickets]) if tickets else {}


def check_size(drafts: Sequence[object]) -> None:
    """Refuses a batch of nothing, or of more than is taken at once."""
    if not drafts:
        raise Missing("at least one ticket is required", field="tickets")
    if len(drafts) > MOST_ROWS:
        raise Invalid(
            f"{len(drafts)} tickets came, at most {MOST_ROWS} are taken at once", field="tickets"
        )


def _checked(index: int, draft: Draft | Invalid, catalog: Catalog) -> Draft | Invalid:
    if isinstance(draft, Invalid):
        return draft
    row = f"tickets[{index}]"
    if not draft.number:
        return Missing(f"number is required (item {index})", field=f"{row}.number")
    try:
        catalog.check_values(draft.custom)
    except Invalid as error:
        return Invalid(f"{row}: {error.message}", field=f"{row}.{error.field}")
    return draft


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """The domain services of one hub."""

    orgs: Orgs
    tickets: Tickets
    incidents: Incidents
    notes: Notes
    links: Links
    attachments: Attachments
    intake: Intake
    people: Directory[Person]
    locations: Directory[Location]
    secrets: Secrets
    inventory: Inventory
    schedules: Schedules
    levels: ServiceLevels
    catalogs: Catalogs
    watches: Watches
    scripts: Shelf[Script]
    targets: Targets
    runbooks: Shelf[Runbook]
    rules: Rules
    runs: Runs
    followers: Followers
    overviews: Overviews
    registry: Registry
    gatekeeper: Gatekeeper

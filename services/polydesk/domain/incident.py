"""Incidents: tickets of that kind, moved through their life cycle by the people of the desk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from msgspec.structs import replace

from polydesk.domain.attaching import Attachments
from polydesk.domain.custom_field import merged
from polydesk.domain.errors import Missing, NotFound, WrongState
from polydesk.domain.identity import Caller, Org
from polydesk.domain.lifecycle import OPEN, OVER, change, move, way
from polydesk.domain.note import NoteDraft
from polydesk.domain.org import Orgs
from polydesk.domain.ports import Clock, Store
from polydesk.domain.saving import check_etag
from polydesk.domain.ticket import Kind, State, Ticket, check_extra, merged_extra

# Writes what is said of a ticket into it, at the time and by the matrix of the call.
Apply = Callable[[Ticket, dict[str, Any]], Ticket]
Change = Callable[[Ticket, Apply], Ticket]


class Incidents:
    """Changes incidents one at a time; a write whose etag is outdated changes nothing."""

    def __init__(self, *, store: Store, clock: Clock, orgs: Orgs, attachments: Attachments) -> None:
        self._store = store
        self._clock = clock
        self._orgs = orgs
        self._attachments = attachments

    async def update(
        self, caller: Caller, id_: int, said: dict[str, Any], *, etag: str = ""
    ) -> Ticket:
        """Changes fields, and the state among those of open work."""

        def updated(ticket: Ticket, apply: Apply) -> Ticket:
            to = said.get("state", ticket.state)
            if to is not ticket.state and not {to, ticket.state} <= OPEN:
                raise WrongState(
                    f"{ticket.number} is {ticket.state.value} and does not become {to.value} by an "
                    "update: there are resolve, close, cancel and reopen for that",
                    state=ticket.state.value,
                )
            return apply(ticket, said)

        return await self._change(caller, id_, updated, etag=etag)

    async def lead(  # noqa: PLR0913 - each is said or not
        self,
        caller: Caller,
        id_: int,
        said: dict[str, Any],
        *,
        files: Sequence[str] = (),
        notes: Sequence[NoteDraft] = (),
        etag: str = "",
    ) -> Ticket:
        """Changes fields, and takes the incident to a state by as many legal moves as it needs.

        One that is cancelled is closed already. `files` are references of pending files, which
        become its attachments; they and `notes` come in the same transaction.
        """
        to: State | None = said.get("state")
        others = {name: value for name, value in said.items() if name != "state"}

        def led(ticket: Ticket, apply: Apply) -> Ticket:
            moved = ticket
            if to is not None and not {to, ticket.state} <= OVER:
                for state in way(ticket.state, to):
                    moved = apply(moved, {"state": state})
            return apply(moved, others)

        return await self._change(caller, id_, led, etag=etag, files=files, notes=notes)

    async def assign(
        self, caller: Caller, id_: int, *, assignee: str, group: str, etag: str = ""
    ) -> Ticket:
        """Hands an incident over; one that nobody worked on becomes active."""
        said = {"assignee": assignee, "assignment_group": group}
        given: dict[str, Any] = {name: text for name, text in said.items() if text}
        if not given:
            raise Missing("assignee or assignment_group is required", field="assignee")

        def assigned(ticket: Ticket, apply: Apply) -> Ticket:
            if ticket.state not in OPEN:
                raise WrongState(
                    f"{ticket.number} is {ticket.state.value}: reopen it before it is assigned",
                    state=ticket.state.value,
                )
            begun = {"state": State.ACTIVE} if ticket.state is State.LOGGED else {}
            return apply(ticket, given | begun)

        return await self._change(caller, id_, assigned, etag=etag)

    async def resolve(
        self, caller: Caller, id_: int, *, resolution: str, cause_code: str, etag: str = ""
    ) -> Ticket:
        """Resolves an incident."""
        said: dict[str, Any] = {"resolution": resolution}
        if cause_code:
            said["cause_code"] = cause_code
        return await self._move(caller, id_, State.RESOLVED, said, etag=etag)

    async def close(self, caller: Caller, id_: int, *, etag: str = "") -> Ticket:
        """Closes an incident that is resolved."""
        return await self._move(caller, id_, State.CLOSED, {}, etag=etag)

    async def cancel(self, caller: Caller, id_: int, *, etag: str = "") -> Ticket:
        """Withdraws an incident."""
        return await self._move(caller, id_, State.CANCELLED, {}, etag=etag)

    async def reopen(self, caller: Caller, id_: int, *, etag: str = "") -> Ticket:
        """Takes an incident up again that was over."""

        def reopened(ticket: Ticket, apply: Apply) -> Ticket:
            if ticket.state in OPEN:
                raise WrongState(
                    f"{ticket.number} is {ticket.state.value}: there is nothing to reopen",
                    state=ticket.state.value,
                )
            return apply(ticket, {"state": State.ACTIVE})

        return await self._change(caller, id_, reopened, etag=etag)

    async def delete(self, caller: Caller, id_: int, *, etag: str = "") -> Ticket:
        """Deletes an incident; its history stays."""
        return await self._change(
            caller,
            id_,
            lambda ticket, apply: apply(ticket, {"deleted_at": self._clock.now()}),
            etag=etag,
            action="delete",
        )

    async def undelete(self, caller: Caller, id_: int, *, etag: str = "") -> Ticket:
        """Takes a deletion back."""

        def undeleted(ticket: Ticket, apply: Apply) -> Ticket:
            if ticket.deleted_at is None:
                raise WrongState(f"{ticket.number} is not deleted")
            return apply(ticket, {"deleted_at": None})

        return await self._change(caller, id_, undeleted, etag=etag, action="undelete")

    async def _move(
        self, caller: Caller, id_: int, to: State, said: dict[str, Any], *, etag: str
    ) -> Ticket:
        def moved(ticket: Ticket, apply: Apply) -> Ticket:
            if ticket.state is to:
                raise WrongState(f"{ticket.number} is {to.value} already", state=to.value)
            move(ticket, to)
            return apply(ticket, said | {"state": to})

        return await self._change(caller, id_, moved, etag=etag)

    async def _change(  # noqa: PLR0913 - each is said or not
        self,
        caller: Caller,
        id_: int,
        changed: Change,
        *,
        etag: str,
        action: str = "update",
        files: Sequence[str] = (),
        notes: Sequence[NoteDraft] = (),
    ) -> Ticket:
        ticket = await self._store.tickets.get(id_)
        if ticket is None or ticket.org not in caller.roles or ticket.kind is not Kind.INCIDENT:
            raise NotFound(f"there is no incident {id_}")
        caller.admit(ticket.org)
        now = self._clock.now()
        org = await self._orgs.get(ticket.org)
        apply = partial(_apply, org=org, at=now)

        def guarded(ticket: Ticket) -> Ticket:
            if ticket.deleted_at and action != "undelete":
                raise NotFound(f"there is no incident {id_}")
            check_etag(ticket, etag or caller.if_match)
            new = changed(ticket, apply)
            if new is ticket and not files:
                return ticket
            return replace(new, updated_at=now, revision=ticket.revision + 1)

        keep = self._store.tickets.change
        if notes:
            keep = partial(self._store.intake.change, notes=notes)
        held = await self._attachments.held(ticket.org, files)
        done = await keep(
            id_, guarded, action=action, files=files, stamp=caller.stamp(now), once=caller.once
        )
        await self._attachments.settle(held)
        return done


def _apply(ticket: Ticket, said: dict[str, Any], *, org: Org, at: datetime) -> Ticket:
    if "extra" in said:
        check_extra(said["extra"])
        said = said | {"extra": merged_extra(ticket.extra, said["extra"])}
    if "custom" in said:
        org.catalog.check_values(said["custom"])
        said = said | {"custom": merged(ticket.custom, said["custom"])}
    return change(ticket, said, at, priorities=org.policy.priorities)

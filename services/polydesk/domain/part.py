"""Who reaches a ticket and its parts, such as notes and links, and what a part does to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from polydesk.domain.errors import NotFound
from polydesk.domain.identity import Caller
from polydesk.domain.saving import Change, check_etag
from polydesk.domain.ticket import Ticket
from polydesk.domain.ticket_ports import TicketStore

Touch = Callable[[Ticket], Ticket]


def admit(caller: Caller, id_: int, ticket: Ticket | None) -> Ticket:
    """Lets the caller at a ticket, be it deleted. A foreign one answers like a missing one."""
    if ticket is None or ticket.org not in caller.roles:
        raise NotFound(f"there is no ticket {id_}")
    caller.admit(ticket.org)
    return ticket


def admit_present(caller: Caller, id_: int, ticket: Ticket | None) -> Ticket:
    """Lets the caller at a ticket that is not deleted."""
    admitted = admit(caller, id_, ticket)
    check_present(admitted)
    return admitted


async def reach(caller: Caller, tickets: TicketStore, id_: int) -> Ticket:
    """Finds a ticket that the caller may see, be it deleted."""
    return admit(caller, id_, await tickets.get(id_))


async def reach_present(caller: Caller, tickets: TicketStore, id_: int) -> Ticket:
    """Finds a ticket that the caller may see and that is not deleted."""
    return admit_present(caller, id_, await tickets.get(id_))


def check_present(ticket: Ticket) -> None:
    """Refuses a deleted ticket as if there were none."""
    if ticket.deleted_at:
        raise NotFound(f"there is no ticket {ticket.id}")


def toucher(caller: Caller, at: datetime) -> Touch:
    """Returns what a change of a part does to its ticket, or refuses, inside the transaction.

    The ticket gets a new mark and a new update time, so that whoever asks for what is new sees it.
    """

    def touch(ticket: Ticket) -> Ticket:
        check_present(ticket)
        check_etag(ticket, caller.if_match)
        return replace(ticket, updated_at=at, revision=ticket.revision + 1)

    return touch


def change(ticket: Ticket, action: str, *, old: dict[str, Any], new: dict[str, Any]) -> Change:
    """Tells the history what happened to a part."""
    return Change(ticket=ticket.id, org=ticket.org, action=action, digest="", old=old, new=new)

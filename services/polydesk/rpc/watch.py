"""Watching over gRPC: what the desk tells, as the contract has it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Final

from polydesk.api.v1 import ticket_pb2
from polydesk.domain.desk import Desk
from polydesk.domain.history import Entry
from polydesk.domain.ticket import Ticket
from polydesk.domain.watch import Told
from polydesk.rpc.name import org_of
from polydesk.rpc.record import from_entry, from_ticket
from polydesk.rpc.ticket import Context, TicketServicer
from polydesk.wire import caller_again, caller_of

Response = ticket_pb2.WatchTicketsResponse
_MOST_KEPT: Final = 200


class WatchServicer(TicketServicer):
    """Serves tickets, and tells their changes."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._watches = desk.watches
        self._answers: dict[tuple[int, str], Response] = {}

    async def WatchTickets(
        self, request: ticket_pb2.WatchTicketsRequest, _: Context
    ) -> AsyncIterator[Response]:
        """Tells changes as they happen."""
        watch = self._watches.follow(
            caller_of(),
            org_of(request.parent),
            cursor=request.cursor,
            silence=request.heartbeat_seconds,
            again=caller_again,
        )
        async with aclosing(watch):
            async for told in watch:
                yield self._answer(told)

    def _answer(self, told: Told) -> Response:
        """Writes a change once for all who hear of it at about the same time."""
        if told.entry is None:
            return Response(cursor=told.cursor, heartbeat=Response.Heartbeat())
        key = told.entry.sequence, told.ticket.etag if told.ticket else ""
        answer = self._answers.get(key)
        if answer is None:
            if len(self._answers) >= _MOST_KEPT:
                del self._answers[next(iter(self._answers))]
            answer = self._answers[key] = from_change(told.entry, told.ticket)
        return answer


def from_change(entry: Entry, ticket: Ticket | None) -> Response:
    """Writes a change, and the ticket as it is."""
    changed = Response.Changed(
        change=from_entry(entry), ticket=from_ticket(ticket) if ticket else None
    )
    return Response(cursor=str(entry.sequence), changed=changed)

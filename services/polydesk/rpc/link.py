"""The canonical service of links."""

from __future__ import annotations

from typing import Any

import grpc.aio

from polydesk.api.v1 import link_pb2, link_pb2_grpc
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid
from polydesk.domain.link import Link, LinkDraft
from polydesk.domain.query import page_size
from polydesk.rpc.moment import timestamp
from polydesk.rpc.name import child_of, id_of
from polydesk.rpc.record import from_ticket
from polydesk.wire import caller_of

Context = grpc.aio.ServicerContext[Any, Any]


class LinkServicer(link_pb2_grpc.LinkServiceServicer):
    """Serves the links of tickets."""

    def __init__(self, desk: Desk) -> None:
        self._links = desk.links

    async def CreateLink(self, request: link_pb2.CreateLinkRequest, _: Context) -> link_pb2.Link:
        """Links a ticket."""
        ticket = id_of(request.parent, "tickets", field="parent")
        return from_link(await self._links.add(caller_of(), ticket, to_link(request.link)))

    async def GetLink(self, request: link_pb2.GetLinkRequest, _: Context) -> link_pb2.Link:
        """Returns one link."""
        ticket, id_ = child_of(request.name, "tickets", "links")
        return from_link(await self._links.get(caller_of(), ticket, id_))

    async def ListLinks(
        self, request: link_pb2.ListLinksRequest, _: Context
    ) -> link_pb2.ListLinksResponse:
        """Returns a page of a ticket's links."""
        page = await self._links.page(
            caller_of(),
            id_of(request.parent, "tickets", field="parent"),
            limit=page_size(request.page_size),
            token=request.page_token,
        )
        return link_pb2.ListLinksResponse(
            links=map(from_link, page.items), next_page_token=page.next_token
        )

    async def DeleteLink(self, request: link_pb2.DeleteLinkRequest, _: Context) -> link_pb2.Link:
        """Takes a link away."""
        ticket, id_ = child_of(request.name, "tickets", "links")
        return from_link(await self._links.remove(caller_of(), ticket, id_))

    async def LookupLinks(
        self, request: link_pb2.LookupLinksRequest, _: Context
    ) -> link_pb2.LookupLinksResponse:
        """Returns the tickets that are linked to a key."""
        page = await self._links.find(
            caller_of(),
            id_of(request.parent, "orgs", field="parent"),
            sought=LinkDraft(system=request.system, key=request.key),
            limit=page_size(request.page_size),
            token=request.page_token,
        )
        answer = link_pb2.LookupLinksResponse(next_page_token=page.next_token)
        for linked in page.items:
            answer.results.add(link=from_link(linked.link), ticket=from_ticket(linked.ticket))
        return answer


def to_link(link: link_pb2.Link) -> LinkDraft:
    """Reads what a caller says."""
    try:
        return LinkDraft(system=link.system, key=link.key, url=link.url)
    except Invalid as error:
        raise type(error)(f"link.{error.message}", field=f"link.{error.field}") from error


def from_link(link: Link) -> link_pb2.Link:
    """Writes a link as the contract has it."""
    return link_pb2.Link(
        name=f"tickets/{link.ticket}/links/{link.id}",
        system=link.system,
        key=link.key,
        url=link.url,
        create_time=timestamp(link.created_at),
        creator=link.creator,
    )

"""A link: a ticket is the same work as something in another system."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

import msgspec

from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.identity import Stamp
from polydesk.domain.ticket import LONGEST_NAME, Ticket, check_text

_LONGEST_URL: Final = 2_048
# One spelling for each system, so that a look-up does not miss a link for its letter case.
_SYSTEM: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")
# No other scheme, for consoles show it to be clicked.
_URL: Final = re.compile(r"https?://\S+", re.IGNORECASE)


class LinkDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller says: the work's `key` in another system, and maybe the way there."""

    system: str
    key: str
    url: str = ""

    def __post_init__(self) -> None:
        if not _SYSTEM.fullmatch(self.system):
            raise Invalid(
                "system takes 1 to 63 of a-z, 0-9, - and _, a letter first, such as zendesk",
                field="system",
            )
        if not self.key:
            raise Missing("key is required", field="key")
        check_text("key", self.key, most=LONGEST_NAME)
        check_text("url", self.url, most=_LONGEST_URL)
        if self.url and not _URL.fullmatch(self.url):
            raise Invalid("url does not begin with http:// or https://, or has blanks", field="url")

    def link(self, id_: int, ticket: Ticket, *, stamp: Stamp) -> Link:
        """Returns the link that the draft becomes."""
        return Link(
            id=id_,
            ticket=ticket.id,
            org=ticket.org,
            system=self.system,
            key=self.key,
            url=self.url,
            created_at=stamp.at,
            creator=stamp.actor,
        )


class Link(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A pointer to the same work elsewhere; `id` is that of the history's entry that tells it."""

    id: int
    ticket: int
    org: int
    system: str
    key: str
    created_at: datetime
    creator: str
    url: str = ""


class Linked(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket, and the link by which it was found."""

    link: Link
    ticket: Ticket

"""A note: what is said about a ticket, by whom and when; what is written stays as it is."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Final

import msgspec

from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.identity import Stamp
from polydesk.domain.ticket import LONGEST_NAME, LONGEST_TEXT, check_text

MOST_RECIPIENTS: Final = 100
_LONGEST: Final = {
    "subject": 1_000,
    "body": LONGEST_TEXT,
    "author": LONGEST_NAME,
    "source": LONGEST_NAME,
    "category": LONGEST_NAME,
}
_LONGEST_MESSAGE_ID: Final = 1_000


class NoteKind(Enum):
    """Sorts notes: a comment is for the requester, too, a work note for the staff alone."""

    COMMENT = "COMMENT"
    WORK_NOTE = "WORK_NOTE"
    CLOSURE_NOTE = "CLOSURE_NOTE"
    EMAIL = "EMAIL"


class Email(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The headers of an e-mail."""

    sender: str = ""
    recipients: tuple[str, ...] = ()
    message_id: str = ""

    def __post_init__(self) -> None:
        check_text("email.sender", self.sender, most=LONGEST_NAME)
        check_text("email.message_id", self.message_id, most=_LONGEST_MESSAGE_ID)
        if len(self.recipients) > MOST_RECIPIENTS:
            raise Invalid(
                f"{len(self.recipients)} recipients came, at most {MOST_RECIPIENTS} are taken",
                field="email.recipients",
            )
        for index, recipient in enumerate(self.recipients):
            name = f"email.recipients[{index}]"
            if not recipient:
                raise Missing(f"{name} is empty", field=name)
            check_text(name, recipient, most=LONGEST_NAME)


class NoteDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller says."""

    kind: NoteKind
    subject: str = ""
    body: str = ""
    author: str = ""
    source: str = ""
    category: str = ""
    noted_at: datetime | None = None
    email: Email | None = None

    def __post_init__(self) -> None:
        for name, most in _LONGEST.items():
            check_text(name, getattr(self, name), most=most)
        if not self.subject and not self.body:
            raise Missing("subject or body is required", field="body")
        if self.noted_at is not None and self.noted_at.tzinfo is None:
            raise Invalid("noted_at has no time zone", field="noted_at")
        if self.email is not None and self.kind is not NoteKind.EMAIL:
            raise Invalid(f"a {self.kind.value} has no e-mail headers", field="email")

    def note(self, id_: int, ticket: int, *, stamp: Stamp) -> Note:
        """Returns the note that the draft becomes."""
        said = msgspec.structs.asdict(self) | {
            "author": self.author or stamp.actor,
            "noted_at": self.noted_at or stamp.at,
        }
        return Note(id=id_, ticket=ticket, created_at=stamp.at, via=stamp.via, **said)


class Note(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A dated text in a ticket's journal; `id` is that of the history's entry that tells it."""

    id: int
    ticket: int
    kind: NoteKind
    author: str
    noted_at: datetime
    created_at: datetime
    via: str
    subject: str = ""
    body: str = ""
    source: str = ""
    category: str = ""
    email: Email | None = None

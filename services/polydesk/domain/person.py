"""A person: whom tickets are for and who works on them, whether or not there is an account."""

from __future__ import annotations

import re
from datetime import datetime
from typing import ClassVar, Final
from uuid import uuid4

import msgspec

from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.identity import Stamp
from polydesk.domain.ticket import LONGEST_NAME, check_text

_SYS_ID: Final = re.compile(r"[0-9a-f]{32}")
# No more than that: who has an address is not ours to judge.
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")


class PersonDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator says of a person; without a `sys_id` there will be a new one."""

    email: str
    name: str = ""
    login: str = ""
    team: str = ""
    sys_id: str = ""

    def __post_init__(self) -> None:
        check_email("person.email", self.email)
        texts = {"display_name": self.name, "login": self.login, "team": self.team}
        for field, text in texts.items():
            check_text(f"person.{field}", text, most=LONGEST_NAME)
        if self.sys_id and not _SYS_ID.fullmatch(self.sys_id):
            raise Invalid(
                "person.sys_id is not 32 hexadecimal digits in lower case", field="person.sys_id"
            )

    def entry(self, id_: int, org: int, *, stamp: Stamp) -> Person:
        """Returns the person that the draft becomes."""
        said = msgspec.structs.asdict(self) | {"sys_id": self.sys_id or uuid4().hex}
        return Person(id=id_, org=org, created_at=stamp.at, updated_at=stamp.at, **said)


class Person(PersonDraft, frozen=True, kw_only=True, omit_defaults=True):
    """A person of an org, known there by the e-mail address; `id` is that of the history's entry.

    `name` is what people read, `sys_id` what other systems point to.
    """

    WHAT: ClassVar[str] = "person"

    id: int
    org: int
    created_at: datetime
    updated_at: datetime

    @property
    def key(self) -> str:
        """Returns what no other person of the org has."""
        return self.email.casefold()


def check_email(field: str, address: str) -> None:
    """Refuses what is no e-mail address."""
    if not address:
        raise Missing(f"{field} is required", field=field)
    check_text(field, address, most=LONGEST_NAME)
    if not _EMAIL.fullmatch(address):
        raise Invalid(f"{field} is no e-mail address such as ann@example.com", field=field)

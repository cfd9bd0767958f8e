"""A location: a place where an org works, known by its name."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import msgspec

from polydesk.domain.errors import Missing
from polydesk.domain.identity import Stamp
from polydesk.domain.ticket import LONGEST_NAME, check_text


class LocationDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator says of a location."""

    name: str

    def __post_init__(self) -> None:
        field = "location.display_name"
        if not self.name.strip():
            raise Missing(f"{field} is required", field=field)
        check_text(field, self.name, most=LONGEST_NAME)

    def entry(self, id_: int, org: int, *, stamp: Stamp) -> Location:
        """Returns the location that the draft becomes."""
        return Location(id=id_, org=org, name=self.name, created_at=stamp.at, updated_at=stamp.at)


class Location(LocationDraft, frozen=True, kw_only=True, omit_defaults=True):
    """A location of an org; `id` is that of the history's entry that tells of its making."""

    WHAT: ClassVar[str] = "location"

    id: int
    org: int
    created_at: datetime
    updated_at: datetime

    @property
    def key(self) -> str:
        """Returns what no other location of the org has."""
        return self.name.casefold()

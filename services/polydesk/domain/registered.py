"""What is registered in an org: what an operator said, and what the desk adds."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from polydesk.domain.errors import Outdated

HIGHEST_ID: Final = 2**31 - 1


class Named(Protocol):
    """What has a name, unique in its org and kind."""

    @property
    def name(self) -> str:
        """Returns it."""


Spec = TypeVar("Spec", bound=Named)


class Registered(msgspec.Struct, Generic[Spec], frozen=True, kw_only=True):
    """A record of the shelf; `id` is unique in its org and kind, and never given again."""

    org: int
    id: int
    spec: Spec
    created_at: datetime
    updated_at: datetime
    revision: int = 1

    @property
    def etag(self) -> str:
        """Marks this state of the record."""
        return format(self.revision, "x")

    def check_etag(self, etag: str) -> None:
        """Refuses a write that was meant for another state of the record."""
        if etag and etag != self.etag:
            raise Outdated(
                f"{self.spec.name} was changed meanwhile: its etag is {self.etag}, not {etag}"
            )

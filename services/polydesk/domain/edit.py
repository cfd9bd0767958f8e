"""What callers do to schedules, several of them at once: make, change, delete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from polydesk.domain.schedule import ScheduleSpec


@dataclass(frozen=True, kw_only=True)
class Create:
    """Makes a schedule; one with the id 0 gets the next.

    Where `again` is set, one that is there and says the same is an answer, too. `secrets` has the
    values of secret parameters by the names that the spec gives them; it is not printed.
    """

    spec: ScheduleSpec
    id: int = 0
    again: bool = False
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class Update:
    """Changes what is said of a schedule; secrets are as in Create."""

    id: int
    change: Callable[[ScheduleSpec], ScheduleSpec]
    etag: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class Delete:
    """Deletes a schedule with its secrets."""

    id: int
    etag: str = ""


Edit = Create | Update | Delete

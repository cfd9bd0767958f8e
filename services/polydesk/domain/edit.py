"""What callers do to schedules, several of them at once: make, change, delete."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from polydesk.domain.errors import Exists, Invalid, NotFound
from polydesk.domain.saving import Change
from polydesk.domain.schedule import (
    Schedule,
    ScheduleSpec,
    changed,
    check_etag,
    facts,
    made,
    told,
)


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


class Step(NamedTuple):
    """What one edit does: from what to what; None is nothing there."""

    action: str
    old: Schedule | None
    new: Schedule | None

    @property
    def result(self) -> Schedule:
        """Returns what the edit has made, left or deleted."""
        result = self.new or self.old
        assert result is not None  # noqa: S101 - an edit is of something
        return result

    @property
    def change(self) -> Change:
        """Returns what the history tells of the edit."""
        old, new = (facts(each) if each else {} for each in (self.old, self.new))
        return told(self.result.org, self.action, old=old, new=new)


class Book:
    """The schedules of an org, while edits are done to them."""

    def __init__(
        self, org: int, known: Mapping[int, Schedule], give_id: Callable[[int], int], at: datetime
    ) -> None:
        self.current = dict(known)
        self._org = org
        self._give_id = give_id
        self._at = at

    def do_all(self, edits: Sequence[Edit]) -> list[Step]:
        """Does all edits; what is wrong with one among several says which it is."""
        steps = []
        for index, edit in enumerate(edits):
            try:
                steps.append(self.do(edit))
            except (Invalid, NotFound, Exists) as error:
                if len(edits) == 1:
                    raise
                where = {"field": error.field} if isinstance(error, Invalid) else {}
                raise type(error)(f"{error.message} (item {index})", **where) from error
        return steps

    def do(self, edit: Edit) -> Step:
        """Does an edit, or refuses it."""
        step = self._step(edit)
        self.current.pop(step.result.id, None)
        if step.new:
            self.current[step.new.id] = step.new
        return step

    def _step(self, edit: Edit) -> Step:
        old = self.current.get(edit.id)
        if isinstance(edit, Create):
            if old is None:
                new = made(self._org, self._give_id(edit.id), edit.spec, self._at)
                return Step("create", None, new)
            if edit.again and edit.spec == old.spec:
                return Step("create", old, old)
            raise Exists(f"org {self._org} has a schedule {edit.id} already")
        if old is None:
            raise NotFound(f"org {self._org} has no schedule {edit.id}")
        check_etag(old, edit.etag)
        if isinstance(edit, Update):
            return Step("update", old, changed(old, edit.change(old.spec), self._at))
        return Step("delete", old, None)

"""Ids that callers may choose, and that nobody is given twice."""

from __future__ import annotations

from typing import Final

from polydesk.domain.errors import Invalid
from polydesk.store.script import Read, Script, Write

_HIGHEST: Final = 2**31 - 1
KEEP: Final = (
    "insert into counters (name, value) values ($1, $2)"
    " on conflict (name) do update set value = excluded.value"
)


class Counted:
    """The ids of one script, which gives maybe several; `write` keeps how far it has got."""

    def __init__(self, name: str, newest: int) -> None:
        self._name = name
        self._newest = newest

    def give(self, chosen: int) -> int:
        """Returns the id that was chosen or, where that is 0, the next."""
        id_ = chosen or self._newest + 1
        if id_ > _HIGHEST:
            raise Invalid(f"an id is 1 to {_HIGHEST}: choose one", field="id")
        self._newest = max(self._newest, id_)
        return id_

    @property
    def write(self) -> Write:
        """Keeps the newest id."""
        return Write(KEEP, [(self._name, self._newest)])


def counted(name: str) -> Script[Counted]:
    """Returns the ids of a name, such as those of an org's CI groups."""
    rows = yield Read("select value from counters where name = $1", (name,))
    return Counted(name, int(rows[0][0]) if rows else 0)

"""The directory of each org: its people and its locations, which everybody in it may look up."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final, Generic, Protocol, TypeVar

from msgspec.structs import replace

from polydesk.domain.cursor import Slice, cut, read_cursor
from polydesk.domain.errors import NotFound
from polydesk.domain.identity import Caller, Stamp
from polydesk.domain.org_ports import DirectoryStore, Listed
from polydesk.domain.ports import Clock

_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
Made_co = TypeVar("Made_co", covariant=True)


class Making(Protocol[Made_co]):
    """What an operator says of a person or a location that is new."""

    def entry(self, id_: int, org: int, *, stamp: Stamp) -> Made_co:
        """Returns the entry that it becomes."""


class Directory(Generic[Listed]):
    """Keeps people, or locations: operators change them, everybody in the org reads them."""

    def __init__(self, kind: type[Listed], *, store: DirectoryStore[Listed], clock: Clock) -> None:
        self._kind = kind
        self._store = store
        self._clock = clock

    async def add(self, caller: Caller, org: int, draft: Making[Listed]) -> Listed:
        """Adds an entry. Raises Exists."""
        caller.admit_to_hub()
        stamp = caller.stamp(self._clock.now())
        return await self._store.add(
            org, lambda id_: draft.entry(id_, org, stamp=stamp), stamp=stamp, once=caller.once
        )

    async def change(self, caller: Caller, org: int, id_: int, said: Mapping[str, Any]) -> Listed:
        """Changes the fields of an entry that are said. Raises Exists."""
        caller.admit_to_hub()
        stamp = caller.stamp(self._clock.now())
        return await self._store.change(
            org,
            id_,
            partial(_changed, said={**said, "updated_at": stamp.at}),
            stamp=stamp,
            once=caller.once,
        )

    async def remove(self, caller: Caller, org: int, id_: int) -> Listed:
        """Takes an entry out; tickets keep what they say of it. Returns what it was."""
        caller.admit_to_hub()
        stamp = caller.stamp(self._clock.now())
        return await self._store.remove(org, id_, stamp=stamp, once=caller.once)

    async def get(self, caller: Caller, org: int, id_: int) -> Listed:
        """Returns the entry of an id."""
        caller.admit(org)
        entry = await self._store.get(org, id_)
        if entry is None:
            raise NotFound(f"there is no {self._kind.WHAT} {id_} in org {org}")
        return entry

    async def find(self, caller: Caller, org: int, key: str) -> Listed | None:
        """Returns the person of an e-mail address, or the location of a name, if there is one.

        The letter case does not count.
        """
        caller.admit(org)
        # What no entry can have, a database need not be asked for: PostgreSQL takes no NUL.
        return None if "\0" in key else await self._store.find(org, key.casefold())

    async def known(self, caller: Caller, org: int, names: Iterable[str]) -> list[Listed]:
        """Returns all whose e-mail address, login, name or sys_id is among the names, by their ids.

        The case of A to Z does not count.
        """
        caller.admit(org)
        said = [name for name in names if name and "\0" not in name]
        # As keys are kept, and as databases lower what they keep.
        sought = sorted({each for name in said for each in (name.casefold(), lowered(name))})
        return await self._store.known(org, sought) if sought else []

    async def page(self, caller: Caller, org: int, *, limit: int, token: str = "") -> Slice[Listed]:
        """Returns the entries of an org in the order in which they were made."""
        caller.admit(org)
        asked = [self._kind.WHAT, org]
        found = await self._store.of_org(
            org, after=read_cursor(token, asked=asked), limit=limit + 1
        )
        return cut(found, limit, asked=asked, id_of=lambda entry: entry.id)


def lowered(text: str) -> str:
    """Lowers A to Z, and no other letters."""
    return text.translate(_LOWER)


def _changed(entry: Listed, *, said: Mapping[str, Any]) -> Listed:
    changed: Listed = replace(entry, **said)  # type: ignore[type-var]  # entries are structs
    return changed

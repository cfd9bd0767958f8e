"""Where an object stands: the name of its set and its key, and the URL of what describes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from polydesk import wire
from polydesk.domain.errors import Invalid, UnknownRoute, WrongMethod
from polydesk.domain.ticket import LONGEST_NAME

CONTEXT: Final = "@odata.context"
INCIDENTS: Final = "incidents"
EMPLOYEES: Final = "employees"
NOTES: Final = "journal__Notess"
CATEGORIES: Final = "categories"
SETS: Final = (INCIDENTS, EMPLOYEES, NOTES, CATEGORIES)
# As the seed prints it in the answer to a note.
_CONTEXTS: Final = {NOTES: "journal__notess"}
_OBJECT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*+)(?:\((.*)\))?", re.DOTALL)
_KEY: Final = re.compile(r"'((?:[^']|'')*+)'|([^'()]++)", re.DOTALL)


class Address(msgspec.Struct, frozen=True):
    """A set, or with a key one object of it."""

    set: str
    key: str = ""

    def of_object(self) -> str:
        """Returns the key, without which a method has nothing to work on."""
        if not self.key:
            raise WrongMethod(f"{self.set} is a set: name one of its objects, {self.set}('RecId')")
        return self.key

    def of_set(self) -> str:
        """Returns the set, behind which a method takes no key."""
        if self.key:
            raise WrongMethod(f"an object takes GET, PUT, PATCH and DELETE; POST is for {self.set}")
        return self.set


def read_address(text: str) -> Address:
    """Reads `incidents('ID')`, `incidents(ID)` or `incidents`; the name in any letter case."""
    match = _OBJECT.fullmatch(text)
    name = match[1].casefold() if match else ""
    for known in SETS:
        if match and name == known.casefold():
            return Address(known) if match[2] is None else Address(known, _key(match[2]))
    raise UnknownRoute(
        f"there is no business object {wire.clip(text)}; there are {', '.join(SETS)}"
    )


def _key(text: str) -> str:
    match = _KEY.fullmatch(text.strip())
    key = "" if match is None else (match[1] or "").replace("''", "'") or (match[2] or "").strip()
    if not key or len(key) > LONGEST_NAME or "\0" in key:
        raise Invalid(f"({wire.clip(text)}) is no key: it takes ('RecId')")
    return key


def root_of(headers: Mapping[str, str]) -> str:
    """Returns the URL below which a client sees this API; empty for who came without a URL."""
    path = headers.get("x-envoy-original-path", "").partition("?")[0]
    before, odata, _ = path.partition("/odata/")
    host = headers.get("x-forwarded-host", "")
    if not odata or not host:
        return ""
    return f"{headers.get('x-forwarded-proto', 'http')}://{host}{before}/odata/"


def context_of(root: str, set_: str, *, entity: bool) -> str:
    """Returns the URL that says what an answer is."""
    return f"{root}$metadata#{_CONTEXTS.get(set_, set_)}{'/$entity' if entity else ''}"


def with_context(root: str, set_: str, entity: Mapping[str, Any]) -> dict[str, Any]:
    """Returns one object as it is answered by itself."""
    return {CONTEXT: context_of(root, set_, entity=True), **entity}

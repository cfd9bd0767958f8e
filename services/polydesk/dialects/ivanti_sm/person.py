"""People: employees as they are answered, and who is meant by what is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from polydesk import wire
from polydesk.dialects.ivanti_sm import term
from polydesk.dialects.ivanti_sm.filter import Field
from polydesk.dialects.ivanti_sm.value import id_of, valid_id, write_time
from polydesk.domain.errors import Invalid
from polydesk.domain.person import Person
from polydesk.domain.ticket import Ticket

FIELDS: Final = (
    "CreatedDateTime",
    "DisplayName",
    "LastModDateTime",
    "LoginID",
    "PrimaryEmail",
    "RecId",
    "Status",
    "Team_Valid",
    "Team",
)
FILTERS: Final[Mapping[str, Field]] = {
    name: term.text(name)
    for name in ("DisplayName", "LoginID", "PrimaryEmail", "RecId", "Status", "Team")
}


class People:
    """Those of an org who may be meant, by any of their names, in any letter case."""

    def __init__(self, people: Iterable[Person]) -> None:
        self._by_key: dict[str, list[Person]] = {}
        self._by_name: dict[str, list[Person]] = {}
        for person in people:
            for key in {each.casefold() for each in _keys(person) if each}:
                self._by_key.setdefault(key, []).append(person)
            self._by_name.setdefault(person.name.casefold(), []).append(person)

    def find(self, name: str) -> Person | None:
        """Returns the one person of a name; what people read counts where nothing else is meant."""
        found = self.found(name)
        return found[0] if len(found) == 1 else None

    def get(self, field: str, name: str) -> Person:
        """Returns the one person of a name, or says that there is none, or more."""
        person = self.find(name)
        if person is None:
            whom = "more than one employee goes" if self.found(name) else "no employee goes"
            raise Invalid(f"{field} is {wire.clip(name)}, by which {whom}", field=field)
        return person

    def found(self, name: str) -> list[Person]:
        """Returns all who go by a name: a login, an e-mail address or a RecId, else a name."""
        said = name.strip().casefold()
        if not said:
            return []
        return self._by_key.get(said) or self._by_name.get(said, [])


def names_in(tickets: Iterable[Ticket]) -> set[str]:
    """Returns the names of those whom tickets are for and who work on them."""
    return {name for each in tickets for name in (each.requester, each.assignee) if name}


def login_of(person: Person) -> str:
    """Returns the LoginID; who has no login has the e-mail address for one."""
    return person.login or person.email


def from_person(person: Person) -> dict[str, Any]:
    """Writes an employee."""
    entity: dict[str, Any] = {
        "CreatedDateTime": write_time(person.created_at),
        "DisplayName": person.name or login_of(person),
        "LastModDateTime": write_time(person.updated_at),
        "LoginID": login_of(person),
        "PrimaryEmail": person.email,
        "RecId": id_of(person.sys_id),
        "Status": "Active",
    }
    if person.team:
        entity |= {"Team_Valid": valid_id("Team", person.team), "Team": person.team}
    return entity


def has_words(person: Person, words: Sequence[str]) -> bool:
    """Tells whether all words are a person's; `user@example.com` is not `otheruser@example.com`."""
    own = {word for name in (*_keys(person), person.name) for word in name.casefold().split()}
    return own.issuperset(words)


def _keys(person: Person) -> tuple[str, ...]:
    return (person.email, person.login, person.sys_id)

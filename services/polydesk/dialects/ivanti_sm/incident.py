"""What is said of an incident, as a JSON object, becomes a draft or changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from polydesk import wire
from polydesk.dialects.ivanti_sm.entity import EXTRA, Surroundings, from_incident
from polydesk.dialects.ivanti_sm.field import FIELDS, KINDS, OURS
from polydesk.dialects.ivanti_sm.person import People, login_of
from polydesk.dialects.ivanti_sm.value import (
    CAUSES,
    LEVELS,
    SOURCES,
    STATUSES,
    TYPES,
    one_of,
)
from polydesk.domain.catalog import Catalog
from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.person import check_email
from polydesk.domain.ticket import (
    LONGEST_NAME,
    LONGEST_TEXT,
    Draft,
    Kind,
    Level,
    State,
    Ticket,
    check_text,
)

Said = Mapping[str, Any]
Reader = Callable[[str, object], dict[str, Any]]

MOST_KEPT: Final = 100
# Of the desk's fields, the texts that are as they are said, and how long they may be.
TEXTS: Final = {
    "Subject": ("summary", 1_000),
    "Symptom": ("description", LONGEST_TEXT),
    "Resolution": ("resolution", LONGEST_TEXT),
    "OwnerTeam": ("assignment_group", LONGEST_NAME),
}
# Of the fields that are kept, those that have a list of values.
CHOSEN: Final = {"Source": SOURCES, "TypeOfIncident": TYPES}
WHOM: Final = ("ProfileLink", "ProfileLink_RecID", "Email")
_LARGEST: Final = 2**53
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_SPELT: Final = {name.casefold(): name for name in FIELDS}


def read_said(said: Said) -> dict[str, Any]:
    """Returns what is said by the names of the fields as they are printed.

    Annotations of OData, such as @odata.context, say nothing.
    """
    read: dict[str, Any] = {}
    for name, value in said.items():
        if "@" in name:
            continue
        if not _NAME.fullmatch(name):
            raise Invalid(f"{wire.clip(name)} is no name of a field", field=wire.clip(name))
        spelt = _SPELT.get(name.casefold(), name)
        if spelt in read:
            raise Invalid(f"{spelt} comes twice", field=spelt)
        read[spelt] = value
    return read


def named_in(said: Said) -> set[str]:
    """Returns the names of people that are said."""
    return {name for field in ("Owner", *WHOM) if isinstance(name := said.get(field), str)}


def to_draft(said: Said, around: Surroundings) -> Draft:
    """Reads a new incident. The levels that it leaves out are Low, as in the seed's example."""
    if not text_of("Subject", said.get("Subject"), most=1_000).strip():
        raise Missing("Subject is required", field="Subject")
    levels: dict[str, Any] = {"impact": Level.LOW, "urgency": Level.LOW}
    given = {name: value for name, value in said.items() if value is not None}
    fields = levels | _fields(given, around)
    return Draft(kind=Kind.INCIDENT, number="", **fields)


def to_changes(said: Said, ticket: Ticket, around: Surroundings) -> dict[str, Any]:
    """Reads what changes of an incident. One that becomes Resolved needs a cause and a solution.

    What is said as it was answered changes nothing, whoever it came from.
    """
    now = from_incident(ticket, around)
    said = {name: value for name, value in said.items() if name not in now or now[name] != value}
    fields = _new(_fields(said, around), ticket)
    if "summary" in fields and not fields["summary"].strip():
        raise Missing("Subject is required", field="Subject")
    if fields.get("state") is State.RESOLVED and ticket.state is not State.RESOLVED:
        for name, field in (("CauseCode", "cause_code"), ("Resolution", "resolution")):
            if not fields.get(field, getattr(ticket, field)).strip():
                raise Missing(f"{name} is required for the status Resolved", field=name)
    return fields


def text_of(name: str, value: object, *, most: int = LONGEST_NAME) -> str:
    """Reads a text; null is an empty one."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Invalid(f"{name} is a text", field=name)
    check_text(name, value, most=most)
    return value


def _fields(said: Said, around: Surroundings) -> dict[str, Any]:
    fields: dict[str, Any] = {
        field: text_of(name, said[name], most=most)
        for name, (field, most) in TEXTS.items()
        if name in said
    }
    for name, read in _READERS.items():
        if name in said:
            fields |= read(name, said[name])
    if "Category" in said:
        fields["category"] = _category(text_of("Category", said["Category"]), around.org.catalog)
    if "Owner" in said:
        owner = text_of("Owner", said["Owner"]).strip()
        fields["assignee"] = login_of(around.people.get("Owner", owner)) if owner else ""
    fields |= _requester(said, around.people)
    kept = _kept(said)
    return fields | ({"extra": {EXTRA: kept}} if kept else {})


def _status(name: str, value: object) -> dict[str, Any]:
    said = text_of(name, value)
    if not said:
        return {}
    word = one_of(STATUSES, name, said)
    state = STATUSES[word]
    return {"state": state} | ({"wait_reason": word} if state is State.WAITING else {})


def _level(name: str, value: object) -> dict[str, Any]:
    said = text_of(name, value)
    return {name.lower(): LEVELS[one_of(LEVELS, name, said)] if said else None}


def _cause(name: str, value: object) -> dict[str, Any]:
    said = text_of(name, value)
    return {"cause_code": one_of(CAUSES, name, said) if said else ""}


_READERS: Final[Mapping[str, Reader]] = {
    "Status": _status,
    "Impact": _level,
    "Urgency": _level,
    "CauseCode": _cause,
}


def _new(fields: dict[str, Any], ticket: Ticket) -> dict[str, Any]:
    """Leaves out what an incident has already, so that nothing follows from it anew."""
    return {
        name: value
        for name, value in fields.items()
        if name == "extra" or getattr(ticket, name) != value
    }


def _category(said: str, catalog: Catalog) -> str:
    """Returns a category as the catalog spells it, or one that is in no catalog as it is said."""
    titles = {each.title.casefold(): each.title for each in catalog.categories}
    return titles.get(said.strip().casefold(), said)


def _requester(said: Said, people: People) -> dict[str, str]:
    """Reads whom an incident is for: the first of what is said, a link before an e-mail address."""
    texts = {name: text_of(name, said[name]).strip() for name in WHOM if name in said}
    for name, text in texts.items():
        if text:
            person = people.find(text) if name == "Email" else people.get(name, text)
            if person is None:
                check_email("Email", text)
            return {"requester": person.email if person else text}
    return {"requester": ""} if texts else {}


def _kept(said: Said) -> dict[str, Any]:
    kept = {name: _value(name, value) for name, value in said.items() if name not in OURS}
    if len(kept) > MOST_KEPT:
        raise Invalid(f"{len(kept)} other fields came, at most {MOST_KEPT} are kept")
    return kept


def _value(name: str, value: object) -> object:
    """Checks a value that is kept as it came."""
    kind = FIELDS.get(name)
    if value is None:
        return None
    if name in CHOSEN:
        said = text_of(name, value)
        return one_of(CHOSEN[name], name, said) if said else ""
    if kind is not None and type(value) is not kind:
        raise Invalid(f"{name} is {KINDS[kind]}", field=name)
    if isinstance(value, str):
        check_text(name, value, most=LONGEST_TEXT)
    elif not isinstance(value, bool | int | float) or abs(value) > _LARGEST:
        raise Invalid(f"{name} is neither a text, a number nor a truth value", field=name)
    return value

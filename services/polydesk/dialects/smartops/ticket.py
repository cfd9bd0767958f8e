"""Tickets: ticketJSON becomes drafts and changes, records become ticketDetails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final

import msgspec
from google.protobuf import struct_pb2

from polydesk import wire
from polydesk.dialects.smartops.field import (
    EXACT,
    TIME,
    WHERE,
    check_kept,
    plain,
    read_text,
    read_time,
)
from polydesk.dialects.smartops.note import KINDS, read_notes, write_note, write_notes
from polydesk.dialects.smartops.person import People
from polydesk.dialects.smartops.word import EXTRA, WORDS, read_words, word_of
from polydesk.domain.catalog import Catalog
from polydesk.domain.custom_field import CustomField, FieldType
from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.note import Note, NoteDraft
from polydesk.domain.service_level import ServiceLevel
from polydesk.domain.ticket import (
    LONGEST_FIELD,
    LONGEST_NAME,
    CustomValue,
    Draft,
    Kind,
    State,
    Ticket,
)

# The names of the appendix that are fields of the desk, and texts.
TEXTS: Final = {
    "shortDescription": "summary",
    "longDescription": "description",
    "assignedTo": "assignee",
    "assignedGroup": "assignment_group",
    "category": "category",
    "callerId": "requester",
}
# Those that are fields of the desk, and times.
TIMES: Final = {"createdTime": "opened_at", "resolvedTime": "resolved_at"}
# The one that the desk has no field for.
SUB_CATEGORY: Final = "subCategory"
# What the desk tells and nobody writes; the last three a new ticket may bring along.
TOLD: Final = (
    "ticketBusinessDuration",
    "ticketBusinessTimeLeft",
    "updatedTime",
    "createdBy",
    "updatedBy",
    "resolvedBy",
    "closedBy",
    "sysId",
    "ticketNumber",
    "createdTime",
)
NEW_ONLY: Final = frozenset({"ticketNumber", "createdTime"})
# All 25 of them.
NAMES: Final = frozenset({*TEXTS, *TIMES, SUB_CATEGORY, *WORDS, *KINDS, *TOLD})
# What ticketJSON calls what the desk refuses.
REFUSED: Final = {field: name for name, field in TEXTS.items()} | {"number": "ticketNumber"}
_SOLVED: Final = (State.RESOLVED, State.CLOSED)


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What ticketJSON says: fields of the desk, notes, and what is kept for this dialect."""

    fields: dict[str, Any]
    notes: list[NoteDraft]
    kept: dict[str, Any]
    custom: dict[str, CustomValue | None]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a ticket's record does not say itself; whatever nobody asked for is not there."""

    catalog: Catalog = Catalog()
    notes: Sequence[Note] = ()
    level: ServiceLevel | None = None
    people: People = People()


def read_ticket(
    json: struct_pb2.Struct, *, zone: tzinfo, catalog: Catalog, old: Ticket | None = None
) -> Said:
    """Reads ticketJSON, of a new ticket where there is no old one. Null is as left out."""
    said = {name: plain(value) for name, value in json.fields.items()}
    given = {name: value for name, value in said.items() if value is not None}
    _check_told(given, old)
    fields = {
        field: read_text(name, given[name], most=LONGEST_FIELD.get(field, LONGEST_NAME))
        for name, field in TEXTS.items()
        if name in given
    }
    words = {name: read_text(name, given[name]) for name in WORDS if name in given}
    meant, kept = read_words(words)
    notes = [
        note for name in KINDS if name in given for note in read_notes(name, given[name], zone)
    ]
    fields |= meant | _read_new(given, zone, old) | _read_resolution(given, zone, notes)
    if SUB_CATEGORY in given:
        kept[SUB_CATEGORY] = read_text(SUB_CATEGORY, given[SUB_CATEGORY])
    custom, others = _split(said, catalog)
    before = old.extra.get(EXTRA, {}) if old else {}
    check_kept({**before, **others})
    return Said(fields=fields, notes=notes, kept=kept | others, custom=custom)


def to_draft(said: Said) -> Draft:
    """Returns the draft of a new incident."""
    if not said.fields.get("summary"):
        raise Missing(f"{WHERE}.shortDescription is required", field=f"{WHERE}.shortDescription")
    _check_resolved(said, State.LOGGED)
    return Draft(
        kind=Kind.INCIDENT,
        custom=said.custom,
        extra={EXTRA: said.kept},
        **({"number": ""} | said.fields),
    )


def to_changes(said: Said, old: Ticket) -> dict[str, Any]:
    """Returns what changes of an incident."""
    _check_resolved(said, old.state)
    changes: dict[str, Any] = {**said.fields}
    if said.custom:
        changes["custom"] = said.custom
    if said.kept:
        changes["extra"] = {EXTRA: said.kept}
    return changes


def from_ticket(ticket: Ticket, names: Iterable[str], facts: Facts) -> dict[str, Any]:
    """Writes ticketDetails: every name that was asked for."""
    return {name: _value(ticket, name, facts) for name in names}


def _value(ticket: Ticket, name: str, facts: Facts) -> Any:
    if name in TEXTS:
        return getattr(ticket, TEXTS[name])
    if name in WORDS:
        return word_of(ticket, name)
    if name in KINDS:
        return _notes(ticket, name, facts)
    if name in WRITERS:
        return WRITERS[name](ticket, facts)
    field = _fields(facts.catalog).get(name.casefold())
    if field is not None:
        value = ticket.custom.get(field.key, "")
        return str(value) if isinstance(value, int) and abs(value) >= EXACT else value
    kept = ticket.extra.get(EXTRA, {}).get(name)
    return "" if kept is None else kept


def _notes(ticket: Ticket, name: str, facts: Facts) -> list[dict[str, str]]:
    """Writes notes; where there is no closure note, the resolution is one."""
    written = write_notes(name, facts.notes)
    if name == "closureNotes" and not written and ticket.resolution:
        by, time = facts.people.resolved_by, _time(ticket.resolved_at)
        return [write_note("closureNote", ticket.resolution, by=by, time=time)]
    return written


def _time(moment: datetime | None) -> str:
    return wire.write_time(moment, TIME) if moment else ""


def _seconds(span: timedelta) -> str:
    """Writes "a numeric value … in seconds"; of time that is over, a negative one."""
    return str(int(span.total_seconds()))


def _time_left(level: ServiceLevel | None) -> str:
    if level is None or level.target is None:
        return ""
    return _seconds(level.target - level.spent)


WRITERS: Final[Mapping[str, Callable[[Ticket, Facts], str]]] = {
    "ticketNumber": lambda ticket, _: ticket.number,
    "sysId": lambda ticket, _: ticket.sys_id,
    "subCategory": lambda ticket, _: ticket.extra.get(EXTRA, {}).get(SUB_CATEGORY, ""),
    "createdTime": lambda ticket, _: _time(ticket.opened_at),
    "updatedTime": lambda ticket, _: _time(ticket.updated_at),
    "resolvedTime": lambda ticket, _: _time(ticket.resolved_at),
    "ticketBusinessDuration": lambda _, facts: _seconds(facts.level.spent) if facts.level else "",
    "ticketBusinessTimeLeft": lambda _, facts: _time_left(facts.level),
    "createdBy": lambda _, facts: facts.people.created_by,
    "updatedBy": lambda _, facts: facts.people.updated_by,
    "resolvedBy": lambda ticket, facts: facts.people.resolved_by if ticket.resolved_at else "",
    "closedBy": lambda ticket, facts: facts.people.closed_by if ticket.closed_at else "",
}


def _check_told(given: Mapping[str, Any], old: Ticket | None) -> None:
    """Refuses what only the desk tells; that it is what it is may be repeated."""
    for name in TOLD:
        said = given.get(name, "")
        if said == "" or (old is None and name in NEW_ONLY):
            continue
        if old is not None and name in NEW_ONLY | {"sysId"}:
            same = from_ticket(old, [name], Facts())[name]
            if said == same:
                continue
        raise Invalid(
            f"{WHERE}.{name} is told by the desk and cannot be written: leave it out",
            field=f"{WHERE}.{name}",
        )


def _read_new(given: Mapping[str, Any], zone: tzinfo, old: Ticket | None) -> dict[str, Any]:
    """Reads what only a new ticket brings along."""
    fields: dict[str, Any] = {}
    if old is None and given.get("ticketNumber", "") != "":
        fields["number"] = read_text("ticketNumber", given["ticketNumber"]).strip()
    if old is None and given.get("createdTime", "") != "":
        fields["opened_at"] = read_time("createdTime", given["createdTime"], zone)
    return fields


def _read_resolution(
    given: Mapping[str, Any], zone: tzinfo, notes: Sequence[NoteDraft]
) -> dict[str, Any]:
    """Reads when and how it was solved: the last closure note says how."""
    fields: dict[str, Any] = {}
    if given.get("resolvedTime", "") != "":
        fields["resolved_at"] = read_time("resolvedTime", given["resolvedTime"], zone)
    for note in notes:
        if note.kind is KINDS["closureNotes"][0]:
            fields["resolution"] = note.body
    return fields


def _check_resolved(said: Said, state: State) -> None:
    if "resolved_at" in said.fields and said.fields.get("state", state) not in _SOLVED:
        raise Invalid(
            f"{WHERE}.resolvedTime goes with a ticketStatus of Resolved or Closed",
            field=f"{WHERE}.resolvedTime",
        )


def _fields(catalog: Catalog) -> dict[str, CustomField]:
    """Returns the custom fields of an org by their keys and by what people read."""
    labelled = {field.label.casefold(): field for field in catalog.fields if field.label}
    return labelled | {field.key: field for field in catalog.fields}


def _split(
    said: Mapping[str, Any], catalog: Catalog
) -> tuple[dict[str, CustomValue | None], dict[str, Any]]:
    """Returns the values of custom fields of the org, and what else is beyond the appendix."""
    fields = _fields(catalog)
    custom: dict[str, CustomValue | None] = {}
    others: dict[str, Any] = {}
    for name, value in said.items():
        if name in NAMES:
            continue
        if (field := fields.get(name.casefold())) is None:
            others[name] = value
        elif field.type is FieldType.NUMBER and type(value) is int:
            custom[field.key] = float(value)
        else:
            custom[field.key] = value
    return custom, others


def refused_names(catalog: Catalog) -> dict[str, str]:
    """Returns what ticketJSON calls what the desk refuses, custom fields among it."""
    custom = {f"custom_fields.{field.key}": field.label or field.key for field in catalog.fields}
    return REFUSED | custom

"""Incidents: what M02 and M04 say becomes drafts and changes, records become what M05 answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from google.protobuf import struct_pb2

from polydesk import wire
from polydesk.api.serviceops.v1 import serviceops_pb2 as pb
from polydesk.dialects.serviceops.custom import read_values, write_values
from polydesk.domain.attachment import Attachment
from polydesk.domain.catalog import Catalog
from polydesk.domain.errors import Invalid, Missing, NotFound
from polydesk.domain.person import Person, check_email
from polydesk.domain.ticket import (
    LONGEST_NAME,
    Draft,
    Kind,
    Level,
    Priority,
    State,
    Ticket,
    check_text,
)

T = TypeVar("T")

EXTRA: Final = "serviceops"
# The seed shows Open and Resolved; the five are those of the vendor's newer pages.
STATUSES: Final = {
    "Open": State.LOGGED,
    "In Progress": State.ACTIVE,
    "Pending": State.WAITING,
    "Resolved": State.RESOLVED,
    "Closed": State.CLOSED,
}
# "Possible values: LOW, ONUSER, ONDEPARTMENT, Or ONBUSINESS"; of two for a level the first is
# answered, unless the other one was said.
IMPACTS: Final = {
    "LOW": Level.LOW,
    "ONUSER": Level.LOW,
    "ONDEPARTMENT": Level.MEDIUM,
    "ONBUSINESS": Level.HIGH,
}
URGENCIES: Final = {
    "LOW": Level.LOW,
    "MEDIUM": Level.MEDIUM,
    "HIGH": Level.HIGH,
    "URGENT": Level.HIGH,
}
PRIORITIES: Final = {
    "LOW": Priority.LOW,
    "MEDIUM": Priority.MEDIUM,
    "HIGH": Priority.HIGH,
    "URGENT": Priority.CRITICAL,
}
WORDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "impact": IMPACTS,
    "urgency": URGENCIES,
    "priority": PRIORITIES,
}
USUAL: Final = "LOW"
# "Set to 'Incident' as It is default to 'Service Request".
INCIDENT: Final = "Incident"
SERVICE_REQUEST: Final = "Service Request"
MOST_ITEMS: Final = 100
_HIGHEST: Final = 2**31 - 1
_NULL: Final = struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
# What the vendor calls what the desk refuses.
NAMES: Final = {"summary": "subject", "category": "categoryName", "files": "attachmentsRefNames"}


@contextmanager
def vendor_words(names: Mapping[str, str]) -> Iterator[None]:
    """Has what the desk refuses bear the vendor's name."""
    try:
        yield
    except Invalid as error:
        name, message = names.get(error.field), error.message
        if name is None:
            raise
        told = message.removeprefix(error.field)
        said = f"{name}: {message}" if told == message else name + told
        raise type(error)(said, field=name) from error


def id_of(text: str) -> int:
    """Returns the id in a path; what is no number is as unknown as any other."""
    if not text.isascii() or not text.isdecimal() or len(text) > len(str(_HIGHEST)):
        raise NotFound(f"there is no incident {wire.clip(text)}")
    return int(text)


def to_draft(said: pb.NewIncident, requester: Person, *, location: str, catalog: Catalog) -> Draft:
    """Reads a new incident. The levels that it leaves out are LOW."""
    levels = {"impact": said.impact or USUAL, "urgency": said.urgency or USUAL}
    if said.priority:
        levels["priority"] = said.priority
    check_text("requesterName", said.requester_name, most=LONGEST_NAME)
    fields, kept = _words(levels)
    category, word = _category(said.category_name or SERVICE_REQUEST)
    fields |= category
    kept |= word | {
        "requesterEmail": requester.email,
        "requesterName": said.requester_name,
        "locationName": location,
        "ccEmailSet": read_addresses("ccEmailSet", said.cc_email_set),
        "tags": read_texts("tags", said.tags),
        "spam": False,
    }
    return Draft(
        kind=Kind.INCIDENT,
        number="",
        summary=said.subject,
        description=said.description,
        requester=requester.email,
        custom=read_values(said.custom_field_value_details, catalog),
        extra={EXTRA: kept},
        **fields,
    )


def to_changes(
    said: pb.IncidentChange, *, location: str | None, catalog: Catalog
) -> dict[str, Any]:
    """Reads what changes of an incident; a location of None does not."""
    levels = {name: word for name in WORDS if (word := getattr(said, name))}
    fields, kept = _words(levels)
    if said.HasField("subject"):
        fields["summary"] = said.subject
    if said.HasField("description"):
        fields["description"] = read_text("description", said.description)
    if said.category_name:
        category, word = _category(said.category_name)
        fields, kept = fields | category, kept | word
    if said.status:
        fields["state"] = read_status(said.status)
    if said.HasField("tags"):
        kept["tags"] = read_texts("tags", _items("tags", said.tags))
    if said.HasField("cc_email_set"):
        kept["ccEmailSet"] = read_addresses("ccEmailSet", _items("ccEmailSet", said.cc_email_set))
    if said.HasField("spam"):
        kept["spam"] = said.spam
    if location is not None:
        kept["locationName"] = location
    if said.custom_field_value_details:
        fields["custom"] = read_values(said.custom_field_value_details, catalog)
    return fields | ({"extra": {EXTRA: kept}} if kept else {})


def from_incident(
    ticket: Ticket,
    *,
    requester: Person | None,
    attachments: Sequence[Attachment],
    catalog: Catalog,
) -> pb.GetIncidentResponse:
    """Writes an incident as M05 answers it."""
    kept = ticket.extra.get(EXTRA, {})
    return pb.GetIncidentResponse(
        requester_email=or_null(ticket.requester),
        requester_name=or_null(requester_name(ticket, requester)),
        cc_email_set=kept.get("ccEmailSet", []),
        subject=ticket.summary,
        description=or_null(ticket.description),
        category_name=category_of(ticket),
        status=status_of(ticket.state),
        impact=word_of(ticket, "impact"),
        priority=word_of(ticket, "priority"),
        urgency=word_of(ticket, "urgency"),
        location_name=or_null(kept.get("locationName", "")),
        tags=kept.get("tags", []),
        spam=kept.get("spam", False),
        file_attachments=_files(attachments),
        custom_field_value_details=write_values(ticket.custom, catalog),
    )


def requester_name(ticket: Ticket, requester: Person | None) -> str:
    """Returns the name that came with the requester, else the directory's."""
    kept = ticket.extra.get(EXTRA, {})
    came: str = kept.get("requesterName", "")
    if came and kept.get("requesterEmail") == ticket.requester:
        return came
    return requester.name if requester else ""


def category_of(ticket: Ticket) -> str:
    """Returns the word for the kind of work that this API was told, else the category."""
    word: str = ticket.extra.get(EXTRA, {}).get("categoryName", "")
    return word or ticket.category or INCIDENT


def status_of(state: State) -> str:
    """Returns the text of a state; what is cancelled is closed."""
    texts = {each: text for text, each in STATUSES.items()}
    return texts.get(state, "Closed")


def word_of(ticket: Ticket, name: str) -> str:
    """Returns the word of a level: the one that this API was told, if it still means the same."""
    words, level = WORDS[name], getattr(ticket, name)
    said: str = ticket.extra.get(EXTRA, {}).get(name, "")
    if said and words.get(said) is level:
        return said
    return next((word for word, meant in words.items() if meant is level), USUAL)


def read_status(said: str) -> State:
    """Returns the state of a status."""
    return _chosen("status", said, STATUSES)[1]


def reference_of(attachment: Attachment) -> str:
    """Returns the reference of a file; one that came through another API never had any."""
    return attachment.reference or f"{attachment.id:010}"


def read_text(name: str, value: struct_pb2.Value) -> str:
    """Reads a text, or null, which is an empty one."""
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "null_value":
            return ""
    raise Invalid(f"{name} is a text or null", field=name)


def read_texts(name: str, texts: Iterable[str], *, longest: int = LONGEST_NAME) -> list[str]:
    """Reads a set of texts: each of them once, in their order."""
    read = list(dict.fromkeys(texts))
    if len(read) > MOST_ITEMS:
        raise Invalid(f"{name} has {len(read)} items, at most {MOST_ITEMS} are taken", field=name)
    for text in read:
        if not text.strip():
            raise Missing(f"{name} holds an empty text", field=name)
        check_text(name, text, most=longest)
    return read


def read_addresses(name: str, addresses: Iterable[str]) -> list[str]:
    """Reads a set of e-mail addresses."""
    read = read_texts(name, addresses)
    for address in read:
        check_email(name, address)
    return read


def _items(name: str, values: struct_pb2.ListValue) -> list[str]:
    if any(value.WhichOneof("kind") != "string_value" for value in values.values):
        raise Invalid(f"{name} is a list of texts", field=name)
    return [value.string_value for value in values.values]


def _words(levels: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns what words mean, and the words as they are kept."""
    chosen = {name: _chosen(name, word, WORDS[name]) for name, word in levels.items()}
    fields = {name: level for name, (_, level) in chosen.items()}
    return fields, {name: word for name, (word, _) in chosen.items()}


def _chosen(name: str, said: str, words: Mapping[str, T]) -> tuple[str, T]:
    """Finds a word among those that there are; the letter case does not count."""
    for word, meant in words.items():
        if word.casefold() == said.strip().casefold():
            return word, meant
    raise Invalid(f"{name} is {wire.clip(said)}, it can be {_either(words)}", field=name)


def _either(words: Collection[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}"


def _category(said: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Returns the category of a categoryName, and the word for the kind of work, if it is one."""
    if said.casefold() in (INCIDENT.casefold(), SERVICE_REQUEST.casefold()):
        return {}, {"categoryName": said}
    return {"category": said}, {"categoryName": ""}


def or_null(text: str) -> struct_pb2.Value:
    """Returns a text, or null where it is empty."""
    return struct_pb2.Value(string_value=text) if text else _NULL


def _files(attachments: Sequence[Attachment]) -> struct_pb2.Value:
    if not attachments:
        return _NULL
    value = struct_pb2.Value()
    for attachment in attachments:
        file = value.list_value.add_struct()
        reference = reference_of(attachment)
        file.update({"refFileName": reference, "realName": attachment.file_name, "link": None})
    return value

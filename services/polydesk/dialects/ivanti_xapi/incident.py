"""Incidents: what is said of new ones, and where they stand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from polydesk import wire
from polydesk.api.ivanti_xapi.v1 import ivanti_xapi_pb2 as pb
from polydesk.dialects.ivanti_xapi.refusal import DATA, NO_CUSTOMER
from polydesk.domain.errors import Invalid, Missing, NotFound
from polydesk.domain.link import LinkDraft
from polydesk.domain.ticket import (
    LONGEST_NAME,
    LONGEST_TEXT,
    Draft,
    Kind,
    Level,
    Priority,
    State,
    Ticket,
    check_text,
)

Created = pb.CreateIncidentRequest | pb.CreateZendeskIncidentRequest
Linking = pb.CreateZendeskIncidentRequest | pb.LinkIncidentRequest

EXTRA: Final = "ivanti_xapi"
ZENDESK: Final = "zendesk"
MOST_TAGS: Final = 100
_HIGHEST_ID: Final = 2**31 - 1
_LONGEST: Final = {
    "subject": 1_000,
    "description": LONGEST_TEXT,
    "note_body": LONGEST_TEXT,
    "zendesk_ticket_url": 2_048,
}
# What is kept for this dialect alone.
_KEPT: Final = ("customer_network_username", "sub_category", "service", "source")

# The words of Ivanti (seed 002); which waiting it is, the record may say itself.
STATUSES: Final = {
    State.LOGGED: "Logged",
    State.ACTIVE: "Active",
    State.WAITING: "Waiting for Customer",
    State.RESOLVED: "Resolved",
    State.CLOSED: "Closed",
    State.CANCELLED: "Cancelled",
}
_WAITING: Final = "Waiting for "
LEVELS: Final = {"low": Level.LOW, "medium": Level.MEDIUM, "high": Level.HIGH}
# Zendesk has low, normal, high and urgent.
PRIORITIES: Final = {
    "low": Priority.LOW,
    "normal": Priority.MEDIUM,
    "medium": Priority.MEDIUM,
    "high": Priority.HIGH,
    "urgent": Priority.CRITICAL,
    "critical": Priority.CRITICAL,
}


def to_draft(request: Created) -> Draft:
    """Reads what is said of a new incident."""
    check_texts(request)
    email, user = request.customer_email.strip(), request.customer_network_username.strip()
    if isinstance(request, pb.CreateZendeskIncidentRequest):
        email = request.requester_email.strip() or email
    if not email and not user:
        raise Missing(NO_CUSTOMER, field="customerEmail")
    return Draft(
        kind=Kind.INCIDENT,
        number="",
        summary=request.subject,
        description=request.description,
        requester=email or user,
        category=request.category.strip(),
        extra={EXTRA: _kept(request)},
        **_order(request),
    )


def _order(request: Created) -> dict[str, Any]:
    """Reads what says how urgent an incident is."""
    tables: Mapping[str, Mapping[str, Any]] = {"urgency": LEVELS, "impact": LEVELS}
    if isinstance(request, pb.CreateZendeskIncidentRequest):
        tables = {"priority": PRIORITIES}
    said = {name: getattr(request, name).strip() for name in tables}
    return {name: _one_of(tables[name], name, text) for name, text in said.items() if text}


def _one_of(table: Mapping[str, Any], name: str, text: str) -> Any:
    if text.casefold() not in table:
        known = ", ".join(word.capitalize() for word in table)
        raise Invalid(f"{name} is {wire.clip(text)}, it can be one of {known}", field=name)
    return table[text.casefold()]


def _kept(request: Created) -> dict[str, Any]:
    fields = request.DESCRIPTOR.fields_by_name
    names = [name for name in _KEPT if name in fields and getattr(request, name)]
    kept: dict[str, Any] = {fields[name].json_name: getattr(request, name) for name in names}
    if isinstance(request, pb.CreateZendeskIncidentRequest) and request.tags:
        if len(request.tags) > MOST_TAGS:
            raise Invalid(
                f"{len(request.tags)} tags came, at most {MOST_TAGS} are taken", field="tags"
            )
        for tag in request.tags:
            check_text("tags", tag, most=LONGEST_NAME)
        kept["tags"] = list(request.tags)
    return kept


def to_link(request: Linking) -> LinkDraft:
    """Reads the Zendesk ticket of an incident."""
    check_texts(request)
    key, url = request.zendesk_ticket_id.strip(), request.zendesk_ticket_url.strip()
    if not key:
        raise Missing("zendeskTicketId is required", field="zendeskTicketId")
    try:
        return LinkDraft(system=ZENDESK, key=key, url=url)
    except Invalid as error:
        raise Invalid(f"zendeskTicketUrl: {error.message}", field="zendeskTicketUrl") from error


def status_of(ticket: Ticket) -> str:
    """Writes where an incident stands."""
    if ticket.state is State.WAITING and ticket.wait_reason.startswith(_WAITING):
        return ticket.wait_reason
    return STATUSES[ticket.state]


def check_texts(request: Created | Linking | pb.AddCommentRequest) -> None:
    """Refuses texts that are too long, by their documented names."""
    for field in request.DESCRIPTOR.fields:
        most = _LONGEST.get(field.name, LONGEST_NAME)
        if field.json_name != DATA:
            check_text(field.json_name, getattr(request, field.name), most=most)


def number_of(text: str, what: str) -> int:
    """Reads an id; what is none is as unknown as any other."""
    if not re.fullmatch(r"[0-9]{1,10}", text, re.ASCII) or int(text) > _HIGHEST_ID:
        raise NotFound(f"there is no {what} {wire.clip(text)}")
    return int(text)

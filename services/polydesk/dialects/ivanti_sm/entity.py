"""An incident as it is answered: what the desk holds, what follows from it, what was kept."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

import msgspec

from polydesk.dialects.ivanti_sm.field import FALSE, FIELDS
from polydesk.dialects.ivanti_sm.person import People, login_of
from polydesk.dialects.ivanti_sm.value import (
    LEVELS,
    PRIORITIES,
    id_of,
    status_of,
    valid_id,
    word_of,
    write_time,
)
from polydesk.domain.history import Authors
from polydesk.domain.identity import Org
from polydesk.domain.lifecycle import OVER
from polydesk.domain.person import Person
from polydesk.domain.ticket import State, Ticket

EXTRA: Final = "ivanti_sm"
# The seed shows 1 for what is logged.
_PROGRESS: Final = {
    State.LOGGED: "1",
    State.ACTIVE: "2",
    State.WAITING: "3",
    State.RESOLVED: "4",
    State.CLOSED: "5",
    State.CANCELLED: "5",
}
_MINUTE: Final = timedelta(minutes=1)


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What an incident's entity tells besides the record: its org, people, and who did what."""

    org: Org
    people: People
    authors: Mapping[int, Authors] = {}


def from_incident(ticket: Ticket, around: Surroundings) -> dict[str, Any]:
    """Writes an incident; a field without a value is left out, and none changes by itself."""
    values: dict[str, Any] = {
        **dict.fromkeys(FALSE, False),
        "TotalTimeSpent": 0,
        **kept_of(ticket),
        **_record(ticket),
        **_authors(around.authors.get(ticket.id)),
        **_requester(ticket, around.people.find(ticket.requester)),
        **_owner(ticket, around.people.find(ticket.assignee)),
        **_service(ticket, around.org),
        **_unit(around.org),
    }
    values = {name: value for name, value in values.items() if value not in (None, "")}
    return {**dict(_in_order(values)), **{n: v for n, v in values.items() if n not in FIELDS}}


def kept_of(ticket: Ticket) -> Mapping[str, Any]:
    """Returns what this API was told and the desk has no place for."""
    kept: Mapping[str, Any] = ticket.extra.get(EXTRA, {})
    return kept


def _in_order(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields the documented fields, each `_Valid` twin with the id of its value."""
    for name in FIELDS:
        value = values.get(name.removesuffix("_Valid"))
        if value is not None:
            twin = name.endswith("_Valid")
            yield name, valid_id(name.removesuffix("_Valid"), value) if twin else value


def _record(ticket: Ticket) -> dict[str, Any]:
    over = ticket.closed_at
    return {
        "ActualCategory": ticket.category,
        "Category": ticket.category,
        "CauseCode": ticket.cause_code,
        "ClosedDateTime": over and write_time(over),
        "ClosedDuration": max(over - ticket.opened_at, timedelta()) // _MINUTE if over else 0,
        "CreatedDateTime": write_time(ticket.opened_at),
        "Impact": word_of(LEVELS, ticket.impact),
        "IncidentNumber": ticket.id,
        "IsInFinalState": ticket.state in OVER,
        "LastModDateTime": write_time(ticket.updated_at),
        "Priority": word_of(PRIORITIES, ticket.priority),
        "ProgressBarPosition": _PROGRESS[ticket.state],
        "RecId": id_of(ticket.sys_id),
        "Resolution": ticket.resolution,
        "ResolvedDateTime": ticket.resolved_at and write_time(ticket.resolved_at),
        "SocialTextHeader": f"Incident {ticket.id}: {ticket.summary}",
        "Status": status_of(ticket),
        "Subject": ticket.summary,
        "Symptom": ticket.description,
        "Urgency": word_of(LEVELS, ticket.urgency),
    }


def _authors(authors: Authors | None) -> dict[str, str]:
    if authors is None:
        return {}
    return {
        "ClosedBy": authors.closer,
        "CreatedBy": authors.creator,
        "CreatedByType": authors.via,
        "LastModBy": authors.updater,
        "ResolvedBy": authors.resolver,
    }


def _requester(ticket: Ticket, person: Person | None) -> dict[str, str]:
    """Tells whom an incident is for; who is in no directory is told as the record has it."""
    if person is None:
        is_email = "@" in ticket.requester
        return {("Email" if is_email else "ProfileFullName"): ticket.requester}
    id_, login = id_of(person.sys_id), login_of(person)
    return {
        "Email": person.email,
        "ProfileFullName": person.name or login,
        "ProfileLink_Category": "Employee",
        "ProfileLink_RecID": id_,
        "ProfileLink": id_,
        "LoginId": login,
        "CustomerDepartment": person.team,
        "IncidentNetworkUserName": login,
    }


def _owner(ticket: Ticket, person: Person | None) -> dict[str, str]:
    email = person.email if person else ""
    return {
        "Owner": ticket.assignee,
        "OwnerTeam": ticket.assignment_group,
        "OwnerType": "Employee" if ticket.assignee else "",
        "OwnerEmail": email,
        "OwnershipAssignmentEmail": email,
    }


def _service(ticket: Ticket, org: Org) -> dict[str, str]:
    """Tells the service that was said, else the one of the category."""
    said: str = kept_of(ticket).get("Service") or ""
    of_category = (each.service for each in org.catalog.categories if each.title == ticket.category)
    service = said or next(of_category, "")
    return {"Service": service, "ActualService": service}


def _unit(org: Org) -> dict[str, str]:
    if not org.name:
        return {}
    id_ = uuid.uuid5(uuid.NAMESPACE_URL, f"urn:polydesk:orgs/{org.id}").hex.upper()
    links = ("OrgUnitLink", "EntityLink")
    return {
        **dict.fromkeys(("OrganizationUnitID", "ReportingOrgUnitID", "OwningOrgUnitId"), org.name),
        **{f"{link}_Category": "OrganizationalUnit" for link in links},
        **{f"{link}_RecID": id_ for link in links},
        **dict.fromkeys(links, id_),
    }

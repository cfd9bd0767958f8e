"""Requests: what the vendor's newer pages call incidents, in words of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from google.protobuf import struct_pb2
from msgspec.structs import replace

from polydesk import wire
from polydesk.api.serviceops.v1 import serviceops_pb2 as pb
from polydesk.dialects.serviceops.custom import plain
from polydesk.dialects.serviceops.incident import (
    EXTRA,
    category_of,
    or_null,
    read_status,
    reference_of,
    requester_name,
    status_of,
    word_of,
)
from polydesk.domain.attachment import Attachment
from polydesk.domain.catalog import Catalog
from polydesk.domain.custom_field import FieldType
from polydesk.domain.errors import Invalid
from polydesk.domain.person import Person, check_email
from polydesk.domain.ticket import LONGEST_NAME, CustomValue, Draft, Ticket, check_text

Said = pb.NewRequest | pb.RequestChange | pb.NewServiceRequest

# The words of M02 and M04, as the newer pages write them.
NAMES: Final = {
    "LOW": "Low",
    "ONUSER": "On User",
    "ONDEPARTMENT": "On department",
    "ONBUSINESS": "On Business",
    "MEDIUM": "Medium",
    "HIGH": "High",
    "URGENT": "Urgent",
}
# "Possible Values are: Tier1, Tier2, Tier3, or Tier 4"; the samples write `tier2`.
TIERS: Final = ("tier1", "tier2", "tier3", "tier4")
NO_TIER: Final = "tier0"
# "Default source for Rest API is 'External'."
SOURCE: Final = "External"
# What these routes call what those of the seed call otherwise.
NEWER: Final = {
    "impact": "impactName",
    "urgency": "urgencyName",
    "priority": "priorityName",
    "status": "statusName",
    "attachmentsRefNames": "fileAttachments",
}
_KEPT: Final = {
    "department_name": "departmentName",
    "source": "source",
    "service_name": "serviceName",
    "service_category_name": "serviceCategoryName",
}


def to_incident(said: pb.NewRequest | pb.NewServiceRequest) -> pb.NewIncident:
    """Says a new request as M02 does, as far as M02 says it."""
    incident = pb.NewIncident(
        description=said.description,
        location_name=said.location_name,
        impact=_word(said.impact_name),
        urgency=_word(said.urgency_name),
        priority=_word(said.priority_name),
    )
    if isinstance(said, pb.NewServiceRequest):
        incident.subject = said.service_name
        incident.category_name = said.service_category_name
        return incident
    incident.subject = said.subject
    incident.requester_name = said.requester_name
    incident.category_name = said.category_name
    incident.cc_email_set.extend(said.cc_email_set)
    incident.tags.extend(said.tags)
    return incident


def to_incident_change(said: pb.RequestChange) -> pb.IncidentChange:
    """Says a change of a request as M04 does, as far as M04 says it."""
    change = pb.IncidentChange(
        category_name=said.category_name,
        impact=_word(said.impact_name),
        urgency=_word(said.urgency_name),
        priority=_word(said.priority_name),
        status=said.status_name,
    )
    for name in ("description", "location_name", "tags", "cc_email_set"):
        if said.HasField(name):
            getattr(change, name).CopyFrom(getattr(said, name))
    if said.HasField("subject"):
        change.subject = said.subject
    if said.HasField("spam"):
        change.spam = said.spam
    return change


def completed(
    draft: Draft, said: pb.NewRequest | pb.NewServiceRequest, catalog: Catalog, *, creator: str
) -> Draft:
    """Returns a draft of M02 with what else a new request says."""
    kept: dict[str, Any] = {"source": SOURCE} | _kept(said) | {"createdBy": creator}
    fields: dict[str, Any] = _people(said) | {"custom": read_custom(said.custom_field, catalog)}
    if isinstance(said, pb.NewRequest):
        kept["spam"] = said.spam
        if said.status_name:
            fields["state"] = read_status(said.status_name)
    return replace(draft, extra={EXTRA: draft.extra[EXTRA] | kept}, **fields)


def more_changes(
    changes: Mapping[str, Any], said: pb.RequestChange, catalog: Catalog
) -> dict[str, Any]:
    """Returns the changes of M04 with what else a change of a request says."""
    kept = changes.get("extra", {}).get(EXTRA, {}) | _kept(said)
    custom = read_custom(said.custom_field, catalog)
    return {
        **changes,
        **_people(said),
        **({"extra": {EXTRA: kept}} if kept else {}),
        **({"custom": custom} if custom else {}),
    }


def from_request(
    ticket: Ticket,
    *,
    requester: Person | None,
    attachments: Sequence[Attachment],
    catalog: Catalog,
    updater: str,
) -> pb.Request:
    """Writes an incident as the newer pages do."""
    kept = ticket.extra.get(EXTRA, {})
    return pb.Request(
        id=ticket.id,
        category_name=category_of(ticket),
        name=f"{'SR' if kept.get('serviceName') else 'INC'}-{ticket.id}",
        created_time=_millis(ticket.created_at),
        updated_time=_millis(ticket.updated_at),
        department_name=or_null(kept.get("departmentName", "")),
        custom_field=write_custom(ticket.custom, catalog),
        status_name=status_of(ticket.state),
        created_by_name=or_null(kept.get("createdBy", "")),
        subject=ticket.summary,
        requester_name=or_null(requester_name(ticket, requester)),
        file_attachments=[
            pb.FileAttachment(ref_file_name=reference_of(each), real_name=each.file_name)
            for each in attachments
        ],
        requester_email=or_null(ticket.requester),
        description=or_null(ticket.description),
        location_name=or_null(kept.get("locationName", "")),
        impact_name=NAMES[word_of(ticket, "impact")],
        priority_name=NAMES[word_of(ticket, "priority")],
        urgency_name=NAMES[word_of(ticket, "urgency")],
        updated_by_name=updater,
        source=kept.get("source", SOURCE),
        spam=kept.get("spam", False),
        support_level=kept.get("supportLevel", NO_TIER),
        tags=kept.get("tags", []),
        cc_email_set=kept.get("ccEmailSet", []),
        assignee_email=or_null(ticket.assignee),
        technician_group_name=or_null(ticket.assignment_group),
    )


def labels_of(catalog: Catalog) -> dict[str, str]:
    """Returns what these routes call the custom fields, by what the desk calls them."""
    return {
        f"custom_fields.{field.key}": f"customField.{field.label or field.key}"
        for field in catalog.fields
    }


def read_custom(said: struct_pb2.Struct, catalog: Catalog) -> dict[str, CustomValue | None]:
    """Reads values by the labels or the keys of custom fields; one of null is None."""
    known = {field.key: field for field in catalog.fields}
    known |= {field.label.casefold(): field for field in catalog.fields if field.label}
    values: dict[str, CustomValue | None] = {}
    for name, value in said.fields.items():
        field = known.get(name.casefold())
        if field is None:
            raise Invalid(
                f"customField: there is no custom field {wire.clip(name)}", field="customField"
            )
        read = plain(value)
        if field.type is FieldType.NUMBER and type(read) is int:
            read = float(read)
        values[field.key] = read
    return values


def write_custom(values: Mapping[str, CustomValue], catalog: Catalog) -> struct_pb2.Struct:
    """Writes the values that an incident has of the fields that there still are."""
    written = struct_pb2.Struct()
    written.update(
        {
            field.label or field.key: values[field.key]
            for field in catalog.fields
            if field.key in values
        }
    )
    return written


def _word(name: str) -> str:
    """Returns `ONUSER` of `On User`; what is no such name stays as it is."""
    words = {text.casefold(): word for word, text in NAMES.items()}
    return words.get(name.strip().casefold(), name)


def _kept(said: Said) -> dict[str, str]:
    kept = {}
    for field, name in _KEPT.items():
        if text := getattr(said, field, ""):
            check_text(name, text, most=LONGEST_NAME)
            kept[name] = text
    if tier := getattr(said, "support_level", ""):
        kept["supportLevel"] = _tier(tier)
    return kept


def _tier(said: str) -> str:
    tier = said.replace(" ", "").casefold()
    if tier not in TIERS:
        raise Invalid(
            f"supportLevel is {wire.clip(said)}, it can be {', '.join(TIERS)}",
            field="supportLevel",
        )
    return tier


def _people(said: Said) -> dict[str, str]:
    people = {}
    if email := getattr(said, "assignee_email", ""):
        check_email("assigneeEmail", email)
        people["assignee"] = email
    if group := getattr(said, "technician_group_name", ""):
        check_text("technicianGroupName", group, most=LONGEST_NAME)
        people["assignment_group"] = group
    return people


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000)

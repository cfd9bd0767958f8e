"""`$metadata`: what sets there are and which fields they have, in OData's CSDL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final
from xml.etree import ElementTree as ET

from polydesk.dialects.ivanti_sm import category, field, journal, person
from polydesk.dialects.ivanti_sm.address import CATEGORIES, EMPLOYEES, INCIDENTS, NOTES

_EDMX: Final = "http://docs.oasis-open.org/odata/ns/edmx"
_EDM: Final = "http://docs.oasis-open.org/odata/ns/edm"
_NAMESPACE: Final = "DataLayer"
_SETS: Final[Mapping[str, tuple[str, Sequence[str]]]] = {
    INCIDENTS: ("Incident", tuple(field.FIELDS)),
    EMPLOYEES: ("Employee", person.FIELDS),
    NOTES: ("JournalNotes", journal.FIELDS),
    CATEGORIES: ("Category", category.FIELDS),
}
_TYPES: Final[Mapping[type, str]] = {str: "Edm.String", int: "Edm.Int32", bool: "Edm.Boolean"}
_TRUTHS: Final = ("PublishToWeb", "ReadOnly", "IsNewRecord", "IsUnRead", "UnreadTransition")


@cache
def metadata() -> bytes:
    """Returns the document."""
    root = ET.Element("edmx:Edmx", {"xmlns:edmx": _EDMX, "Version": "4.0"})
    services = ET.SubElement(root, "edmx:DataServices")
    schema = ET.SubElement(services, "Schema", {"xmlns": _EDM, "Namespace": _NAMESPACE})
    for set_, (name, fields) in _SETS.items():
        entity = ET.SubElement(schema, "EntityType", {"Name": name})
        ET.SubElement(ET.SubElement(entity, "Key"), "PropertyRef", {"Name": "RecId"})
        for each in fields:
            facts = {"Name": each, "Type": _type_of(set_, each)}
            ET.SubElement(entity, "Property", facts | _nullable(each))
    container = ET.SubElement(schema, "EntityContainer", {"Name": "Container"})
    for set_, (name, _) in _SETS.items():
        type_ = f"{_NAMESPACE}.{name}"
        ET.SubElement(container, "EntitySet", {"Name": set_, "EntityType": type_})
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _type_of(set_: str, name: str) -> str:
    if name.endswith("DateTime"):
        return "Edm.DateTimeOffset"
    if set_ == INCIDENTS:
        return _TYPES[field.FIELDS[name]]
    return _TYPES[bool if name in _TRUTHS else str]


def _nullable(name: str) -> dict[str, str]:
    return {"Nullable": "false"} if name == "RecId" else {}

"""What the plugin tells of itself: who it is, and its specification in its own language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import yaml

from polydesk import wire
from polydesk.dialects.ivanti_sm import field, journal
from polydesk.dialects.ivanti_sm.action.input import ACTIONS, Action, Input
from polydesk.domain.errors import Invalid

INFO: Final[Mapping[str, Any]] = {
    "name": "ivanti_service_manager",
    "description": (
        "Ivanti Service Manager is a flexible and complete cloud-optimized, easily scalable and "
        "adaptable ITSM solution used for managing and automating ITSM processes"
    ),
    "version": "1.0.0",
    "vendor": "polydesk",
    "plugin_spec_version": "v2",
    "title": "Ivanti Service Manager",
    "tags": ["ivanti", "service manager", "itsm"],
}
TYPES: Final = {str: "string", int: "integer", bool: "boolean"}
_CONNECTION: Final = {
    "credentials": {
        "title": "Credentials",
        "description": "API key from account",
        "type": "credential_secret_key",
        "required": True,
        "example": "1A2B3CC4D5E67F8901G2HI345J6K7L89",
    },
    "ssl_verify": {
        "title": "SSL Verify",
        "description": "Validate TLS / SSL certificate",
        "type": "boolean",
        "default": True,
        "required": False,
        "example": True,
    },
    "url": {
        "title": "URL",
        "description": "API access URL",
        "type": "string",
        "required": True,
        "example": "https://ivanti.example.com",
    },
}
# Of the fields of a note those that are no texts.
_NOTE: Final = dict.fromkeys(
    ("PublishToWeb", "ReadOnly", "IsNewRecord", "IsUnRead", "UnreadTransition"), bool
)


def spec() -> dict[str, Any]:
    """Returns the specification."""
    return {
        **INFO,
        "types": {
            "incident": _type(field.FIELDS),
            "journal_note": _type({name: _NOTE.get(name, str) for name in journal.FIELDS}),
        },
        "connection": _CONNECTION,
        "actions": {name: _action(action) for name, action in ACTIONS.items()},
    }


def write_spec(format_: str) -> tuple[str, bytes]:
    """Returns the specification in a format, with its content type before it."""
    match format_:
        case "" | "json":
            return "application/json", msgspec.json.encode(spec())
        case "yaml":
            return "application/yaml", yaml.safe_dump(spec(), sort_keys=False).encode()
    raise Invalid(f"format is {wire.clip(format_)}, it can be json or yaml", field="format")


def _type(fields: Mapping[str, type]) -> dict[str, Any]:
    return {name: {"type": TYPES[type_], "required": False} for name, type_ in fields.items()}


def _action(action: Action) -> dict[str, Any]:
    name, type_, description = action.output
    return {
        "title": action.title,
        "description": action.description,
        "input": {name: _input(name, row) for name, row in action.inputs.items()},
        "output": {name: {"type": type_, "description": description, "required": True}},
    }


def _input(name: str, row: Input) -> dict[str, Any]:
    said = {
        "title": name.replace("_", " ").title(),
        "description": row.description,
        "type": TYPES[row.type],
        "required": row.required,
        "default": row.default,
        "enum": list(row.enum),
        "example": row.example,
    }
    return {name: value for name, value in said.items() if value not in ("", [], None)}

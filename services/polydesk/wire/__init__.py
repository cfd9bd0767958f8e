"""What dialects and canonical servicers share at the edge: callers, times, forms, files."""

from __future__ import annotations

from polydesk.wire.caller import (
    ADMIT_AGAIN,
    CALLER,
    Refusal,
    address_in,
    address_of,
    caller_again,
    caller_of,
    clip,
)
from polydesk.wire.credential import read_credential
from polydesk.wire.file import FilePart, Upload, send_file
from polydesk.wire.form import LARGEST_FORM, MOST_FIELDS, read_form
from polydesk.wire.time import (
    ABBREVIATIONS,
    FIRST_YEAR,
    TimeFormat,
    offset_zone,
    read_time,
    write_time,
    zone,
)

__all__ = [
    "ABBREVIATIONS",
    "ADMIT_AGAIN",
    "CALLER",
    "FIRST_YEAR",
    "LARGEST_FORM",
    "MOST_FIELDS",
    "FilePart",
    "Refusal",
    "TimeFormat",
    "Upload",
    "address_in",
    "address_of",
    "caller_again",
    "caller_of",
    "clip",
    "offset_zone",
    "read_credential",
    "read_form",
    "read_time",
    "send_file",
    "write_time",
    "zone",
]

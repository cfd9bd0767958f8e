"""What dialects and canonical servicers share at the edge: callers, times, forms, files."""

from __future__ import annotations

from polydesk.wire.caller import (
    ADMIT_AGAIN,
    CALLER,
    address_in,
    address_of,
    caller_again,
    caller_of,
    clip,
)
from polydesk.wire.credential import read_bearer, read_credential, read_key
from polydesk.wire.file import FilePart, Upload, send_file
from polydesk.wire.form import (
    LARGEST_FORM,
    MOST_FIELDS,
    is_multipart,
    parse_json,
    read_form,
    read_json,
)
from polydesk.wire.refusal import REQUEST_ID, SOUND_ID, TRANSACTION, Blank, Refusal, request_id_in
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
    "REQUEST_ID",
    "SOUND_ID",
    "TRANSACTION",
    "Blank",
    "FilePart",
    "Refusal",
    "TimeFormat",
    "Upload",
    "address_in",
    "address_of",
    "caller_again",
    "caller_of",
    "clip",
    "is_multipart",
    "offset_zone",
    "parse_json",
    "read_bearer",
    "read_credential",
    "read_form",
    "read_json",
    "read_key",
    "read_time",
    "request_id_in",
    "send_file",
    "write_time",
    "zone",
]

"""A row of a JSONL file: what a ticket says by itself, whichever org and hub it is in.

A row is JSON as REST has it, in one form: names sorted, no blanks, nothing that is empty. So two
files with the same tickets are the same bytes.
"""

from __future__ import annotations

import json
from typing import Any, Final

from google.api import field_behavior_pb2
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

from polydesk.client.messages import ticket_pb2

_HUBS: Final = frozenset({field_behavior_pb2.IDENTIFIER, field_behavior_pb2.OUTPUT_ONLY})


def _is_own(field: Any) -> bool:
    behaviours = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    return field.name != "etag" and not _HUBS.intersection(behaviours)


# What belongs to the hub and not to the ticket: its name, its org, its etag, how far automation has
# got, and the times at which the hub created, updated, closed or deleted it.
LEFT_OUT: Final = tuple(
    field.name for field in ticket_pb2.Ticket.DESCRIPTOR.fields if not _is_own(field)
)


class Unreadable(ValueError):
    """A line that is no ticket."""


def write_row(ticket: ticket_pb2.Ticket) -> bytes:
    """Returns the line of a ticket."""
    said = MessageToDict(_by_itself(ticket))
    line = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f"{line}\n".encode()


def read_row(line: bytes) -> ticket_pb2.Ticket:
    """Returns the ticket of a line; what only a hub says of it is left out."""
    try:
        said: Any = json.loads(line)
        return _by_itself(ParseDict(said, ticket_pb2.Ticket()))
    except (ParseError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise Unreadable(str(error)) from error


def _by_itself(ticket: ticket_pb2.Ticket) -> ticket_pb2.Ticket:
    own = ticket_pb2.Ticket()
    own.CopyFrom(ticket)
    for name in LEFT_OUT:
        own.ClearField(name)
    return own

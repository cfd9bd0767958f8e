"""The query form of a fetch: `?ticketNumber=INC1&ticketFields=sysId,category`."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote, unquote_plus

import msgspec

from polydesk import wire
from polydesk.api.smartops.v1 import smartops_pb2 as pb
from polydesk.dialects.smartops.field import read_names
from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.ticket import LONGEST_NAME, check_text

LONGEST_QUERY: Final = 16_384
_OFFSET: Final = "itsmTimeZoneOffset"
_NAMES: Final = ("ticketNumber", "ticketFields", _OFFSET)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a fetch asks for."""

    number: str
    names: list[str]
    offset: str


def read_fetch(request: pb.FetchTicketRequest) -> Asked:
    """Reads a body, or a query; a name that stands in both is refused."""
    said = _read_query(request.raw_query)
    body = {
        "ticketNumber": [request.ticket_number] if request.ticket_number else [],
        "ticketFields": [*request.ticket_fields],
        _OFFSET: [request.itsm_time_zone_offset] if request.itsm_time_zone_offset else [],
    }
    for name, values in said.items():
        if body[name]:
            raise Invalid(f"{name} stands in the body: leave it out of the query", field=name)
        if name != "ticketFields" and len(values) > 1:
            raise Invalid(f"{name} stands in the query more than once", field=name)
    whole = body | said
    number = "".join(whole["ticketNumber"]).strip()
    if not number:
        raise Missing("ticketNumber is required", field="ticketNumber")
    check_text("ticketNumber", number, most=LONGEST_NAME)
    return Asked(
        number=number,
        names=read_names(whole["ticketFields"], separated="ticketFields" in said),
        offset="".join(whole[_OFFSET]),
    )


def _read_query(query: str) -> dict[str, list[str]]:
    check_text("the query", query, most=LONGEST_QUERY)
    said: dict[str, list[str]] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        name = unquote_plus(name).strip()
        if name not in _NAMES:
            if not pair:
                continue
            raise Invalid(f"there is no {wire.clip(name)} in the query: {', '.join(_NAMES)}")
        # The plus of an offset is one, encoded or not.
        said.setdefault(name, []).append(unquote(value) if name == _OFFSET else unquote_plus(value))
    return said

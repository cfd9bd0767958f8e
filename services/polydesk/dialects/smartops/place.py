"""The org of a call: the caller's own, or the one of its orgs that headers or the body choose."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Any, Final

import grpc.aio
from msgspec.structs import replace

from polydesk import wire
from polydesk.api.smartops.v1 import smartops_pb2 as pb
from polydesk.domain.errors import Invalid, NotFound
from polydesk.domain.identity import Caller, Org
from polydesk.domain.ticket import LONGEST_NAME, check_text

Request = pb.CreateTicketRequest | pb.UpdateTicketRequest | pb.FetchTicketRequest

HEADERS: Final = ("organization-key", "organization-name")
_BODY: Final = "connectionDetails.organization"


def chosen(request: Request, context: grpc.aio.ServicerContext[Any, Any]) -> dict[str, str]:
    """Returns what chooses the org, by where it stands."""
    metadata = {name: str(value) for name, value in context.invocation_metadata() or ()}
    said = {name: metadata.get(name, "") for name in HEADERS}
    said[_BODY] = request.connection_details.organization
    for name, text in said.items():
        check_text(name, text, most=LONGEST_NAME)
    return {name: text.strip() for name, text in said.items() if text.strip()}


def org_of(said: dict[str, str], orgs: Sequence[Org]) -> int:
    """Returns the one of the caller's orgs that is meant everywhere."""
    meant = {name: _meant(text, orgs) for name, text in said.items()}
    if len({*meant.values()}) > 1:
        raise Invalid(f"{' and '.join(meant)} choose different organizations", field=_BODY)
    return next(iter(meant.values()))


def placed(caller: Caller, org: int) -> Caller:
    """Returns the caller in an org, where an idempotency key is one of that org."""
    once = caller.once
    if once:
        once = replace(once, digest=hashlib.sha256(once.digest + f" {org}".encode()).digest())
    return replace(caller, default_org=org, once=once)


def _meant(text: str, orgs: Sequence[Org]) -> int:
    for spelt in (text, _decoded(text)):
        for org in orgs:
            if spelt == str(org.id):
                return org.id
        named = [org.id for org in orgs if spelt == org.name]
        if len(named) == 1:
            return named[0]
    raise NotFound(f"there is no organization {wire.clip(text)} that you are in")


def _decoded(text: str) -> str | None:
    """Reads Base64, in which all values of connectionDetails but itsmVersion are."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None

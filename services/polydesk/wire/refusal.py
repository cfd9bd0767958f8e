"""How an error is told to REST clients, and by what id they know their request."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

import msgspec

# The header by which a caller names its request; whoever names none has it named by the gateway.
TRANSACTION: Final = "x-transaction-id"
# The gateway's name for it.
REQUEST_ID: Final = "x-request-id"
# What passes for a name, in Python's words and in Envoy's: it is echoed in headers and in JSON.
SOUND_ID: Final = r"[!#-\[\]-~]{1,128}"


class Blank(Enum):
    """What a refusal leaves open in its body and headers, for whoever sends it to fill in."""

    REQUEST_ID = "<request id>"
    TIME = "<time>"


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """An error as a REST client gets it: the HTTP status and the JSON body, in its order.

    A member of the body, and a header, may be a Blank.
    """

    http: int
    body: dict[str, Any]
    headers: Mapping[str, str | Blank] = {}

    def filled(self, blanks: Mapping[Blank, str]) -> Refusal:
        """Returns the refusal with its blanks filled in."""
        return Refusal(
            http=self.http, body=_filled(self.body, blanks), headers=_filled(self.headers, blanks)
        )


def request_id_in(headers: Mapping[str, str]) -> str:
    """Returns the id of a request: the caller's, else the gateway's, else a new one."""
    for name in (TRANSACTION, REQUEST_ID):
        said = headers.get(name, "")
        if re.fullmatch(SOUND_ID, said):
            return said
    return uuid.uuid4().hex


def _filled(members: Mapping[str, Any], blanks: Mapping[Blank, str]) -> dict[str, Any]:
    return {
        name: blanks[value] if isinstance(value, Blank) else value
        for name, value in members.items()
    }

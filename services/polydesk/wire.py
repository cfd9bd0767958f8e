"""What dialects and canonical servicers share at the edge: refusals, times, forms."""

from __future__ import annotations

from typing import Any

import msgspec


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """An error as a REST client gets it: the HTTP status and the JSON body, in its order."""

    http: int
    body: dict[str, Any]

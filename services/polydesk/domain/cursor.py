"""Pages of what has an id that grows: each goes on behind the last id of the one before.

So a page is the same whatever is added meanwhile. Tickets, which have more orders than this, have
their own in `query.py`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec

from polydesk.domain.errors import Invalid

# Where a record has long texts, so that a page of the longest ones fits into a message.
MOST_LONG_ONES: Final = 100

T = TypeVar("T")
_Id = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class Slice(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One page; `next_token` is empty on the last one."""

    items: list[T]
    next_token: str = ""


def cut(found: list[T], limit: int, *, asked: Any, id_of: Callable[[T], int]) -> Slice[T]:
    """Makes a page of what was found, which is one more than `limit` where there is a next one."""
    if len(found) <= limit:
        return Slice(items=found)
    items = found[:limit]
    token = msgspec.json.encode([_fingerprint(asked), id_of(items[-1])])
    return Slice(items=items, next_token=base64.urlsafe_b64encode(token).decode().rstrip("="))


def read_cursor(token: str, *, asked: Any) -> int:
    """Returns the id that the page goes on behind."""
    if not token:
        return 0
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        fingerprint, after = msgspec.json.decode(raw, type=tuple[str, _Id])
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise Invalid("page_token is none that was given out", field="page_token") from error
    if fingerprint != _fingerprint(asked):
        raise Invalid("page_token belongs to another list", field="page_token")
    return after


def _fingerprint(asked: Any) -> str:
    return hashlib.blake2b(msgspec.json.encode(asked), digest_size=6).hexdigest()

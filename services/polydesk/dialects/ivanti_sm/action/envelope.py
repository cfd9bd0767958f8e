"""The envelopes: a start says what is to be done, an event what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from polydesk import wire
from polydesk.domain.errors import Invalid, Missing, PolydeskError

VERSION: Final = "v1"
ACTION_START: Final = "action_start"
ACTION_EVENT: Final = "action_event"
# The type of both the start and the event.
CONNECTION_TEST: Final = "connection_test"
EVENTS: Final = {ACTION_START: ACTION_EVENT, CONNECTION_TEST: CONNECTION_TEST}
# The metadata of an error by which its event repeats what came, and how much of it, for it travels
# in a header.
META: Final = "meta"
LONGEST_META: Final = 4_096


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked. The connection is the gate's business: its `url` is not followed."""

    action: str = ""
    meta: dict[str, Any] | None = None
    input: dict[str, Any] | None = None


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """An envelope as it comes."""

    version: str = ""
    type: str = ""
    body: Body = msgspec.field(default_factory=Body)

    @property
    def meta(self) -> Mapping[str, Any]:
        """Returns what the event repeats."""
        return self.body.meta or {}

    @contextmanager
    def repeated(self) -> Iterator[None]:
        """Has the event of an error repeat what this brought along, unless that is too long."""
        try:
            yield
        except PolydeskError as error:
            meta = msgspec.json.encode(self.meta)
            if len(meta) <= LONGEST_META:
                error.metadata[META] = meta.decode()
            raise

    def check(self, *types: str) -> None:
        """Refuses an envelope of another version, or for something else."""
        for name, said, known in (
            ("version", self.version, (VERSION,)),
            ("type", self.type, types),
        ):
            if not said:
                raise Missing(f"{name} is required: {' or '.join(known)}", field=name)
            if said not in known:
                raise Invalid(
                    f"{name} is {wire.clip(said)}, it can be {' or '.join(known)}", field=name
                )


def read_start(data: bytes) -> Start:
    """Reads an envelope."""
    return wire.parse_json(data, Start)


def event(type_: str, meta: Mapping[str, Any], output: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the event of what was done."""
    body = {"status": "ok", "log": "", META: meta, "output": output}
    return {"version": VERSION, "type": type_, "body": body}


def failure(
    type_: str, meta: Mapping[str, Any], *, cause: str, assistance: str, data: str | None
) -> dict[str, Any]:
    """Returns the event of what was not."""
    body = {
        "status": "error",
        "log": "",
        META: meta,
        "error": f"{cause} {assistance}",
        "exception": {"cause": cause, "assistance": assistance, "data": data},
    }
    return {"version": VERSION, "type": type_, "body": body}

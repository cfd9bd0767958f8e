"""How a save is decided: which rows make tickets, which change them, which are left aside.

The store calls `settle` inside its transaction, with the records as they are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET

from polydesk.domain.custom_field import merged
from polydesk.domain.errors import Conflict, Outdated, PolydeskError
from polydesk.domain.lifecycle import PRIORITIES, Priorities, settle_fields
from polydesk.domain.ticket import CHANGEABLE, Draft, Kind, Ticket, merged_extra

Key = tuple[Kind, str]


class Outcome(Enum):
    """Tells what became of a row."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    UNCHANGED = "UNCHANGED"
    STALE = "STALE"
    REFUSED = "REFUSED"


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Why a row was not kept, in a form that can be kept: `reason` is that of the error's class."""

    reason: str
    message: str
    field: str = ""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one row; `etag` marks the record after the whole save."""

    outcome: Outcome
    id: int = 0
    etag: str = ""
    refused: Refused | None = None


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a save."""

    batch: UUID
    rows: list[Row]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one record; `old` and `new` hold the fields that differ.

    `digest` is that of the draft behind it, so that a replay of the draft is known for one.
    """

    ticket: int
    org: int
    action: str
    digest: str
    old: dict[str, Any]
    new: dict[str, Any]


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """What a save comes to: records to insert and to replace, the history, the answer."""

    created: list[Ticket]
    updated: list[Ticket]
    changes: list[Change]
    rows: list[Row]


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """On what terms tickets are saved: by which matrix, whether rows may be left out, what ids."""

    priorities: Priorities = PRIORITIES
    partial: bool = False
    least_id: int = 0


USUAL: Final = Terms()


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """What a save is decided on.

    `known` holds the records that the drafts mean, `replayed`
    tells whether a record has had a content before, `new_ids` has an id for each key not known.
    """

    org: int
    at: datetime
    terms: Terms = USUAL
    known: Mapping[Key, Ticket]
    replayed: Callable[[int, str], bool]
    new_ids: Sequence[int]


def settle(drafts: Sequence[Draft], basis: Basis) -> Settled:
    """Decides what a save does, row after row; touches nothing."""
    current = dict(basis.known)
    ids = iter(basis.new_ids)
    changes: list[Change] = []
    told: set[tuple[int, str]] = set()
    outcomes: list[tuple[Key, Outcome] | Row] = []
    for draft in drafts:
        key = draft.kind, draft.number
        old = current.get(key)
        try:
            outcome, new = _create(draft, basis, ids) if old is None else _update(old, draft, basis)
        except Conflict as error:
            if not basis.terms.partial:
                raise
            outcomes.append(refused(error))
            continue
        if new is not old:
            said = new.id, draft.digest
            same_time = old is not None and draft.modified_at == old.modified_at
            if same_time and (said in told or basis.replayed(*said)):
                outcome = Outcome.UNCHANGED
            else:
                changes.append(change_of(old, new, said[1]))
                told.add(said)
                current[key] = new
        outcomes.append((key, outcome))
    return _settled(current, changes, outcomes, known=basis.known)


def _settled(
    current: Mapping[Key, Ticket],
    changes: list[Change],
    outcomes: Sequence[tuple[Key, Outcome] | Row],
    *,
    known: Mapping[Key, Ticket],
) -> Settled:
    return Settled(
        created=[ticket for key, ticket in current.items() if key not in known],
        updated=[ticket for key, ticket in current.items() if known.get(key, ticket) != ticket],
        changes=changes,
        rows=[each if isinstance(each, Row) else _row(current, *each) for each in outcomes],
    )


def _row(current: Mapping[Key, Ticket], key: Key, outcome: Outcome) -> Row:
    return Row(id=current[key].id, outcome=outcome, etag=current[key].etag)


def refused(error: PolydeskError) -> Row:
    """Returns the row of a draft that cannot be kept."""
    field = getattr(error, "field", "")
    why = Refused(reason=error.reason, message=error.message, field=field)
    return Row(outcome=Outcome.REFUSED, refused=why)


def _create(draft: Draft, basis: Basis, ids: Iterator[int]) -> tuple[Outcome, Ticket]:
    if draft.etag:
        raise Conflict(f"{draft.number} has the etag {draft.etag}, and does not exist")
    id_ = next(ids)
    said: dict[str, Any] = {"opened_at": basis.at, "modified_at": basis.at}
    said |= settle_fields(_said(draft), None, basis.at, priorities=basis.terms.priorities)
    said["sys_id"] = said.get("sys_id") or format(id_, "032x")
    return Outcome.CREATED, Ticket(
        id=id_,
        org=basis.org,
        kind=draft.kind,
        number=draft.number,
        created_at=basis.at,
        updated_at=basis.at,
        custom=merged({}, draft.custom),
        extra=draft.extra,
        **said,
    )


def _update(old: Ticket, draft: Draft, basis: Basis) -> tuple[Outcome, Ticket]:
    check_etag(old, draft.etag)
    said = _said(draft)
    if said.get("modified_at", old.modified_at) < old.modified_at:
        return Outcome.STALE, old
    said = settle_fields(said, old, basis.at, priorities=basis.terms.priorities)
    said["sys_id"] = said.get("sys_id") or old.sys_id
    said["custom"] = merged(old.custom, draft.custom)
    said["deleted_at"] = None  # whoever still tells of a ticket takes its deletion back
    extra = merged_extra(old.extra, draft.extra)
    if extra == old.extra and all(getattr(old, name) == value for name, value in said.items()):
        return Outcome.UNCHANGED, old
    said = {"modified_at": max(basis.at, old.modified_at), **said}
    changed = msgspec.structs.replace(
        old, **said, extra=extra, updated_at=basis.at, revision=old.revision + 1
    )
    return Outcome.UPDATED, changed


def check_etag(ticket: Ticket, etag: str) -> None:
    """Refuses a write that was meant for another state of the record; an empty etag is for any."""
    if etag and etag != ticket.etag:
        raise Outdated(
            f"{ticket.number} was changed meanwhile: its etag is {ticket.etag}, not {etag}"
        )


def _said(draft: Draft) -> dict[str, Any]:
    return {name: value for name in CHANGEABLE if (value := getattr(draft, name)) is not UNSET}


# What the hub itself keeps of a record, and no history tells.
_KEPT: Final = frozenset(
    {"id", "org", "created_at", "updated_at", "revision", "execution", "waits"}
)


def change_of(
    old: Ticket | None, new: Ticket, digest: str = "", *, action: str = "update"
) -> Change:
    """Tells what a write changes of a record."""
    before = {} if old is None else msgspec.structs.asdict(old)
    after = msgspec.structs.asdict(new)
    fields = [
        name for name, value in after.items() if name not in _KEPT and before.get(name) != value
    ]
    return Change(
        ticket=new.id,
        org=new.org,
        action="create" if old is None else action,
        digest=digest,
        old={name: before[name] for name in fields if name in before},
        new={name: after[name] for name in fields},
    )

"""What `polydesk incident update` asks for: the fields that are given, and those to empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from polydesk.cli.failure import Failure, Status
from polydesk.cli.message import choose

if TYPE_CHECKING:
    from polydesk.client.messages import incident_pb2

_ENUMS: Final = frozenset({"impact", "urgency", "priority", "state"})
# Where an option is called otherwise than the field of the contract.
_FIELDS: Final = {"group": "assignment_group"}
# An incident is never without these.
_KEPT: Final = frozenset({"summary", "state"})


def update_of(
    name: str, said: Mapping[str, str | None], clear: Sequence[str], *, etag: str
) -> incident_pb2.UpdateIncidentRequest:
    """Returns a request whose mask names what is said and what is to be empty, and no more."""
    from google.protobuf.field_mask_pb2 import FieldMask  # noqa: PLC0415 - keeps --help quick

    from polydesk.client.messages import incident_pb2, ticket_pb2  # noqa: PLC0415 - the same

    given = {option: text for option, text in said.items() if text is not None}
    cleared = [option.replace("-", "_") for option in clear]
    _check(given, cleared, known=[*said])
    values: dict[str, Any] = {
        _FIELDS.get(option, option): (
            choose(ticket_pb2.Ticket, option, text) if option in _ENUMS else text
        )
        for option, text in given.items()
    }
    paths = [*values, *(_FIELDS.get(option, option) for option in cleared)]
    return incident_pb2.UpdateIncidentRequest(
        incident=ticket_pb2.Ticket(name=name, etag=etag, **values),
        update_mask=FieldMask(paths=paths),
    )


def _check(given: Mapping[str, str], cleared: Sequence[str], *, known: Sequence[str]) -> None:
    if not given and not cleared:
        raise _misused(
            f"nothing is to change: give one of {_options(known)}, or --clear with a field"
        )
    clearable = [option for option in known if option not in _KEPT]
    for option in cleared:
        if option not in clearable:
            fields = ", ".join(map(_dashed, clearable))
            raise _misused(f"--clear cannot empty {_dashed(option)!r}; it can: {fields}")
        if option in given:
            raise _misused(f"{_options([option])} and --clear {_dashed(option)} contradict")
    for option, text in given.items():
        # In a script it is more often a variable that was never set than what somebody wants.
        if not text:
            other = "" if option in _KEPT else f"; --clear {_dashed(option)} empties it"
            raise _misused(f"{_options([option])} has no value{other}")


def _options(names: Sequence[str]) -> str:
    return ", ".join(f"--{_dashed(name)}" for name in names)


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _misused(message: str) -> Failure:
    return Failure(message, status=Status.USAGE)

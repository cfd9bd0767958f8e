"""Presence: a field that the contract calls REQUIRED must be in the message."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from polydesk.domain.errors import Missing
from polydesk.rpc.method import RequiredField


def check_required(plan: Iterable[RequiredField], message: Any) -> None:
    """Raises Missing, which names the first field that is not there."""
    _check(plan, message, path="", place="")


def _check(plan: Iterable[RequiredField], message: Any, *, path: str, place: str) -> None:
    for field in plan:
        value = getattr(message, field.name)
        if field.required and not _is_there(field, message, value):
            wanted = "at least one of " * field.repeated + field.label
            raise Missing(f"{wanted} is required{place}", field=path + field.label)
        if not field.below:
            continue
        if field.repeated:
            for index, item in enumerate(value):
                _check(
                    field.below,
                    item,
                    path=f"{path}{field.label}[{index}].",
                    place=f" (item {index})",
                )
        elif message.HasField(field.name):
            _check(field.below, value, path=f"{path}{field.label}.", place=place)


def _is_there(field: RequiredField, message: Any, value: Any) -> bool:
    if field.message and not field.repeated:
        return bool(message.HasField(field.name))
    return bool(value)

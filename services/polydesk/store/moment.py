"""Times as the database keeps them: whole microseconds since 1970 in UTC, exact in both engines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """Returns the number that stands for a time."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(micros: int) -> datetime:
    """Returns the time that a number stands for."""
    return _EPOCH + timedelta(microseconds=micros)

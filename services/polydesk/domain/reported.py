"""What tools outside report of their work, by the numbers 0 to 6 that they know."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from polydesk.domain.errors import Invalid


class Reported(Enum):
    """Tells how far a tool says that it has got."""

    QUEUED = "QUEUED"
    INITIATED = "INITIATED"
    RUNNING = "RUNNING"
    FAILED = "FAILED"
    SUCCEEDED = "SUCCEEDED"
    PENDING_APPROVAL = "PENDING_APPROVAL"
    APPROVED = "APPROVED"


CODES: Final[Mapping[Reported, int]] = {state: code for code, state in enumerate(Reported)}
_OF_CODE: Final = {str(code): state for state, code in CODES.items()}


def of_code(code: str, *, field: str) -> Reported:
    """Returns the state of a number; `field` is what an error names."""
    state = _OF_CODE.get(code.strip())
    if state is None:
        raise Invalid(f"{field} is {code[:40]}, it can be 0 to {len(CODES) - 1}", field=field)
    return state

"""The states that tools report, in the contract and in the record."""

from __future__ import annotations

from typing import Any, Final

from polydesk.api.v1 import reported_state_pb2
from polydesk.domain.reported import Reported

STATES: Final = {
    reported_state_pb2.ReportedState.Value(f"REPORTED_STATE_{state.name}"): state
    for state in Reported
}
STATE_NUMBERS: Final[dict[Reported, Any]] = {state: number for number, state in STATES.items()}

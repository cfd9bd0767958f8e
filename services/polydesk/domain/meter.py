"""What the hub tells of its own work to whoever measures it: numbers, and words of a closed set.

Nothing that a caller sent goes through here.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from polydesk.domain.run import Outcome, RunState
from polydesk.domain.target import TargetKind


class Load(NamedTuple):
    """How much a store has to do: writes that wait, readers at work, and readers that there are."""

    waiting: int
    reading: int
    readers: int


class Meter(Protocol):
    """Counts what happens; is called in any thread, and costs a microsecond."""

    def call_began(self, method: str, dialect: str) -> None:
        """Notes a call that came in."""

    def call_ended(
        self, method: str, dialect: str, *, code: str, seconds: float, lasting: bool
    ) -> None:
        """Notes how a call ended; one that is `lasting` takes as long as its caller likes."""

    def credentials_refused(self, scheme: str) -> None:
        """Notes credentials that are none, or none any more."""

    def committed(self, calls: int, *, seconds: float) -> None:
        """Notes a transaction, and how many calls had their writes in it."""

    def rolled_back(self, calls: int) -> None:
        """Notes a transaction that came to nothing."""

    def run_came(self, state: RunState) -> None:
        """Notes that a run has come into a state."""

    def run_taken(self, *, seconds: float) -> None:
        """Notes how long a run has waited for a worker."""

    def launched(self, kind: TargetKind, outcome: Outcome, *, seconds: float) -> None:
        """Notes how a launch ended, and how long it took."""

    def fired(self, cause: str, *, started: bool) -> None:
        """Notes that a schedule or a rule was due, and whether a run came of it."""


class Unmetered:
    """Counts nothing."""

    def call_began(self, method: str, dialect: str) -> None:
        """Notes nothing."""

    def call_ended(
        self, method: str, dialect: str, *, code: str, seconds: float, lasting: bool
    ) -> None:
        """Notes nothing."""

    def credentials_refused(self, scheme: str) -> None:
        """Notes nothing."""

    def committed(self, calls: int, *, seconds: float) -> None:
        """Notes nothing."""

    def rolled_back(self, calls: int) -> None:
        """Notes nothing."""

    def run_came(self, state: RunState) -> None:
        """Notes nothing."""

    def run_taken(self, *, seconds: float) -> None:
        """Notes nothing."""

    def launched(self, kind: TargetKind, outcome: Outcome, *, seconds: float) -> None:
        """Notes nothing."""

    def fired(self, cause: str, *, started: bool) -> None:
        """Notes nothing."""


UNMETERED: Final = Unmetered()

"""What the hub tells of one call to whoever traces it: how long it took, and what in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol


class Span(Protocol):
    """Something that takes time; others within it belong to it."""

    def end(self, *, code: str) -> None:
        """Ends it."""


class Tracer(Protocol):
    """Begins spans."""

    def call(
        self, method: str, headers: Mapping[str, str], *, dialect: str, lasting: bool
    ) -> Span | None:
        """Begins the span of a call, as a part of what its headers say it belongs to.

        Returns None where nobody traces it. What one does that is `lasting` is not told.
        """


class Untraced:
    """Begins none."""

    def call(
        self, method: str, headers: Mapping[str, str], *, dialect: str, lasting: bool
    ) -> Span | None:
        """Begins none."""
        del method, headers, dialect, lasting
        return None


UNTRACED: Final = Untraced()

"""What the doctor finds: one line a check, which says what to do where something is wrong."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Verdict(Enum):
    """Tells how bad it is: DOUBTFUL works, until it does not."""

    WELL = "ok"
    DOUBTFUL = "look"
    WRONG = "wrong"


class Finding(NamedTuple):
    """A check, how it came out, and a line for the operator."""

    check: str
    verdict: Verdict
    told: str


def well(check: str, told: str) -> Finding:
    """Says that all is well."""
    return Finding(check, Verdict.WELL, told)


def doubtful(check: str, told: str) -> Finding:
    """Says that somebody should look at it."""
    return Finding(check, Verdict.DOUBTFUL, told)


def wrong(check: str, told: str) -> Finding:
    """Says what has to be mended."""
    return Finding(check, Verdict.WRONG, told)

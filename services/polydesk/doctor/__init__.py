"""Looks at a set-up as a hub would find it, and says what to mend. It changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

from polydesk.config import Settings
from polydesk.doctor.database import check_database
from polydesk.doctor.finding import Finding, Verdict
from polydesk.doctor.gateway import check_gateway
from polydesk.doctor.machine import check_machine

__all__ = ["Finding", "Verdict", "examine"]


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Yields what it finds, check by check."""
    for finding in check_machine(settings):
        yield finding
    async for finding in check_database(settings):
        yield finding
    async for finding in check_gateway(settings):
        yield finding

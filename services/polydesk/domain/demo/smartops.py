"""The incident of the SmartOps page: the document (seed 003) prints no values, so they are ours."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from polydesk.domain.demo.identity import HOME
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Exists
from polydesk.domain.identity import Caller
from polydesk.domain.note import NoteDraft, NoteKind
from polydesk.domain.ticket import Draft, Kind, Level, State

NUMBER: Final = "INC0030031"
SYS_ID: Final = "5f0a1c3e9b7d4e62a8c4d1f00b3c0031"
_OPENED: Final = datetime(2024, 1, 31, 3, 41, 12, 123_456, tzinfo=UTC)


async def seed(desk: Desk, seeder: Caller) -> None:
    """Seeds the incident with its notes, if it is not there yet; the seeder may write tickets."""
    draft = Draft(
        kind=Kind.INCIDENT,
        number=NUMBER,
        sys_id=SYS_ID,
        summary="Disk /var is full on app01",
        description="The file system /var of app01 has 1 % left.",
        opened_at=_OPENED,
        modified_at=_OPENED,
        state=State.ACTIVE,
        requester="monitoring@example.com",
        assignee="ann@example.com",
        assignment_group="Unix",
        category="Infrastructure",
        impact=Level.MEDIUM,
        urgency=Level.HIGH,
        extra={"smartops": {"subCategory": "Storage"}},
    )
    with suppress(Exists):
        await desk.intake.record(seeder, HOME, draft, notes=(_comment(), _work_note()))


def _comment() -> NoteDraft:
    return NoteDraft(
        kind=NoteKind.COMMENT,
        body="The service is slow since this morning.",
        author="monitoring@example.com",
        noted_at=_OPENED + timedelta(minutes=5),
    )


def _work_note() -> NoteDraft:
    return NoteDraft(
        kind=NoteKind.WORK_NOTE,
        body="Old logs are being compressed.",
        author="ann@example.com",
        noted_at=_OPENED + timedelta(minutes=20),
    )

"""The tickets, the file and the secret of the iAutomate guide's samples (seed 004)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from polydesk.domain.attachment import AttachmentDraft
from polydesk.domain.demo.identity import ORGS
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Exists, NotConfigured
from polydesk.domain.identity import Caller
from polydesk.domain.secret import SecretDraft
from polydesk.domain.ticket import Draft, Kind

NUMBER: Final = "INC0303863"
SYS_ID: Final = "2b535ab3dbc988506d7550d3dc96190e"
# In org 1.
SECRET: Final = ("demo", "DemoPassword")
FILE: Final = ("error.log", b"2019-11-18 00:54:52 testing\n")

_GROUP: Final = "02cc6a39376e4f00c72b2b2943990e68"
_INCIDENT: Final = datetime(2019, 11, 18, 0, 54, 52, tzinfo=UTC)
_CHANGE: Final = datetime(2019, 11, 18, 0, 54, 54, tzinfo=UTC)
# Beyond the ranges of the samples, which are to find the tasks with numbers of their own.
_LATER: Final = datetime(2020, 6, 1, tzinfo=UTC)
_COLUMNS: Final = {f"Col{number}": " " for number in range(1, 21)}


async def seed(desk: Desk, seeder: Caller) -> None:
    """Seeds what is not there yet; the seeder may write tickets."""
    for org in ORGS:
        await desk.tickets.save(seeder, org, _samples())
    await _attach(desk, seeder)


async def seed_secret(desk: Desk, seeder: Caller) -> None:
    """Seeds the secret; the seeder may write secrets."""
    name, value = SECRET
    # With PostgreSQL, keys are the operator's to give, and a demo may go without.
    with suppress(Exists, NotConfigured):
        await desk.secrets.create(seeder, 1, SecretDraft(name=name), value)


async def _attach(desk: Desk, seeder: Caller) -> None:
    ticket = await desk.tickets.find(seeder, 1, Kind.INCIDENT, number=NUMBER)
    name, data = FILE
    if not (await desk.attachments.page(seeder, ticket.id, limit=1)).items:
        draft = AttachmentDraft(file_name=name, content_type="text/plain")
        await desk.attachments.upload(seeder, ticket.id, draft, _once(data))


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _samples() -> list[Draft]:
    """The tickets of the samples, as pushes leave them."""
    return [
        *(_sample(kind, resolved_at=_INCIDENT) for kind in (Kind.INCIDENT, Kind.EVENT)),
        _sample(
            Kind.CHANGE_TASK,
            number="CRT0303863",
            opened_at=_CHANGE,
            modified_at=_CHANGE,
            parent_number=SYS_ID,
        ),
        _sample(
            Kind.SERVICE_REQUEST_TASK,
            extra={"RequestItemId": "RITM0010001"},
            number="SCTASK0010001",
            sys_id="3b535ab3dbc988506d7550d3dc96190e",
            assignment_group="grp",
            opened_at=datetime(2020, 5, 7, 5, 6, 5, tzinfo=UTC),
            modified_at=datetime(2020, 5, 7, 5, 54, 54, tzinfo=UTC),
            parent_number="REQ0010001",
        ),
        *(_later(kind) for kind in Kind if kind not in (Kind.INCIDENT, Kind.EVENT)),
    ]


def _later(kind: Kind) -> Draft:
    """A ticket of the number by which the samples ask for the status of every kind."""
    sys_id = f"{kind.value.lower():0>32}"[-32:]
    return _sample(kind, sys_id=sys_id, opened_at=_LATER, modified_at=_LATER)


def _sample(kind: Kind, *, extra: dict[str, str] | None = None, **said: Any) -> Draft:
    usual: dict[str, Any] = {
        "number": NUMBER,
        "summary": "testing",
        "description": "testing data",
        "sys_id": SYS_ID,
        "assignment_group": _GROUP,
        "opened_at": _INCIDENT,
        "modified_at": _INCIDENT,
    }
    kept = {"StatusCode": "1", "State": "LOGGED", **_COLUMNS, **(extra or {})}
    return Draft(kind=kind, extra={"iautomate": kept}, **(usual | said))

"""What starts runs, by a clock of the tests' own; a tool outside carries them out."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from polydesk.domain.identity import Caller, Role
from polydesk.domain.run import Run, RunQuery
from polydesk.domain.runbook import Runbook, Tool
from polydesk.domain.running import Runs
from polydesk.domain.shelf import Shelf
from polydesk.store import SqlStore
from polydesk.store.script import Read
from tests.store.records import ORG

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
ANN: Final = Caller(account=1, login="ann", roles={ORG: Role.ADMIN}, scope="runbooks.write")


class Hand:
    """A clock that the tests turn; it goes a step on whenever it is read."""

    def __init__(self, step: timedelta = timedelta()) -> None:
        self.at = START
        self._step = step

    def now(self) -> datetime:
        self.at += self._step
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Bench:
    """A store, and runbooks in it."""

    def __init__(self, store: SqlStore, clock: Hand) -> None:
        self.store = store
        self.clock = clock
        self.runs = Runs(store=store, clock=clock, local=True)
        self.runbooks = Shelf("runbook", store=store.runbooks, clock=clock)

    async def runbook(self, **said: Any) -> int:
        usual: dict[str, Any] = {"name": "outside", "tool": Tool.EXTERNAL}
        return (await self.runbooks.save(ANN, ORG, Runbook(**(usual | said)))).id

    async def found(self, **sought: Any) -> list[Run]:
        """Returns runs, the oldest first."""
        return (await self.store.runs.select(ORG, RunQuery(limit=1_000, **sought)))[::-1]

    async def told(self, action: str) -> list[tuple[int | None, dict[str, Any]]]:
        """Returns what the history says of an action: of which ticket, and what is new."""
        sql = "select ticket, fields from history where action = $1 order by sequence"
        rows: Any = await self.store.engine.rows(Read(sql, (action,)))
        return [(ticket, json.loads(fields)["new"]) for ticket, fields in rows]

"""kill -9 under load: what was acknowledged is there, and no push is there by half.

`POLYDESK_TEST_KILLS` says how often the hub is killed; `make soak` kills it 30 times.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.stack import Rest, Stack, await_answer

if TYPE_CHECKING:
    pass


KILLS = int(os.environ.get("POLYDESK_TEST_KILLS", "4"))
PUSHERS = 16
ROWS = 3

pytestmark = pytest.mark.envoy


class Pusher:
    """Pushes batches for ever, and remembers which were acknowledged."""

    def __init__(self, name: str, rest: Rest) -> None:
        self.name = name
        self.acknowledged: list[str] = []
        self.unknown: list[str] = []
        self._rest = rest

    async def push_on(self) -> None:
        for number in count():
            batch = f"{self.name}-{number}"
            try:
                answer = await self._rest.request(
                    "POST",
                    "/v2/incident/orgentityid/5",
                    json=[ticket(f"{batch}-{row}") for row in range(ROWS)],
                )
            except aiohttp.ClientError:
                self.unknown.append(batch)
                continue
            (self.acknowledged if answer.status == 200 else self.unknown).append(batch)
            if answer.status != 200:
                await asyncio.sleep(0.05)


def ticket(number: str) -> dict[str, str]:
    return {
        "TicketNumber": number,
        "Summary": "s",
        "sys_id": number,
        "StatusCode": "1",
        "CreationDate": "2026-01-31 09:00:00",
        "Description": "d",
        "LastModifiedDate": "2026-01-31 09:00:00",
        "IsTimeZoneOrOffset": "GMT",
        "IsEpoch": "N",
        "ModuleId": "1",
    }


async def kill_hub(stack: Stack) -> None:
    """Kills the hub at some moment, and waits until its successor answers."""
    await asyncio.sleep(random.uniform(0.2, 0.8))  # noqa: S311 - no secret
    for pid in stack.hubs():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(await_answer, stack.port, b" 401 ")


async def numbers_kept(rest: Rest) -> set[str]:
    kept: set[str] = set()
    token = ""
    while True:
        page = await rest.request(
            "GET", f"/desk/v1/orgs/5/tickets?page_size=1000&page_token={token}"
        )
        listed = json.loads(page.body)
        kept |= {each["number"] for each in listed["tickets"]}
        token = listed["nextPageToken"]
        if not token:
            return kept


async def test_a_killed_hub_loses_nothing_acknowledged_and_keeps_nothing_by_half(
    stack: Stack,
) -> None:
    async with aiohttp.ClientSession() as session:
        rest = Rest(session, stack.port)
        pushers = [Pusher(f"P{number}", rest) for number in range(PUSHERS)]
        pushing = [asyncio.create_task(pusher.push_on()) for pusher in pushers]
        for _ in range(KILLS):
            await kill_hub(stack)
        for task in pushing:
            task.cancel()
        await asyncio.gather(*pushing, return_exceptions=True)
        kept = await numbers_kept(rest)

    acknowledged = [batch for pusher in pushers for batch in pusher.acknowledged]
    unknown = [batch for pusher in pushers for batch in pusher.unknown]
    counts = {
        batch: sum(f"{batch}-{row}" in kept for row in range(ROWS))
        for batch in (*acknowledged, *unknown)
    }
    print(f"{KILLS} kills, {len(acknowledged)} pushes acknowledged, {len(unknown)} not")
    assert [batch for batch in acknowledged if counts[batch] != ROWS] == []
    assert [batch for batch in unknown if counts[batch] not in (0, ROWS)] == []
    assert len(acknowledged) > PUSHERS

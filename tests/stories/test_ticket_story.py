"""The story of tickets of all kinds: pushed in bulk, found again, watched as they change."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest

from .way import Json, Refused, Way

pytestmark = pytest.mark.envoy

KINDS: Final = (
    "KIND_INCIDENT",
    "KIND_SERVICE_REQUEST_TASK",
    "KIND_CHANGE_TASK",
    "KIND_EVENT",
    "KIND_SUB_TASK",
    "KIND_PROBLEM",
)
OLD, NEW = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


async def do(way: Way, method: str, **request: object) -> Json:
    return await way.call(f"TicketService.{method}", request)


def row(kind: str = KINDS[0], **said: object) -> Json:
    return {"kind": kind, "number": "T1", "summary": "s", "modifyTime": OLD} | said


async def test_tickets_of_every_kind_are_saved_and_found_by_name_number_and_sys_id(
    way: Way, org: str
) -> None:
    saved = await do(
        way, "SaveTickets", parent=org, tickets=[row(kind, sysId=kind.lower()) for kind in KINDS]
    )
    names = [result["name"] for result in saved["results"]]

    for kind, name in zip(KINDS, names, strict=True):
        got = await do(way, "GetTicket", name=name)
        assert got["kind"] == kind
        assert await do(way, "LookupTicket", parent=org, kind=kind, number="T1") == got
        assert await do(way, "LookupTicket", parent=org, kind=kind, sysId=kind.lower()) == got
    batch = await do(way, "BatchGetTickets", names=names[::-1])
    listed = await do(way, "ListTickets", parent=org, orderBy="create_time desc")
    status = await do(
        way, "ListExecutionStatuses", parent=org, kind=KINDS[2], numbers=["none", "T1"]
    )

    assert [ticket["name"] for ticket in batch["tickets"]] == names[::-1]
    assert {ticket["name"] for ticket in listed["tickets"]} == set(names)
    assert status["statuses"] == [
        {"number": "T1", "executionStatus": "EXECUTION_STATUS_DATA_COLLECTED"}
    ]


async def test_the_newest_word_wins_and_the_history_tells_all(way: Way, org: str) -> None:
    async def save(**said: object) -> str:
        saved = await do(way, "SaveTickets", parent=org, tickets=[row() | said])
        outcome: str = saved["results"][0]["outcome"]
        return outcome.removeprefix("OUTCOME_")

    outcomes = [
        await save(),
        await save(summary="newer", modifyTime=NEW),
        await save(summary="older"),
        await save(summary="newer", modifyTime=NEW),
    ]
    found = await do(way, "LookupTicket", parent=org, kind=KINDS[0], number="T1")
    told = await do(way, "ListTicketChanges", parent=found["name"])

    assert outcomes == ["CREATED", "UPDATED", "STALE", "UNCHANGED"]
    assert found["summary"] == "newer"
    assert [change["action"] for change in told["changes"]] == ["create", "update"]
    assert [field["field"] for field in told["changes"][1]["fields"]] == ["modify_time", "summary"]


async def test_a_bad_row_refuses_the_batch_or_only_itself(way: Way, org: str) -> None:
    rows = [row(number="B1"), row(number="")]

    with pytest.raises(Refused) as caught:
        await do(way, "SaveTickets", parent=org, tickets=rows)
    before = await do(way, "ListTickets", parent=org)
    saved = await do(way, "SaveTickets", parent=org, tickets=rows, allowPartial=True)

    assert caught.value.code == "INVALID_ARGUMENT"
    assert caught.value.message == "number is required (item 1)"
    assert before["tickets"] == []
    assert [result["outcome"] for result in saved["results"]] == [
        "OUTCOME_CREATED",
        "OUTCOME_REFUSED",
    ]


async def test_who_watches_hears_each_change_in_order(way: Way, org: str) -> None:
    heard: list[str] = []

    async def hear() -> None:
        async for event in way.listen("TicketService.WatchTickets", {"parent": org, "cursor": "0"}):
            if "changed" in event:
                heard.append(event["changed"]["ticket"]["number"])
            if len(heard) == 20:
                return

    listening = asyncio.create_task(hear())
    for batch in range(4):
        rows = [row(number=f"{batch}-{number}") for number in range(5)]
        await do(way, "SaveTickets", parent=org, tickets=rows)
    async with asyncio.timeout(60):
        await listening

    assert heard == [f"{batch}-{number}" for batch in range(4) for number in range(5)]

"""The story of a schedule: made, looked at, paused, changed, reported on, deleted."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from .way import Json, Refused, Way

pytestmark = pytest.mark.envoy
WEEKLY = {
    "frequency": "FREQUENCY_WEEKLY",
    "hour": 2,
    "minute": 5,
    "weekdays": [1, 7],
    "dayOfMonth": 0,
}


async def do(way: Way, method: str, **request: object) -> Json:
    return await way.call(f"ScheduleService.{method}", request)


def weekly(org: str, **said: Any) -> dict[str, Any]:
    return {"runbook": f"{org}/runbooks/7611", "recurrence": WEEKLY} | said


async def test_a_schedule_lives_from_its_making_to_its_end(way: Way, own: str) -> None:
    said = weekly(own, tool="TOOL_EXTERNAL", timeZone="Europe/London", timeout="600s")
    made = await do(way, "CreateSchedule", parent=own, schedule=said, scheduleId=19_532)
    name = made["name"]
    due = await do(way, "ListDueTimes", name=name, pageSize=4)
    paused = await do(way, "PauseSchedule", name=name, etag=made["etag"])
    none = await do(way, "ListDueTimes", name=name)
    resumed = await do(way, "ResumeSchedule", name=name)
    once = await do(
        way,
        "UpdateSchedule",
        schedule={"name": name, "runTime": "2099-01-01T10:10:10Z"},
        updateMask="runTime",
    )
    reported = await do(way, "ReportScheduleStatus", name=name, state="REPORTED_STATE_FAILED")
    listed = await do(way, "ListSchedules", parent=own)
    deleted = await do(way, "DeleteSchedule", name=name)
    with pytest.raises(Refused) as gone:
        await do(way, "GetSchedule", name=name)

    days = [datetime.fromisoformat(each).isoweekday() for each in due["dueTimes"]]
    assert name == f"{own}/schedules/19532"
    assert made["recurrence"] == WEEKLY
    assert (made["tool"], made["timeout"]) == ("TOOL_EXTERNAL", "600s")
    assert made["missedRunPolicy"] == "MISSED_RUN_POLICY_RUN_ONCE"
    assert made["overlapPolicy"] == "OVERLAP_POLICY_SKIP"
    assert made["nextDueTime"] == due["dueTimes"][0] == resumed["nextDueTime"]
    assert days[:2] == days[2:]
    assert set(days) == {1, 7}
    assert (paused["paused"], none["dueTimes"]) == (True, [])
    assert (once["nextDueTime"], once.get("recurrence")) == ("2099-01-01T10:10:10Z", None)
    assert reported["reportedState"] == "REPORTED_STATE_FAILED"
    assert listed["schedules"] == [reported] == [deleted]
    assert gone.value.code == "NOT_FOUND"


async def test_the_value_of_a_secret_is_answered_by_nothing(way: Way, own: str) -> None:
    parameters = [{"name": "host", "value": "h"}, {"name": "password", "secretValue": "hush-1"}]
    made = await do(way, "CreateSchedule", parent=own, schedule=weekly(own, parameters=parameters))
    host, password = made["parameters"]
    kept = await do(
        way,
        "UpdateSchedule",
        schedule={"name": made["name"], "parameters": [password, host | {"value": "i"}]},
    )
    with pytest.raises(Refused) as other:
        await do(
            way,
            "UpdateSchedule",
            schedule={"name": made["name"], "parameters": [password | {"name": "p"}]},
        )
    anew = await do(
        way,
        "UpdateSchedule",
        schedule={
            "name": made["name"],
            "parameters": [{"name": "password", "secretValue": "hush-2"}],
        },
    )

    assert password["secret"].startswith(f"{own}/secrets/schedule-")
    assert kept["parameters"] == [password, host | {"value": "i"}]
    assert "say a secret_value" in other.value.message
    assert anew["parameters"][0]["secret"] != password["secret"]
    assert "hush" not in str([made, kept, anew, other.value.message])


async def test_what_may_not_be_is_refused_in_words(way: Way, own: str) -> None:
    made = await do(way, "CreateSchedule", parent=own, schedule=weekly(own), scheduleId=3)

    async def refused(method: str, **request: object) -> str:
        with pytest.raises(Refused) as caught:
            await do(way, method, **request)
        return f"{caught.value.code} {caught.value.message}"

    async def not_made(**said: object) -> str:
        return await refused("CreateSchedule", parent=own, schedule=weekly(own, **said))

    told = [
        await refused("CreateSchedule", parent=own, schedule=weekly(own), scheduleId=3),
        await not_made(runbook="orgs/1/runbooks/1"),
        await not_made(recurrence=WEEKLY | {"weekdays": []}),
        await not_made(recurrence=WEEKLY | {"dayOfMonth": 3}),
        await not_made(recurrence={"minute": 3}),
        await not_made(timeZone="Mars"),
        await not_made(parameters=[{"name": "a", "value": "b", "secretValue": "c"}]),
        await refused(
            "CreateSchedule",
            parent=own,
            schedule={"runbook": f"{own}/runbooks/1", "runTime": "2020-01-01T00:00:00Z"},
        ),
        await refused("UpdateSchedule", schedule={"name": made["name"]}, updateMask="paused"),
        await refused("PauseSchedule", name=made["name"], etag="0.9"),
    ]

    org = own.removeprefix("orgs/")
    assert told[:8] == [
        f"ALREADY_EXISTS org {org} has a schedule 3 already",
        "INVALID_ARGUMENT schedule.runbook is of another org",
        "INVALID_ARGUMENT schedule.recurrence.weekdays is required by WEEKLY",
        "INVALID_ARGUMENT schedule.recurrence.day_of_month is for MONTHLY alone",
        "INVALID_ARGUMENT frequency is required",
        "INVALID_ARGUMENT schedule.time_zone is Mars, it can be an IANA name such as Europe/London",
        "INVALID_ARGUMENT schedule.parameters[0] has a value and a secret",
        "INVALID_ARGUMENT run_time is 2020-01-01 00:00:00 in UTC, which is past",
    ]
    assert told[8].startswith("INVALID_ARGUMENT update_mask: paused cannot be changed here")
    assert told[9].startswith("ABORTED schedule 3 was changed meanwhile")


async def test_what_is_due_runs_once_and_the_schedule_tells_how_it_goes(way: Way, own: str) -> None:
    made = await due_soon(way, own)
    run = await run_of(way, own)

    await way.call("RunService.ReportRun", {"name": run["name"], "code": 4})
    told = await do(way, "GetSchedule", name=made["name"])

    assert (run["schedule"], run["actor"]) == (made["name"], "schedule 7")
    assert (run["parameters"], run["runbook"]) == ({"host": "h1"}, made["runbook"])
    assert told["reportedState"] == "REPORTED_STATE_SUCCEEDED"
    assert "nextDueTime" not in told
    listed = await way.call("RunService.ListRuns", {"parent": own, "schedule": 7})
    assert len(listed["runs"]) == 1


async def test_a_run_that_takes_longer_than_its_schedule_says_is_ended(way: Way, own: str) -> None:
    made = await due_soon(way, own, timeout="1s")

    run = await run_of(way, own, "STATE_FAILED")

    told = await do(way, "GetSchedule", name=made["name"])
    assert run["message"] == "ended after 1 seconds, the limit of its schedule"
    assert told["reportedState"] == "REPORTED_STATE_FAILED"


async def due_soon(way: Way, org: str, **said: object) -> Json:
    """Makes schedule 7, by which a tool outside is to run something in a second."""
    book = {"displayName": "outside", "tool": "TOOL_EXTERNAL", "parameters": [{"name": "host"}]}
    saved = await way.call("RunbookService.SaveRunbook", {"parent": org, "runbook": book})
    schedule = {
        "runbook": saved["name"],
        "runTime": (datetime.now(UTC) + timedelta(seconds=1)).isoformat(),
        "parameters": [{"name": "host", "value": "h1"}],
    }
    return await do(way, "CreateSchedule", parent=org, schedule=schedule | said, scheduleId=7)


async def run_of(way: Way, org: str, *states: str) -> Json:
    """Waits for the run of schedule 7, in one of some states if any are named."""
    asked = {"parent": org, "schedule": 7, "states": list(states)}
    async with asyncio.timeout(60):
        while not (runs := (await way.call("RunService.ListRuns", asked))["runs"]):  # noqa: ASYNC110 - the hub tells nobody of new runs
            await asyncio.sleep(0.1)
    run: Json = runs[0]
    return run


async def test_an_agent_reports_and_changes_nothing(way: Way, own: str) -> None:
    made = await do(way, "CreateSchedule", parent=own, schedule=weekly(own))
    caller = await way.call("IdentityService.GetCaller", {})
    said = {"name": caller["name"], "org": own, "role": "ROLE_AGENT"}
    await way.call("IdentityService.SetRole", said)

    reported = await do(
        way, "ReportScheduleStatus", name=made["name"], state="REPORTED_STATE_RUNNING"
    )
    with pytest.raises(Refused) as caught:
        await do(way, "PauseSchedule", name=made["name"])

    assert reported["reportedState"] == "REPORTED_STATE_RUNNING"
    assert caught.value.code == "PERMISSION_DENIED"

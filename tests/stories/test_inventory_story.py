"""The story of an inventory: groups and CIs are kept, found, and reported on."""

from __future__ import annotations

import pytest

from .way import Json, Refused, Way

pytestmark = pytest.mark.envoy


async def do(way: Way, method: str, **request: object) -> Json:
    return await way.call(f"InventoryService.{method}", request)


async def test_cis_are_kept_in_groups_and_found_by_their_tasks(way: Way, org: str) -> None:
    group = await do(way, "CreateCiGroup", parent=org, ciGroup={"displayName": "Routers"})
    group = await do(
        way, "UpdateCiGroup", ciGroup={"name": group["name"], "displayName": "Core routers"}
    )
    said = {"hostName": "r1", "group": group["name"], "tasks": ["Task1"], "type": "Router"}
    made = await do(way, "CreateCi", parent=org, ci=said)
    both = await do(
        way,
        "SaveCis",
        parent=org,
        cis=[said | {"location": "Bristol"}, said | {"hostName": "r2", "tasks": []}],
    )
    moved = await do(
        way, "UpdateCi", ci={"name": made["name"], "location": "Leeds"}, updateMask="location"
    )

    listed = await do(way, "ListCis", parent=org, group=group["name"], task="Task1")
    pages = [await do(way, "ListCis", parent=org, pageSize=1)]
    pages.append(await do(way, "ListCis", parent=org, pageToken=pages[0]["nextPageToken"]))

    assert (made["displayName"], made["deployment"]) == ("r1", "Deployed")
    assert [ci["location"] for ci in both["cis"]] == ["Bristol", ""]
    assert (moved["location"], moved["type"]) == ("Leeds", "Router")
    assert listed["cis"] == [moved]
    assert [ci["hostName"] for page in pages for ci in page["cis"]] == ["r1", "r2"]
    assert await do(way, "GetCi", name=made["name"]) == moved
    assert (await do(way, "ListCiGroups", parent=org))["ciGroups"] == [group]
    assert await do(way, "GetCiGroup", name=group["name"]) == group


async def test_what_is_reported_of_cis_is_read_back_until_they_go(way: Way, own: str) -> None:
    group = await do(way, "CreateCiGroup", parent=own, ciGroup={"displayName": "R"}, ciGroupId=3)
    made = await do(way, "CreateCi", parent=own, ci={"hostName": "r1", "group": group["name"]})
    schedule = f"{own}/schedules/3"
    hourly = {"frequency": "FREQUENCY_HOURLY"}
    said = {"runbook": f"{own}/runbooks/1", "recurrence": hourly}
    await way.call(
        "ScheduleService.CreateSchedule", {"parent": own, "schedule": said, "scheduleId": 3}
    )
    report = {"group": group["name"], "state": "REPORTED_STATE_RUNNING", "remarks": "half"}

    counted = await do(
        way, "ReportCiStatuses", parent=own, reports=[report, report | {"schedule": schedule}]
    )
    (status,) = (await do(way, "ListCiStatuses", parent=own, schedule=schedule))["ciStatuses"]
    with pytest.raises(Refused) as kept:
        await do(way, "DeleteCiGroup", name=group["name"])
    await do(way, "DeleteCi", name=made["name"])
    await do(way, "DeleteCiGroup", name=group["name"])

    assert group["name"] == f"{own}/ciGroups/3"
    assert counted["count"] == 2
    assert (status["ci"], status["hostName"], status["group"]) == (
        made["name"],
        "r1",
        group["name"],
    )
    assert (status["state"], status["remarks"]) == ("REPORTED_STATE_RUNNING", "half")
    assert status["reporter"] == "demo@example.com"
    assert kept.value.message == "CI group 3 has CIs: remove them first"
    assert (await do(way, "ListCiStatuses", parent=own))["ciStatuses"] == []


async def test_what_may_not_be_is_refused_in_words(way: Way, org: str) -> None:
    group = await do(way, "CreateCiGroup", parent=org, ciGroup={"displayName": "R"})
    ci = {"hostName": "r1", "group": group["name"]}
    made = await do(way, "CreateCi", parent=org, ci=ci)

    async def refused(method: str, **request: object) -> str:
        with pytest.raises(Refused) as caught:
            await do(way, method, **request)
        return f"{caught.value.code} {caught.value.message}"

    told = [
        await refused("CreateCi", parent=org, ci=ci),
        await refused("CreateCi", parent=org, ci={"hostName": "r2"}),
        await refused("CreateCi", parent=org, ci=ci | {"group": "orgs/1/ciGroups/1"}),
        await refused("SaveCis", parent=org, cis=[ci, ci | {"hostName": ""}]),
        await refused("UpdateCi", ci={"name": made["name"], "model": "m", "etag": "1.9"}),
        await refused("UpdateCi", ci={"name": made["name"]}, updateMask="etag"),
        await refused("CreateCiGroup", parent=org, ciGroup={"displayName": " "}),
        await refused("GetCi", name="orgs/9999/cis/1"),
        await refused("ReportCiStatuses", parent=org, reports=[{"group": group["name"]}]),
        await refused("ReportCiStatuses", parent=org, reports=[{"state": "REPORTED_STATE_FAILED"}]),
    ]

    etag = made["etag"]
    id_ = made["name"].rpartition("/")[2]
    fields = told[5].partition("these can: ")[2]
    assert told == [
        "ALREADY_EXISTS CI group 1 has the host r1 already",
        "INVALID_ARGUMENT ci.group is required",
        "INVALID_ARGUMENT ci.group is of another org",
        "INVALID_ARGUMENT cis[1].host_name is required",
        f"ABORTED CI {id_} was changed meanwhile: its etag is {etag}, not 1.9",
        f"INVALID_ARGUMENT update_mask: etag cannot be changed; these can: {fields}",
        "INVALID_ARGUMENT ci_group.display_name is required",
        "NOT_FOUND there is no org 9999",
        "INVALID_ARGUMENT state is required (item 0)",
        "INVALID_ARGUMENT reports[0].host_name or group is required",
    ]

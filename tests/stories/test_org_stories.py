"""The stories of an org: who is in it, what it promises, in which words it classifies."""

from __future__ import annotations

import uuid

import pytest

from .way import Refused, Way

pytestmark = pytest.mark.envoy


async def test_accounts_are_opened_let_into_an_org_and_given_tokens(way: Way, org: str) -> None:
    login = f"{uuid.uuid4().hex}@example.com"
    account = {"kind": "KIND_USER", "login": login, "displayName": "Ann"}
    made = await way.call("IdentityService.CreateAccount", {"account": account, "secret": "s3cret"})
    joined = await way.call(
        "IdentityService.SetRole", {"name": made["name"], "org": org, "role": "ROLE_READER"}
    )
    token = await way.call("IdentityService.IssueToken", {"name": made["name"]})
    await way.call("IdentityService.RevokeTokens", {"name": made["name"]})
    with pytest.raises(Refused) as twice:
        await way.call("IdentityService.CreateAccount", {"account": account, "secret": "s3cret"})
    orgs = await way.call("IdentityService.ListOrgs", {})
    accounts = await way.call("IdentityService.ListAccounts", {})

    assert joined["memberships"] == [{"org": org, "role": "ROLE_READER"}]
    assert token["accessToken"].count(".") == 2
    assert twice.value.code == "ALREADY_EXISTS"
    assert org in {each["name"] for each in orgs["orgs"]}
    assert joined in accounts["accounts"]
    assert "s3cret" not in str(accounts)


async def test_an_org_promises_times_and_its_tickets_are_measured(way: Way, org: str) -> None:
    policy = {
        "name": f"{org}/servicePolicy",
        "timeZone": "Europe/London",
        "hours": [{"weekday": day, "startMinute": 540, "endMinute": 1020} for day in range(1, 6)],
        "holidayRegion": "GB-ENG",
        "targets": [{"priority": "PRIORITY_CRITICAL", "duration": "14400s"}],
        "priorityMatrix": [],
    }
    kept = await way.call("ServiceLevelService.UpdateServicePolicy", {"servicePolicy": policy})
    incident = {
        "summary": "late",
        "priority": "PRIORITY_CRITICAL",
        "openTime": "2026-01-02T16:00:00Z",  # a Friday, an hour before the end
        "resolveTime": "2026-01-05T13:00:00Z",
        "state": "STATE_RESOLVED",
    }
    made = await way.call("IncidentService.CreateIncident", {"parent": org, "incident": incident})
    level = await way.call(
        "ServiceLevelService.GetServiceLevel",
        {"name": f"{made['name'].replace('incidents', 'tickets')}/serviceLevel"},
    )

    assert kept == policy
    assert (
        await way.call("ServiceLevelService.GetServicePolicy", {"name": policy["name"]}) == policy
    )
    assert level["businessDuration"] == "18000s"
    assert level["businessTimeLeft"] == "-3600s"
    assert level["dueTime"] == "2026-01-05T12:00:00Z"
    assert level["breached"] is True


async def test_an_org_has_words_and_fields_of_its_own(way: Way, org: str) -> None:
    async def catalog(method: str, **request: object) -> dict[str, object]:
        return await way.call(f"CatalogService.{method}", request)

    hardware = await catalog("CreateCategory", parent=org, category={"title": "Hardware"})
    printer = await catalog(
        "CreateCategory",
        parent=org,
        category={"title": "Printer", "parentCategory": hardware["name"]},
    )
    field = {"key": "building", "type": "TYPE_TEXT", "options": ["A", "B"], "required": True}
    building = await catalog("CreateCustomField", parent=org, customField=field, customFieldId=35)
    incident = {
        "summary": "s",
        "category": "Printer",
        "customFields": {"building": {"text": "A"}},
    }
    made = await way.call("IncidentService.CreateIncident", {"parent": org, "incident": incident})
    incident["customFields"] = {"building": {"text": "C"}}
    with pytest.raises(Refused) as caught:
        await way.call("IncidentService.CreateIncident", {"parent": org, "incident": incident})

    assert (await catalog("ListCategories", parent=org))["categories"] == [hardware, printer]
    assert (await catalog("ListCustomFields", parent=org))["customFields"] == [building]
    assert building["name"] == f"{org}/customFields/35"
    assert made["customFields"] == {"building": {"text": "A"}}
    assert caught.value.message == "custom_fields.building takes one of A, B"

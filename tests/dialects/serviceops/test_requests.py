"""The routes of the vendor's newer pages, on the same incidents."""

from __future__ import annotations

from typing import Any

import pytest

from polydesk.domain import demo
from tests.dialects.sample import fits
from tests.dialects.serviceops.guide import TIM, Ops, wrong
from tests.stack import DEMO

pytestmark = pytest.mark.envoy
REQUEST, CATALOG = "/api/v1/request", "/api/v1/service_catalog/servicerequest"
NO_FILE = (
    "fileAttachments: there is no uploaded file 0123456789: one is kept for 24 hours, and is good "
    "for one ticket"
)
MINIMAL: dict[str, Any] = {"subject": "Laptop is slow", "requesterEmail": "tim@acme.com"}
ANSWER: dict[str, Any] = {
    "id": "<id>",
    "categoryName": "Service Request",
    "name": "<text>",
    "createdTime": "<id>",
    "updatedTime": "<id>",
    "departmentName": None,
    "customField": {},
    "statusName": "Open",
    "createdByName": "tim@acme.com",
    "subject": "Laptop is slow",
    "requesterName": "Tim",
    "fileAttachments": [],
    "requesterEmail": "tim@acme.com",
    "description": None,
    "locationName": None,
    "impactName": "Low",
    "priorityName": "Low",
    "urgencyName": "Low",
    "updatedByName": "tim@acme.com",
    "source": "External",
    "spam": False,
    "supportLevel": "tier0",
    "tags": [],
    "ccEmailSet": [],
    "assigneeEmail": None,
    "technicianGroupName": None,
}


async def made(ops: Ops, path: str = REQUEST, **said: Any) -> dict[str, Any]:
    answer = await ops.call("POST", path, (MINIMAL if path == REQUEST else {}) | said)
    assert answer.status == 200, answer
    body: dict[str, Any] = answer.json()
    return body


async def test_a_request_with_nothing_but_what_it_must_have(ops: Ops) -> None:
    request = await made(ops)

    assert fits(request, ANSWER), request
    assert request["name"] == f"INC-{request['id']}"
    assert request["createdTime"] == request["updatedTime"] > 1_700_000_000_000


async def test_a_request_is_answered_as_it_was_said(ops: Ops) -> None:
    reference = await ops.upload("a.txt", b"a")
    said: dict[str, Any] = {
        "categoryName": "Network",
        "requesterName": "Timothy",
        "ccEmailSet": ["ann@acme.com"],
        "tags": ["a"],
        "description": "d",
        "impactName": "On User",
        "priorityName": "Urgent",
        "urgencyName": "Medium",
        "statusName": "In Progress",
        "departmentName": "IT",
        "locationName": "Ahmedabad",
        "supportLevel": "tier2",
        "spam": True,
        "assigneeEmail": "ann@acme.com",
        "technicianGroupName": "Desk",
        "source": "Portal",
        "fileAttachments": [{"refFileName": reference, "realName": "a.txt"}],
        "customField": {"Building": "A"},
    }

    request = await made(ops, **said)

    assert request.items() >= said.items()
    incident = await ops.canonical(request["id"])
    expected = {
        "kind": "KIND_INCIDENT",
        "state": "STATE_ACTIVE",
        "category": "Network",
        "impact": "LEVEL_LOW",
        "priority": "PRIORITY_CRITICAL",
        "assignee": "ann@acme.com",
        "assignmentGroup": "Desk",
        "customFields": {"office_building": {"text": "A"}},
    }
    assert incident.items() >= expected.items()
    assert (await ops.read(request["id"]))["impact"] == "ONUSER"


async def test_a_request_changes_by_what_is_said(ops: Ops) -> None:
    before = await made(ops, tags=["a"], description="d", customField={"stage": "x"})
    said: dict[str, Any] = {
        "statusName": "Closed",
        "impactName": "On Business",
        "urgencyName": "High",
        "tags": [],
        "description": None,
        "supportLevel": "Tier 4",
        "customField": {"Building": "B", "Stage": None},
    }

    answer = await ops.call("PATCH", f"{REQUEST}/{before['id']}", said)

    after = answer.json()
    assert after == before | said | {
        "priorityName": "Urgent",
        "supportLevel": "tier4",
        "customField": {"Building": "B"},
        "updatedTime": after["updatedTime"],
    }
    assert after["updatedTime"] > before["updatedTime"]


async def test_an_incident_of_the_older_routes_changes_here_too(ops: Ops) -> None:
    id_ = await ops.create(impact="ONUSER")

    answer = await ops.call("PATCH", f"{REQUEST}/{id_}", {"statusName": "Pending"})

    assert answer.json()["impactName"] == "On User"
    assert (await ops.read(id_)).items() >= {"status": "Pending", "impact": "ONUSER"}.items()


@pytest.mark.parametrize("requester", ["Tim", "tim", "tim@acme.com"])
async def test_something_is_asked_for_from_the_catalog(ops: Ops, requester: str) -> None:
    request = await made(
        ops,
        CATALOG,
        requester=requester,
        serviceName="New laptop",
        serviceCategoryName="Hardware",
        description="13 inches",
        priorityName="High",
        departmentName="IT",
        customField={"Building": "A"},
    )

    expected = {
        "name": f"SR-{request['id']}",
        "subject": "New laptop",
        "categoryName": "Hardware",
        "requesterEmail": "tim@acme.com",
        "description": "13 inches",
        "priorityName": "High",
        "departmentName": "IT",
        "customField": {"Building": "A"},
    }
    assert request.items() >= expected.items()
    changed = await ops.call("PATCH", f"{REQUEST}/{request['id']}", {"statusName": "Resolved"})
    assert changed.json()["name"] == request["name"]


async def test_an_api_key_opens_them(ops: Ops) -> None:
    key = {"Authorization": f"Apikey {demo.KEY}"}

    answer = await ops.call("POST", REQUEST, MINIMAL, **key)

    assert (answer.status, answer.json()["createdByName"]) == (200, "demo-client")
    assert (await ops.call("POST", REQUEST, MINIMAL, Authorization="Apikey x")).status == 401


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        (REQUEST, {"subject": "s"}, "requesterEmail is required"),
        (REQUEST, {"requesterEmail": "tim@acme.com"}, "subject is required"),
        (
            REQUEST,
            MINIMAL | {"impactName": "x"},
            "impactName is x, it can be LOW, ONUSER, ONDEPARTMENT or ONBUSINESS",
        ),
        (
            REQUEST,
            MINIMAL | {"statusName": "New"},
            "statusName is New, it can be Open, In Progress, Pending, Resolved or Closed",
        ),
        (
            REQUEST,
            MINIMAL | {"supportLevel": "tier9"},
            "supportLevel is tier9, it can be tier1, tier2, tier3, tier4",
        ),
        (
            REQUEST,
            MINIMAL | {"assigneeEmail": "ann"},
            "assigneeEmail is no e-mail address such as ann@example.com",
        ),
        (
            REQUEST,
            MINIMAL | {"customField": {"Colour": "red"}},
            "customField: there is no custom field Colour",
        ),
        (
            REQUEST,
            MINIMAL | {"customField": {"Building": 5}},
            "customField.Building takes a text",
        ),
        (
            REQUEST,
            MINIMAL | {"fileAttachments": [{"refFileName": "0123456789"}]},
            NO_FILE,
        ),
        (
            CATALOG,
            {"requester": "Nobody", "serviceName": "s", "serviceCategoryName": "c"},
            "requester is Nobody, as nobody in the directory is called",
        ),
        (CATALOG, {"requester": "Tim", "serviceName": "s"}, "serviceCategoryName is required"),
    ],
)
async def test_what_a_request_cannot_say_is_refused(
    ops: Ops, path: str, body: dict[str, Any], message: str
) -> None:
    answer = await ops.call("POST", path, body)

    assert answer.status == 400
    assert answer.json() == wrong("VALIDATION_ERROR", 1, message)


async def test_a_name_that_two_have_tells_nobody(ops: Ops) -> None:
    for email in ("jo@acme.com", "jo@example.com"):
        await ops.call("POST", "/desk/v1/orgs/1/people", person(email, "Jo"), **DEMO)

    answer = await ops.call(
        "POST", CATALOG, {"requester": "Jo", "serviceName": "s", "serviceCategoryName": "c"}
    )

    assert answer.json()["userMessage"] == (
        "requester is Jo, as more than one person in the directory is called"
    )


def person(email: str, name: str) -> dict[str, str]:
    return {"email": email, "displayName": name}


@pytest.mark.parametrize(
    ("method", "path", "http", "code"),
    [
        ("PATCH", f"{REQUEST}/999999", 404, "NOT_FOUND"),
        ("PATCH", f"{REQUEST}/x", 404, "NOT_FOUND"),
        ("POST", f"{REQUEST}/1", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/api/v1/service_catalog/x", 404, "NOT_FOUND"),
    ],
)
async def test_a_path_that_is_none_has_the_envelope(
    ops: Ops, method: str, path: str, http: int, code: str
) -> None:
    answer = await ops.call(method, path, {"spam": True}, Authorization=TIM)

    assert (answer.status, answer.json()["returnCode"]) == (http, code)

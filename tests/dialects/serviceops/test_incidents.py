"""Incidents as a client of the dialect meets them, and as others see them."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.dialects.sample import fits
from tests.dialects.serviceops.guide import DONE, FIRST, NEW, Ops, denied, wrong
from tests.stack import DEMO

pytestmark = pytest.mark.envoy
V1 = "/iAutomateAPI/Request/GetIncidentTicketData/1?ticket_number="
V2 = "/v2/incident/orgentityid/1?ticket_number="


async def test_a_new_incident_is_read_as_it_was_said(ops: Ops) -> None:
    id_ = await ops.create(
        ccEmailSet=["ann@acme.com", "bob@acme.com", "ann@acme.com"],
        categoryName="Incident",
        impact="ONUSER",
        urgency="URGENT",
        priority="HIGH",
    )

    assert await ops.read(id_) == {
        **FIRST,
        "ccEmailSet": ["ann@acme.com", "bob@acme.com"],
        "subject": "Need a new keyboard",
        "description": "Need a wireless keyboard",
        "categoryName": "Incident",
        "impact": "ONUSER",
        "urgency": "URGENT",
        "priority": "HIGH",
        "locationName": "Ahmedabad",
    }


async def test_what_is_not_said_is_null_or_empty_or_the_default(ops: Ops) -> None:
    answer = await ops.call(
        "POST", "/api/incident", {"subject": "s", "requesterEmail": "TIM@acme.com"}
    )
    read = await ops.call("GET", f"/api/incident/{answer.json()['id']}")

    expected = FIRST | {"subject": "s", "description": None, "tags": []}
    assert fits(read.json(), expected), read


async def test_an_update_changes_what_it_says(ops: Ops) -> None:
    id_ = await ops.create()
    before = await ops.read(id_)

    await ops.update(id_)
    same = await ops.read(id_)
    await ops.update(
        id_,
        subject="new",
        categoryName="Incident",
        impact="ONBUSINESS",
        urgency="MEDIUM",
        spam=True,
        tags=["a", "b"],
        ccEmailSet=["ann@acme.com"],
    )

    assert same == before
    assert await ops.read(id_) == before | {
        "subject": "new",
        "categoryName": "Incident",
        "impact": "ONBUSINESS",
        "urgency": "MEDIUM",
        "priority": "HIGH",  # by the matrix
        "spam": True,
        "tags": ["a", "b"],
        "ccEmailSet": ["ann@acme.com"],
    }


async def test_null_takes_away_and_an_empty_list_empties(ops: Ops) -> None:
    id_ = await ops.create()

    await ops.update(id_, description=None, locationName=None, tags=[], subject=None)

    expected = {"description": None, "locationName": None, "tags": [], "subject": NEW["subject"]}
    assert (await ops.read(id_)).items() >= expected.items()


@pytest.mark.parametrize(
    "statuses",
    [
        ["In Progress", "Pending", "Open"],
        ["Closed", "Open", "Closed", "Resolved"],
        ["Resolved", "Closed", "Pending", "Resolved", "In Progress"],
        ["pending", "CLOSED"],
    ],
)
async def test_any_status_leads_to_any_other(ops: Ops, statuses: list[str]) -> None:
    id_ = await ops.create()

    for status in statuses:
        await ops.update(id_, status=status)
        assert (await ops.read(id_))["status"].casefold() == status.casefold()


async def test_a_move_through_other_states_is_one_change(ops: Ops) -> None:
    id_ = await ops.create()

    await ops.update(id_, status="Closed", priority="URGENT")

    incident = await ops.canonical(id_)
    assert (incident["state"], incident["priority"]) == ("STATE_CLOSED", "PRIORITY_CRITICAL")
    assert incident["resolveTime"]
    assert incident["closeTime"]
    told = (await ops.rest.request("GET", f"/desk/v1/tickets/{id_}/changes")).json()["changes"]
    assert [change["action"] for change in told] == ["create", "update"]
    assert {field["field"] for field in told[1]["fields"]} >= {"state", "priority"}


async def test_what_is_cancelled_reads_closed_and_stays_cancelled(ops: Ops) -> None:
    id_ = await ops.create()
    await ops.rest.request("POST", f"/desk/v1/incidents/{id_}:cancel", data="{}")

    status = (await ops.read(id_))["status"]
    await ops.update(id_, status="Closed")

    assert status == "Closed"
    assert (await ops.canonical(id_))["state"] == "STATE_CANCELLED"
    await ops.update(id_, status="Open")
    assert (await ops.canonical(id_))["state"] == "STATE_LOGGED"


async def test_a_deleted_incident_is_gone_everywhere(ops: Ops) -> None:
    id_ = await ops.create()
    number = (await ops.canonical(id_))["number"]

    gone = await ops.call("DELETE", f"/api/v1/incident/{id_}")
    again = await ops.call("DELETE", f"/api/incident/{id_}")

    assert gone.json() == DONE | {"id": id_}
    assert again.status == 404
    assert (await ops.call("GET", f"/api/v1/incident/{id_}")).status == 404
    assert (await ops.call("POST", f"/api/v1/incident/{id_}", {"spam": True})).status == 404
    assert (await ops.rest.request("GET", V1 + number)).json()["result"] == []
    assert (await ops.rest.request("GET", f"/desk/v1/tickets/{id_}")).status == 404


async def test_an_incident_of_this_dialect_is_read_through_the_others(ops: Ops) -> None:
    id_ = await ops.create(impact="ONDEPARTMENT", urgency="HIGH", categoryName="Hardware")
    await ops.update(id_, status="In Progress")

    incident = await ops.canonical(id_)
    (v1,) = (await ops.rest.request("GET", V1 + incident["number"])).json()["result"]
    (v2,) = (await ops.rest.request("GET", V2 + incident["number"])).json()["Result"]

    expected = {
        "kind": "KIND_INCIDENT",
        "summary": "Need a new keyboard",
        "description": "Need a wireless keyboard",
        "requester": "tim@acme.com",
        "category": "Hardware",
        "state": "STATE_ACTIVE",
        "impact": "LEVEL_MEDIUM",
        "urgency": "LEVEL_HIGH",
        "priority": "PRIORITY_HIGH",
        "org": "orgs/1",
    }
    assert incident.items() >= expected.items()
    for read in (v1, v2):
        assert read["Summary"] == "Need a new keyboard"
        assert read["Description"] == "Need a wireless keyboard"
        assert read["StatusCode"] == "2"


async def test_an_incident_of_iautomate_is_read_and_changed_here(ops: Ops) -> None:
    pushed = {
        "TicketNumber": "OPS-1",
        "Summary": "disk full",
        "Description": "/var is at 99 %",
        "sys_id": "9d385017c611228701d22104cc95c371",
        "StatusCode": "Awaiting Vendor",
        "CreationDate": "2026-01-31 10:00:00",
        "LastModifiedDate": "2026-01-31 10:00:00",
        "IsTimeZoneOrOffset": "GMT",
        "IsEpoch": "N",
        "ModuleId": "1",
    }
    await ops.call("POST", "/v2/incident/orgentityid/1", [pushed], **DEMO)
    filter_ = quote('number = "OPS-1"')
    listed = await ops.rest.request("GET", f"/desk/v1/orgs/1/incidents?filter={filter_}")
    id_ = int(listed.json()["incidents"][0]["name"].rpartition("/")[2])

    read = await ops.read(id_)
    await ops.update(id_, status="Resolved", tags=["disk"])
    (v2,) = (await ops.rest.request("GET", V2 + "OPS-1")).json()["Result"]

    assert read == {
        **FIRST,
        "requesterEmail": None,
        "requesterName": None,
        "subject": "disk full",
        "description": "/var is at 99 %",
        "categoryName": "Incident",
        "status": "Pending",
        "tags": [],
    }
    assert (v2["StatusCode"], bool(v2["ClosedDate"])) == ("6", True)
    assert (await ops.read(id_)).items() >= {"status": "Resolved", "tags": ["disk"]}.items()


async def test_an_incident_of_the_hubs_own_api_is_read_here(ops: Ops) -> None:
    incident = {
        "summary": "printer on fire",
        "requester": "Tim@acme.com",
        "state": "STATE_ACTIVE",
        "impact": "LEVEL_HIGH",
        "urgency": "LEVEL_HIGH",
        "customFields": {"stage": {"text": "x"}},
    }
    made = await ops.call("POST", "/desk/v1/orgs/1/incidents", incident, **DEMO)
    id_ = int(made.json()["name"].rpartition("/")[2])

    assert await ops.read(id_) == {
        **FIRST,
        "requesterEmail": "Tim@acme.com",
        "subject": "printer on fire",
        "description": None,
        "categoryName": "Incident",
        "status": "In Progress",
        "impact": "ONBUSINESS",
        "urgency": "HIGH",
        "priority": "URGENT",
        "tags": [],
        "customFieldValueDetails": {"1": {"type": 1, "stringValue": "x"}},
    }


async def test_what_others_change_is_read_here(ops: Ops) -> None:
    id_ = await ops.create(impact="ONUSER", priority="URGENT")

    await ops.change(id_, "impact", impact="LEVEL_HIGH")
    await ops.change(id_, "state,requester", state="STATE_WAITING", requester="ann")
    read = await ops.read(id_)

    expected = {
        "impact": "ONBUSINESS",
        "priority": "MEDIUM",
        "status": "Pending",
        "requesterEmail": "ann",
        "requesterName": None,
    }
    assert read.items() >= expected.items()


async def test_a_category_goes_both_ways(ops: Ops) -> None:
    id_ = await ops.create(categoryName="Hardware")

    first = (await ops.read(id_))["categoryName"]
    await ops.change(id_, "category", category="Printers")
    second = (await ops.read(id_))["categoryName"]
    await ops.update(id_, categoryName="Service Request")

    assert (first, second) == ("Hardware", "Printers")
    assert (await ops.read(id_))["categoryName"] == "Service Request"
    assert (await ops.canonical(id_))["category"] == "Printers"


async def test_the_same_key_records_once(ops: Ops) -> None:
    answers = [
        await ops.call("POST", "/api/v1/incident", NEW, **{"Idempotency-Key": "k-1"})
        for _ in range(2)
    ]
    other = await ops.call(
        "POST", "/api/v1/incident", NEW | {"subject": "x"}, **{"Idempotency-Key": "k-1"}
    )

    assert answers[0].json() == answers[1].json()
    assert (other.status, other.json()) == (409, wrong("CONFLICT", 4, other.json()["userMessage"]))


async def test_an_outdated_etag_changes_nothing(ops: Ops) -> None:
    id_ = await ops.create()

    answer = await ops.call(
        "POST", f"/api/v1/incident/{id_}", {"spam": True}, **{"If-Match": '"ff"'}
    )

    assert (answer.status, answer.json()["returnCode"]) == (412, "CONFLICT")
    assert (await ops.read(id_))["spam"] is False


CREATE, ONE, LEGACY = "/api/v1/incident", "/api/v1/incident/1", "/api/incident/1"
NO_SUCH = wrong("NOT_FOUND", 2)
NO_FILE = (
    "attachmentsRefNames: there is no uploaded file 0123456789: one is kept for 24 hours, and is "
    "good for one ticket"
)
MANY = [f"tag {number}" for number in range(101)]


def new(**said: Any) -> dict[str, Any]:
    return NEW | said


@pytest.mark.parametrize(
    ("method", "path", "body", "http", "answer"),
    [
        pytest.param("POST", CREATE, None, 400, wrong("VALIDATION_ERROR", 1), id="nothing"),
        pytest.param("POST", CREATE, b"{", 400, wrong("VALIDATION_ERROR", 1), id="no JSON"),
        pytest.param("POST", CREATE, b"[1]", 400, wrong("VALIDATION_ERROR", 1), id="no object"),
        *(
            pytest.param(
                "POST", CREATE, new(**said), 400, wrong("VALIDATION_ERROR", 1, message), id=message
            )
            for said, message in (
                ({"subject": ""}, "subject is required"),
                ({"subject": "x" * 1_001}, "subject has 1001 characters, at most 1000 are taken"),
                ({"subject": "\0"}, "subject holds the character NUL"),
                ({"requesterEmail": ""}, "requesterEmail is required"),
                (
                    {"requesterEmail": "nobody@acme.com"},
                    "requesterEmail is nobody@acme.com, which nobody in the directory has",
                ),
                (
                    {"locationName": "Atlantis"},
                    "locationName is Atlantis, which is no location of the directory",
                ),
                (
                    {"locationName": "\0"},
                    "locationName is \0, which is no location of the directory",
                ),
                (
                    {"impact": "HUGE"},
                    "impact is HUGE, it can be LOW, ONUSER, ONDEPARTMENT or ONBUSINESS",
                ),
                (
                    {"priority": "CRITICAL"},
                    "priority is CRITICAL, it can be LOW, MEDIUM, HIGH or URGENT",
                ),
                ({"urgency": "x"}, "urgency is x, it can be LOW, MEDIUM, HIGH or URGENT"),
                ({"tags": ["a", " "]}, "tags holds an empty text"),
                ({"tags": MANY}, "tags has 101 items, at most 100 are taken"),
                ({"tags": ["x" * 256]}, "tags has 256 characters, at most 255 are taken"),
                (
                    {"ccEmailSet": ["ann"]},
                    "ccEmailSet is no e-mail address such as ann@example.com",
                ),
                (
                    {"requesterName": "x" * 256},
                    "requesterName has 256 characters, at most 255 are taken",
                ),
                (
                    {"categoryName": "x" * 256},
                    "categoryName has 256 characters, at most 255 are taken",
                ),
                (
                    {"attachmentsRefNames": ["0123456789"]},
                    NO_FILE,
                ),
                (
                    {"customFieldValueDetails": {"99": {"type": 1}}},
                    "customFieldValueDetails: there is no custom field 99; there are: 1, 35",
                ),
                (
                    {"customFieldValueDetails": {"1": {"type": 2, "intValue": 1}}},
                    "customFieldValueDetails.1.type is 2, the field's is 1",
                ),
                (
                    {"customFieldValueDetails": {"1": {"type": 1, "intValue": 1}}},
                    "customFieldValueDetails.1 takes stringValue",
                ),
                (
                    {"customFieldValueDetails": {"1": {"type": 1, "stringValue": "x" * 256}}},
                    "customFieldValueDetails.1 has 256 characters, at most 255 are taken",
                ),
            )
        ),
        pytest.param(
            "POST",
            CREATE,
            new(subject=None),
            400,
            wrong("VALIDATION_ERROR", 1, "subject is required"),
            id="null for a subject",
        ),
        pytest.param(
            "POST", CREATE, new(subject={}), 400, wrong("VALIDATION_ERROR", 1), id="an object"
        ),
        pytest.param(
            "POST",
            ONE,
            {"status": "Cancelled"},
            400,
            wrong(
                "VALIDATION_ERROR",
                1,
                "status is Cancelled, it can be Open, In Progress, Pending, Resolved or Closed",
            ),
            id="no such status",
        ),
        pytest.param(
            "POST",
            LEGACY,
            {"subject": ""},
            400,
            wrong("VALIDATION_ERROR", 1, "subject is required"),
            id="an empty subject",
        ),
        pytest.param(
            "POST",
            ONE,
            {"description": 5},
            400,
            wrong("VALIDATION_ERROR", 1, "description is a text or null"),
            id="a number for a text",
        ),
        pytest.param(
            "POST",
            ONE,
            {"tags": ["a", 1]},
            400,
            wrong("VALIDATION_ERROR", 1, "tags is a list of texts"),
            id="a number for a tag",
        ),
        pytest.param("POST", ONE, {"spam": "maybe"}, 400, wrong("VALIDATION_ERROR", 1), id="spam"),
        pytest.param(
            "POST", f"{ONE}?incidentId=2", {"spam": True}, 400, wrong("VALIDATION_ERROR", 1), id="?"
        ),
        *(
            pytest.param(method, f"{CREATE}/{id_}", body, 404, NO_SUCH, id=f"{method} {id_}")
            for method, body in (("GET", None), ("POST", {"spam": True}), ("DELETE", None))
            for id_ in ("999999", "0", "abc", "-1", "99999999999999999999", "INC0000001")
        ),
        pytest.param("GET", f"{CREATE}/%00", None, 400, wrong("VALIDATION_ERROR", 1), id="NUL"),
        pytest.param("GET", CREATE, None, 405, wrong("METHOD_NOT_ALLOWED", 3), id="GET of all"),
        pytest.param("PUT", ONE, {"spam": True}, 405, wrong("METHOD_NOT_ALLOWED", 3), id="PUT"),
        pytest.param("GET", "/api/oprfile", None, 405, wrong("METHOD_NOT_ALLOWED", 3), id="file"),
        pytest.param("GET", f"{ONE}/x", None, 404, NO_SUCH, id="no such path"),
        pytest.param("GET", "/api/incident/1/x", None, 404, NO_SUCH, id="no such old path"),
        pytest.param("GET", "/api/ususer/x", None, 404, NO_SUCH, id="no such path of users"),
        pytest.param(
            "GET",
            "/api/ususer/form/asset",
            None,
            404,
            wrong("NOT_FOUND", 2, "there is no module asset; there are: incident, request"),
            id="no such module",
        ),
    ],
)
async def test_a_refusal_has_the_envelope_of_a_write(  # noqa: PLR0917 - what a row says
    ops: Ops, method: str, path: str, body: object, http: int, answer: dict[str, Any]
) -> None:
    refused = await ops.call(method, path, body)

    assert refused.status == http, refused
    assert fits(refused.json(), answer), refused


async def test_the_body_cannot_name_another_incident(ops: Ops) -> None:
    one, other = await ops.create(), await ops.create()

    await ops.update(one, id=other, incidentId=str(other), subject="mine")

    assert (await ops.read(one))["subject"] == "mine"
    assert (await ops.read(other))["subject"] == NEW["subject"]


async def test_an_incident_of_another_org_is_as_one_that_is_not_there(ops: Ops) -> None:
    made = await ops.call(
        "POST", "/desk/v1/orgs/7/incidents", {"summary": "theirs", "kind": "KIND_INCIDENT"}, **DEMO
    )
    id_ = made.json()["name"].rpartition("/")[2]
    there, nowhere = f"{CREATE}/{id_}", f"{CREATE}/999999"

    for method, body in (("GET", None), ("POST", {"spam": True}), ("DELETE", None)):
        foreign, missing = [await ops.call(method, path, body) for path in (there, nowhere)]
        assert foreign.status == missing.status == 404
        assert foreign.json() == json.loads(missing.body.replace(b"999999", id_.encode()))


async def test_a_ticket_of_another_kind_is_no_incident(ops: Ops) -> None:
    ticket = {"kind": "KIND_PROBLEM", "number": "PRB1", "summary": "s"}
    saved = await ops.call("POST", "/desk/v1/orgs/1/tickets:save", {"tickets": [ticket]}, **DEMO)
    id_ = saved.json()["results"][0]["name"].rpartition("/")[2]

    assert (await ops.call("GET", f"{CREATE}/{id_}")).status == 404


async def test_who_may_read_only_is_refused_as_oauth_does(ops: Ops) -> None:
    account: dict[str, Any] = {
        "kind": "KIND_USER",
        "login": "reader@acme.com",
        "displayName": "Reader",
    }
    account |= {"memberships": [{"org": "orgs/1", "role": "ROLE_READER"}]}
    await ops.call("POST", "/desk/v1/accounts", {"account": account, "secret": "s3cret"}, **DEMO)
    reader = {"Authorization": "Basic cmVhZGVyQGFjbWUuY29tOnMzY3JldA=="}

    read = await ops.call("GET", ONE, **reader)
    written = await ops.call("POST", CREATE, NEW, **reader)

    assert read.status == 200
    assert written.status == 403
    assert fits(written.json(), denied("access_denied")), written


async def test_who_has_no_org_of_its_own_is_refused(ops: Ops) -> None:
    account = {
        "kind": "KIND_USER",
        "login": "two@example.com",
        "memberships": [{"org": f"orgs/{org}", "role": "ROLE_AGENT"} for org in (1, 7)],
    }
    await ops.call("POST", "/desk/v1/accounts", {"account": account, "secret": "sesame"}, **DEMO)
    basic = base64.b64encode(b"two@example.com:sesame").decode()

    answer = await ops.call("GET", ONE, Authorization=f"Basic {basic}")

    assert answer.status == 403
    assert answer.json() == denied(
        "access_denied", "two@example.com has no default org, and is in 2"
    )

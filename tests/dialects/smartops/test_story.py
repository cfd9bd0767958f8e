"""The whole story of a ticket, with the tokens of a realm, on a running site."""

from __future__ import annotations

import re

import aiohttp
import pytest

from polydesk.composition import newest_entries
from polydesk.config import Settings
from tests.dialects.smartops.contract import FETCH, FIELDS, SECRETS, TICKET, TIME, Smart, refused
from tests.oidc.realm import ANN, Realm
from tests.stack import Rest, Stack

pytestmark = pytest.mark.envoy


@pytest.mark.parametrize("which", ["access", "offline", "offline-token"])
async def test_a_ticket_lives_with_a_token_of_the_realm(
    caller: Rest, realm: Realm, which: str
) -> None:
    token = realm.tokens().access if which == "access" else realm.tokens().offline
    shown = {"Authorization": f"Bearer {token}"}
    if which == "offline-token":
        shown = {"Authorization": "", "offline-token": token}
    smart = Smart(caller, **shown)

    made = await smart.create(
        {
            "shortDescription": "disk full",
            "longDescription": "1 % left",
            "urgency": "High",
            "ticketSeverity": "Medium",
            "assignedGroup": "Unix",
            "comments": "it is slow",
        },
        "sysId",
        "ticketNumber",
        "ticketStatus",
        "ticketPriority",
        "createdBy",
        "comments",
    )
    taken = await smart.update(
        made["sysId"], {"ticketStatus": "In Progress", "assignedTo": "ann"}, "updatedBy"
    )
    await smart.update(made["sysId"], {"ticketStatus": "Resolved", "closureNotes": "logs deleted"})
    read = await smart.fetch(made["ticketNumber"], *FIELDS)

    assert (made["ticketStatus"], made["ticketPriority"]) == ("New", "High")
    assert (made["createdBy"], taken["updatedBy"]) == ("ann", "ann")
    [comment] = made["comments"]
    assert (comment["commentBy"], comment["comment"]) == ("ann", "it is slow")
    assert {*read} == {*FIELDS}
    assert read == read | {
        "ticketNumber": made["ticketNumber"],
        "sysId": made["sysId"],
        "ticketStatus": "Resolved",
        "assignedTo": "ann",
        "assignedGroup": "Unix",
        "shortDescription": "disk full",
        "longDescription": "1 % left",
        "urgency": "High",
        "ticketSeverity": "Medium",
        "workNotes": [],
        "resolvedBy": "ann",
        "closedBy": "",
        "category": "",
        "callerId": "",
    }
    assert [note["closureNote"] for note in read["closureNotes"]] == ["logs deleted"]
    assert re.fullmatch(TIME, read["resolvedTime"])
    assert re.fullmatch(r"\d+", read["ticketBusinessDuration"])


async def test_the_history_tells_who_it_was_and_through_what(
    caller: Rest, realm: Realm, site: Stack
) -> None:
    smart = Smart(caller, Authorization=f"Bearer {realm.tokens().access}")

    await smart.made()

    [entry] = await newest_entries(Settings(data=site.log.with_suffix("")), 1, limit=1)
    assert (entry.actor, entry.via, entry.action) == ("ann", "smartops", "create")


async def test_a_token_of_the_realm_opens_every_other_door(caller: Rest, realm: Realm) -> None:
    bearer = {"Authorization": f"Bearer {realm.tokens().access}"}
    number, _ = await Smart(caller, **bearer).made()

    for path in (
        f"/iAutomateAPI/Request/GetIncidentTicketData/1?ticket_number={number}",
        "/api/ususer/form/incident",
        "/v1/categories",
        "/desk/v1/orgs/1/tickets",
        "/desk/v1/caller",
    ):
        assert (await caller.request("GET", path, headers=bearer)).status == 200, path
    foreign = await caller.request("GET", "/desk/v1/orgs/7/tickets", headers=bearer)
    assert foreign.status == 404


async def test_a_token_opens_its_own_org_alone(caller: Rest, realm: Realm) -> None:
    number, sys_id = await Smart(caller).made()
    other = Smart(
        caller, Authorization=f"Bearer {realm.tokens(ANN | {'organization': '7'}).access}"
    )

    fetched = await other.ask("GET", TICKET, {"ticketNumber": number})
    updated = await other.ask(
        "POST", "/smartops/itsm/v1/ticket/update", {"sysId": sys_id, "ticketJSON": {}}
    )
    chosen = await other.ask("GET", TICKET, {"ticketNumber": number}, organization_key="1")

    assert fetched.json() == refused(404, f"Ticket not found: no ticket has the number {number}")
    assert updated.json() == refused(404, f"Ticket not found: no incident has the sysId {sys_id}")
    assert chosen.json() == refused(404, "there is no organization 1 that you are in")


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({"Authorization": ""}, 401, "Missing token: send an access token or an offline token"),
        ({"Authorization": "Bearer x"}, 401, "Invalid or expired token: "),
        ({"Authorization": "", "offline_token": "x"}, 401, "Invalid or expired token: "),
        ({"Authorization": "Basic eDp5"}, 401, "Invalid or expired token: "),
    ],
)
async def test_who_shows_no_good_credentials_is_told(
    smart: Smart, headers: dict[str, str], status: int, words: str
) -> None:
    answer = await smart.ask("POST", FETCH, {"ticketNumber": "x"}, **headers)

    assert answer.status == status
    assert answer.json() == refused(status, answer.json()["statusMessage"])
    assert answer.json()["statusMessage"].startswith(words)
    assert answer.headers["WWW-Authenticate"]


async def test_a_realm_that_is_away_is_told_as_such(
    session: aiohttp.ClientSession, tmp_path_factory: pytest.TempPathFactory
) -> None:
    away = Realm.start()
    issued = away.tokens()
    away.stop()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in away.environment.items():
            environment.setenv(name, value)
        stack = Stack.start(tmp_path_factory.mktemp("away") / "var")
    try:
        there = Smart(Rest(session, stack.port), Authorization=f"Bearer {issued.access}")
        answers = [
            await there.ask("POST", FETCH, {"ticketNumber": "x"}),
            await there.ask(
                "POST", FETCH, {"ticketNumber": "x"}, Authorization=f"Bearer {issued.offline}"
            ),
        ]
    finally:
        assert stack.stop() == 0

    for answer in answers:
        assert answer.status == 503
        assert answer.json() == refused(
            503, "the identity provider cannot be reached; try again later"
        )
        assert answer.headers["Retry-After"] == "1"


async def test_connection_details_go_nowhere(smart: Smart, site: Stack) -> None:
    details = SECRETS | {"organization": "Demo", "url": "aHR0cDovLzEyNy4wLjAuMTo5"}
    body = {
        "connectionDetails": details,
        "ticketJSON": {"shortDescription": "disk full"},
        "ticketFields": ["ticketNumber", "connectionDetails", "password"],
    }

    answer = await smart.ask("POST", "/smartops/itsm/v1/ticket/create", body)
    kept = answer.json()["ticketDetails"]
    whole = await smart.rest.request("GET", "/desk/v1/orgs/1/tickets?pageSize=1000")

    assert (kept["connectionDetails"], kept["password"]) == ("", "")
    folder = site.log.with_suffix("")
    files = [site.log, *(path for path in folder.rglob("*") if path.is_file())]
    for secret in (SECRETS["password"], details["url"]):
        assert secret.encode() not in whole.body + answer.body
        assert not [path for path in files if secret.encode() in path.read_bytes()]

"""What is refused, and in which words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from polydesk.dialects.ivanti_sm import PREFIXES, refuse
from polydesk.domain import errors
from tests.dialects.ivanti_sm.page import CUSTOMER, KEY, NEW, NOTE, REC_ID, refused
from tests.dialects.sample import fits
from tests.stories.way import RestWay

from .conftest import Ism

pytestmark = pytest.mark.envoy

OBJECT = f"incidents('{REC_ID}')"
UNKNOWN = "0123456789ABCDEF0123456789ABCDEF"

# The method, the object, the body, the status, and what the message says.
WRONG: list[tuple[str, str, Any, int, str]] = [
    ("POST", "incidents", {}, 400, "Subject is required"),
    ("POST", "incidents", {"Subject": " "}, 400, "Subject is required"),
    ("POST", "incidents", {"Subject": None}, 400, "Subject is required"),
    ("POST", "incidents", {"Subject": 5}, 400, "Subject is a text"),
    ("POST", "incidents", {"Subject": "x" * 1001}, 400, "Subject has 1001 characters"),
    ("POST", "incidents", {"Subject": "a\0b"}, 400, "Subject holds the character NUL"),
    ("POST", "incidents", NEW | {"Status": "Frozen"}, 400, "it can be Logged, Active"),
    ("POST", "incidents", NEW | {"Status": 1}, 400, "Status is a text"),
    ("POST", "incidents", NEW | {"Urgency": "Urgent"}, 400, "Low, Medium or High"),
    ("POST", "incidents", NEW | {"Impact": True}, 400, "Impact is a text"),
    ("POST", "incidents", NEW | {"Source": "Pigeon"}, 400, "AutoTicket, Chat"),
    ("POST", "incidents", NEW | {"TypeOfIncident": "Wish"}, 400, "Request or Failure"),
    ("POST", "incidents", NEW | {"CauseCode": "Rain"}, 400, "Session Reset"),
    ("POST", "incidents", NEW | {"Owner": "Nobody"}, 400, "no employee goes"),
    ("POST", "incidents", NEW | {"ProfileLink": UNKNOWN}, 400, "no employee goes"),
    ("POST", "incidents", NEW | {"ProfileLink": None, "Email": "ann"}, 400, "no e-mail address"),
    ("POST", "incidents", NEW | {"IsVIP": "yes"}, 400, "IsVIP is true or false"),
    ("POST", "incidents", NEW | {"Cost": 5}, 400, "Cost is a text"),
    ("POST", "incidents", NEW | {"TotalTimeSpent": True}, 400, "TotalTimeSpent is a whole number"),
    ("POST", "incidents", NEW | {"ivnt_List": [1]}, 400, "neither a text, a number nor"),
    ("POST", "incidents", NEW | {"ivnt_Large": 2**60}, 400, "neither a text, a number nor"),
    ("POST", "incidents", NEW | {"ivnt_Nul": "\0"}, 400, "the character NUL"),
    ("POST", "incidents", NEW | {"bad name": 1}, 400, "no name of a field"),
    ("POST", "incidents", NEW | {"subject": "twice"}, 400, "Subject comes twice"),
    ("POST", "incidents", NEW | {f"f{n}": n for n in range(101)}, 400, "at most 100 are kept"),
    ("POST", "incidents", [NEW], 400, "not JSON as documented"),
    ("POST", "incidents", "{", 400, "not JSON as documented"),
    ("POST", "incidents", "", 400, "not JSON as documented"),
    ("POST", "incidents", b'{"Subject":"\xff"}', 400, "not JSON as documented"),
    ("POST", "incidents", '{"Subject":"\\ud800"}', 400, "not JSON as documented"),
    ("POST", "incidents", '{"Subject":"a","x":1e999}', 400, ""),
    ("POST", "incidents", "[" * 5_000, 400, ""),
    ("POST", OBJECT, NEW, 405, "POST is for incidents"),
    ("POST", "employees", {}, 405, "only incidents are changed here"),
    ("POST", "categories", {}, 405, "only incidents are changed here"),
    ("PUT", "incidents", NEW, 405, "name one of its objects"),
    ("PUT", f"employees('{CUSTOMER}')", {}, 405, "only incidents are changed here"),
    ("PUT", f"incidents('{UNKNOWN}')", {}, 400, f"no incident with the RecId {UNKNOWN}"),
    ("PATCH", OBJECT, {"Status": "Resolved"}, 400, "CauseCode is required"),
    (
        "PATCH",
        OBJECT,
        {"Status": "Resolved", "CauseCode": "Other"},
        400,
        "Resolution is required for the status Resolved",
    ),
    ("PATCH", OBJECT, {"Subject": ""}, 400, "Subject is required"),
    ("PATCH", OBJECT, "null", 400, "not JSON as documented"),
    ("DELETE", f"incidents('{UNKNOWN}')", None, 400, "there is no incident"),
    ("DELETE", f"journal__Notess('{UNKNOWN}')", None, 405, "only incidents are changed here"),
    ("GET", f"incidents('{UNKNOWN}')", None, 400, "there is no incident"),
    ("GET", f"employees('{UNKNOWN}')", None, 400, "employees has nothing"),
    ("GET", f"journal__Notess('{UNKNOWN}')", None, 400, "there is no note"),
    ("GET", "journal__Notess('x')", None, 400, "there is no note"),
    ("GET", "journal__Notess", None, 400, "notes are read by their incident"),
    ("GET", "incidents('')", None, 400, "is no key"),
    ("GET", "incidents()", None, 400, "is no key"),
    ("GET", "incidents('a", None, 404, "there is no business object"),
    ("GET", "incidents('a'b')", None, 400, "is no key"),
    ("GET", f"incidents('{'x' * 300}')", None, 400, "is no key"),
    ("GET", "nothing", None, 404, "there are incidents, employees, journal__Notess, cat"),
    ("GET", "incidents/", None, 200, ""),
    ("GET", f"categories('{UNKNOWN}')", None, 400, "categories has nothing"),
    ("GET", f"{OBJECT}/IncidentContainsTask", None, 404, "there are IncidentContainsJournal"),
    ("GET", "incidents/IncidentContainsJournal", None, 405, "name one of its objects"),
    ("GET", f"incidents('{UNKNOWN}')/IncidentContainsJournal", None, 400, "there is no incident"),
    ("POST", f"{OBJECT}/Explode", {}, 404, "there is Close_Incident"),
    ("POST", f"incidents('{UNKNOWN}')/Close_Incident", {}, 400, "there is no incident"),
    ("POST", f"employees('{CUSTOMER}')/Close_Incident", {}, 405, "only incidents are changed"),
    ("POST", "journal__Notess", {}, 400, "Subject is required"),
    ("POST", "journal__Notess", {"Subject": "s"}, 400, "ParentLink_RecID is required"),
    ("POST", "journal__Notess", NOTE | {"ParentLink_RecID": UNKNOWN}, 400, "there is no incident"),
    ("POST", "journal__Notess", NOTE | {"Category": "Gossip"}, 400, "Called Customer"),
    ("POST", "journal__Notess", NOTE | {"Source": "Phone"}, 400, "Phone/Fax"),
    ("POST", "journal__Notess", NOTE | {"PublishToWeb": "no"}, 400, "PublishToWeb is true or"),
    ("POST", "journal__Notess", NOTE | {"NotesBody": 5}, 400, "NotesBody is a text"),
]
QUERIES = [
    ("incidents", {"$filter": "substringof('a',Subject)"}, "the function substringof is not taken"),
    ("incidents", {"$filter": "contains(tolower(Subject),'a')"}, "the function tolower is not"),
    ("incidents", {"$filter": "Foo eq 1"}, "there is no filter by Foo"),
    ("incidents", {"$filter": "Subject eq 5"}, "Subject takes a text in quotes"),
    ("incidents", {"$filter": "Subject gt null"}, "takes eq or ne with null"),
    ("incidents", {"$filter": "IncidentNumber eq 'x'"}, "IncidentNumber takes a whole number"),
    ("incidents", {"$filter": "IncidentNumber eq 5.5"}, "IncidentNumber takes a whole number"),
    ("incidents", {"$filter": "contains(IncidentNumber,'5')"}, "IncidentNumber takes eq, ne"),
    ("incidents", {"$filter": "CreatedDateTime gt 2020-13-01"}, "2020-13-01 is no time"),
    ("incidents", {"$filter": "CreatedDateTime gt 'soon'"}, "a time such as"),
    ("incidents", {"$filter": "IsInFinalState eq 'x'"}, "and true or false"),
    ("incidents", {"$filter": "RecId gt 'x'"}, "RecId takes eq or ne"),
    ("incidents", {"$filter": "Status eq 'a"}, "has no closing quote"),
    ("incidents", {"$filter": "Status eq"}, "where the filter ends"),
    ("incidents", {"$filter": "Status eq 'a' Status"}, "and or or is expected"),
    ("incidents", {"$filter": "(Status eq 'a'"}, "for the ( at character 1"),
    ("incidents", {"$filter": "Status eq 'a')"}, "there is no ( for the )"),
    ("incidents", {"$filter": "(" * 11 + "Status eq 'a'" + ")" * 11}, "more than 10 levels"),
    ("incidents", {"$filter": " or ".join(["Status eq 'a'"] * 51)}, "more than 50 comparisons"),
    ("incidents", {"$filter": "x" * 2001}, "at most 2000 are taken"),
    ("incidents", {"$filter": "Subject eq 'a\0'"}, "NUL"),
    ("incidents", {"$orderby": "Subject"}, "there is no order by Subject"),
    ("incidents", {"$orderby": "LastModDateTime desc,IncidentNumber asc"}, "goes one way"),
    ("incidents", {"$orderby": "IncidentNumber up"}, "asc or desc"),
    ("incidents", {"$orderby": ","}, "asc or desc"),
    ("incidents", {"$top": "-1"}, "$top is -1"),
    ("incidents", {"$top": "x"}, "$top is x"),
    ("incidents", {"$skip": "99999999999"}, "$skip is 99999999999"),
    ("incidents", {"$select": "Foo"}, "there is no field Foo"),
    ("incidents", {"$select": "Subject,,Status"}, "commas between them"),
    ("incidents", {"$count": "maybe"}, "$count is maybe"),
    ("incidents", {"$expand": "Owner"}, "$expand is not taken"),
    ("incidents", {"$apply": "aggregate(x)"}, "$apply is not taken"),
    ("incidents", {"$search": "x" * 300}, "at most 255 are taken"),
    ("incidents", {"$search": "a b c d e f g h i j k"}, "more than 10 words"),
    ("employees", {"$filter": "Status eq Active"}, "a value: a text in quotes"),
    ("employees", {"$orderby": "Salary"}, "there is no order by Salary"),
]


@pytest.mark.parametrize(
    "row", WRONG, ids=[f"{number} {row[1]} {row[4]}"[:60] for number, row in enumerate(WRONG)]
)
async def test_what_is_wrong_is_named(ism: Ism, row: tuple[str, str, Any, int, str]) -> None:
    method, path, body, http, message = row

    answer = await ism.ask(method, path, body)

    assert answer.status == http, answer
    if http != 200:
        assert fits(answer.json(), refused(http))
        assert message in answer.json()["message"][0]


@pytest.mark.parametrize(("set_", "query", "message"), QUERIES, ids=lambda each: str(each)[:60])
async def test_a_query_that_is_wrong_is_told_where(
    ism: Ism, set_: str, query: dict[str, str], message: str
) -> None:
    answer = await ism.ask("GET", set_, query=query)

    assert answer.status == 400, answer
    assert fits(answer.json(), refused(400))
    assert message in answer.json()["message"][0]


async def test_nothing_that_was_refused_has_changed_anything(ism: Ism) -> None:
    made = await ism.create()
    for said in ({"Status": "Resolved"}, {"Subject": "x", "Owner": "Nobody"}, {"Cost": 1}):
        answer = await ism.ask("PATCH", f"incidents('{made['RecId']}')", said)
        assert answer.status == 400

    assert await ism.read(made["RecId"]) == made


@pytest.mark.parametrize("path", [*PREFIXES, "/HEAT/api/odata/businessobject", "/api/rest/x/y"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_path_is_told_in_the_same_body(ism: Ism, method: str, path: str) -> None:
    answer = await ism.rest.request(method, path, headers={"Authorization": KEY})

    assert answer.status == 404
    assert fits(answer.json(), refused(404))


async def test_the_paths_of_other_dialects_stay_theirs(ism: Ism) -> None:
    for path in ("/api/v1/incident/1", "/api/ususer/form/incident"):
        assert (await ism.rest.request("GET", path)).status == 200


async def test_a_query_does_not_say_the_object_again(ism: Ism) -> None:
    answer = await ism.ask("GET", "incidents?object=employees")

    assert answer.status == 400
    assert fits(answer.json(), refused(400))


async def test_another_org_sees_nothing(ism: Ism, desk: RestWay) -> None:
    made = await ism.create()
    account = {
        "kind": "KIND_USER",
        "login": "reader7@example.com",
        "memberships": [{"org": "orgs/7", "role": "ROLE_READER"}],
    }
    await desk.call("IdentityService.CreateAccount", {"account": account, "secret": "sesame"})
    foreign = Ism(ism.rest, "Basic cmVhZGVyN0BleGFtcGxlLmNvbTpzZXNhbWU=")

    read = await foreign.ask("GET", f"incidents('{made['RecId']}')")
    denied = await foreign.ask("POST", "incidents", NEW)

    assert read.status == 400
    assert fits(read.json(), refused(400))
    assert await foreign.numbers(filter_=f"IncidentNumber eq {made['IncidentNumber']}") == []
    assert (await foreign.get("employees"))["value"] == []
    assert denied.status == 403
    assert fits(denied.json(), refused(403))


async def test_an_outdated_etag_changes_nothing(ism: Ism) -> None:
    made = await ism.create()
    path = f"incidents('{made['RecId']}')"
    etag = (await ism.ask("GET", path)).headers["etag"]

    first = await ism.ask("PATCH", path, {"Subject": "first"}, if_match=etag)
    second = await ism.ask("PATCH", path, {"Subject": "second"}, if_match=etag)

    assert (first.status, second.status) == (200, 412)
    assert fits(second.json(), refused(412))
    assert (await ism.read(made["RecId"]))["Subject"] == "first"


async def test_a_key_makes_a_write_happen_once(ism: Ism) -> None:
    answers = [
        await ism.ask("POST", "incidents", NEW, Idempotency_Key="ism-once") for _ in range(2)
    ]

    assert answers[0].json() == answers[1].json()
    other = await ism.ask("POST", "incidents", NEW | {"Subject": "x"}, Idempotency_Key="ism-once")
    assert other.status == 409
    assert fits(other.json(), refused(409))


async def test_what_is_too_large_is_told_in_the_same_body(ism: Ism) -> None:
    said = json.dumps({"Subject": "a", "Symptom": "x" * (65_536 + 1)})

    answer = await ism.ask("POST", "incidents", said)

    assert answer.status == 400
    assert "Symptom has 65537 characters" in answer.json()["message"][0]


@pytest.mark.parametrize(
    "kind",
    [
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.PolydeskError)
    ],
)
def test_every_error_has_a_body(kind: type[errors.PolydeskError]) -> None:
    refusal = refuse(kind("what to mend"), "ReadObjects")

    assert refusal.http >= 400
    assert list(refusal.body) == ["code", "description", "message", "help"]
    assert refusal.body["message"] == ["what to mend"]

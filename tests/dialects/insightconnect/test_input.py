"""What actions take: what is wrong is a 400 that says what to mend, in the envelope."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polydesk.dialects.ivanti_sm.action import PREFIXES, refuse
from polydesk.dialects.ivanti_sm.action.input import ACTIONS, read_input
from polydesk.domain import errors
from polydesk.domain.errors import Invalid
from tests.dialects.insightconnect.page import (
    EXAMPLES,
    INPUTS,
    KEY,
    NOBODY,
    done,
    failed,
    no_incident,
    started,
    value_of,
)
from tests.dialects.sample import fits
from tests.stories.way import RestWay

from .conftest import Orchestrator

# The action, what is said otherwise than in its example, and what is wrong; `...` leaves it out.
WRONG: Final[list[tuple[str, dict[str, Any], str]]] = [
    ("create_incident", {"customer": ...}, "customer is required"),
    ("create_incident", {"customer": None}, "customer is required"),
    ("create_incident", {"customer": " "}, "customer is required"),
    ("create_incident", {"customer": 5}, "customer is a text"),
    ("create_incident", {"description": ...}, "description is required"),
    ("create_incident", {"summary": ""}, "summary is required"),
    ("create_incident", {"summary": ["a"]}, "summary is a text"),
    ("create_incident", {"summary": "x" * 1_001}, "summary has 1001 characters, at most 1000"),
    ("create_incident", {"summary": "a\0b"}, "summary holds the character NUL"),
    ("create_incident", {"description": "x" * 65_537}, "description has 65537 characters"),
    ("create_incident", {"type": ...}, "type is required"),
    ("create_incident", {"type": "Wish"}, "type is Wish, it can be Request or Failure"),
    ("create_incident", {"status": "Frozen"}, "Logged, Active, Waiting for Customer, Waiting for"),
    ("create_incident", {"status": 1}, "status is a text"),
    ("create_incident", {"impact": "Huge"}, "impact is Huge, it can be Low, Medium or High"),
    ("create_incident", {"urgency": True}, "urgency is a text"),
    ("create_incident", {"source": "Pigeon"}, "source is Pigeon, it can be AutoTicket, Chat"),
    ("create_incident", {"incident_number": 5}, "there is no input incident_number"),
    ("create_incident", {"Summary": "x"}, "there is no input Summary; there are assignee"),
    ("update_incident", {"incident_number": ...}, "incident_number is required"),
    ("update_incident", {"incident_number": "12345"}, "incident_number is a whole number"),
    ("update_incident", {"incident_number": True}, "incident_number is a whole number"),
    ("update_incident", {"incident_number": 12345.5}, "incident_number is a whole number"),
    ("update_incident", {"cause_code": "Rain"}, "Configuration, Documentation Request, Hardware"),
    ("update_incident", {"status": "Solved"}, "status is Solved, it can be Logged"),
    ("update_incident", {"status": "Resolved", "cause_code": ...}, "cause_code is required for"),
    ("update_incident", {"status": "Resolved", "resolution": " "}, "resolution is required for"),
    ("update_incident", {"urgency": "Low"}, "there is no input urgency"),
    ("delete_incident", {"incident_number": None}, "incident_number is required"),
    ("delete_incident", {"incident_number": [1]}, "incident_number is a whole number"),
    ("delete_incident", {"force": True}, "there is no input force; there are incident_number"),
    ("add_note", {"summary": ...}, "summary is required"),
    ("add_note", {"category": "Gossip"}, "category is Gossip, it can be Called Customer"),
    ("add_note", {"source": "Email"}, "E-mail, Other, Phone/Fax, Self Service or Voice Mail"),
    ("add_note", {"notes": {"a": 1}}, "notes is a text"),
    ("add_note", {"incident_number": "x"}, "incident_number is a whole number"),
]
# What is said instead of a start, and what is wrong.
ENVELOPES: Final[list[tuple[Any, str]]] = [
    ("", "not JSON as documented"),
    ("{", "not JSON as documented"),
    ("[]", "not JSON as documented"),
    ("null", "not JSON as documented"),
    (b'{"version":"\xff"}', "not JSON as documented"),
    ("[" * 100_000, "not JSON as documented"),
    ('{"a":' * 5_000 + "1" + "}" * 5_000, "nested too deeply"),
    (started("add_note", {}, version="v2"), "version is v2, it can be v1"),
    (started("add_note", {}, version=1), "not JSON as documented"),
    (started("add_note", {}, type="trigger_start"), "type is trigger_start"),
    (started("add_note", {}, type=""), "type is required: action_start"),
    (started("delete_incident", {}), "body.action is delete_incident, in the path it is add_note"),
    (started("", {}), "body.action is required"),
    (started("add_note", []), "not JSON as documented"),
    (started("add_note", None), "incident_number is required"),
    (started("add_note", {}, meta="x"), "not JSON as documented"),
]


def changed(action: str, said: dict[str, Any]) -> dict[str, Any]:
    """Returns the example of an action with something else said."""
    return {name: value for name, value in (EXAMPLES[action] | said).items() if value is not ...}


@pytest.mark.envoy
@pytest.mark.parametrize(
    ("action", "said", "wrong"), WRONG, ids=[f"{n} {each[2]}" for n, each in enumerate(WRONG)]
)
async def test_what_is_wrong_is_named(
    orchestrator: Orchestrator, action: str, said: dict[str, Any], wrong: str
) -> None:
    answer = await orchestrator.start(action, changed(action, said), meta={"jobId": "7"})

    assert answer.status == 400, answer
    assert answer.headers["content-type"] == "application/json"
    event = answer.json()
    data = event["body"]["exception"]["data"]
    assert data in said
    assert fits(event, failed("Wrong input.", "<text>", data=data, meta={"jobId": "7"}))
    assert wrong in event["body"]["exception"]["assistance"]


@pytest.mark.envoy
@pytest.mark.parametrize(
    ("body", "wrong"), ENVELOPES, ids=[f"{n} {each[1]}" for n, each in enumerate(ENVELOPES)]
)
async def test_an_envelope_that_is_wrong_is_told_so(
    orchestrator: Orchestrator, body: Any, wrong: str
) -> None:
    for shown in ("", f"rest_api_key={KEY}"):
        answer = await orchestrator.post("/actions/add_note", body, Authorization=shown)

        assert answer.status == 400, answer
        exception = answer.json()["body"]["exception"]
        assert fits(answer.json(), failed("Wrong input.", "<text>", data=exception["data"]))
        assert wrong in exception["assistance"]


@pytest.mark.envoy
@pytest.mark.parametrize("number", [0, -1, NOBODY, 2**31, 2**63, 10**30])
async def test_a_number_of_no_incident_is_told_in_the_plugins_words(
    orchestrator: Orchestrator, number: int
) -> None:
    for action in ("update_incident", "delete_incident", "add_note"):
        answer = await orchestrator.start(action, changed(action, {"incident_number": number}))

        assert (answer.status, answer.json()) == (400, no_incident(number))


@pytest.mark.envoy
@pytest.mark.parametrize("field", ["customer", "assignee"])
async def test_whoever_is_in_no_directory_is_told_in_the_plugins_words(
    orchestrator: Orchestrator, field: str
) -> None:
    for action in ("create_incident", "update_incident"):
        answer = await orchestrator.start(action, changed(action, {field: "eve@example.com"}))

        words = "No employees found using data provided - eve@example.com. Please validate and try"
        assert answer.status == 400
        assert answer.json() == failed("No employees found.", f"{words} again.", data=field)


@pytest.mark.envoy
async def test_two_of_one_name_are_told_apart_by_another(
    orchestrator: Orchestrator, desk: RestWay
) -> None:
    for login in ("twin1", "twin2"):
        person = {"email": f"{login}@example.com", "displayName": "Twin Doe", "login": login}
        await desk.call("DirectoryService.CreatePerson", {"parent": "orgs/1", "person": person})

    answer = await orchestrator.start(
        "create_incident", changed("create_incident", {"assignee": "Twin Doe"})
    )
    made = [await orchestrator.create(assignee=name) for name in ("twin1", "TWIN2@example.com")]

    words = "Search for Twin Doe returned more than 1 result. Please provide a unique identifier."
    assert answer.status == 400
    assert answer.json() == failed("Multiple employees found.", words, data="assignee")
    assert [each["Owner"] for each in made] == ["twin1", "twin2"]


@pytest.mark.envoy
async def test_what_is_said_with_null_or_an_empty_text_is_not_said(
    orchestrator: Orchestrator,
) -> None:
    made = await orchestrator.create(status=None, impact="", source=None, category="", assignee="")
    said = {"incident_number": made["IncidentNumber"], "category": None, "assignee": ""}
    same = (await orchestrator.output("update_incident", **said))["incident"]

    assert (made["Status"], made["Impact"]) == ("Logged", "Low")
    assert "Source" not in made
    assert same == made


@pytest.mark.envoy
async def test_meta_comes_back_as_it_came(orchestrator: Orchestrator) -> None:
    meta = {"z": [1.0, 10**20, None], "a": {"ä": "<&>\u2028\x7f"}, "jobId": "7"}
    said = EXAMPLES["delete_incident"] | {"incident_number": NOBODY}
    number = (await orchestrator.create())["IncidentNumber"]

    failure = await orchestrator.start("delete_incident", said, meta=meta)
    success = await orchestrator.start("delete_incident", {"incident_number": number}, meta=meta)
    long = await orchestrator.start("delete_incident", said, meta={"long": "x" * 5_000})

    assert failure.json()["body"]["meta"] == meta
    assert success.json() == done({"success": True}, meta=meta)
    assert list(success.json()["body"]["meta"]) == list(meta)
    assert long.json() == no_incident(NOBODY)


@pytest.mark.envoy
@pytest.mark.parametrize(
    ("method", "path", "http"),
    [
        ("POST", "/actions", 404),
        ("POST", "/actions/add_note/more", 404),
        ("POST", "/api/v1/actions/add_note/test", 404),
        ("GET", "/api/v1/connection", 404),
        ("GET", "/api/v1/info/more", 404),
        ("GET", "/actions/add_note", 405),
        ("POST", "/api/v1/actions", 405),
        ("GET", "/api/v1/connection/test", 405),
        ("POST", "/api/v1/info", 405),
        ("POST", "/api/v1/status", 405),
    ],
)
async def test_an_unknown_path_is_told_in_the_envelope(
    orchestrator: Orchestrator, method: str, path: str, http: int
) -> None:
    answer = await orchestrator.rest.request(method, path)

    type_ = "connection_test" if "connection" in path else "action_event"
    assert answer.status == http
    assert fits(answer.json(), failed(type_=type_))


@pytest.mark.envoy
async def test_the_paths_of_other_dialects_stay_theirs(orchestrator: Orchestrator) -> None:
    rest = orchestrator.rest

    assert (await rest.request("GET", "/api/v1/incident/1")).status == 200
    for path in ("/api/v1/incident/x/y", "/api/v1/request/x/y"):
        answer = await rest.request("GET", path)
        assert (answer.status, answer.json()["returnCode"]) == (404, "NOT_FOUND")
    assert (await rest.request("GET", "/api/v1/status/1/2")).json() == {"results": []}
    assert "version" not in (await rest.request("GET", "/api/v1/nothing")).json()


@pytest.mark.envoy
async def test_an_unknown_action_is_told_those_that_there_are(orchestrator: Orchestrator) -> None:
    answer = await orchestrator.start("close_incident", {})

    words = f"there is no action close_incident; there are {', '.join(ACTIONS)}"
    assert answer.status == 400
    assert answer.json() == failed("Wrong input.", words, data="action")


@pytest.mark.envoy
async def test_a_format_that_is_unknown_is_refused(orchestrator: Orchestrator) -> None:
    answer = await orchestrator.rest.request("GET", "/api/v1/spec?format=xml")

    assert answer.status == 400
    assert fits(answer.json(), failed("Wrong input.", "<text>", data="format"))


@pytest.mark.parametrize(
    "kind",
    [
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.PolydeskError)
    ],
)
def test_every_error_has_an_envelope(kind: type[errors.PolydeskError]) -> None:
    for rpc, type_ in (("RunAction", "action_event"), ("TestConnection", "connection_test")):
        refusal = refuse(kind("what to mend"), rpc)

        assert refusal.http >= 400
        assert fits(refusal.body, failed("<text>", "what to mend", type_=type_))
    assert set(PREFIXES.values()) >= {"RunAction", "TestConnection"}


def values(action: str, name: str) -> st.SearchStrategy[Any]:
    """Returns what may be said of an input, sound or not."""
    row = next(row for row in INPUTS[action] if row["Name"] == name)
    sound = value_of(row["Enum"]) or [EXAMPLES[action].get(name, "How-To")]
    other = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    return st.sampled_from(sound) | other | st.lists(st.text(max_size=3), max_size=2)


@st.composite
def inputs(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Draws an action and an input for it, of which most is sound."""
    action = draw(st.sampled_from(sorted(INPUTS)))
    said = {row["Name"]: values(action, row["Name"]) for row in INPUTS[action]}
    chosen = draw(st.lists(st.sampled_from(sorted(said)), max_size=2))
    more = draw(st.dictionaries(st.text(max_size=9), st.integers(), max_size=1))
    return action, EXAMPLES[action] | {name: draw(said[name]) for name in chosen} | more


@given(inputs())
def test_input_is_read_by_the_table_or_refused(drawn: tuple[str, dict[str, Any]]) -> None:
    action, said = drawn
    try:
        read = read_input(ACTIONS[action], said)
    except Invalid:
        return

    for row in INPUTS[action]:
        name = row["Name"]
        if row["Required"] == "True":
            assert name in read
        if (known := value_of(row["Enum"])) and name in read:
            assert read[name] in known
        if name in read:
            assert type(read[name]) is (int if row["Type"] == "integer" else str)
    if action == "update_incident" and read.get("status") == "Resolved":
        assert read["cause_code"]
        assert read["resolution"]


@pytest.mark.envoy
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=inputs(), junk=st.binary(max_size=40))
async def test_no_input_makes_the_hub_fail(
    orchestrator: Orchestrator, drawn: tuple[str, dict[str, Any]], junk: bytes
) -> None:
    action, said = drawn
    if said.get("incident_number") == EXAMPLES["add_note"]["incident_number"]:
        said["incident_number"] = NOBODY  # the page's own stays as it is
    for answer in (
        await orchestrator.start(action, said),
        await orchestrator.post(f"/actions/{action}", junk),
        await orchestrator.post(
            f"/actions/{action}", json.dumps(started(action, said)).encode() + junk
        ),
    ):
        assert answer.status in (200, 400, 401), (said, answer)
        assert answer.json()["type"] == "action_event"

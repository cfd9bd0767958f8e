"""Lists: what is found by which words and filters, in which order, page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest

from tests.dialects.ivanti_sm.page import CUSTOMER, NOTE

from .conftest import Ism

pytestmark = pytest.mark.envoy


async def word_of(ism: Ism) -> str:
    """Returns a word that no other test's incidents have."""
    return f"word{(await ism.create())['IncidentNumber']}x"


@pytest.mark.parametrize(
    ("words", "logins"),
    [
        ("user@example.com", ["user"]),
        ("USER@example.com", ["user"]),
        ("otheruser@example.com", ["otheruser"]),
        ("John Doe", ["jdoe"]),
        ('"John Doe"', ["jdoe"]),
        ("doe john", ["jdoe"]),
        ("jdoe", ["jdoe"]),
        ("john", ["jdoe"]),
        ("joh", []),
        ("user", ["user", "otheruser"]),
        ("example.com", []),
        ("john nobody", []),
        (CUSTOMER, ["user"]),
    ],
)
async def test_employees_are_found_by_whole_words(ism: Ism, words: str, logins: list[str]) -> None:
    found = (await ism.get("employees", search=words))["value"]

    assert [each["LoginID"] for each in found] == logins


async def test_employees_are_filtered_ordered_and_paged(ism: Ism) -> None:
    known = [each["LoginID"] for each in (await ism.get("employees"))["value"]]
    page = await ism.get("employees", orderby="LoginID desc", top="2", skip="1")
    does = await ism.get("employees", filter_="endswith(displayname,'doe')", select="loginid,Team")
    mine = await ism.get("employees", filter_="not (PrimaryEmail eq 'user@example.com')")
    teamless = await ism.get("employees", filter_="Team eq null", select="Team")
    one = await ism.get(f"employees('{CUSTOMER}')")

    assert [each["LoginID"] for each in page["value"]] == sorted(known, reverse=True)[1:3]
    assert page["@odata.count"] == len(known)
    assert does["value"] == [{"LoginID": "jdoe", "Team": "Service Management Team"}]
    assert "user" not in [each["LoginID"] for each in mine["value"]]
    assert {"Team": None} in teamless["value"]
    assert (one["DisplayName"], one["RecId"]) == ("User", CUSTOMER)


# Each says what it finds of: 0, logged and printing, of medium urgency; 1, active, of jdoe; 2,
# waiting for somebody else; 3, resolved; 4, closed.
FILTERS: Mapping[str, list[int]] = {
    "Status eq 'Logged'": [0],
    "status EQ 'logged'": [0],
    "Status ne 'Logged'": [1, 2, 3, 4],
    "Status eq 'Waiting for 3rd Party'": [2],
    "Status eq 'Waiting for Customer'": [],
    "startswith(Status, 'Waiting')": [2],
    "contains(Status, 'ed')": [0, 3, 4],
    "Status eq 'Closed'": [4],
    "Status eq 'Frozen'": [],
    "Status eq null": [],
    "IsInFinalState eq true": [4],
    "IsInFinalState ne true": [0, 1, 2, 3],
    "Urgency eq 'High'": [1],
    "Urgency ne 'High' and Impact eq 'Low'": [2, 3, 4],
    "Priority eq '3'": [0, 1],
    "Priority le '4'": [0, 1],
    "Owner eq 'jdoe'": [1],
    "Owner eq null": [0, 2, 3, 4],
    "Owner ne null": [1],
    "not (Owner ne null)": [0, 2, 3, 4],
    "not Status eq 'Logged'": [1, 2, 3, 4],
    "CauseCode eq 'Software'": [3],
    "Category eq 'How-To' or Status eq 'Active' and Owner eq null": [0],
    "(Category eq 'How-To' or Status eq 'Active') and Owner eq 'jdoe'": [1],
    "ResolvedDateTime ne null": [3],
    "ClosedDateTime eq null": [0, 1, 2, 3],
    "contains(Symptom, 'it''s 100% \"off\"')": [0],
    "endswith(Symptom, 'OFF\"')": [0],
    "CreatedDateTime gt 2020-01-01": [0, 1, 2, 3, 4],
    "CreatedDateTime lt 2020-01-01T10:00:00+02:00": [],
    "CreatedDateTime lt '2020-01-01T10:00:00Z'": [],
    "IncidentNumber ge 1 and IncidentNumber lt 99999999999999999999": [0, 1, 2, 3, 4],
    "IncidentNumber eq -5": [],
    "Email eq 'user@example.com'": [0, 1, 2, 3, 4],
}


@pytest.fixture
async def made(ism: Ism) -> tuple[str, list[dict[str, Any]]]:
    word = await word_of(ism)
    low: dict[str, Any] = {"Subject": word, "Owner": None, "Urgency": "Low", "Impact": "Low"}
    solved = {"CauseCode": "Software", "Resolution": "rebooted"}
    said: list[dict[str, Any]] = [
        {
            "Category": "How-To",
            "Symptom": 'it\'s 100% "off"',
            "Urgency": "Medium",
            "Impact": "Medium",
        },
        {"Status": "Active", "Owner": "John Doe", "Urgency": "High"},
        {"Status": "Waiting for 3rd Party"},
        {"Status": "Resolved", **solved},
        {"Status": "Closed"},
    ]
    return word, [await ism.create(**(low | each)) for each in said]


async def test_filters_find_what_they_say(ism: Ism, made: tuple[str, list[dict[str, Any]]]) -> None:
    word, incidents = made
    numbers = [each["IncidentNumber"] for each in incidents]
    for filter_, expected in FILTERS.items():
        found = await ism.numbers(filter_=f"Subject eq '{word}' and ({filter_})")
        assert [numbers.index(number) for number in found] == expected, filter_
    for incident in incidents:
        rec_id, number = incident["RecId"], incident["IncidentNumber"]
        assert await ism.numbers(filter_=f"RecId eq '{rec_id}'") == [number]
        assert number not in await ism.numbers(filter_=f"RecId ne '{rec_id}'", search=word)


async def test_incidents_come_in_order_and_in_pages(ism: Ism) -> None:
    word = await word_of(ism)
    numbers = [(await ism.create(Subject=word))["IncidentNumber"] for _ in range(5)]
    [oldest] = (await ism.get("incidents", search=word, top="1"))["value"]
    await ism.update(oldest["RecId"], Phone="1")
    asked = {"filter_": f"Subject eq '{word}'"}

    assert await ism.numbers(**asked) == numbers
    assert await ism.numbers(orderby="IncidentNumber desc", **asked) == numbers[::-1]
    assert await ism.numbers(orderby="createddatetime DESC", **asked) == numbers[::-1]
    assert await ism.numbers(orderby="LastModDateTime,IncidentNumber", **asked) == [
        *numbers[1:],
        numbers[0],
    ]
    assert await ism.numbers(top="2", skip="1", **asked) == numbers[1:3]
    counted = await ism.get("incidents", top="0", **asked)
    assert (counted["@odata.count"], counted["value"]) == (5, [])
    bare = await ism.get("incidents", top="1", count="false", **asked)
    assert list(bare) == ["@odata.context", "value"]


async def test_a_page_has_25_objects_and_never_more_than_100(ism: Ism) -> None:
    word = await word_of(ism)
    for _ in range(11):
        await asyncio.gather(*(ism.create(Subject=word) for _ in range(10)))
    asked = {"filter_": f"Subject eq '{word}'", "select": "IncidentNumber"}

    assert len(await ism.numbers(**asked)) == 25
    assert len(await ism.numbers(top="5000", **asked)) == 100
    assert len(await ism.numbers(top="5000", skip="100", **asked)) == 10


async def test_fields_are_selected(ism: Ism) -> None:
    made = await ism.create(Subject="to be chosen", ivnt_Mine="kept")
    asked = {"filter_": f"IncidentNumber eq {made['IncidentNumber']}"}

    some = await ism.get("incidents", select="status, SUBJECT,Resolution,ivnt_mine", **asked)
    every = await ism.get("incidents", select="*", **asked)
    one = await ism.get(f"incidents('{made['RecId']}')", select="Subject")

    assert some["value"] == [
        {"Resolution": None, "Status": "Logged", "Subject": "to be chosen", "ivnt_Mine": "kept"}
    ]
    assert {"@odata.context": made["@odata.context"]} | every["value"][0] == made
    assert one == {"@odata.context": made["@odata.context"], "Subject": "to be chosen"}


async def test_words_are_sought_in_what_is_written(ism: Ism) -> None:
    word = await word_of(ism)
    made = await ism.create(Subject="a printer", Symptom=f"It says {word.upper()}")
    number = made["IncidentNumber"]

    assert await ism.numbers(search=word) == [number]
    assert await ism.numbers(search=f"printer {word}") == [number]
    assert await ism.numbers(search=f"mouse {word}") == []
    assert number in await ism.numbers(search=str(number))


async def test_notes_are_read_one_by_one_and_by_their_incident(ism: Ism) -> None:
    rec_id = (await ism.create())["RecId"]
    said = [NOTE | {"ParentLink_RecID": rec_id, "Subject": f"note {n}"} for n in range(3)]
    said[1] |= {"PublishToWeb": True, "Category": "", "Source": None, "NotesBody": ""}
    made = [(await ism.ask("POST", "journal__notess", each)).json() for each in said]
    parent = f"ParentLink_RecID eq '{rec_id}'"

    listed = await ism.get("journal__Notess", filter_=parent)
    last = await ism.get(
        "journal__Notess",
        filter_=f"{parent} and Subject ne 'note 0'",
        orderby="Subject desc",
        top="1",
    )
    one = await ism.get(f"journal__Notess('{made[1]['RecId']}')")

    plain = [{name: value for name, value in note.items() if name[0] != "@"} for note in made]
    assert listed["value"] == plain
    assert (last["value"], last["@odata.count"]) == ([plain[2]], 2)
    assert one == made[1]
    assert (one["PublishToWeb"], one["DisplayText"]) == (True, "note 1")
    assert not {"Category", "Source", "NotesBody"} & one.keys()


async def test_dollars_may_be_encoded_or_left_out(ism: Ism) -> None:
    number = (await ism.create())["IncidentNumber"]
    filter_ = quote(f"IncidentNumber eq {number}")
    for query in (
        f"$filter={filter_}",
        f"%24filter={filter_}",
        f"filter={filter_}",
        f"$filter={filter_.replace('%20', '+')}",
    ):
        answer = await ism.ask("GET", f"incidents?{query}")
        assert [each["IncidentNumber"] for each in answer.json()["value"]] == [number], query

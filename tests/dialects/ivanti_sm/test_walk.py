"""The ways of the plugin: create, find, note, resolve, delete; and a poller while others write."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.dialects.ivanti_sm.page import NOTE, ROOTS, refused
from tests.dialects.sample import fits

from .conftest import Ism

pytestmark = pytest.mark.envoy


async def test_an_incident_is_created_found_noted_resolved_and_deleted(ism: Ism) -> None:
    made = await ism.create()
    number, rec_id = made["IncidentNumber"], made["RecId"]
    [found] = (await ism.get("incidents", filter_=f"IncidentNumber eq {number}"))["value"]
    noted = await ism.ask("POST", "journal__Notess", NOTE | {"ParentLink_RecID": rec_id})
    refused_ = await ism.ask("PUT", f"incidents('{rec_id}')", {"Status": "Resolved"})
    resolved = await ism.update(
        rec_id, method="PUT", Status="Resolved", CauseCode="Software", Resolution="rebooted"
    )
    deleted = await ism.ask("DELETE", f"incidents('{rec_id}')")
    gone = await ism.ask("GET", f"incidents('{rec_id}')")

    assert {"@odata.context": made["@odata.context"]} | found == made
    assert noted.status == 201
    assert noted.json()["ParentLink_RecID"] == rec_id
    assert refused_.json() == refused_.json() | {
        "message": ["CauseCode is required for the status Resolved"]
    }
    assert (resolved["Status"], resolved["CauseCode"]) == ("Resolved", "Software")
    assert resolved["ResolvedBy"] == "demo-client"
    assert resolved["Subject"] == made["Subject"]
    assert (deleted.status, deleted.body) == (204, b"")
    assert gone.status == 400
    assert await ism.numbers(filter_=f"IncidentNumber eq {number}") == []


@pytest.mark.parametrize("spelling", ["('{}')", "({})", "(%27{}%27)", "('{}')/"])
@pytest.mark.parametrize("set_", ["incidents", "Incidents", "INCIDENTS"])
async def test_a_key_has_many_spellings(ism: Ism, set_: str, spelling: str) -> None:
    made = await ism.create()

    for rec_id in (made["RecId"], made["RecId"].lower()):
        read = await ism.get(set_ + spelling.format(rec_id))
        assert read == made


async def test_a_set_without_matches_is_an_empty_list(ism: Ism) -> None:
    found = await ism.get("incidents", filter_="IncidentNumber eq 2147483647")

    assert found["value"] == []
    assert found["@odata.count"] == 0


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_both_verbs_merge(ism: Ism, method: str) -> None:
    made = await ism.create(Category="How-To", Cost="12.5000", IsVIP=True)

    changed = await ism.update(made["RecId"], method=method, Subject="changed", Owner=None)

    gone = {name for name in made if name.startswith("Owner") and "Org" not in name}
    moved = {"Subject", "SocialTextHeader", "LastModDateTime"}
    assert {name for name in made if changed.get(name) != made[name]} == gone | moved
    assert changed.keys() <= made.keys()
    assert (changed["Cost"], changed["IsVIP"], changed["Subject"]) == ("12.5000", True, "changed")


async def test_an_answer_may_be_sent_back_as_it_came(ism: Ism) -> None:
    made = await ism.create(Category="How-To", ivnt_Custom="mine", ivnt_Number=5)

    answer = await ism.ask("PUT", f"incidents('{made['RecId']}')", made)

    assert made["ivnt_Custom"] == "mine"
    assert made["ivnt_Number"] == 5
    assert answer.json() == made


async def test_the_context_is_where_the_client_asks(ism: Ism) -> None:
    made = await ism.create()
    base = ism.rest.base
    for root in ROOTS:
        for path, context in (
            ("incidents", "incidents"),
            (f"incidents('{made['RecId']}')", "incidents/$entity"),
            ("EMPLOYEES", "employees"),
        ):
            answer = await ism.rest.request("GET", f"{root}/{path}")
            expected = f"{base}{root.removesuffix('/businessobject')}/$metadata#{context}"
            assert answer.json()["@odata.context"] == expected
    answer = await ism.ask("GET", "incidents", Host="itsm.example.com")
    assert answer.json()["@odata.context"] == (
        "http://itsm.example.com/HEAT/api/odata/$metadata#incidents"
    )


async def test_the_connection_is_tested_with_a_wrong_key(ism: Ism) -> None:
    for key in ("rest_api_key=wrong", "rest_api_key=", "nonsense", ""):
        answer = await ism.ask("GET", "employees", Authorization=key)
        assert answer.status == 401
        assert fits(answer.json(), refused(401)), key


async def test_a_poller_by_number_loses_nothing_while_others_write(ism: Ism) -> None:
    word = f"poll{(await ism.create())['IncidentNumber']}"
    made: list[int] = []

    async def write(name: str) -> None:
        for index in range(15):
            new = await ism.create(Subject=f"{word} {name} {index}")
            made.append(new["IncidentNumber"])
            await ism.update(new["RecId"], Symptom=f"changed {index}")

    async def poll() -> list[dict[str, Any]]:
        seen: list[dict[str, Any]] = []
        while True:
            page = await ism.get(
                "incidents",
                filter_=f"startswith(Subject, '{word}')",
                orderby="IncidentNumber asc",
                top="4",
                skip=str(len(seen)),
            )
            seen += page["value"]
            if writers.done() and not page["value"]:
                return seen

    writers = asyncio.ensure_future(asyncio.gather(*map(write, "ab")))
    seen = await poll()
    await writers

    assert [each["IncidentNumber"] for each in seen] == sorted(made)


async def test_a_poller_by_time_sees_each_change_once(ism: Ism) -> None:
    word = f"time{(await ism.create())['IncidentNumber']}"
    made = [await ism.create(Subject=f"{word} {index}") for index in range(3)]
    last = made[-1]["LastModDateTime"]
    asked = {"filter_": f"LastModDateTime gt {last} and contains(Subject,'{word}')"}

    before = await ism.numbers(**asked)
    await ism.update(made[0]["RecId"], Symptom="changed")
    await ism.ask("POST", "journal__Notess", NOTE | {"ParentLink_RecID": made[1]["RecId"]})
    after = await ism.numbers(orderby="LastModDateTime", **asked)

    assert before == []
    assert after == [made[0]["IncidentNumber"], made[1]["IncidentNumber"]]


async def test_reading_changes_nothing(ism: Ism) -> None:
    made = await ism.create()

    reads = [await ism.read(made["RecId"]) for _ in range(3)]

    assert reads == [made] * 3

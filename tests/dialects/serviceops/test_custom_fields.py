"""Custom fields: values of every type, by the ids of the org's catalog."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.dialects.serviceops.guide import Ops
from tests.stack import DEMO

pytestmark = pytest.mark.envoy
DETAILS = "customFieldValueDetails"
TYPES = {
    102: "TYPE_INTEGER",
    103: "TYPE_NUMBER",
    104: "TYPE_BOOLEAN",
    105: "TYPE_LONG",
    107: "TYPE_INTEGER_LIST",
    108: "TYPE_TEXT_LIST",
    110: "TYPE_LONG_TEXT",
}


@pytest.fixture
async def fields(ops: Ops) -> AsyncIterator[None]:
    for id_, type_ in TYPES.items():
        await ops.call(
            "POST",
            f"/desk/v1/orgs/1/customFields?custom_field_id={id_}",
            {"key": f"field_{id_}", "type": type_},
            **DEMO,
        )
    yield
    for id_ in TYPES:
        await ops.call("DELETE", f"/desk/v1/orgs/1/customFields/{id_}", **DEMO)


async def test_the_seeds_own_value_is_kept(ops: Ops) -> None:
    said = {"1": {"type": 1, "stringValue": "Open"}, "35": {"type": 1, "stringValue": None}}

    id_ = await ops.create(**{DETAILS: said})

    assert (await ops.read(id_))[DETAILS] == {"1": {"type": 1, "stringValue": "Open"}}
    assert (await ops.canonical(id_))["customFields"] == {"stage": {"text": "Open"}}


async def test_null_takes_a_value_away_and_others_stay(ops: Ops) -> None:
    both = {id_: {"type": 1, "stringValue": "x"} for id_ in ("1", "35")}
    id_ = await ops.create(**{DETAILS: both})

    await ops.update(id_, **{DETAILS: {"1": {"type": 1, "stringValue": None}}})

    assert (await ops.read(id_))[DETAILS] == {"35": {"type": 1, "stringValue": "x"}}


@pytest.mark.usefixtures("fields")
async def test_every_type_comes_back_as_it_was_said(ops: Ops) -> None:
    said: dict[str, dict[str, Any]] = {
        "102": {"type": 2, "intValue": -5},
        "103": {"type": 3, "doubleValue": 7.5},
        "104": {"type": 4, "booleanValue": False},
        "105": {"type": 5, "longValue": 4_294_967_296},
        "107": {"type": 7, "intListValue": [1, 2]},
        "108": {"type": 8, "stringListValue": ["a", "b"]},
        "110": {"type": 10, "stringValue": "x" * 1_000},
    }

    id_ = await ops.create(**{DETAILS: said})

    assert (await ops.read(id_))[DETAILS] == said


@pytest.mark.usefixtures("fields")
async def test_a_string_value_is_taken_for_numbers_and_truths(ops: Ops) -> None:
    said = {"102": "5", "103": "0.5", "104": "TRUE", "105": "9007199254740993"}

    id_ = await ops.create(**{DETAILS: {key: {"stringValue": text} for key, text in said.items()}})

    assert (await ops.read(id_))[DETAILS] == {
        "102": {"type": 2, "intValue": 5},
        "103": {"type": 3, "doubleValue": 0.5},
        "104": {"type": 4, "booleanValue": True},
        "105": {"type": 5, "longValue": "9007199254740993"},  # no JSON number is as exact
    }


@pytest.mark.usefixtures("fields")
@pytest.mark.parametrize(
    ("id_", "said", "message"),
    [
        ("102", {"stringValue": "five"}, "customFieldValueDetails.102: five is no INTEGER"),
        ("104", {"stringValue": "perhaps"}, "customFieldValueDetails.104: perhaps is no BOOLEAN"),
        ("103", {"stringValue": "nan"}, "customFieldValueDetails.103 takes a finite number"),
        ("105", {"longValue": "x"}, "customFieldValueDetails.105: x is no LONG"),
        ("105", {"longValue": 1.5}, "customFieldValueDetails.105 takes an integer"),
        ("105", {"longValue": {}}, "customFieldValueDetails.105 takes an integer"),
        (
            "107",
            {"intListValue": [1, "a"]},
            "customFieldValueDetails.107 takes a list of at most 100 integers",
        ),
        (
            "108",
            {"stringListValue": [1]},
            "customFieldValueDetails.108 takes a list of at most 100 texts",
        ),
        ("108", {"stringValue": "a"}, "customFieldValueDetails.108: a is no STRING LIST"),
    ],
)
async def test_a_value_that_does_not_fit_is_refused(
    ops: Ops, id_: str, said: dict[str, Any], message: str
) -> None:
    answer = await ops.call("POST", "/api/v1/incident/1", {DETAILS: {id_: said}})

    assert (answer.status, answer.json()["userMessage"]) == (400, message)


async def test_a_required_field_must_have_a_value(ops: Ops) -> None:
    field = {"key": "must", "type": "TYPE_TEXT", "required": True}
    await ops.call("POST", "/desk/v1/orgs/1/customFields?custom_field_id=200", field, **DEMO)

    answer = await ops.call(
        "POST", "/api/v1/incident", {"subject": "s", "requesterEmail": "tim@acme.com"}
    )
    told = (await ops.call("GET", "/api/ususer/form/incident")).json()["fields"][-1]
    await ops.call("DELETE", "/desk/v1/orgs/1/customFields/200", **DEMO)

    assert (answer.status, answer.json()["userMessage"]) == (
        400,
        "customFieldValueDetails.200 is required",
    )
    assert told == {
        "id": 200,
        "name": "must",
        "label": "must",
        "type": 1,
        "typeName": "STRING",
        "required": True,
        "options": [],
    }

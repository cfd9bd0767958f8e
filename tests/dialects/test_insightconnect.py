"""The InsightConnect plugin: its actions with the page's example inputs, through a real Envoy."""

from __future__ import annotations

import json
from typing import Any

import pytest

from polydesk.dialects.ivanti_sm.field import FIELDS
from tests.dialects.insightconnect.page import (
    EXAMPLES,
    INCIDENT,
    INPUTS,
    NOTED,
    NUMBER,
    ONLY_IN_EXAMPLE,
    OUTPUTS,
    PATHS,
    SAMPLES,
    TYPES,
    done,
    no_incident,
    started,
    value_of,
)
from tests.dialects.sample import fits, is_answered, play
from tests.stack import Rest

pytestmark = pytest.mark.envoy

__all__ = ["SAMPLES"]


async def run(rest: Rest, path: str, action: str) -> tuple[int, Any]:
    """Plays the page's example of an action as it is printed."""
    answer = await rest.request(
        "POST",
        f"{path}/{action}",
        data=json.dumps(started(action, EXAMPLES[action])),
        headers={"Authorization": "", "Content-Type": "application/json"},
    )
    return answer.status, answer.json()


def assert_incident(said: dict[str, Any]) -> None:
    """Holds an incident against the page's table of types, spelt and ordered as its example is."""
    assert said.pop("@odata.context").endswith("/HEAT/api/odata/$metadata#incidents/$entity")
    assert list(said) == [name for name in FIELDS if name in said]
    for name, value in said.items():
        assert type(value) is (INCIDENT | ONLY_IN_EXAMPLE)[name], name


async def test_a_sample_is_answered_as_documented(rest: Rest) -> None:
    for sample in SAMPLES:
        answer = await play(rest, sample)

        assert is_answered(sample, answer.status, answer.body), (sample.path, answer)


@pytest.mark.parametrize("path", PATHS)
async def test_the_examples_of_the_page_are_carried_out_as_they_are_printed(
    rest: Rest, path: str
) -> None:
    created = await run(rest, path, "create_incident")
    noted = await run(rest, path, "add_note")
    updated = await run(rest, path, "update_incident")
    deleted = [await run(rest, path, "delete_incident") for _ in range(2)]
    gone = [await run(rest, path, action) for action in ("update_incident", "add_note")]

    for status, event in (created, updated):
        said = event["body"]["output"]["incident"]
        assert status == 200
        assert event == done({"incident": said})
        assert_incident(said)
    made, changed = (event["body"]["output"]["incident"] for _, event in (created, updated))
    assert (made["Status"], made["Owner"], made["Source"]) == ("Logged", "jdoe", "Network Monitor")
    assert (changed["IncidentNumber"], changed["Status"]) == (NUMBER, "Waiting for Resolution")
    assert noted[0] == 200
    assert fits(noted[1], done({"journal_note": NOTED}))
    assert deleted == [(200, done({"success": True})), (400, no_incident(NUMBER))]
    assert gone == [(400, no_incident(NUMBER))] * 2


async def test_the_specification_has_the_tables_of_the_page(rest: Rest) -> None:
    spec = (await rest.request("GET", "/api/v1/spec", headers={"Authorization": ""})).json()

    assert spec["actions"].keys() == INPUTS.keys()
    for name, action in spec["actions"].items():
        listed = {row["Name"]: row for row in INPUTS[name]}
        assert list(action["input"]) == list(listed)
        for field, said in action["input"].items():
            row = {head: value_of(cell) for head, cell in listed[field].items()}
            assert (said["type"], str(said["required"])) == (row["Type"], row["Required"])
            assert (said.get("enum"), said.get("default")) == (row["Enum"], row["Default"])
            assert str(said.get("example")) == str(row["Example"])
        assert {each: said["type"] for each, said in action["output"].items()} == {
            row["Name"]: row["Type"] for row in OUTPUTS[name]
        }
    types = {name: TYPES[said["type"]] for name, said in spec["types"]["incident"].items()}
    assert types == types | INCIDENT

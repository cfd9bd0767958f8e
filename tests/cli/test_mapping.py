from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from polydesk.cli.failure import Failure
from polydesk.cli.mapping import Mapped, Plan

from .conftest import EXAMPLE

PLAN: dict[str, Any] = {
    "fields": {
        "TicketNumber": "number",
        "sys_id": "number",
        "StatusCode": "state",
        "Summary": "{what|nothing} at {where}",
        "Description": "what",
        "Col1": "{what} {where}",
    },
    "dates": {
        "format": "%d-%m-%Y %H:%M",
        "zone": "Asia/Kolkata",
        "fields": {
            "CreationDate": "opened",
            "LastModifiedDate": "updated",
            "ResolvedDate": "resolved",
        },
    },
    "empty": ["?"],
}
ROW = {
    "number": "INC1",
    "state": "New",
    "what": "disk full",
    "where": "?",
    "opened": "29-02-2016 01:16",
    "updated": "29-02-2016 06:46",
    "resolved": "?",
}


def mapped(**changes: Any) -> Mapped:
    return Mapped(msgspec.convert(PLAN | changes, Plan))


def test_a_row_becomes_a_ticket() -> None:
    assert mapped().ticket(ROW) == {
        "ModuleId": "1",
        "IsTimeZoneOrOffset": "GMT",
        "IsEpoch": "N",
        "TicketNumber": "INC1",
        "sys_id": "INC1",
        "StatusCode": "New",
        "Summary": "disk full at ",
        "Description": "disk full",
        "Col1": "disk full ",
        "CreationDate": "2016-02-28 19:46:00",
        "LastModifiedDate": "2016-02-29 01:16:00",
        "ResolvedDate": "",
    }


def test_a_text_whose_columns_are_all_empty_is_empty() -> None:
    assert mapped().ticket(ROW | {"what": "?"})["Col1"] == ""


def test_what_stands_behind_the_bar_replaces_an_empty_column() -> None:
    assert mapped().ticket(ROW | {"what": "?"})["Summary"] == "nothing at "


def test_constants_replace_what_is_said_of_each_ticket() -> None:
    assert mapped(constants={"ModuleId": "9"}).ticket(ROW)["ModuleId"] == "9"


def test_parts_of_a_second_are_kept() -> None:
    dates = PLAN["dates"] | {"format": "%Y-%m-%dT%H:%M:%S.%f%z"}
    row = ROW | {"opened": "2016-02-29T01:16:02.125+0100", "updated": "2016-02-29T01:16:02.000Z"}

    ticket = mapped(dates=dates).ticket(row)

    assert ticket["CreationDate"] == "2016-02-29 00:16:02.125"
    assert ticket["LastModifiedDate"] == "2016-02-29 01:16:02"


def test_what_is_no_date_is_told_with_its_column() -> None:
    with pytest.raises(Failure, match=r"opened is '2016-02-29', which is no date as '%d-%m-%Y"):
        mapped().ticket(ROW | {"opened": "2016-02-29"})


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"fields": PLAN["fields"] | {"Col21": "what"}}, "'Col21' in [fields] is no field"),
        ({"fields": PLAN["fields"] | {"ResolvedDate": "x"}}, "'ResolvedDate' in [fields]"),
        ({"fields": {"Summary": "what"}}, "gives no Description, StatusCode, TicketNumber, sys_id"),
        ({"dates": PLAN["dates"] | {"zone": "Asia/Nowhere"}}, "no time zone 'Asia/Nowhere'"),
    ],
)
def test_a_wrong_mapping_is_told(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(Failure, match=re.escape(why)):
        mapped(**changes)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("fields = 1", "Expected `object`"),
        ("fields", "is no mapping"),
        ("[field]", "is no mapping"),
    ],
)
def test_a_file_that_is_no_mapping_is_told(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "map.toml"
    path.write_text(text)

    with pytest.raises(Failure, match=re.escape(why)):
        Mapped.read(path)


def test_a_column_that_the_file_lacks_is_told() -> None:
    columns = [*ROW]
    columns.remove("where")

    with pytest.raises(Failure, match="takes Summary from the column 'where', and the file has"):
        mapped().check_columns(columns)


def test_the_example_uses_every_column_of_the_log() -> None:
    head = next(csv.reader([LOG_HEAD]))
    text = EXAMPLE.read_text()

    Mapped.read(EXAMPLE).check_columns(head)

    assert [
        name for name in head if f'"{name}"' not in text and not re.search(rf"{{{name}[|}}]", text)
    ] == []


LOG_HEAD = (
    "number,incident_state,active,reassignment_count,reopen_count,sys_mod_count,made_sla,caller_id,"
    "opened_by,opened_at,sys_created_by,sys_created_at,sys_updated_by,sys_updated_at,contact_type,"
    "location,category,subcategory,u_symptom,cmdb_ci,impact,urgency,priority,assignment_group,"
    "assigned_to,knowledge,u_priority_confirmation,notify,problem_id,rfc,vendor,caused_by,"
    "closed_code,resolved_by,resolved_at,closed_at"
)

"""What the plugin's page prints (seed 002), from a copy of its tables beside this, and samples."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any, Final

from polydesk.dialects.ivanti_sm.field import FIELDS
from tests.dialects.ivanti_sm.page import IN_PAGE, MADE, NOTE, OTHER, OWNED, REC_ID, WRITTEN
from tests.dialects.ivanti_sm.page import incident as printed
from tests.dialects.sample import Sample

KEY: Final = "1A2B3CC4D5E67F8901G2HI345J6K7L89"
PAGE: Final = (Path(__file__).parent / "page.md").read_text()
NUMBER: Final = 12345
# The other incident of the demo, which samples may change, and a number that no incident has.
CHANGED: Final = 12346
NOBODY: Final = 2_147_483_647
PATHS: Final = ("/actions", "/api/v1/actions")
TYPES: Final = {"string": str, "integer": int, "int": int, "boolean": bool}


def rows(text: str) -> list[dict[str, str]]:
    """Returns the rows of the first table in a text, by the heads of its columns."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    heads, _, *cells = lines
    return [dict(zip(heads, each, strict=True)) for each in cells]


def value_of(cell: str) -> Any:
    """Returns what a cell says; the page writes None for nothing."""
    return None if cell == "None" else ast.literal_eval(cell) if cell.startswith("[") else cell


def plain(name: str) -> str:
    return re.sub("[ _]", "", name).lower()


ACTIONS: Final = ("add_note", "update_incident", "delete_incident", "create_incident")
_PARTS: Final = {
    name: dict(
        re.findall(
            r"^##### (\w+)\n(.*?)(?=^#|\Z)",
            PAGE.partition(f"#### {name.replace('_', ' ').title()}\n")[2].partition("\n#### ")[0],
            re.MULTILINE | re.DOTALL,
        )
    )
    for name in ACTIONS
}
INPUTS: Final = {name: rows(parts["Input"]) for name, parts in _PARTS.items()}
OUTPUTS: Final = {name: rows(parts["Output"]) for name, parts in _PARTS.items()}
EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    name: json.loads(re.findall(r"```\n(.*?)```", parts["Input"], re.DOTALL)[0])
    for name, parts in _PARTS.items()
}
# Two names of the table of types have a "By" too many.
_MISSPELT: Final = {"isdsmtaskexistedby": "isdsmtaskexisted", "priorityvalidby": "priorityvalid"}
_SPELT: Final = {plain(name): name for name in FIELDS}
INCIDENT: Final = {
    _SPELT[_MISSPELT.get(plain(row["Name"]), plain(row["Name"]))]: TYPES[row["Type"]]
    for row in rows(PAGE.partition("#### incident\n")[2])
}
# What the example has and the table has not.
ONLY_IN_EXAMPLE: Final = {
    "OrganizationUnitID": str,
    "ReadOnly": bool,
    "TotalTimeSpent": int,
}


def started(
    action: str, said: Any, *, key: Any = KEY, meta: Any = None, **more: Any
) -> dict[str, Any]:
    """Returns the envelope that starts an action; no connection without a key."""
    connection = {"ssl_verify": True, "url": "https://ivanti.example.com"}
    shown = {"connection": connection | {"credentials": {"secretKey": key}}} if key else {}
    body = {"action": action, "meta": {} if meta is None else meta, **shown, "input": said}
    return {"version": "v1", "type": "action_start", "body": body} | more


def done(output: Any, *, meta: Any = None, type_: str = "action_event") -> dict[str, Any]:
    """Returns the envelope of what was done."""
    body = {"status": "ok", "log": "", "meta": meta or {}, "output": output}
    return {"version": "v1", "type": type_, "body": body}


def failed(
    cause: str = "<text>",
    assistance: str = "<text>",
    *,
    data: str | None = None,
    meta: Any = None,
    type_: str = "action_event",
) -> dict[str, Any]:
    """Returns the envelope of what was not."""
    known = "<text>" not in (cause, assistance)
    body = {
        "status": "error",
        "log": "",
        "meta": meta or {},
        "error": f"{cause} {assistance}" if known else "<text>",
        "exception": {"cause": cause, "assistance": assistance, "data": data},
    }
    return {"version": "v1", "type": type_, "body": body}


def no_incident(number: int) -> dict[str, Any]:
    """Returns the envelope for a number that no incident has."""
    words = f"No incident found using number provided - {number}. Please validate and try again."
    return failed("No incidents found.", words)


NOTED: Final = WRITTEN | {"ParentLink_RecID": REC_ID, "Subject": NOTE["Subject"]}
UPDATED: Final = printed(
    **(IN_PAGE | OWNED),
    IncidentNumber=CHANGED,
    RecId=OTHER,
    Status="Waiting for Resolution",
    Category="How-To",
    ActualCategory="How-To",
    CauseCode="Software",
    Resolution="This incident was resolved by InsightConnect",
    ProgressBarPosition="3",
)


def call(id_: str, path: str, body: Any = None, **said: Any) -> Sample:
    """Returns a call of an orchestrator, whose key is in the body."""
    return Sample(
        id=id_,
        method="GET" if body is None else "POST",
        path=path,
        body="" if body is None else json.dumps(body),
        bare=True,
        **said,
    )


def _samples(root: str) -> tuple[Sample, ...]:
    create, update, delete, note = (
        started(name, EXAMPLES[name])
        for name in ("create_incident", "update_incident", "delete_incident", "add_note")
    )
    update["body"]["input"] = update["body"]["input"] | {"incident_number": CHANGED}
    delete["body"]["input"] = {"incident_number": NOBODY}
    return (
        call("R01", f"{root}/create_incident", create, answer=done({"incident": MADE})),
        call("R02", f"{root}/update_incident", update, answer=done({"incident": UPDATED})),
        call("R03", f"{root}/delete_incident", delete, answer=no_incident(NOBODY), http=(400,)),
        call("R04", f"{root}/add_note", note, answer=done({"journal_note": NOTED})),
    )


SAMPLES: Final = (
    *(sample for root in PATHS for sample in _samples(root)),
    call(
        "test",
        "/api/v1/connection/test",
        {
            "version": "v1",
            "type": "connection_test",
            "body": {"connection": {"credentials": {"secretKey": KEY}}},
        },
        answer=done({"success": True}, type_="connection_test"),
    ),
    call("status", "/api/v1/status", answer={"status": "Ready"}),
)

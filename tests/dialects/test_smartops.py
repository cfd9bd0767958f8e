"""SmartOps: every documented call through a real Envoy."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from tests.dialects.sample import Sample, is_answered
from tests.dialects.smartops.contract import (
    CREATE,
    FETCH,
    NUMBER,
    SECRETS,
    SYS_ID,
    TICKET,
    UPDATE,
    answered,
)

# The contract prints the members and no values; these are the demo's. The order of ticketDetails
# is nobody's business, so each asks for one name.
ASKED: Final = {
    "ticketNumber": NUMBER,
    "connectionDetails": SECRETS,
    "ticketFields": ["sysId"],
    "itsmTimeZoneOffset": "+05:30",
}
FETCHED: Final = answered(f"Ticket {NUMBER} fetched successfully", sysId=SYS_ID)
SAMPLES: Final = (
    Sample(
        id="S01",
        method="POST",
        path=CREATE,
        body=json.dumps(
            {
                "connectionDetails": SECRETS,
                "ticketJSON": {"shortDescription": "disk full", "urgency": "1"},
                "ticketFields": ["ticketStatus"],
                "itsmTimeZoneOffset": "+05:30",
            }
        ),
        answer=answered(ticketStatus="New"),
    ),
    Sample(
        id="S01",
        note="nothing is asked for",
        method="POST",
        path=CREATE,
        body=json.dumps(
            {
                "connectionDetails": {},
                "ticketJSON": {"shortDescription": "disk full"},
                "ticketFields": [],
                "itsmTimeZoneOffset": "",
            }
        ),
        answer=answered(),
    ),
    Sample(
        id="S02",
        method="POST",
        path=UPDATE,
        body=json.dumps(
            {
                "sysId": SYS_ID,
                "connectionDetails": SECRETS,
                "ticketFields": ["assignedTo"],
                "ticketJSON": {"assignedTo": "bob@example.com"},
                "itsmTimeZoneOffset": "-05:00",
            }
        ),
        answer=answered(f"Ticket {NUMBER} updated successfully", assignedTo="bob@example.com"),
    ),
    Sample(
        id="S03",
        note="a GET with a body",
        method="GET",
        path=TICKET,
        body=json.dumps(ASKED),
        answer=FETCHED,
    ),
    Sample(
        id="S03",
        note="the query form",
        method="GET",
        path=f"{TICKET}?ticketNumber={NUMBER}&ticketFields=sysId&itsmTimeZoneOffset=+05:30",
        answer=FETCHED,
    ),
    Sample(
        id="S03",
        note="the POST alias",
        method="POST",
        path=FETCH,
        body=json.dumps(ASKED),
        answer=FETCHED,
    ),
)


@pytest.mark.envoy
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda each: f"{each.id} {each.note}".strip())
async def test_a_sample_is_answered_as_documented(rest: Any, sample: Sample) -> None:
    answer = await rest.request(
        sample.method, sample.path, data=sample.body or None, headers=sample.headers
    )

    assert is_answered(sample, answer.status, answer.body), answer

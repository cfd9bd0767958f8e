"""Batches of which the sound rows are kept, and each other one is told what is wrong with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import grpc
import grpc.aio
import pytest
from google.rpc import code_pb2, error_details_pb2

from polydesk.api.v1 import ticket_pb2

if TYPE_CHECKING:
    from tests.conftest import Native
    from tests.stack import Rest

Ticket = ticket_pb2.Ticket
Result = ticket_pb2.SaveTicketsResponse
CREATED, REFUSED = Result.OUTCOME_CREATED, Result.OUTCOME_REFUSED


def row(number: str, **said: object) -> Ticket:
    usual: dict[str, object] = {"kind": Ticket.KIND_EVENT, "number": number, "summary": "disk full"}
    return Ticket(**(usual | said))  # type: ignore[arg-type]


async def save(
    native: Native, *rows: Ticket, partial: bool = True, key: str = ""
) -> ticket_pb2.SaveTicketsResponse:
    headers = {"idempotency-key": key} if key else {}
    request = ticket_pb2.SaveTicketsRequest(parent="orgs/1", tickets=rows, allow_partial=partial)
    answer: ticket_pb2.SaveTicketsResponse = await native.tickets.SaveTickets(
        request, metadata=native.headers(**headers)
    )
    return answer


async def numbers(native: Native) -> set[str]:
    request = ticket_pb2.ListTicketsRequest(parent="orgs/1", filter="kind = EVENT")
    listed = await native.tickets.ListTickets(request, metadata=native.headers())
    return {ticket.number for ticket in listed.tickets}


BATCH = [
    row("E1"),
    row("E2", kind=0),
    row("E3", etag="1"),
    row("", summary="no number"),
    row("E4", summary=""),
    row("E5"),
]


async def test_sound_rows_are_kept_and_each_other_one_says_what_to_mend(native: Native) -> None:
    answer = await save(native, *BATCH)

    assert [result.outcome for result in answer.results] == [
        CREATED,
        REFUSED,
        REFUSED,
        REFUSED,
        REFUSED,
        CREATED,
    ]
    assert {"E1", "E5"} <= await numbers(native)
    assert not {"E2", "E3", "E4"} & await numbers(native)
    refused = answer.results[1:5]
    assert [(result.name, result.etag) for result in refused] == [("", "")] * 4
    assert [code_pb2.Code.Name(result.error.code) for result in refused] == [
        "INVALID_ARGUMENT",
        "ABORTED",
        "INVALID_ARGUMENT",
        "INVALID_ARGUMENT",
    ]
    assert "number is required (item 3)" in refused[2].error.message
    bad = error_details_pb2.BadRequest()
    assert any(detail.Unpack(bad) for detail in refused[0].error.details)
    assert bad.field_violations[0].field == "tickets[1].kind"


async def test_without_the_choice_one_bad_row_refuses_the_batch(native: Native) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await save(native, *BATCH, partial=False)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "E1" not in await numbers(native)


async def test_a_refused_row_leaves_the_ticket_to_a_later_one(native: Native) -> None:
    answer = await save(native, row("E1", etag="9"), row("E1", summary="second"))

    assert [result.outcome for result in answer.results] == [REFUSED, CREATED]


async def test_a_repetition_under_a_key_answers_the_same(native: Native) -> None:
    first = await save(native, *BATCH, key="k")

    again = await save(native, *BATCH, key="k")

    assert again == first


async def test_a_batch_of_nothing_sound_is_answered_row_by_row(native: Native) -> None:
    answer = await save(native, row("E2", kind=0), row(""))

    assert [result.outcome for result in answer.results] == [REFUSED, REFUSED]


@pytest.mark.envoy
async def test_rest_answers_what_is_wrong_with_a_row(rest: Rest) -> None:
    body = {
        "allowPartial": True,
        "tickets": [
            {"kind": "KIND_EVENT", "number": "E1", "summary": "s"},
            {"kind": "KIND_EVENT", "number": "E2"},
        ],
    }

    answer = await rest.request("POST", "/desk/v1/orgs/1/tickets:save", data=json.dumps(body))

    assert answer.status == 200
    kept, refused = answer.json()["results"]
    assert kept["outcome"] == "OUTCOME_CREATED"
    assert "error" not in kept
    assert refused["outcome"] == "OUTCOME_REFUSED"
    assert refused["error"]["message"] == "tickets[1].summary is required"
    assert refused["error"]["details"][0]["reason"] == "MISSING"

"""What a refusal leaves blank, and by what id a request goes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polydesk.wire import SOUND_ID, Blank, Refusal, request_id_in

UUID = "3d1ff76a-0000-4000-8000-2b535ab3dbc9"


def test_blanks_are_filled_and_the_rest_stays() -> None:
    refusal = Refusal(
        http=404,
        body={"id": Blank.REQUEST_ID, "none": None, "at": Blank.TIME},
        headers={"x-id": Blank.REQUEST_ID, "x-other": "1"},
    )

    filled = refusal.filled({Blank.REQUEST_ID: "r-1", Blank.TIME: "now"})

    assert list(filled.body.items()) == [("id", "r-1"), ("none", None), ("at", "now")]
    assert filled.headers == {"x-id": "r-1", "x-other": "1"}
    assert filled.http == 404


def test_the_name_of_the_caller_goes_before_that_of_the_gateway() -> None:
    assert request_id_in({"x-transaction-id": "T-1", "x-request-id": UUID}) == "T-1"
    assert request_id_in({"x-request-id": UUID}) == UUID


@pytest.mark.parametrize("said", ["", " ", 'a"b', "a\\b", "a\nb", "é", "x" * 129])
def test_what_is_no_name_is_replaced(said: str) -> None:
    assert request_id_in({"x-transaction-id": said, "x-request-id": UUID}) == UUID
    assert re.fullmatch("[0-9a-f]{32}", request_id_in({"x-request-id": said}))


@given(st.text(max_size=200))
def test_an_id_fits_into_json_and_a_header_whatever_was_said(said: str) -> None:
    id_ = request_id_in({"x-transaction-id": said})

    assert re.fullmatch(SOUND_ID, id_)
    assert id_.isascii()
    assert not {'"', "\\", "\n", " "} & set(id_)

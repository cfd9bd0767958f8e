"""The Ivanti experience API: every documented call, in all its spellings, through a real Envoy."""

from __future__ import annotations

import pytest

from tests.dialects.ivanti_xapi.document import ROUTES, SAMPLES
from tests.dialects.sample import is_answered, play
from tests.stack import Rest

pytestmark = pytest.mark.envoy


@pytest.mark.parametrize("route", ROUTES)
async def test_a_route_is_answered_under_all_its_spellings(rest: Rest, route: str) -> None:
    for sample in (each for each in SAMPLES if each.id == route):
        answer = await play(rest, sample)

        assert is_answered(sample, answer.status, answer.body), (sample.path, answer)

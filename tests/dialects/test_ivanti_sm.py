"""Ivanti Service Manager: the plugin's calls with the page's examples, through a real Envoy."""

from __future__ import annotations

import pytest

from tests.dialects.ivanti_sm.page import ROOTS, SAMPLES
from tests.dialects.sample import is_answered, play
from tests.stack import Rest

pytestmark = pytest.mark.envoy

__all__ = ["SAMPLES"]


@pytest.mark.parametrize("root", ROOTS)
async def test_a_sample_is_answered_as_documented(rest: Rest, root: str) -> None:
    for sample in (each for each in SAMPLES if each.path.startswith(f"{root}/")):
        answer = await play(rest, sample)

        assert is_answered(sample, answer.status, answer.body), (sample.path, answer)

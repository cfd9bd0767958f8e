"""A client of the dialect."""

from __future__ import annotations

import pytest

from tests.dialects.serviceops.guide import Ops
from tests.stack import Rest


@pytest.fixture
def ops(caller: Rest) -> Ops:
    """A client of the site."""
    return Ops(caller)

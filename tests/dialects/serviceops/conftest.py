"""A client of the dialect."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dialects.serviceops.guide import Ops
from tests.stack import Rest, Stack


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A `polydesk up --demo`, in which nobody else's records are."""
    with Stack.running(tmp_path_factory.mktemp("serviceops") / "var") as running:
        yield running


@pytest.fixture
def ops(caller: Rest) -> Ops:
    """A client of the site."""
    return Ops(caller)

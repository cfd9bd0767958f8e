"""A running site that lets the people of a realm in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dialects.smartops.contract import Smart
from tests.oidc.realm import Realm
from tests.stack import Rest, Stack


@pytest.fixture(scope="session")
def site(realm: Realm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A `polydesk up --demo`."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in realm.environment.items():
            environment.setenv(name, value)
        running = Stack.start(tmp_path_factory.mktemp("smartops") / "var")
    yield running
    assert running.stop() == 0


@pytest.fixture
def smart(caller: Rest) -> Smart:
    """A client of the dialect, as the demo user."""
    return Smart(caller)

"""An orchestrator that starts actions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.dialects.insightconnect.page import EXAMPLES, KEY, started
from tests.stack import Answer, Rest, Stack


class Orchestrator:
    """Starts actions; its key is in the body, and it sends no Authorization header."""

    def __init__(self, rest: Rest, key: str = KEY) -> None:
        self.rest = rest
        self.key = key

    async def post(self, path: str, body: Any, **headers: str) -> Answer:
        """Sends an envelope; a body that is no text is sent as JSON."""
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Authorization": "", "Content-Type": "application/json"}
        return await self.rest.request("POST", path, data=data, headers=sent | named)

    async def start(self, action: str, said: Any, *, meta: Any = None, **headers: str) -> Answer:
        """Starts an action."""
        envelope = started(action, said, key=self.key, meta=meta)
        return await self.post(f"/actions/{action}", envelope, **headers)

    async def output(self, action: str, **said: Any) -> Any:
        """Returns the output of an action, which has to work."""
        answer = await self.start(action, said)
        assert answer.status == 200, answer
        return answer.json()["body"]["output"]

    async def create(self, **said: Any) -> dict[str, Any]:
        """Records an incident."""
        output = await self.output("create_incident", **(EXAMPLES["create_incident"] | said))
        made: dict[str, Any] = output["incident"]
        return made


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A `polydesk up --demo`, in which nobody else's records are."""
    with Stack.running(tmp_path_factory.mktemp("insightconnect") / "var") as running:
        yield running


@pytest.fixture
def orchestrator(caller: Rest) -> Orchestrator:
    """An orchestrator with the key of the page."""
    return Orchestrator(caller)

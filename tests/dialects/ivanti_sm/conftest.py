"""A client of the dialect."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest

from tests.dialects.ivanti_sm.page import KEY, NEW, ROOTS
from tests.stack import Answer, Rest, Stack


class Ism:
    """A client of the dialect, with the key of the page."""

    def __init__(self, rest: Rest, key: str = KEY) -> None:
        self.rest = rest
        self.key = key

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        **headers: str,
    ) -> Answer:
        """Sends a request to a set or an object; a body that is no text is sent as JSON."""
        data = body if isinstance(body, str | bytes | None) else json.dumps(body)
        asked = "&".join(f"{name}={quote(value)}" for name, value in (query or {}).items())
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Authorization": self.key, "Content-Type": "application/json" if data else ""}
        return await self.rest.request(
            method,
            f"{ROOTS[0]}/{path}{'?' if asked else ''}{asked}",
            data=data,
            headers=sent | named,
        )

    async def get(self, path: str, **query: str) -> Any:
        """Returns what is read, which has to be there; `filter_` is `$filter`, and so on."""
        asked = {f"${name.strip('_')}": value for name, value in query.items()}
        answer = await self.ask("GET", path, query=asked)
        assert answer.status == 200, answer
        return answer.json()

    async def numbers(self, **query: str) -> list[int]:
        """Returns the numbers of incidents that are found."""
        return [each["IncidentNumber"] for each in (await self.get("incidents", **query))["value"]]

    async def create(self, **said: Any) -> dict[str, Any]:
        """Records an incident."""
        answer = await self.ask("POST", "incidents", NEW | said)
        assert answer.status == 201, answer
        made: dict[str, Any] = answer.json()
        return made

    async def update(self, rec_id: str, *, method: str = "PATCH", **said: Any) -> dict[str, Any]:
        """Changes an incident."""
        answer = await self.ask(method, f"incidents('{rec_id}')", said)
        assert answer.status == 200, answer
        changed: dict[str, Any] = answer.json()
        return changed

    async def read(self, rec_id: str) -> dict[str, Any]:
        """Reads an incident."""
        read: dict[str, Any] = await self.get(f"incidents('{rec_id}')")
        return read


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A `polydesk up --demo`, in which nobody else's records are."""
    with Stack.running(tmp_path_factory.mktemp("ivanti_sm") / "var") as running:
        yield running


@pytest.fixture
def ism(caller: Rest) -> Ism:
    """A client of the site."""
    return Ism(caller)

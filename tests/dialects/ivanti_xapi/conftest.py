"""Clients of the experience API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from multidict import CIMultiDict

from tests.dialects.sample import GRANT, token_of
from tests.stack import PATIENCE, Answer, Rest, Stack
from tests.stories.way import RestWay

_keys = count(70_000)
_names = count(1)
JSON = {"Content-Type": "application/json"}


class Api:
    """A REST client with a bearer token."""

    def __init__(self, rest: Rest, token: str) -> None:
        self.rest = rest
        self.token = token

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Sends a request; a body that is no text is sent as JSON. No header has an empty value."""
        data = body if isinstance(body, str | bytes | None) else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Authorization": f"Bearer {self.token}", **(JSON if body is not None else {})}
        return await self.rest.request(method, path, data=data, headers=sent | named)

    async def ask_apart(self, method: str, path: str, body: str) -> Answer:
        """Sends a large body on a connection of its own, which may close before it is through."""

        def send() -> Answer:
            connection = HTTPConnection(urlsplit(self.rest.base).netloc, timeout=PATIENCE)
            headers = {"Authorization": f"Bearer {self.token}"} | JSON
            with closing(connection):
                with suppress(BrokenPipeError, ConnectionResetError):
                    connection.request(method, path, body.encode(), headers)
                answer = connection.getresponse()
                return Answer(answer.status, CIMultiDict(answer.getheaders()), answer.read())

        return await asyncio.to_thread(send)

    async def get(self, path: str) -> Any:
        """Returns what is read, which has to be there."""
        answer = await self.ask("GET", path)
        assert answer.status == 200, answer
        return answer.json()

    async def send(self, method: str, path: str, body: Any, *, http: int = 201) -> Any:
        """Returns what a write answers, which has to do well."""
        answer = await self.ask(method, path, body)
        assert answer.status == http, answer
        return answer.json()

    async def incident(self, **said: Any) -> str:
        """Records an incident and returns its id."""
        body = {
            "customerEmail": "ann@example.com",
            "subject": "printer on fire",
            "description": "It smokes.",
        }
        return str((await self.send("POST", "/v1/create/incident", body | said))["incidentId"])


class Member(NamedTuple):
    """Somebody of an org, who has a token."""

    login: str
    org: int
    api: Api


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A `polydesk up --demo`, in which nobody else's records are."""
    with Stack.running(tmp_path_factory.mktemp("ivanti_xapi") / "var") as running:
        yield running


@pytest.fixture
async def api(caller: Rest) -> Api:
    """The API as the demo's API user, in org 1."""
    return Api(caller, await token_of(caller, GRANT))


@pytest.fixture
def key() -> str:
    """The id of a Zendesk ticket that nobody has yet."""
    return str(next(_keys))


async def joined(desk: RestWay, rest: Rest, *, role: str = "ROLE_AGENT", org: int = 0) -> Member:
    """Opens an account in an org, or in an org of its own."""
    number = next(_names)
    if not org:
        org = 9_000 + number
        said = {"name": f"orgs/{org}", "displayName": "Another"}
        await desk.call("IdentityService.CreateOrg", {"org": said})
    login = f"member{number}@example.com"
    account = {
        "kind": "KIND_USER",
        "login": login,
        "memberships": [{"org": f"orgs/{org}", "role": role}],
    }
    await desk.call("IdentityService.CreateAccount", {"account": account, "secret": "sesame"})
    grant = f"grant_type=password&username={login.replace('@', '%40')}&password=sesame"
    return Member(login, org, Api(rest, await token_of(rest, grant)))

"""An OpenID provider, such as a realm of Keycloak, over HTTP.

It is asked at the host of its issuer and nowhere else: what its discovery document names elsewhere
is not followed, nor is any redirect. Each question has a deadline, each answer a size.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import quote_plus

import aiohttp
import msgspec
import structlog
from yarl import URL

from polydesk.domain.errors import Unauthenticated, Unavailable

T = TypeVar("T")

_LARGEST_ANSWER: Final = 256 * 1024
_MOST_CONNECTIONS: Final = 16
_DISCOVERY: Final = "/.well-known/openid-configuration"
_log = structlog.get_logger()


class _Discovery(msgspec.Struct, frozen=True):
    issuer: str
    jwks_uri: str
    token_endpoint: str = ""


class _KeySet(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]


class _Token(msgspec.Struct, frozen=True):
    access_token: str


class _Fault(msgspec.Struct, frozen=True):
    error: str = ""


class _Answer(msgspec.Struct, frozen=True):
    http: int
    body: bytes


class OidcProvider:
    """Asks a provider, as realm.Provider says; `client_secret` goes to its token endpoint alone."""

    def __init__(self, *, issuer: str, client_id: str, client_secret: str, seconds: float) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._seconds = seconds
        self._found: _Discovery | None = None
        self._session: aiohttp.ClientSession | None = None

    async def keys(self) -> Mapping[str, Any]:
        """Returns the JWK set, as it is published now."""
        async with self._deadline():
            self._found = await self._discover()
            answer = await self._ask("GET", self._found.jwks_uri)
            return {"keys": self._read(answer, _KeySet, "JSON Web Key Set").keys}

    async def exchange(self, offline_token: str) -> str:
        """Returns an access token for an offline token."""
        form = {"grant_type": "refresh_token", "refresh_token": offline_token}
        async with self._deadline():
            self._found = self._found or await self._discover()
            answer = await self._ask("POST", self._found.token_endpoint, form=form)
        if answer.http == HTTPStatus.BAD_REQUEST and _fault(answer) == "invalid_grant":
            raise Unauthenticated("the realm does not take the offline token: get a new one there")
        if answer.http in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED):
            raise self._failed(
                f"does not take this hub's client ({_fault(answer)}): the operator has to look at"
                " POLYDESK_OIDC_CLIENT_ID and POLYDESK_OIDC_CLIENT_SECRET"
            )
        return self._read(answer, _Token, "token").access_token

    async def close(self) -> None:
        """Ends what is under way."""
        if self._session:
            await self._session.close()

    async def _discover(self) -> _Discovery:
        answer = await self._ask("GET", self._issuer + _DISCOVERY)
        found = self._read(answer, _Discovery, "discovery document")
        if found.issuer != self._issuer:
            raise self._failed("calls itself otherwise than POLYDESK_OIDC_ISSUER")
        return found

    async def _ask(
        self, method: str, url: str, *, form: Mapping[str, str] | None = None
    ) -> _Answer:
        if not _is_at(url, self._issuer):
            raise self._failed("names another host in its discovery document")
        headers, data = self._authorized(form)
        session = self._session = self._session or _new_session()
        async with session.request(
            method, URL(url), data=data, headers=headers, allow_redirects=False
        ) as response:
            return _Answer(response.status, await self._body(response))

    def _authorized(
        self, form: Mapping[str, str] | None
    ) -> tuple[Mapping[str, str], Mapping[str, str] | None]:
        """Adds to a form who sends it, as RFC 6749 has it."""
        if form is None:
            return {}, None
        if not self._client_secret:
            return {}, {**form, "client_id": self._client_id}
        name, secret = quote_plus(self._client_id), quote_plus(self._client_secret)
        return {"Authorization": aiohttp.encode_basic_auth(name, secret)}, form

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in response.content.iter_chunked(64 * 1024):
            body += chunk
            if len(body) > _LARGEST_ANSWER:
                raise self._failed("answers more than this hub reads")
        return bytes(body)

    def _read(self, answer: _Answer, kind: type[T], what: str) -> T:
        if answer.http != HTTPStatus.OK:
            raise self._failed(f"answers HTTP {answer.http} instead of a {what}")
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except (ValueError, RecursionError) as error:
            raise self._failed(f"answers something else than a {what}") from error

    @asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        """Has whatever keeps a question from its answer be the provider's fault, in time."""
        try:
            async with asyncio.timeout(self._seconds):
                yield
        except TimeoutError as error:
            raise self._failed(f"did not answer within {self._seconds:g} seconds") from error
        except (aiohttp.ClientError, OSError) as error:
            raise self._failed("cannot be reached") from error

    def _failed(self, how: str) -> Unavailable:
        _log.warning("identity provider", issuer=self._issuer, failure=how)
        return Unavailable(f"the identity provider {how}; try again later")


def _new_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=_MOST_CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        auto_decompress=False,  # what is small on the wire is small here, too
    )


def _is_at(url: str, issuer: str) -> bool:
    """Tells whether a URL is one of the issuer's own host."""
    try:
        return URL(url).origin() == URL(issuer).origin()
    except ValueError:
        return False


def _fault(answer: _Answer) -> str:
    """Returns the code of an error of OAuth 2; its description stays where it is."""
    try:
        code = msgspec.json.decode(answer.body, type=_Fault).error
    except (ValueError, RecursionError):
        return "unknown"
    return code if re.fullmatch("[a-z_]{1,40}", code) else "unknown"

"""What a provider answers that is not what it should: over real HTTP, from servers of the tests."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from polydesk.config import Settings
from polydesk.domain.errors import Unauthenticated, Unavailable
from polydesk.outbound import OidcProvider

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
KEYS = {"keys": [{"kty": "RSA", "kid": "1"}]}


class Odd:
    """A provider that answers what a test has it answer; `asked` tells the paths."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.asked: list[str] = []
        self.sent: dict[str, str] = {}
        self.discovery: Any = {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/certs",
            "token_endpoint": f"{issuer}/token",
        }
        self.certs: web.StreamResponse = web.json_response(KEYS)
        self.token: web.StreamResponse = web.json_response({"access_token": "a.b.c"})

    def provider(self, secret: str = "s3cret&more", seconds: float = 5) -> OidcProvider:
        return OidcProvider(
            issuer=self.issuer, client_id="polydesk", client_secret=secret, seconds=seconds
        )

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        if request.path.endswith("/openid-configuration"):
            return web.json_response(self.discovery)
        if request.path == "/realm/certs":
            return self.certs
        self.sent = {**await request.post(), "auth": request.headers.get("Authorization", "")}  # type: ignore[dict-item]  # no files here
        return self.token


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def odd() -> AsyncIterator[Odd]:
    made: list[Odd] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        return await made[0].answer(request)

    async with serving(answer) as url:
        made.append(Odd(f"{url}/realm"))
        yield made[0]


async def failure(provider: OidcProvider) -> str:
    with pytest.raises(Unavailable) as caught:
        await provider.keys()
    await provider.close()
    assert caught.value.message.endswith("; try again later")
    return caught.value.message


async def test_the_keys_are_those_that_the_discovery_document_names(odd: Odd) -> None:
    provider = odd.provider()

    keys = await provider.keys()
    await provider.close()

    assert keys == KEYS
    assert odd.asked == ["/realm/.well-known/openid-configuration", "/realm/certs"]


async def test_a_client_shows_its_secret_to_the_token_endpoint_alone(odd: Odd) -> None:
    provider, public = odd.provider(), odd.provider(secret="")

    token = await provider.exchange("offline")
    with_secret, odd.token = odd.sent, web.json_response({"access_token": "a.b.c"})
    await public.exchange("offline")
    await provider.close()
    await public.close()

    assert token == "a.b.c"
    assert with_secret == {
        "grant_type": "refresh_token",
        "refresh_token": "offline",
        "auth": "Basic cG9seWRlc2s6czNjcmV0JTI2bW9yZQ==",
    }
    assert odd.sent == {
        "grant_type": "refresh_token",
        "refresh_token": "offline",
        "client_id": "polydesk",
        "auth": "",
    }


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/certs", "https://127.0.0.1/certs", "file:///etc/passwd", "x", ""]
)
async def test_what_is_elsewhere_is_not_asked(odd: Odd, url: str) -> None:
    odd.discovery |= {"jwks_uri": url, "token_endpoint": url}

    words = await failure(odd.provider())
    provider = odd.provider()
    with pytest.raises(Unavailable, match="names another host"):
        await provider.exchange("offline")
    await provider.close()

    assert "names another host in its discovery document" in words
    assert {*odd.asked} == {"/realm/.well-known/openid-configuration"}


async def test_a_redirect_is_not_followed(odd: Odd) -> None:
    odd.certs = web.Response(status=302, headers={"Location": f"{odd.issuer}/elsewhere"})

    assert "answers HTTP 302" in await failure(odd.provider())
    assert "/realm/elsewhere" not in odd.asked


async def test_another_issuer_is_none(odd: Odd) -> None:
    odd.discovery |= {"issuer": "https://other.example/realm"}

    assert "calls itself otherwise than POLYDESK_OIDC_ISSUER" in await failure(odd.provider())


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (web.Response(body=b"x"), "something else than a JSON Web Key Set"),
        (web.json_response({"keys": {}}), "something else than a JSON Web Key Set"),
        (web.Response(body=b"[" * 100_000), "something else than a JSON Web Key Set"),
        (web.Response(body=b" " * 300_000), "more than this hub reads"),
        (
            web.Response(
                body=gzip.compress(b" " * 9_000_000), headers={"Content-Encoding": "gzip"}
            ),
            "something else than a JSON Web Key Set",
        ),
        (web.Response(status=500), "answers HTTP 500"),
        (web.Response(status=404, text="secret inner words"), "answers HTTP 404"),
    ],
)
async def test_what_is_no_key_set_is_told(
    odd: Odd, response: web.StreamResponse, words: str
) -> None:
    odd.certs = response

    told = await failure(odd.provider())

    assert words in told
    assert "secret" not in told


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (400, {"error": "invalid_grant"}, Unauthenticated, "does not take the offline token"),
        (400, {"error": "unauthorized_client"}, Unavailable, "(unauthorized_client)"),
        (401, {"error": "invalid_client"}, Unavailable, "POLYDESK_OIDC_CLIENT_SECRET"),
        (400, {"error": "<script>"}, Unavailable, "(unknown)"),
        (400, "x", Unavailable, "(unknown)"),
        (200, {"token": "x"}, Unavailable, "something else than a token"),
        (503, {}, Unavailable, "answers HTTP 503"),
    ],
)
async def test_an_exchange_that_fails_is_told_by_whose_fault(
    odd: Odd, status: int, body: object, kind: type[Exception], words: str
) -> None:
    odd.token = web.Response(status=status, text=json.dumps(body))
    provider = odd.provider()

    with pytest.raises(kind) as caught:
        await provider.exchange("offline")
    await provider.close()

    assert words in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "issuer",
    ["http://sso.example.com/realms/x", "ftp://127.0.0.1", "realms/x", "https://", "http:///x"],
)
def test_an_issuer_that_is_none_is_refused(issuer: str) -> None:
    with pytest.raises(ValidationError, match="an issuer is an https:// URL"):
        Settings(oidc_issuer=issuer, oidc_audience="x")


def test_an_issuer_needs_an_audience() -> None:
    with pytest.raises(ValidationError, match="it is required with POLYDESK_OIDC_ISSUER"):
        Settings(oidc_issuer="https://sso.example.com/realms/x")

    assert "s3cret" not in repr(Settings(oidc_client_secret="s3cret"))

"""Tokens: what they open, and who gets none."""

from __future__ import annotations

import base64
import json
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from polydesk.domain.token import Pair, Tokens
from tests.dialects.sample import fits
from tests.dialects.serviceops.guide import (
    CLIENT,
    FORM,
    ISSUED,
    LOGIN,
    MULTIPART,
    Ops,
    basic,
    denied,
    form,
)
from tests.page import calls
from tests.stack import DEMO, Stack

if TYPE_CHECKING:
    from polydesk.server import Hub
    from tests.stack import Rest

pytestmark = pytest.mark.envoy
ONE = "/api/v1/incident/1"
WHO = denied("unauthorized", "Full authentication is required to access this resource")
BAD = denied("unauthorized", "Bad credentials")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def refreshed(token: str) -> bytes:
    return form(("grant_type", "refresh_token", ""), ("refresh_token", token, ""))


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return read


async def test_the_access_token_opens_every_route(ops: Ops) -> None:
    issued = (await ops.token()).json()
    tim = bearer(issued["access_token"])

    assert claims(issued["access_token"])["jti"] == issued["jti"]
    assert (await ops.call("GET", ONE, **tim)).status == 200
    assert (await ops.call("GET", "/api/ususer/form/incident", **tim)).status == 200
    assert (await ops.call("POST", ONE, {"spam": False}, **tim)).status == 200


async def test_the_refresh_token_gets_new_tokens_and_opens_nothing(ops: Ops) -> None:
    first = (await ops.token()).json()

    second = await ops.token(refreshed(first["refresh_token"]))
    opened = await ops.call("GET", ONE, **bearer(first["refresh_token"]))

    assert fits(second.json(), ISSUED), second
    assert second.json()["jti"] != first["jti"]
    assert (await ops.call("GET", ONE, **bearer(second.json()["access_token"]))).status == 200
    assert opened.status == 401
    assert fits(opened.json(), denied("invalid_token")), opened


async def test_another_client_has_another_scope(ops: Ops) -> None:
    answer = await ops.token(Authorization=basic("demo-client", "demo-secret"))

    assert answer.json()["scope"] == "other-api-scope"
    assert claims(answer.json()["access_token"])["scope"] == ["other-api-scope"]


async def test_tokens_are_kept_in_no_cache(ops: Ops) -> None:
    assert (await ops.token()).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("body", "headers", "http", "answer"),
    [
        pytest.param(None, {"Authorization": ""}, 401, WHO, id="no client"),
        pytest.param(None, {"Authorization": "Bearer x.y.z"}, 401, WHO, id="no Basic"),
        pytest.param(None, {"Authorization": basic("main-web-app-client", "x")}, 401, WHO, id="x"),
        pytest.param(None, {"Authorization": basic("nobody", "secret")}, 401, WHO, id="unknown"),
        pytest.param(None, DEMO, 401, WHO, id="a user for a client"),
        pytest.param(
            form(LOGIN[0], ("password", "wrong", ""), LOGIN[2]), {}, 401, BAD, id="a password"
        ),
        pytest.param(
            form(("username", "nobody", ""), *LOGIN[1:]), {}, 401, BAD, id="an unknown user"
        ),
        pytest.param(
            form(
                ("username", "demo-client", ""),
                ("password", "demo-secret", ""),
                ("grant_type", "password", ""),
            ),
            {},
            401,
            BAD,
            id="a client for a user",
        ),
        pytest.param(
            form(*LOGIN[:2]),
            {},
            400,
            denied("invalid_request", "grant_type is required"),
            id="no grant_type",
        ),
        pytest.param(
            form(*LOGIN[1:]), {}, 400, denied("invalid_request", "username is required"), id="none"
        ),
        pytest.param(
            form(("grant_type", "client_credentials", "")),
            {},
            400,
            denied(
                "unsupported_grant_type",
                "grant_type is client_credentials, it can be password or refresh_token",
            ),
            id="another grant",
        ),
        pytest.param(
            form(("grant_type", "refresh_token", "")),
            {},
            400,
            denied("invalid_request", "refresh_token is required"),
            id="no refresh token",
        ),
        pytest.param(refreshed("x.y.z"), {}, 400, denied("invalid_grant"), id="no token"),
        pytest.param(
            b"{}",
            {"Content-Type": "application/json"},
            400,
            denied("invalid_request"),
            id="JSON",
        ),
        pytest.param(b"--x", {"Content-Type": MULTIPART}, 400, denied("invalid_request"), id="--"),
    ],
)
async def test_who_gets_no_token_is_told_as_oauth_does(
    ops: Ops, body: bytes | None, headers: dict[str, str], http: int, answer: dict[str, str]
) -> None:
    refused = await ops.token(body, **headers)

    assert refused.status == http, refused
    assert fits(refused.json(), answer), refused


async def test_the_token_route_takes_posts_only(ops: Ops) -> None:
    refused = await ops.call("GET", "/api/oauth/token")
    unknown = await ops.call("POST", "/api/oauth/authorize", {})

    assert (refused.status, unknown.status) == (405, 404)
    assert fits(refused.json(), denied("invalid_request"))
    assert fits(unknown.json(), denied("invalid_request"))


async def test_who_shows_no_token_is_told_as_oauth_does(ops: Ops) -> None:
    for method, path in (
        ("GET", ONE),
        ("POST", ONE),
        ("POST", "/api/v1/incident"),
        ("DELETE", "/api/incident/1"),
        ("POST", "/api/oprfile"),
        ("GET", "/api/ususer/form/incident"),
    ):
        answer = await ops.call(method, path, {} if method == "POST" else None, Authorization="")
        assert (answer.status, answer.json()) == (401, WHO), path
        wrong = await ops.call("GET", ONE, Authorization="Bearer x.y.z")
        assert (wrong.status, wrong.json()["error"]) == (401, "invalid_token"), path


async def old_pair(hub: Hub, age: timedelta) -> Pair:
    """Returns tokens that were issued some time ago."""
    registry = hub.desk.registry
    user = await registry.account_of("tim@acme.com")
    client = await registry.account_of("main-web-app-client")
    key = await hub._store.identity.signing_key(bytes(32))  # noqa: SLF001 - what a thief would look for
    return Tokens(key).issue_pair(user, client, datetime.now(UTC) - age, scope="s")


async def test_an_expired_token_is_told_apart(hub: Hub, rest: Rest) -> None:
    pair = await old_pair(hub, timedelta(hours=3))
    ops = Ops(rest)

    opened = await ops.call("GET", ONE, **bearer(pair.access_token))
    again = await ops.token(refreshed(pair.refresh_token))
    late = await ops.token(refreshed((await old_pair(hub, timedelta(days=31))).refresh_token))

    assert opened.status == 401
    assert opened.json()["error"] == "invalid_token"
    assert opened.json()["error_description"].startswith("Access token expired: ")
    assert again.status == 200
    assert (late.status, late.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("login", ["tim@acme.com", "main-web-app-client"])
async def test_revoking_the_user_or_the_client_ends_both_tokens(
    hub: Hub, rest: Rest, login: str
) -> None:
    ops = Ops(rest)
    issued = (await ops.token()).json()
    assert (await ops.call("GET", ONE, **bearer(issued["access_token"]))).status == 200

    await hub.desk.registry.revoke_tokens(login)

    opened = await ops.call("GET", ONE, **bearer(issued["access_token"]))
    again = await ops.token(refreshed(issued["refresh_token"]))
    assert (opened.status, opened.json()["error"]) == (401, "invalid_token")
    assert (again.status, again.json()["error"]) == (400, "invalid_grant")


async def test_a_refresh_token_is_good_for_its_client_alone(ops: Ops) -> None:
    issued = (await ops.token()).json()

    answer = await ops.token(
        refreshed(issued["refresh_token"]), Authorization=basic("demo-client", "demo-secret")
    )

    assert (answer.status, answer.json()["error"]) == (400, "invalid_grant")


async def test_the_usual_token_of_the_hub_refreshes_nothing(ops: Ops) -> None:
    usual = await ops.call(
        "POST",
        "/token",
        b"grant_type=password&username=tim%40acme.com&password=123",
        **{"Content-Type": FORM},
    )

    answer = await ops.token(refreshed(usual.json()["access_token"]))

    assert (answer.status, answer.json()["error"]) == (400, "invalid_grant")


@calls("curl")
def test_the_seeds_own_curl_gets_a_token(site: Stack) -> None:
    # As printed, but for the line breaks inside the quotes, which the PDF added.
    script = rf"""curl --request POST \
    --url 'http://127.0.0.1:{site.port}/api/oauth/token' \
    --header 'Authorization: {CLIENT}' \
    --header 'content-type: multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW' \
    --form username=tim@acme.com \
    --form password=123 \
    --form grant_type=password"""

    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True)

    assert fits(json.loads(done.stdout), ISSUED), done.stdout

"""Bearer comes first, and alone."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from polydesk.composition import SystemClock
from polydesk.config import Settings
from polydesk.domain import demo
from polydesk.server import Hub
from tests.dialects.ivanti_xapi.document import ROUTES, commented, pair, path_of, spellings
from tests.stack import DEMO, Rest
from tests.stories.way import RestWay

from .conftest import Api, joined
from .test_refusals import told

pytestmark = pytest.mark.envoy

BASIC = DEMO["Authorization"]
SOUND = {
    "C01": {"customerEmail": "a@b", "subject": "x", "description": "y"},
    "C03": {"zendeskTicketId": "5", "customerEmail": "a@b", "subject": "x", "description": "y"},
    "C05": commented(),
    "C08": {"zendeskTicketId": "35436"},
    "C09": pair(),
}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "70402"),
        (BASIC, "70402"),
        (f"Apikey {demo.KEY}", "70402"),
        (f"rest_api_key={demo.KEY}", "70402"),
        ("Digest x", "70402"),
        ("Bearer", "70402"),
        ("Bearer x.y.z", "70401"),
        ("bearer garbled", "70401"),
        ("Bearer " + "x" * 5_000, "70401"),
    ],
)
async def test_no_other_credentials_count(api: Api, route: str, header: str, code: str) -> None:
    for path in spellings(route):
        answer = await api.ask(ROUTES[route][0], path, SOUND.get(route), Authorization=header)

        told(answer, code)
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("route", ROUTES)
async def test_credentials_are_looked_at_before_anything_else(api: Api, route: str) -> None:
    path = f"{path_of(route, id_='none')}?incidentId=7"

    answer = await api.ask(ROUTES[route][0], path, {}, Authorization="")

    told(answer, "70402")


async def test_a_forged_token_is_invalid(api: Api) -> None:
    head, body, seal = api.token.split(".")
    other = base64.urlsafe_b64encode(b'{"iss":"polydesk","sub":"1","epoch":0,"exp":9999999999}')
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")

    for token in (
        f"{head}.{other.decode().rstrip('=')}.{seal}",
        f"{none}.{body}.",
        f"{head}.{body}.{seal[::-1]}",
    ):
        answer = await api.ask("GET", path_of("C02"), Authorization=f"Bearer {token}")
        told(answer, "70401")


async def test_a_revoked_token_is_invalid(api: Api, desk: RestWay) -> None:
    member = await joined(desk, api.rest, org=1)
    await member.api.get(path_of("C02"))
    accounts = await desk.call("IdentityService.ListAccounts", {})
    (name,) = [each["name"] for each in accounts["accounts"] if each["login"] == member.login]

    await desk.call("IdentityService.RevokeTokens", {"name": name})

    told(await member.api.ask("GET", path_of("C02")), "70401")


class TwoDaysAgo(SystemClock):
    """The clock of a hub that issued tokens before yesterday."""

    def now(self) -> datetime:
        return super().now() - timedelta(days=2)


@pytest.mark.usefixtures("hub")
async def test_a_token_that_has_expired_is_told(rest: Rest, tmp_path: Path) -> None:
    earlier = await Hub.start(Settings(data=tmp_path), clock=TwoDaysAgo())
    issued = await earlier.desk.registry.token_for(demo.API_USER[0])
    await earlier.stop()

    for route in ROUTES:
        answer = await Api(rest, issued.access_token).ask(
            ROUTES[route][0], path_of(route), SOUND.get(route)
        )
        told(answer, "70405")


@pytest.mark.parametrize("route", ["C01", "C03", "C05", "C08", "C09"])
async def test_who_may_read_alone_writes_nothing(api: Api, desk: RestWay, route: str) -> None:
    reader = await joined(desk, api.rest, role="ROLE_READER", org=1)

    answer = await reader.api.ask(ROUTES[route][0], path_of(route), SOUND[route])

    told(answer, "70403")
    assert await reader.api.get(path_of("C04")) == await api.get(path_of("C04"))


async def test_who_is_in_no_org_sees_nothing(api: Api, desk: RestWay) -> None:
    account: dict[str, Any] = {"kind": "KIND_USER", "login": "nobody@example.com"}
    await desk.call("IdentityService.CreateAccount", {"account": account, "secret": "sesame"})
    grant = "grant_type=password&username=nobody%40example.com&password=sesame"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    issued = await api.rest.request("POST", "/token", data=grant, headers=form)
    token = issued.json()["access_token"]

    told(await Api(api.rest, token).ask("GET", path_of("C02")), "70403")


@pytest.mark.parametrize("route", ["C04", "C05", "C06", "C07", "C08", "C09"])
async def test_an_incident_of_another_org_answers_like_a_missing_one(
    api: Api, desk: RestWay, route: str
) -> None:
    stranger = await joined(desk, api.rest)

    answer = await stranger.api.ask(ROUTES[route][0], path_of(route), SOUND.get(route))

    told(answer, "70404")


async def test_each_org_has_its_own(api: Api, desk: RestWay) -> None:
    stranger = await joined(desk, api.rest)

    categories = await stranger.api.get(path_of("C02"))
    free = await stranger.api.incident(category="Whatever they say")
    raised = await stranger.api.send("POST", path_of("C03"), SOUND["C03"])
    ours = await api.ask("POST", path_of("C03"), SOUND["C03"])

    assert categories == {"categories": []}
    assert (await stranger.api.get(path_of("C04", id_=free)))["category"] == "Whatever they say"
    assert raised["incidentId"] != ours.json()["incidentId"]


async def test_a_token_of_the_command_line_opens_it(hub: Hub, rest: Rest) -> None:
    issued = await hub.desk.registry.token_for(demo.USER[0])

    answer = await Api(rest, issued.access_token).get("/qa1/v1/ivanti/api/categories")

    assert answer["categories"][0]["name"] == "How-To"

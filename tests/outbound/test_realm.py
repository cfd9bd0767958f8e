"""People of a realm: their tokens, as a real OpenID provider issues them, and what is none."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from polydesk.api.v1 import identity_pb2, incident_pb2, ticket_pb2
from polydesk.api.v1.identity_pb2_grpc import IdentityServiceStub
from polydesk.api.v1.incident_pb2_grpc import IncidentServiceStub
from polydesk.composition import SystemClock
from polydesk.config import Settings
from polydesk.domain.ports import Clock
from polydesk.server import Hub
from tests.oidc.realm import ANN, Issued, Realm
from tests.stack import free_port

pytestmark = pytest.mark.realm

CALLER = identity_pb2.GetCallerRequest()
ALGORITHMS = ("RS256", "PS256", "ES256")


class Door:
    """A hub that lets the people of a realm in, and who knocks at it."""

    def __init__(self, hub: Hub, channel: grpc.aio.Channel) -> None:
        self.hub = hub
        self.identity = IdentityServiceStub(channel)
        self.incidents = IncidentServiceStub(channel)

    async def caller(self, token: str, *, header: str = "") -> identity_pb2.Account:
        """Returns who a token is."""
        shown = ((header, token),) if header else (("authorization", f"Bearer {token}"),)
        return await self.identity.GetCaller(CALLER, metadata=shown)

    async def refusal(self, token: str, **more: str) -> tuple[grpc.StatusCode, str]:
        """Returns how a token is refused."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.caller(token, **more)
        return caught.value.code(), caught.value.details() or ""


class Ahead(SystemClock):
    """The clock of a machine that is ahead of its realm's."""

    def __init__(self, *, minutes: float) -> None:
        self._by = timedelta(minutes=minutes)

    def now(self) -> datetime:
        return super().now() + self._by


async def opened(
    seeded: Path, folder: Path, realm: Realm, *, clock: Clock | None = None, **more: Any
) -> Hub:
    shutil.copytree(seeded.parent, folder, dirs_exist_ok=True)
    return await Hub.start(Settings(data=folder, **realm.settings, **more), clock=clock)


async def knocking(hub: Hub) -> AsyncIterator[Door]:
    async with grpc.aio.insecure_channel(hub.address) as channel:
        yield Door(hub, channel)
    await hub.stop()


@pytest.fixture
async def door(seeded: Path, tmp_path: Path, realm: Realm) -> AsyncIterator[Door]:
    async for door in knocking(await opened(seeded, tmp_path, realm)):
        yield door


@pytest.fixture
def own_realm() -> Iterator[Realm]:
    """A realm that a test may do anything to."""
    running = Realm.start()
    yield running
    running.stop()


@pytest.fixture
async def own_door(seeded: Path, tmp_path: Path, own_realm: Realm) -> AsyncIterator[Door]:
    """A hub that waits for that realm for a second."""
    async for door in knocking(await opened(seeded, tmp_path, own_realm, oidc_seconds=1)):
        yield door


async def until_keys_may_be_asked_for_again() -> None:
    await asyncio.sleep(3.2)


def said(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=="))
    return claims


# Who is let in.


@pytest.mark.parametrize("alg", ALGORITHMS)
async def test_an_access_token_of_the_realm_is_taken(door: Door, realm: Realm, alg: str) -> None:
    account = await door.caller(realm.tokens(alg=alg).access)

    assert (account.login, account.default_org, account.operator) == ("ann", "orgs/1", False)
    [member] = account.memberships
    assert (member.org, member.role) == ("orgs/1", identity_pb2.ROLE_AGENT)
    assert account.name == ""


async def test_an_offline_token_is_exchanged_once(own_door: Door, own_realm: Realm) -> None:
    token = own_realm.tokens().offline
    before = own_realm.control()["token"]

    callers = await asyncio.gather(*(own_door.caller(token) for _ in range(20)))
    again = await own_door.caller(token)

    assert {account.login for account in (*callers, again)} == {"ann"}
    assert own_realm.control()["token"] == before + 1


async def test_an_offline_token_is_exchanged_anew_when_its_access_token_has_ended(
    own_door: Door, own_realm: Realm
) -> None:
    token = own_realm.tokens(ttl=1).offline
    before = own_realm.control()["token"]

    await own_door.caller(token)
    await asyncio.sleep(2.1)
    await own_door.caller(token)

    assert own_realm.control()["token"] == before + 2


async def test_an_offline_token_may_stand_in_a_header_of_its_own(door: Door, realm: Realm) -> None:
    issued = realm.tokens()

    for token in issued:
        assert (await door.caller(token, header="offline-token")).login == "ann"


async def test_the_hubs_own_credentials_are_taken_as_before(door: Door) -> None:
    token = await door.hub.desk.registry.token_for("demo@example.com")
    basic = "Basic " + base64.b64encode(b"demo@example.com:demo").decode()

    assert (await door.caller(token.access_token)).login == "demo@example.com"
    for header in (basic, "Apikey demo-key-0123456789abcdef0123456789abcdef"):
        shown = [("authorization", header), ("offline-token", "nonsense")]
        assert (await door.identity.GetCaller(CALLER, metadata=shown)).login.startswith("demo")


@pytest.mark.parametrize(
    ("claim", "orgs"),
    [
        ("Demo", ["orgs/1"]),
        ("7", ["orgs/7"]),
        (19, ["orgs/19"]),
        (["Demo 7", "Demo"], ["orgs/1", "orgs/7"]),
        ({"Demo 5": {"id": "x"}, "unheard of": {}}, ["orgs/5"]),
    ],
)
async def test_a_claim_names_the_orgs(
    door: Door, realm: Realm, claim: object, orgs: list[str]
) -> None:
    account = await door.caller(realm.tokens(ANN | {"organization": claim}).access)

    assert [member.org for member in account.memberships] == orgs


@pytest.mark.parametrize(
    "claim", [None, "", "Nobody", 0, 1.5, True, [], {}, "99999999999", [["1"]]]
)
async def test_a_claim_that_names_no_org_of_the_hub_opens_nothing(
    door: Door, realm: Realm, claim: object
) -> None:
    code, words = await door.refusal(realm.tokens(ANN | {"organization": claim}).access)

    assert code is grpc.StatusCode.PERMISSION_DENIED
    assert words == "the token's claim organization names no organization of this hub"


async def test_two_orgs_of_one_name_are_not_taken_for_each_other(door: Door, realm: Realm) -> None:
    await door.hub.desk.registry.add_org(71, "Twin")
    await door.hub.desk.registry.add_org(72, "Twin")
    await asyncio.sleep(1.1)

    code, _ = await door.refusal(realm.tokens(ANN | {"organization": "Twin"}).access)

    assert code is grpc.StatusCode.PERMISSION_DENIED


async def test_who_has_no_name_is_called_by_the_subject(door: Door, realm: Realm) -> None:
    token = realm.tokens({"organization": "Demo"}).access

    assert (await door.caller(token)).login == said(token)["sub"]


@pytest.mark.parametrize(
    ("roles", "role"),
    [
        (["polydesk-reader"], identity_pb2.ROLE_READER),
        (["polydesk-admin", "polydesk-reader"], identity_pb2.ROLE_ADMIN),
        (["admin", "polydesk-agent"], identity_pb2.ROLE_AGENT),
    ],
)
async def test_a_claim_may_say_the_role(
    seeded: Path, tmp_path: Path, realm: Realm, roles: list[str], role: int
) -> None:
    hub = await opened(
        seeded, tmp_path, realm, oidc_role_claim="realm_access.roles", oidc_role="NONE"
    )
    async for door in knocking(hub):
        account = await door.caller(realm.tokens(ANN | {"realm_access": {"roles": roles}}).access)
        code, words = await door.refusal(realm.tokens(ANN | {"realm_access": ["admin"]}).access)

    assert account.memberships[0].role == role
    assert code is grpc.StatusCode.PERMISSION_DENIED
    assert "has none of: polydesk-reader, polydesk-agent, polydesk-admin" in words


async def test_who_is_called_like_an_account_gets_no_answer_of_it(door: Door, realm: Realm) -> None:
    key = ("idempotency-key", "the same")
    request = incident_pb2.CreateIncidentRequest(
        parent="orgs/1", incident=ticket_pb2.Ticket(summary="twice")
    )
    other = realm.tokens(ANN | {"preferred_username": "demo@example.com"}).access
    basic = "Basic " + base64.b64encode(b"demo@example.com:demo").decode()

    await door.incidents.CreateIncident(request, metadata=[("authorization", basic), key])
    with pytest.raises(grpc.aio.AioRpcError, match="was used for another request"):
        await door.incidents.CreateIncident(
            request, metadata=[("authorization", f"Bearer {other}"), key]
        )


# Who is not.


def forged(token: str, **head: Any) -> str:
    """Returns a token with another head and no signature."""
    packed = base64.urlsafe_b64encode(json.dumps(head).encode()).decode().rstrip("=")
    return f"{packed}.{token.split('.')[1]}."


async def test_a_token_without_a_signature_is_refused(door: Door, realm: Realm) -> None:
    token, kid = realm.tokens().access, realm.published()[0]["kid"]

    for alg in ("none", "None", "", None, ["RS256"]):
        code, words = await door.refusal(forged(token, alg=alg, kid=kid))
        assert (code, "not signed as it has to be" in words) == (
            grpc.StatusCode.UNAUTHENTICATED,
            True,
        )


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
async def test_a_token_signed_with_a_public_key_is_refused(
    door: Door, realm: Realm, alg: str
) -> None:
    token, key = realm.tokens().access, realm.published()[0]
    public = RSAKey.import_key({**key})
    body = forged(token, alg=alg, kid=key["kid"]).removesuffix(".")

    for secret in (public.as_pem(private=False), json.dumps(key).encode(), key["n"].encode()):
        mac = hmac.digest(secret, body.encode(), f"sha{alg[2:]}")
        signature = base64.urlsafe_b64encode(mac).decode().rstrip("=")
        code, words = await door.refusal(f"{body}.{signature}")
        assert code is grpc.StatusCode.UNAUTHENTICATED
        assert "not signed as it has to be" in words


async def test_a_signature_of_somebody_else_is_refused(door: Door, realm: Realm) -> None:
    claims, kid = said(realm.tokens().access), realm.published()[0]["kid"]
    mine = RSAKey.generate_key(2048)

    known = jwt.encode({"alg": "RS256", "kid": kid}, claims, mine)
    unknown = jwt.encode({"alg": "RS256", "kid": "mine"}, claims, mine)
    nameless = jwt.encode({"alg": "RS256"}, claims, mine)
    odd = jwt.encode({"alg": "RS256", "kid": kid, "jwk": mine.as_dict(private=False)}, claims, mine)

    for token in (known, unknown, nameless, odd):
        assert (await door.refusal(token))[0] is grpc.StatusCode.UNAUTHENTICATED


async def test_a_key_signs_by_its_own_algorithm_alone(door: Door, realm: Realm) -> None:
    token = realm.tokens(alg="RS256").access
    head, body, signature = token.split(".")
    kid = next(key["kid"] for key in realm.published() if key["alg"] == "PS256")
    packed = json.dumps({"alg": "RS256", "kid": kid}).encode()

    other = base64.urlsafe_b64encode(packed).decode().rstrip("=")
    assert head != other
    code, _ = await door.refusal(f"{other}.{body}.{signature}")

    assert code is grpc.StatusCode.UNAUTHENTICATED


async def test_a_token_for_somebody_else_is_refused(door: Door, realm: Realm) -> None:
    code, words = await door.refusal(realm.tokens(audience="account").access)

    assert (code, words) == (
        grpc.StatusCode.UNAUTHENTICATED,
        "the token is not one for this hub: its claim aud does not fit",
    )


async def test_a_token_of_another_realm_is_refused(door: Door, own_realm: Realm) -> None:
    for token in own_realm.tokens():
        code, words = await door.refusal(token)
        assert (code, words) == (
            grpc.StatusCode.UNAUTHENTICATED,
            "the token is none of this hub's",
        )


async def test_a_token_that_has_ended_is_refused_as_such(
    seeded: Path, tmp_path: Path, realm: Realm
) -> None:
    token = realm.tokens(ttl=300).access
    async for door in knocking(await opened(seeded, tmp_path, realm, clock=Ahead(minutes=6))):
        ended = await door.refusal(token)
        good = await door.caller(realm.tokens(ttl=600).access)

    assert ended == (
        grpc.StatusCode.UNAUTHENTICATED,
        "the token has expired: get a new one from the realm",
    )
    assert good.login == "ann"


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"nbf": 4_102_444_800}, "its claim nbf does not fit"),
        ({"typ": "ID"}, "the token is no access token"),
        ({"typ": "Refresh"}, "the token is no access token"),
        ({"typ": None}, "the token is no access token"),
        ({"cnf": {"jkt": "x"}}, "bound to a key of its bearer"),
        ({"preferred_username": "x" * 300}, "login has 300 characters"),
        ({"preferred_username": "a\0b"}, "NUL"),
    ],
)
async def test_a_claim_that_does_not_fit_is_told(
    door: Door, realm: Realm, claims: dict[str, Any], words: str
) -> None:
    code, told = await door.refusal(realm.tokens(ANN | claims).access)

    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert words in told


async def test_an_offline_token_that_the_realm_does_not_know_is_refused(
    door: Door, realm: Realm
) -> None:
    code, words = await door.refusal(realm.tokens().offline + "x")

    assert (code, words) == (
        grpc.StatusCode.UNAUTHENTICATED,
        "the realm does not take the offline token: get a new one there",
    )


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "a.b",
        "a.b.c",
        "....",
        "e30.e30.",
        "e30.W10.x",
        base64.urlsafe_b64encode(b"[" * 5_000).decode() + ".e30.x",
        "e30." + base64.urlsafe_b64encode(b'{"a":' * 1_500).decode() + ".x",
        "x" * 20_000,
    ],
)
async def test_what_is_no_token_is_refused(door: Door, token: str) -> None:
    code, _ = await door.refusal(token)
    offline, _ = await door.refusal(token, header="offline-token")

    assert {code, offline} == {grpc.StatusCode.UNAUTHENTICATED}


async def test_a_hub_without_a_realm_takes_none_of_its_tokens(
    seeded: Path, tmp_path: Path, realm: Realm
) -> None:
    shutil.copytree(seeded.parent, tmp_path, dirs_exist_ok=True)
    async for door in knocking(await Hub.start(Settings(data=tmp_path))):
        for token in realm.tokens():
            assert (await door.refusal(token))[0] is grpc.StatusCode.UNAUTHENTICATED


# The realm changes its keys, is slow, is down.


async def test_a_new_key_is_asked_for_and_a_withdrawn_one_forgotten(
    own_door: Door, own_realm: Realm
) -> None:
    old = own_realm.tokens().access
    await own_door.caller(old)

    own_realm.control(rotate=True)
    new = own_realm.tokens().access
    too_soon, _ = await own_door.refusal(new)
    await until_keys_may_be_asked_for_again()
    both = [await own_door.caller(token) for token in (new, old)]
    own_realm.control(rotate=True, forget=True)
    newest = own_realm.tokens().access
    await until_keys_may_be_asked_for_again()
    await own_door.caller(newest)
    withdrawn, _ = await own_door.refusal(old)

    assert [account.login for account in both] == ["ann", "ann"]
    assert {too_soon, withdrawn} == {grpc.StatusCode.UNAUTHENTICATED}


async def test_keys_are_asked_for_once_however_many_tokens_name_unknown_ones(
    own_door: Door, own_realm: Realm
) -> None:
    good = own_realm.tokens().access
    bad = [forged(good, alg="RS256", kid=f"unheard {number}") for number in range(50)]

    answers = await asyncio.gather(*(own_door.refusal(token) for token in bad))
    await own_door.caller(good)

    assert {code for code, _ in answers} == {grpc.StatusCode.UNAUTHENTICATED}
    assert own_realm.control()["certs"] == 1


async def test_known_keys_are_good_while_the_realm_is_down(
    own_door: Door, own_realm: Realm
) -> None:
    issued, other = own_realm.tokens(), own_realm.tokens()
    for token in issued:
        await own_door.caller(token)

    own_realm.stop()
    still = [await own_door.caller(token) for token in issued]
    exchange = await own_door.refusal(other.offline)
    await until_keys_may_be_asked_for_again()
    unknown = await own_door.refusal(forged(issued.access, alg="RS256", kid="new"))
    at_once = await own_door.refusal(forged(issued.access, alg="RS256", kid="newer"))

    assert [account.login for account in still] == ["ann", "ann"]
    down = (
        grpc.StatusCode.UNAVAILABLE,
        "the identity provider cannot be reached; try again later",
    )
    assert [exchange, unknown, at_once] == [down] * 3


async def test_a_realm_that_was_down_first_is_used_when_it_is_up(
    seeded: Path, tmp_path: Path
) -> None:
    nobody = Realm.start(free_port())
    issued = nobody.tokens()
    nobody.stop()
    async for door in knocking(await opened(seeded, tmp_path, nobody)):
        for token in issued:
            code, words = await door.refusal(token)
            assert code is grpc.StatusCode.UNAVAILABLE
            assert "cannot be reached" in words
        somebody = Realm.start(nobody.port)
        try:
            await until_keys_may_be_asked_for_again()
            for token in somebody.tokens():
                assert (await door.caller(token)).login == "ann"
        finally:
            somebody.stop()


async def test_a_slow_realm_is_not_waited_for(own_door: Door, own_realm: Realm) -> None:
    issued = own_realm.tokens()

    own_realm.control(pause=5_000)
    answers = [await own_door.refusal(token) for token in issued]
    own_realm.control(pause=0)
    await until_keys_may_be_asked_for_again()
    then = [await own_door.caller(token) for token in issued]

    slow = (
        grpc.StatusCode.UNAVAILABLE,
        "the identity provider did not answer within 1 seconds; try again later",
    )
    assert answers == [slow, slow]
    assert [account.login for account in then] == ["ann", "ann"]


async def test_who_gives_up_waiting_leaves_the_others_their_answer(
    own_door: Door, own_realm: Realm
) -> None:
    token = own_realm.tokens().offline
    own_realm.control(pause=250)

    first = asyncio.create_task(own_door.caller(token))
    await asyncio.sleep(0.1)
    second = asyncio.create_task(own_door.caller(token))
    await asyncio.sleep(0.1)
    first.cancel()

    assert (await second).login == "ann"
    assert own_realm.control()["token"] == 2  # that of the test, and one exchange


@pytest.mark.usefixtures("warnings_told")
async def test_a_client_that_the_realm_refuses_is_the_operators_affair(
    seeded: Path, tmp_path: Path, realm: Realm, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = realm.settings | {"oidc_client_secret": "much too secret"}
    shutil.copytree(seeded.parent, tmp_path, dirs_exist_ok=True)
    issued: Issued = realm.tokens()
    async for door in knocking(await Hub.start(Settings(data=tmp_path, **wrong))):
        code, words = await door.refusal(issued.offline)
        access = await door.caller(issued.access)

    assert code is grpc.StatusCode.UNAVAILABLE
    assert "does not take this hub's client (invalid_client)" in words
    assert access.login == "ann"
    logged = "".join(capfd.readouterr())
    assert "identity provider" in logged
    for secret in ("much too secret", issued.offline, issued.access):
        assert secret not in words + logged

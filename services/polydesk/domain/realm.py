"""A realm: another issuer of tokens, such as one of Keycloak, whose people the hub lets in.

An access token is verified here, by the public keys of the realm. An offline token is none that
anybody but the realm can verify: it is exchanged for an access token there, once, and the access
token is kept until it ends. People of a realm have no account in the hub: what the token says is
what they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final, Protocol

import msgspec

from polydesk.domain.errors import Denied, Invalid, Unauthenticated, Unavailable
from polydesk.domain.flight import Flights
from polydesk.domain.identity import Account, AccountKind, Org, Role
from polydesk.domain.org import Orgs
from polydesk.domain.ports import Clock
from polydesk.domain.realm_token import ALGORITHMS, OFFLINE, Key, Peeked, peek, read_keys, verify
from polydesk.domain.ticket import LONGEST_NAME, check_text

# What a claim of roles may hold; the realm's own `admin` means nothing here.
ROLES: Final = {f"polydesk-{role.value.lower()}": role for role in Role}
_KEYS: Final = b"keys"
# The realm is asked for its keys no sooner than so long after it was asked.
_PAUSE: Final = 3.0
# Keys that the realm has withdrawn are good for no longer than that.
_OLD: Final = 600.0
_MOST_ORGS: Final = 100
_MOST_EXCHANGED: Final = 10_000


class Provider(Protocol):
    """Asks a realm. All of it raises Unavailable, soon."""

    async def keys(self) -> Mapping[str, Any]:
        """Returns the realm's JWK set."""

    async def exchange(self, offline_token: str) -> str:
        """Returns an access token for an offline token. Raises Unauthenticated."""

    async def close(self) -> None:
        """Ends what is under way."""


class RealmPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Whose tokens are good, for whom, and what they mean; without a `role` a token has to say it.

    A claim within another one is written with dots: `realm_access.roles`.
    """

    issuer: str
    audience: str
    org_claim: str
    role_claim: str = ""
    role: Role | None = Role.AGENT


class Exchanged(msgspec.Struct, frozen=True, kw_only=True):
    """The access token of an offline token, as far as it matters."""

    account: Account
    ends_at: float


class PublishedKeys:
    """The keys that a realm publishes; those that are known stay while nobody answers."""

    def __init__(self, *, provider: Provider, clock: Clock, flights: Flights) -> None:
        self._provider = provider
        self._clock = clock
        self._flights = flights
        self._known: dict[str, Key] = {}
        self._known_at = 0.0
        self._ask_at = 0.0
        self._failure = ""

    async def find(self, id_: object) -> Key:
        """Returns the key of an id."""
        name = id_ if isinstance(id_, str) else ""
        if name not in self._known:
            await self._ask()
        elif self._clock.monotonic() > self._known_at + _OLD and self._may_ask():
            self._flights.start(_KEYS, self._read)
        if name in self._known:
            return self._known[name]
        raise Unauthenticated("the token is signed with a key that the realm does not publish")

    async def _ask(self) -> None:
        if _KEYS in self._flights or self._may_ask():
            await self._flights.join(_KEYS, self._read)
        elif self._failure:
            raise Unavailable(self._failure)

    def _may_ask(self) -> bool:
        return self._clock.monotonic() >= self._ask_at

    async def _read(self) -> None:
        try:
            self._known = read_keys(await self._provider.keys())
            self._known_at, self._failure = self._clock.monotonic(), ""
        except Unavailable as error:
            self._failure = error.message
            raise
        finally:
            self._ask_at = self._clock.monotonic() + _PAUSE


class Realm:
    """Tells who bears a token of the realm."""

    def __init__(
        self, *, policy: RealmPolicy, provider: Provider, orgs: Orgs, clock: Clock
    ) -> None:
        self._policy = policy
        self._provider = provider
        self._orgs = orgs
        self._clock = clock
        self._flights = Flights()
        self._keys = PublishedKeys(provider=provider, clock=clock, flights=self._flights)
        self._exchanged: dict[bytes, Exchanged] = {}

    def has_issued(self, token: str) -> bool:
        """Tells whether a token says that it is the realm's; it may lie."""
        peeked = peek(token)
        return peeked is not None and peeked.iss == self._policy.issuer

    def has_to_ask(self, token: str) -> bool:
        """Tells whether a token has to be shown to the realm."""
        peeked = peek(token)
        return bool(peeked and peeked.typ == OFFLINE) and self._kept(_digest(token)) is None

    async def account(self, token: str) -> Account:
        """Returns who bears a token. Raises Unauthenticated, Denied, Unavailable."""
        peeked = peek(token)
        if peeked is None or peeked.typ != OFFLINE:
            return (await self._verified(token, peeked)).account
        digest = _digest(token)
        if kept := self._kept(digest):
            return kept.account
        exchanged = await self._flights.join(digest, partial(self._exchange, token, digest))
        return exchanged.account

    async def close(self) -> None:
        """Lets go of the realm."""
        await self._provider.close()

    def _kept(self, digest: bytes) -> Exchanged | None:
        kept = self._exchanged.get(digest)
        return kept if kept and kept.ends_at > self._clock.now().timestamp() else None

    async def _exchange(self, offline_token: str, digest: bytes) -> Exchanged:
        token = await self._provider.exchange(offline_token)
        exchanged = await self._verified(token, peek(token))
        if len(self._exchanged) >= _MOST_EXCHANGED:
            self._exchanged.clear()
        self._exchanged[digest] = exchanged
        return exchanged

    async def _verified(self, token: str, peeked: Peeked | None) -> Exchanged:
        if peeked is None:
            raise Unauthenticated("the token is no JWT")
        if peeked.alg not in ALGORITHMS:
            raise Unauthenticated(
                f"the token is not signed as it has to be: with one of {', '.join(ALGORITHMS)}"
            )
        key = await self._keys.find(peeked.kid)
        claims = verify(
            token,
            key,
            self._clock.now(),
            issuer=self._policy.issuer,
            audience=self._policy.audience,
        )
        return Exchanged(account=await self._account(claims), ends_at=float(claims["exp"]))

    async def _account(self, claims: Mapping[str, Any]) -> Account:
        named = claims.get("preferred_username")
        login: str = named if named and isinstance(named, str) else claims["sub"]
        try:
            check_text("login", login, most=LONGEST_NAME)
        except Invalid as error:
            raise Unauthenticated(f"the token's {error.message}") from error
        orgs = await self._orgs_of(claims)
        return Account(
            id=0,
            kind=AccountKind.USER,
            login=login,
            name="",
            secret_hash="",
            default_org=orgs[0].id,
            roles=dict.fromkeys((org.id for org in orgs), self._role(claims)),
        )

    async def _orgs_of(self, claims: Mapping[str, Any]) -> list[Org]:
        """Returns the orgs that a token names; those that this hub does not have are left out."""
        name = self._policy.org_claim
        said = list(_texts(_claim(claims, name)))[:_MOST_ORGS]
        found = [org for text in said if (org := await self._orgs.called(text))]
        if not found:
            raise Denied(f"the token's claim {name} names no organization of this hub")
        return found

    def _role(self, claims: Mapping[str, Any]) -> Role:
        said = {*_texts(_claim(claims, self._policy.role_claim))}
        given = [role for name, role in ROLES.items() if name in said]
        role = given[-1] if given else self._policy.role
        if role is None:
            raise Denied(f"the token's claim {self._policy.role_claim} has none of: {_names()}")
        return role


def _names() -> str:
    return ", ".join(ROLES)


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    if path in claims:  # names with dots in them are usual, too
        return claims[path]
    value: Any = claims
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _texts(value: Any) -> Iterator[str]:
    """Yields the texts of a claim: its own, those of a list, the names of an object."""
    for each in value if isinstance(value, list | dict) else [value]:
        if isinstance(each, str) or type(each) is int:
            yield str(each)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()

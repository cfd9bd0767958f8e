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
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from polydesk.domain.errors import Denied, Invalid, Unauthenticated
from polydesk.domain.flight import Flights
from polydesk.domain.identity import Account, AccountKind, Org, Role
from polydesk.domain.org import Orgs
from polydesk.domain.ports import Clock
from polydesk.domain.realm_keys import Provider, PublishedKeys
from polydesk.domain.realm_token import ALGORITHMS, OFFLINE, Peeked, peek, verify
from polydesk.domain.ticket import LONGEST_NAME, check_text

# What a claim of roles may hold; the realm's own `admin` means nothing here.
ROLES: Final = {f"polydesk-{role.value.lower()}": role for role in Role}
_MOST_ORGS: Final = 100
_MOST_KEPT: Final = 10_000
# So long an access token is taken again without another look.
_REMEMBER: Final = 60.0


class RealmPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Whose tokens are good, for whom, and what they mean; without a `role` a token has to say it.

    A claim within another one is written with dots: `realm_access.roles`.
    """

    issuer: str
    audience: str
    org_claim: str
    role_claim: str = ""
    role: Role | None = Role.AGENT


class Admitted(msgspec.Struct, frozen=True, kw_only=True):
    """Who bears a token that was found good, by which reading of the keys, and until when."""

    account: Account
    reading: int
    ends_at: float


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
        self._exchanged: dict[bytes, Admitted] = {}
        self._accepted: dict[bytes, Admitted] = {}

    def has_issued(self, token: str) -> bool:
        """Tells whether a token says that it is the realm's; it may lie."""
        peeked = peek(token)
        return peeked is not None and peeked.iss == self._policy.issuer

    def has_to_ask(self, token: str) -> bool:
        """Tells whether a token has to be shown to the realm."""
        peeked = peek(token)
        return bool(peeked and peeked.typ == OFFLINE) and not self._kept(self._exchanged, token)

    async def account(self, token: str) -> Account:
        """Returns who bears a token. Raises Unauthenticated, Denied, Unavailable."""
        peeked = peek(token)
        if peeked is None or peeked.typ != OFFLINE:
            return await self._accept(token, peeked)
        if kept := self._kept(self._exchanged, token):
            return kept.account
        ask = partial(self._exchange, token)
        return (await self._flights.join(_digest(token), ask)).account

    async def close(self) -> None:
        """Lets go of the realm."""
        await self._provider.close()

    async def _accept(self, token: str, peeked: Peeked | None) -> Account:
        """Verifies an access token; remembers that for a minute, or until keys are read anew."""
        kept = self._kept(self._accepted, token)
        if kept and kept.reading == self._keys.reading:
            return kept.account
        admitted = await self._verified(token, peeked)
        soon = self._clock.now().timestamp() + _REMEMBER
        _keep(self._accepted, token, replace(admitted, ends_at=min(admitted.ends_at, soon)))
        return admitted.account

    async def _exchange(self, offline_token: str) -> Admitted:
        token = await self._provider.exchange(offline_token)
        admitted = await self._verified(token, peek(token))
        _keep(self._exchanged, offline_token, admitted)
        return admitted

    def _kept(self, among: Mapping[bytes, Admitted], token: str) -> Admitted | None:
        kept = among.get(_digest(token))
        return kept if kept and kept.ends_at > self._clock.now().timestamp() else None

    async def _verified(self, token: str, peeked: Peeked | None) -> Admitted:
        if peeked is None:
            raise Unauthenticated("the token is no JWT")
        if peeked.alg not in ALGORITHMS:
            raise Unauthenticated(
                f"the token is not signed as it has to be: with one of {', '.join(ALGORITHMS)}"
            )
        key = await self._keys.find(peeked.kid)
        reading = self._keys.reading
        policy, now = self._policy, self._clock.now()
        claims = verify(token, key, now, issuer=policy.issuer, audience=policy.audience)
        account = await self._account(claims)
        return Admitted(account=account, reading=reading, ends_at=float(claims["exp"]))

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


def _keep(among: dict[bytes, Admitted], token: str, admitted: Admitted) -> None:
    if len(among) >= _MOST_KEPT:
        among.clear()
    among[_digest(token)] = admitted


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

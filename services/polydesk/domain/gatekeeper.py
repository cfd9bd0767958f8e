"""Who is calling: tells the account behind a credential, and issues tokens."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Final

import msgspec

from polydesk.domain.errors import Unauthenticated
from polydesk.domain.identity import Account, AccountKind
from polydesk.domain.org_ports import IdentityStore
from polydesk.domain.password import Hasher, Throttle
from polydesk.domain.ports import Clock
from polydesk.domain.realm import Realm
from polydesk.domain.ticket import LONGEST_NAME
from polydesk.domain.token import ACCESS_LIFETIME, LIFETIME, Claims, Pair, Tokens

_REMEMBER: Final = 60.0
_REFRESH: Final = 1.0
_MOST_REMEMBERED: Final = 10_000


class Basic(msgspec.Struct, frozen=True):
    """A login with its secret."""

    login: str
    secret: str


class Bearer(msgspec.Struct, frozen=True):
    """A token of the hub, or of the realm whose people it lets in."""

    token: str


class ApiKey(msgspec.Struct, frozen=True):
    """A key of a client."""

    key: str


Credential = Basic | Bearer | ApiKey


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """A new token; `expires_in` is in whole seconds that surely remain."""

    access_token: str
    expires_in: int
    expires_at: datetime


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """What a client gets for a user; `expires_in` is that of the access token."""

    pair: Pair
    expires_in: int


class Gatekeeper:
    """Tells who is calling.

    Accepted credentials are remembered for a minute, as a digest under a key that only this
    process knows; whatever changes an account forgets them: at once in this process, within a
    second in others.
    """

    def __init__(
        self, *, store: IdentityStore, clock: Clock, hasher: Hasher, realm: Realm | None = None
    ) -> None:
        self._store = store
        self._realm = realm
        self._clock = clock
        self._hasher = hasher
        self._throttle = Throttle(clock=clock)
        self._digest_key = secrets.token_bytes(32)
        self._accepted: dict[bytes, tuple[int, float]] = {}
        self._accounts: dict[int, Account] = {}
        self._tokens: Tokens | None = None
        self._version = -1
        self._generation = 0
        self._refresh_at = 0.0

    async def authenticate(self, credential: Credential, *, address: str = "") -> Account:
        """Returns the account that the credential belongs to; one of the realm's has no id."""
        realm = self._realm
        if realm and isinstance(credential, Bearer) and realm.has_issued(credential.token):
            return await self._of_realm(realm, credential.token, address)
        await self._refresh()
        digest = self._digest(credential)
        known = self._accepted.get(digest)
        if known and known[1] > self._clock.monotonic():
            return await self._account(known[0])
        generation = self._generation
        match credential:
            case Basic(login, secret):
                account, seconds = await self._of_basic(login, secret, address), _REMEMBER
            case Bearer(token):
                account, seconds = await self._read_token(token)
            case ApiKey(key):
                account, seconds = await self._of_key(key, address), _REMEMBER
        if len(self._accepted) >= _MOST_REMEMBERED:
            self._accepted.clear()
        if generation == self._generation:  # else the account may have changed meanwhile
            self._accepted[digest] = account.id, self._clock.monotonic() + min(seconds, _REMEMBER)
        return account

    async def issue_token(self, login: str, secret: str, *, address: str = "") -> Issued:
        """Returns a new token to whoever knows a login and its secret."""
        return await self.issue(await self.authenticate(Basic(login, secret), address=address))

    async def issue(self, account: Account) -> Issued:
        """Returns a new token of an account."""
        now = self._clock.now()
        return Issued(
            access_token=(await self._signer()).issue(account, now),
            # One second less: part of the first has passed when the answer arrives.
            expires_in=int(LIFETIME.total_seconds()) - 1,
            expires_at=now + LIFETIME,
        )

    async def log_in(self, basic: Basic, kind: AccountKind, *, address: str = "") -> Account:
        """Returns the account of a login, which must be one of that kind."""
        account = await self.authenticate(basic, address=address)
        if account.kind is not kind:
            raise Unauthenticated("the user name or password is incorrect")
        return account

    async def grant(self, user: Account, client: Account, *, scope: str) -> Granted:
        """Returns new tokens of a user for a client."""
        pair = (await self._signer()).issue_pair(user, client, self._clock.now(), scope=scope)
        return Granted(pair=pair, expires_in=int(ACCESS_LIFETIME.total_seconds()) - 1)

    async def grant_again(self, refresh_token: str, client: Account, *, scope: str) -> Granted:
        """Returns new tokens to the client that was given a refresh token."""
        claims = (await self._signer()).read_refresh(refresh_token, self._clock.now())
        user = await self._of_claims(claims)
        if claims.client != client.id:
            raise Unauthenticated("the token was given to another client")
        return await self.grant(user, client, scope=scope)

    async def close(self) -> None:
        """Lets go of the realm."""
        if self._realm:
            await self._realm.close()

    def forget(self) -> None:
        """Forgets all that was remembered, because an account or a key has changed."""
        self._accepted.clear()
        self._accounts.clear()
        self._tokens = None
        self._generation += 1
        self._refresh_at = 0.0

    async def _of_basic(self, login: str, secret: str, address: str) -> Account:
        account = await self._store.account_of(login)
        keys = (f"login {login.casefold()[:LONGEST_NAME]}", f"address {address}")
        async with self._throttle.attempt(*keys):
            hashed = account.secret_hash if account else None
            if await self._hasher.verify(hashed, secret) and account:
                self._throttle.right(keys[0])
                return account
            self._throttle.wrong(*keys)
        raise Unauthenticated("the user name or password is incorrect")

    async def _read_token(self, token: str) -> tuple[Account, float]:
        claims = (await self._signer()).read(token, self._clock.now())
        account = await self._of_claims(claims)
        return account, claims.expires_at - self._clock.now().timestamp()

    async def _of_realm(self, realm: Realm, token: str, address: str) -> Account:
        if not realm.has_to_ask(token):
            return await realm.account(token)
        throttled = f"address {address}"
        async with self._throttle.attempt(throttled):
            try:
                return await realm.account(token)
            except Unauthenticated:
                self._throttle.wrong(throttled)
                raise

    async def _of_claims(self, claims: Claims) -> Account:
        account = await self._current(claims.account, claims.epoch)
        if claims.client:
            await self._current(claims.client, claims.client_epoch)
        return account

    async def _current(self, id_: int, epoch: int) -> Account:
        account = await self._store.account(id_)
        if account is None or account.token_epoch != epoch:
            raise Unauthenticated("the token was revoked: get a new one")
        return account

    async def _of_key(self, key: str, address: str) -> Account:
        throttled = f"address {address}"
        async with self._throttle.attempt(throttled):
            account = await self._store.account_of_key(key_digest(key))
            if account is None:
                self._throttle.wrong(throttled)
                raise Unauthenticated("the API key is unknown")
        return account

    async def _signer(self) -> Tokens:
        tokens = self._tokens
        if tokens is None:
            generation = self._generation
            tokens = Tokens(await self._store.signing_key(new_signing_key()))
            if generation == self._generation:
                self._tokens = tokens
        return tokens

    async def _account(self, id_: int) -> Account:
        account = self._accounts.get(id_)
        if account is None:
            generation = self._generation
            account = await self._store.account(id_)
            if account is None:
                raise Unauthenticated("the account is no more")
            if generation == self._generation:
                self._accounts[id_] = account
        return account

    async def _refresh(self) -> None:
        now = self._clock.monotonic()
        if now < self._refresh_at:
            return
        self._refresh_at = now + _REFRESH
        version = await self._store.version()
        if version != self._version:
            self.forget()
            self._version = version

    def _digest(self, credential: Credential) -> bytes:
        text = msgspec.json.encode([type(credential).__name__, credential])
        return hmac.digest(self._digest_key, text, "sha256")


def new_signing_key() -> bytes:
    """Returns a key that nobody knows."""
    return secrets.token_bytes(32)


def key_digest(key: str) -> bytes:
    """Returns what is kept of an API key."""
    return hashlib.sha256(key.encode()).digest()

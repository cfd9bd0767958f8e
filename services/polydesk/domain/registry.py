"""Who is who: authenticates callers, and keeps orgs, accounts, roles and tokens."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from polydesk.domain.errors import Invalid, NotFound, Unauthenticated
from polydesk.domain.identity import Account, AccountKind, Org, Role
from polydesk.domain.password import Hasher, Throttle
from polydesk.domain.ports import Clock, IdentityStore
from polydesk.domain.ticket import LONGEST_NAME, check_text
from polydesk.domain.token import LIFETIME, Tokens

HIGHEST_ORG: Final = 2**31 - 1
SHORTEST_KEY: Final = 16
_REMEMBER: Final = 60.0
_REFRESH: Final = 1.0
_MOST_REMEMBERED: Final = 10_000


class Basic(msgspec.Struct, frozen=True):
    """A login with its secret."""

    login: str
    secret: str


class Bearer(msgspec.Struct, frozen=True):
    """A token of the hub."""

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


class Registry:
    """Knows orgs and accounts.

    Accepted credentials are remembered for a minute, as a digest under a key that only this
    process knows; whatever changes an account forgets them: at once in this process, within a
    second in others.
    """

    def __init__(self, *, store: IdentityStore, clock: Clock, hasher: Hasher) -> None:
        self._store = store
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
        """Returns the account that the credential belongs to."""
        await self._refresh()
        digest = self._digest(credential)
        known = self._accepted.get(digest)
        if known and known[1] > self._clock.monotonic():
            return await self._account(known[0])
        generation = self._generation
        match credential:
            case Basic(login, secret):
                account, seconds = await self._log_in(login, secret, address), _REMEMBER
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
        account = await self.authenticate(Basic(login, secret), address=address)
        return await self._issue(account)

    async def token_for(self, login: str) -> Issued:
        """Returns a new token of an account, to whoever may run the hub."""
        return await self._issue(await self.account_of(login))

    async def revoke_tokens(self, login: str) -> None:
        """Ends all tokens of an account."""
        account = await self.account_of(login)
        await self._replace(account, token_epoch=account.token_epoch + 1)

    async def orgs(self) -> list[Org]:
        """Returns all orgs by id."""
        return await self._store.orgs()

    async def add_org(self, id_: int, name: str) -> Org:
        """Opens an org."""
        if not 1 <= id_ <= HIGHEST_ORG:
            raise Invalid(f"an org's id is a number from 1 to {HIGHEST_ORG}", field="name")
        check_text("name", name, most=LONGEST_NAME)
        org = Org(id=id_, name=name)
        await self._store.add_org(org)
        self._forget()
        return org

    async def accounts(self) -> list[Account]:
        """Returns all accounts by id."""
        return await self._store.accounts()

    async def account(self, id_: int) -> Account:
        """Returns the account of an id."""
        account = await self._store.account(id_)
        if account is None:
            raise NotFound(f"there is no account {id_}")
        return account

    async def account_of(self, login: str) -> Account:
        """Returns the account of a login."""
        account = await self._store.account_of(login)
        if account is None:
            raise NotFound(f"there is no account {login}")
        return account

    async def add_user(
        self,
        login: str,
        secret: str,
        *,
        name: str = "",
        roles: Mapping[int, Role] | None = None,
        operator: bool = False,
    ) -> Account:
        """Opens the account of a person, who logs in by e-mail address."""
        if "@" not in login:
            raise Invalid(f"{login} is no e-mail address", field="login")
        draft = _new_account(AccountKind.USER, login, name=name, roles=roles, operator=operator)
        return await self.add_account(draft, secret)

    async def add_client(
        self,
        login: str,
        secret: str,
        *,
        name: str = "",
        roles: Mapping[int, Role] | None = None,
        default_org: int = 0,
    ) -> Account:
        """Opens the account of a program, which logs in by client id."""
        draft = _new_account(AccountKind.CLIENT, login, name=name, roles=roles)
        return await self.add_account(
            msgspec.structs.replace(draft, default_org=default_org), secret
        )

    async def add_account(self, draft: Account, secret: str) -> Account:
        """Opens an account as `draft` has it, with a new id."""
        _check_login(draft.login)
        check_text("display_name", draft.name, most=LONGEST_NAME)
        await self._check_orgs({*draft.roles, *([draft.default_org] if draft.default_org else [])})
        hashed = await self._hasher.hash(secret)
        account = await self._store.add_account(msgspec.structs.replace(draft, secret_hash=hashed))
        self._forget()
        return account

    async def set_secret(self, login: str, secret: str) -> None:
        """Gives an account a new secret, and ends its tokens."""
        account = await self.account_of(login)
        hashed = await self._hasher.hash(secret)
        await self._replace(account, secret_hash=hashed, token_epoch=account.token_epoch + 1)

    async def set_role(self, login: str, org: int, role: Role | None) -> Account:
        """Gives an account a role in an org; None takes it away."""
        account = await self.account_of(login)
        await self._check_orgs({org})
        roles = {**account.roles, org: role}
        kept = {id_: given for id_, given in roles.items() if given is not None}
        return await self._replace(account, roles=kept)

    async def add_key(self, login: str, key: str, *, label: str = "") -> None:
        """Gives an account an API key."""
        if not SHORTEST_KEY <= len(key) <= LONGEST_NAME:
            raise Invalid(f"a key has {SHORTEST_KEY} to {LONGEST_NAME} characters", field="key")
        account = await self.account_of(login)
        await self._store.add_key(_key_digest(key), account=account.id, label=label)
        self._forget()

    async def _log_in(self, login: str, secret: str, address: str) -> Account:
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
        account = await self._store.account(claims.account)
        if account is None or account.token_epoch != claims.epoch:
            raise Unauthenticated("the token was revoked: get a new one")
        return account, claims.expires_at - self._clock.now().timestamp()

    async def _of_key(self, key: str, address: str) -> Account:
        throttled = f"address {address}"
        async with self._throttle.attempt(throttled):
            account = await self._store.account_of_key(_key_digest(key))
            if account is None:
                self._throttle.wrong(throttled)
                raise Unauthenticated("the API key is unknown")
        return account

    async def _issue(self, account: Account) -> Issued:
        now = self._clock.now()
        return Issued(
            access_token=(await self._signer()).issue(account, now),
            # One second less: part of the first has passed when the answer arrives.
            expires_in=int(LIFETIME.total_seconds()) - 1,
            expires_at=now + LIFETIME,
        )

    async def _signer(self) -> Tokens:
        if self._tokens is None:
            self._tokens = Tokens(await self._store.signing_key(secrets.token_bytes(32)))
        return self._tokens

    async def _account(self, id_: int) -> Account:
        account = self._accounts.get(id_)
        if account is None:
            generation = self._generation
            account = await self.account(id_)
            if generation == self._generation:
                self._accounts[id_] = account
        return account

    async def _replace(self, account: Account, **changes: object) -> Account:
        changed = msgspec.structs.replace(account, **changes)
        await self._store.replace_account(changed)
        self._forget()
        return changed

    async def _check_orgs(self, ids: set[int]) -> None:
        unknown = ids - {org.id for org in await self._store.orgs()}
        if unknown:
            raise NotFound(f"there is no org {min(unknown)}")

    async def _refresh(self) -> None:
        now = self._clock.monotonic()
        if now < self._refresh_at:
            return
        self._refresh_at = now + _REFRESH
        version = await self._store.version()
        if version != self._version:
            self._forget()
            self._version = version

    def _forget(self) -> None:
        self._accepted.clear()
        self._accounts.clear()
        self._generation += 1
        self._refresh_at = 0.0

    def _digest(self, credential: Credential) -> bytes:
        text = msgspec.json.encode([type(credential).__name__, credential])
        return hmac.digest(self._digest_key, text, "sha256")


def _key_digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _check_login(login: str) -> None:
    if not login or ":" in login or login != login.strip():
        raise Invalid(
            "a login is not empty, and has no colon and no blank around it", field="login"
        )
    check_text("login", login, most=LONGEST_NAME)


def _new_account(
    kind: AccountKind,
    login: str,
    *,
    name: str,
    roles: Mapping[int, Role] | None,
    operator: bool = False,
) -> Account:
    return Account(
        id=0,
        kind=kind,
        login=login,
        name=name,
        secret_hash="",
        roles=dict(roles or {}),
        operator=operator,
    )

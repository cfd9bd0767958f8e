"""Who is who: keeps orgs, accounts, their roles, keys and tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from msgspec.structs import replace

from polydesk.domain.errors import Invalid, NotFound
from polydesk.domain.gatekeeper import Gatekeeper, Issued, key_digest, new_signing_key
from polydesk.domain.identity import Account, AccountKind, Key, Org, Role
from polydesk.domain.org_ports import IdentityStore
from polydesk.domain.password import SHORTEST, Hasher
from polydesk.domain.ticket import LONGEST_NAME, check_text

HIGHEST_ORG: Final = 2**31 - 1
SHORTEST_KEY: Final = 16


class Registry:
    """Knows orgs and accounts; whatever it changes, the gatekeeper learns at once."""

    def __init__(self, *, store: IdentityStore, hasher: Hasher, gatekeeper: Gatekeeper) -> None:
        self._store = store
        self._hasher = hasher
        self._gatekeeper = gatekeeper

    async def token_for(self, login: str) -> Issued:
        """Returns a new token of an account, to whoever may run the hub."""
        return await self._gatekeeper.issue(await self.account_of(login))

    async def revoke_tokens(self, login: str) -> None:
        """Ends all tokens of an account."""
        await self._change(login, _with_new_epoch)

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
        self._gatekeeper.forget()
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

    async def add_user(  # noqa: PLR0913 - each is said or not
        self,
        login: str,
        secret: str,
        *,
        name: str = "",
        roles: Mapping[int, Role] | None = None,
        operator: bool = False,
        default_org: int = 0,
    ) -> Account:
        """Opens the account of a person, who logs in by e-mail address."""
        if "@" not in login:
            raise Invalid(f"{login} is no e-mail address", field="login")
        draft = _new_account(AccountKind.USER, login, name=name, roles=roles, operator=operator)
        return await self.add_account(replace(draft, default_org=default_org), secret)

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
        return await self.add_account(replace(draft, default_org=default_org), secret)

    async def add_account(
        self, draft: Account, secret: str, *, shortest: int = SHORTEST
    ) -> Account:
        """Opens an account as `draft` has it, with a new id."""
        _check_login(draft.login)
        check_text("display_name", draft.name, most=LONGEST_NAME)
        await self._check_orgs({*draft.roles, *([draft.default_org] if draft.default_org else [])})
        hashed = await self._hasher.hash(secret, shortest=shortest)
        account = await self._store.add_account(replace(draft, secret_hash=hashed))
        self._gatekeeper.forget()
        return account

    async def set_secret(self, login: str, secret: str) -> None:
        """Gives an account a new secret, and ends its tokens."""
        hashed = await self._hasher.hash(secret)
        await self._change(
            login, lambda account: replace(_with_new_epoch(account), secret_hash=hashed)
        )

    async def set_role(self, login: str, org: int, role: Role | None) -> Account:
        """Gives an account a role in an org; None takes it away."""
        await self._check_orgs({org})
        given = {} if role is None else {org: role}

        def with_role(account: Account) -> Account:
            others = {id_: kept for id_, kept in account.roles.items() if id_ != org}
            return replace(account, roles=others | given)

        return await self._change(login, with_role)

    async def set_default_org(self, login: str, org: int) -> Account:
        """Has an account work in an org where a call names none."""
        await self._check_orgs({org})
        return await self._change(login, lambda account: replace(account, default_org=org))

    async def add_key(self, login: str, key: str, *, label: str = "") -> None:
        """Gives an account an API key."""
        if not SHORTEST_KEY <= len(key) <= LONGEST_NAME:
            raise Invalid(f"a key has {SHORTEST_KEY} to {LONGEST_NAME} characters", field="key")
        account = await self.account_of(login)
        await self._store.add_key(key_digest(key), account=account.id, label=label)
        self._gatekeeper.forget()

    async def keys(self, login: str) -> list[Key]:
        """Returns what is known of an account's API keys, the oldest first."""
        return await self._store.keys((await self.account_of(login)).id)

    async def end_key(self, login: str, id_: str) -> None:
        """Ends an API key of an account, and no other one of it."""
        account = await self.account_of(login)
        await self._store.remove_key(id_, account=account.id)
        self._gatekeeper.forget()

    async def change_signing_key(self) -> None:
        """Has another key sign tokens, which ends every token of everybody."""
        await self._store.change_signing_key(new_signing_key())
        self._gatekeeper.forget()

    async def _change(self, login: str, change: Callable[[Account], Account]) -> Account:
        account = await self.account_of(login)
        changed = await self._store.change_account(account.id, change)
        self._gatekeeper.forget()
        return changed

    async def _check_orgs(self, ids: set[int]) -> None:
        unknown = ids - {org.id for org in await self._store.orgs()}
        if unknown:
            raise NotFound(f"there is no org {min(unknown)}")


def _with_new_epoch(account: Account) -> Account:
    return replace(account, token_epoch=account.token_epoch + 1)


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

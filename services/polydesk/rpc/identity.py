"""The canonical identity service."""

from __future__ import annotations

from typing import Any, Final

import grpc.aio
from google.protobuf.empty_pb2 import Empty

from polydesk.api.v1 import identity_pb2, identity_pb2_grpc
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.identity import Account, AccountKind, Org, Role
from polydesk.rpc.name import id_of, org_of
from polydesk.wire import caller_of

Context = grpc.aio.ServicerContext[Any, Any]

_KINDS: Final = {identity_pb2.Account.Kind.Value(f"KIND_{kind.name}"): kind for kind in AccountKind}
_ROLES: Final = {identity_pb2.Role.Value(f"ROLE_{role.name}"): role for role in Role}
_ROLE_NUMBERS: Final[dict[Role, Any]] = {role: number for number, role in _ROLES.items()}
_KIND_NUMBERS: Final[dict[AccountKind, Any]] = {kind: number for number, kind in _KINDS.items()}


class IdentityServicer(identity_pb2_grpc.IdentityServiceServicer):
    """Serves orgs, accounts, roles and tokens. The contract lets operators alone change them."""

    def __init__(self, desk: Desk) -> None:
        self._registry = desk.registry

    async def GetCaller(
        self, _: identity_pb2.GetCallerRequest, __: Context
    ) -> identity_pb2.Account:
        """Returns the caller's account; who is of a realm has none, and is what the token says."""
        caller = caller_of()
        if caller.account:
            return from_account(await self._registry.account(caller.account))
        return from_account(
            Account(
                id=0,
                kind=AccountKind.USER,
                login=caller.login,
                name="",
                secret_hash="",
                default_org=caller.default_org,
                roles={**caller.roles},
            )
        )

    async def ListOrgs(
        self, _: identity_pb2.ListOrgsRequest, __: Context
    ) -> identity_pb2.ListOrgsResponse:
        """Returns the orgs the caller sees."""
        caller = caller_of()
        orgs = [
            org for org in await self._registry.orgs() if caller.operator or org.id in caller.roles
        ]
        return identity_pb2.ListOrgsResponse(orgs=[from_org(org) for org in orgs])

    async def CreateOrg(
        self, request: identity_pb2.CreateOrgRequest, _: Context
    ) -> identity_pb2.Org:
        """Opens an org."""
        org = await self._registry.add_org(org_of(request.org.name), request.org.display_name)
        return from_org(org)

    async def CreateAccount(
        self, request: identity_pb2.CreateAccountRequest, _: Context
    ) -> identity_pb2.Account:
        """Opens an account."""
        account = await self._registry.add_account(to_account(request.account), request.secret)
        return from_account(account)

    async def ListAccounts(
        self, _: identity_pb2.ListAccountsRequest, __: Context
    ) -> identity_pb2.ListAccountsResponse:
        """Returns all accounts."""
        accounts = await self._registry.accounts()
        return identity_pb2.ListAccountsResponse(
            accounts=[from_account(account) for account in accounts]
        )

    async def SetSecret(self, request: identity_pb2.SetSecretRequest, _: Context) -> Empty:
        """Sets a secret."""
        await self._registry.set_secret(await self._login(request.name), request.secret)
        return Empty()

    async def SetRole(
        self, request: identity_pb2.SetRoleRequest, _: Context
    ) -> identity_pb2.Account:
        """Gives a role, or takes it away."""
        role = _role(request.role) if request.role else None
        login = await self._login(request.name)
        return from_account(await self._registry.set_role(login, org_of(request.org), role))

    async def IssueToken(
        self, request: identity_pb2.IssueTokenRequest, _: Context
    ) -> identity_pb2.Token:
        """Issues a token."""
        issued = await self._registry.token_for(await self._login(request.name))
        token = identity_pb2.Token(access_token=issued.access_token)
        token.expire_time.FromDatetime(issued.expires_at)
        return token

    async def RevokeTokens(self, request: identity_pb2.RevokeTokensRequest, _: Context) -> Empty:
        """Ends tokens."""
        await self._registry.revoke_tokens(await self._login(request.name))
        return Empty()

    async def _login(self, name: str) -> str:
        return (await self._registry.account(id_of(name, "accounts"))).login


def from_org(org: Org) -> identity_pb2.Org:
    """Writes an org."""
    return identity_pb2.Org(name=f"orgs/{org.id}", display_name=org.name)


def from_account(account: Account) -> identity_pb2.Account:
    """Writes an account, without its secret."""
    answer = identity_pb2.Account(
        name=f"accounts/{account.id}" if account.id else "",
        kind=_KIND_NUMBERS[account.kind],
        login=account.login,
        display_name=account.name,
        default_org=f"orgs/{account.default_org}" if account.default_org else "",
        operator=account.operator,
    )
    for org, role in sorted(account.roles.items()):
        answer.memberships.add(org=f"orgs/{org}", role=_ROLE_NUMBERS[role])
    return answer


def to_account(account: identity_pb2.Account) -> Account:
    """Reads a new account."""
    if account.kind not in _KINDS:
        raise Missing("account.kind is required", field="account.kind")
    return Account(
        id=0,
        kind=_KINDS[account.kind],
        login=account.login,
        name=account.display_name,
        secret_hash="",
        default_org=org_of(account.default_org) if account.default_org else 0,
        operator=account.operator,
        roles={org_of(member.org): _role(member.role) for member in account.memberships},
    )


def _role(number: int) -> Role:
    if number not in _ROLES:
        raise Invalid(f"role cannot be {number}", field="role")
    return _ROLES[number]

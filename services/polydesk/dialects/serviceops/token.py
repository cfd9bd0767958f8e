"""Who gets a token: what the Authorization header and the form of M01 say."""

from __future__ import annotations

from typing import Final

import msgspec

from polydesk import wire
from polydesk.dialects.serviceops.refusal import CLIENT, REFRESH, USER, WHOSE
from polydesk.domain.errors import CredentialsExpired, Invalid, Missing, Unauthenticated
from polydesk.domain.gatekeeper import Basic, Gatekeeper, Granted
from polydesk.domain.identity import Account, AccountKind
from polydesk.domain.ticket import LONGEST_NAME, check_text

BEARER: Final = "bearer"
# The seed's tokens: one for the product's own web application, one for whoever uses the API.
SCOPES: Final = {"main-web-app-client": "main-web-app-scope"}
USUAL_SCOPE: Final = "other-api-scope"
LONGEST_TOKEN: Final = 8_192
_FIELDS: Final = {
    "password": {"username": LONGEST_NAME, "password": LONGEST_NAME},
    "refresh_token": {"refresh_token": LONGEST_TOKEN},
}


class Grant(msgspec.Struct, frozen=True):
    """What a form asks for: `kind` is `password` or `refresh_token`."""

    kind: str
    fields: dict[str, str]


def read_grant(content_type: str, data: bytes) -> Grant:
    """Reads the form of M01."""
    form = wire.read_form(content_type, data)
    kind = form.get("grant_type", "")
    if not kind:
        raise Missing("grant_type is required", field="grant_type")
    if kind not in _FIELDS:
        raise Invalid(
            f"grant_type is {wire.clip(kind)}, it can be {' or '.join(_FIELDS)}", field="grant_type"
        )
    for name, most in _FIELDS[kind].items():
        if not form.get(name):
            raise Missing(f"{name} is required", field=name)
        check_text(name, form[name], most=most)
    return Grant(kind, form)


def scope_of(client: Account) -> str:
    """Returns what a client's tokens tell of their scope; the hub gives nothing on it."""
    return SCOPES.get(client.login, USUAL_SCOPE)


async def read_client(gatekeeper: Gatekeeper, authorization: str, *, address: str) -> Account:
    """Returns the client of a Basic header."""
    try:
        basic = _basic(authorization)
        return await gatekeeper.log_in(basic, AccountKind.CLIENT, address=address)
    except Unauthenticated as error:
        raise _of(error, CLIENT) from error


async def give(gatekeeper: Gatekeeper, client: Account, grant: Grant, *, address: str) -> Granted:
    """Returns new tokens, to the user who logs in or for an older refresh token."""
    scope, fields = scope_of(client), grant.fields
    try:
        if grant.kind == "refresh_token":
            return await gatekeeper.grant_again(fields["refresh_token"], client, scope=scope)
        basic = Basic(fields["username"], fields["password"])
        user = await gatekeeper.log_in(basic, AccountKind.USER, address=address)
        return await gatekeeper.grant(user, client, scope=scope)
    except Unauthenticated as error:
        raise _of(error, REFRESH if grant.kind == "refresh_token" else USER) from error


def _basic(authorization: str) -> Basic:
    credential = wire.read_credential(authorization)
    if not isinstance(credential, Basic):
        raise Unauthenticated("a client shows Basic credentials")
    return credential


def _of(error: Unauthenticated, whose: str) -> Unauthenticated:
    kind = CredentialsExpired if isinstance(error, CredentialsExpired) else Unauthenticated
    return kind(error.message, **{WHOSE: whose})

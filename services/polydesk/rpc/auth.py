"""Who is calling: turns the headers of a call into a Caller."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from polydesk.domain.errors import CredentialsMissing, Denied, Invalid, Unauthenticated
from polydesk.domain.gatekeeper import ApiKey, Basic, Bearer, Credential, Gatekeeper
from polydesk.domain.identity import HUB_ADMIN, SCOPES, Caller, Once
from polydesk.rpc.method import PACKAGE, Method
from polydesk.wire import address_in

_LONGEST_KEY: Final = 255


async def identify(
    gatekeeper: Gatekeeper, method: Method, headers: Mapping[str, str], *, request_id: str
) -> Caller:
    """Returns the caller, if it may call the method at all."""
    via = _via(method)
    if method.anonymous:
        return Caller(account=0, login="", roles={}, scope="", via=via, request_id=request_id)
    read = read_bearer if method.bearer_only else read_credential
    account = await gatekeeper.authenticate(
        read(headers.get("authorization", "")), address=address_in(headers)
    )
    caller = Caller(
        account=account.id,
        login=account.login,
        roles=account.roles,
        scope=method.scope,
        operator=account.operator,
        default_org=account.default_org,
        via=via,
        request_id=request_id,
        if_match=headers.get("if-match", "").removeprefix("W/").strip('"'),
    )
    _admit(caller)
    return caller


def with_key(caller: Caller, method: Method, headers: Mapping[str, str], message: Any) -> Caller:
    """Returns the caller with the idempotency key of a write, which stands for the message."""
    if method.read_only or method.anonymous or (key := headers.get("idempotency-key")) is None:
        return caller
    return msgspec.structs.replace(caller, once=_once(key, method, message))


def read_bearer(header: str) -> Bearer:
    """Reads an Authorization header that has to be Bearer; whatever else it is counts for none."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != "bearer" or not rest.strip():
        raise CredentialsMissing("no bearer token came: send Bearer in Authorization")
    return Bearer(rest.strip())


def read_credential(header: str) -> Credential:
    """Reads an Authorization header: Basic, Bearer, Apikey, rest_api_key=."""
    scheme, _, rest = header.strip().partition(" ")
    value = rest.strip()
    match scheme.lower():
        case "":
            raise CredentialsMissing("no credentials came: send Basic or Bearer in Authorization")
        case "basic":
            return _read_basic(value)
        case "bearer" if value:
            return Bearer(value)
        case "apikey" if value:
            return ApiKey(value)
        case named if named.startswith("rest_api_key=") and not value:
            return ApiKey(scheme.partition("=")[2])
    raise Unauthenticated("the Authorization header is neither Basic nor Bearer nor an API key")


def _read_basic(value: str) -> Basic:
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Unauthenticated("the Basic credentials are not Base64 of user:password") from error
    login, colon, secret = text.partition(":")
    if not colon:
        raise Unauthenticated("the Basic credentials are not Base64 of user:password")
    return Basic(login, secret)


def _once(key: str, method: Method, message: Any) -> Once:
    if not key or len(key) > _LONGEST_KEY:
        raise Invalid(
            f"Idempotency-Key has 1 to {_LONGEST_KEY} characters", field="Idempotency-Key"
        )
    said = f"{method.service}/{method.name}\n".encode()
    if message is not None:  # what comes in pieces, the desk adds to the digest
        said += message.SerializeToString(deterministic=True)
    return Once(key=key, digest=hashlib.sha256(said).digest())


def _admit(caller: Caller) -> None:
    """Refuses early who could nowhere do what the method does; the domain looks at the org."""
    if caller.scope == HUB_ADMIN:
        caller.admit_to_hub()
    elif caller.scope and not any(caller.scope in SCOPES[role] for role in caller.roles.values()):
        raise Denied(f"{caller.login} lacks {caller.scope}", scope=caller.scope)


def _via(method: Method) -> str:
    dialect = method.service.removeprefix(PACKAGE).partition(".")[0]
    return "desk" if dialect == "v1" else dialect

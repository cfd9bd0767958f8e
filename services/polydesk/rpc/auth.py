"""Who is calling: turns the headers of a call into a Caller."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from polydesk.domain.errors import Denied, Invalid
from polydesk.domain.gatekeeper import Bearer, Credential, Gatekeeper
from polydesk.domain.identity import HUB_ADMIN, SCOPES, Caller, Once
from polydesk.rpc.method import Method
from polydesk.wire import address_in, read_bearer, read_credential, read_key

# "Authorization using offline token" (SmartOps), where it does not stand in Authorization itself.
OFFLINE_HEADER: Final = "offline-token"
_LONGEST_KEY: Final = 255


async def identify(
    gatekeeper: Gatekeeper,
    method: Method,
    headers: Mapping[str, str],
    message: Any,
    *,
    request_id: str,
) -> Caller:
    """Returns the caller, if it may call the method at all."""
    via = method.dialect
    if method.anonymous:
        return Caller(account=0, login="", roles={}, scope="", via=via, request_id=request_id)
    account = await gatekeeper.authenticate(
        _shown(method, headers, message), address=address_in(headers)
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
    return msgspec.structs.replace(caller, once=_once(caller, key, method, message))


def _shown(method: Method, headers: Mapping[str, str], message: Any) -> Credential:
    """Returns the credential of a call: Authorization, an offline token, or a key in the body."""
    authorization = headers.get("authorization", "")
    if not authorization.strip():
        if token := headers.get(OFFLINE_HEADER, "").strip():
            return Bearer(token)
        if method.keys:
            body = getattr(message, method.body, None)  # none of what is no message
            return read_key(body.data if body else b"", method.keys)
    return read_bearer(authorization) if method.bearer_only else read_credential(authorization)


def _once(caller: Caller, key: str, method: Method, message: Any) -> Once:
    if not key or len(key) > _LONGEST_KEY:
        raise Invalid(
            f"Idempotency-Key has 1 to {_LONGEST_KEY} characters", field="Idempotency-Key"
        )
    said = f"{method.service}/{method.name}\n".encode()
    if not caller.account:  # somebody of a realm, who may be called as an account is
        said += f"{sorted(caller.roles)}\n".encode()
    if message is not None:  # what comes in pieces, the desk adds to the digest
        said += message.SerializeToString(deterministic=True)
    return Once(key=key, digest=hashlib.sha256(said).digest())


def _admit(caller: Caller) -> None:
    """Refuses early who could nowhere do what the method does; the domain looks at the org."""
    if caller.scope == HUB_ADMIN:
        caller.admit_to_hub()
    elif caller.scope and not any(caller.scope in SCOPES[role] for role in caller.roles.values()):
        raise Denied(f"{caller.login} lacks {caller.scope}", scope=caller.scope)

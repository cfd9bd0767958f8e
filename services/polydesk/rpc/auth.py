"""Who is calling: turns the headers of a call into a Caller."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from polydesk.domain.errors import Denied, Invalid
from polydesk.domain.gatekeeper import Gatekeeper
from polydesk.domain.identity import HUB_ADMIN, SCOPES, Caller, Once
from polydesk.rpc.method import PACKAGE, Method
from polydesk.wire import address_in, read_credential

_LONGEST_KEY: Final = 255


async def identify(
    gatekeeper: Gatekeeper,
    method: Method,
    headers: Mapping[str, str],
    *,
    message: Any,
    request_id: str,
) -> Caller:
    """Returns the caller, if it may call the method at all."""
    via = _via(method)
    if method.anonymous:
        return Caller(account=0, login="", roles={}, scope="", via=via, request_id=request_id)
    account = await gatekeeper.authenticate(
        read_credential(headers.get("authorization", "")), address=address_in(headers)
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
        once=None if method.read_only else _once(method, headers, message),
        if_match=headers.get("if-match", "").removeprefix("W/").strip('"'),
    )
    _admit(caller)
    return caller


def _once(method: Method, headers: Mapping[str, str], message: Any) -> Once | None:
    key = headers.get("idempotency-key")
    if key is None:
        return None
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

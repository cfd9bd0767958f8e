"""The tokens of a realm: what they say of themselves, and what is verified of them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import ECKey, RSAKey

from polydesk.domain.errors import CredentialsExpired, Unauthenticated

Key = RSAKey | ECKey

# Signatures by key pairs alone: nothing that is public can make one, and no token chooses `none`.
ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512"),
    *("PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512"),
)
LONGEST_TOKEN: Final = 16_384
OFFLINE: Final = "Offline"
# Clocks differ.
_LEEWAY: Final = 30
_KINDS: Final[Mapping[str, type[Key]]] = {"RSA": RSAKey, "EC": ECKey}
# RFC 9068; the tokens of Keycloak say so in a claim instead.
_ACCESS: Final = frozenset({"at+jwt", "application/at+jwt"})


class Peeked(msgspec.Struct, frozen=True):
    """What a token says of itself; nobody has verified it."""

    alg: Any = ""
    kid: Any = ""
    typ: Any = ""
    iss: Any = ""


class _Head(msgspec.Struct, frozen=True):
    alg: Any = ""
    kid: Any = ""


class _Body(msgspec.Struct, frozen=True):
    iss: Any = ""
    typ: Any = ""


def peek(token: str) -> Peeked | None:
    """Reads a token without trusting it; what is no JWT is None."""
    head, _, rest = token.partition(".")
    body, dot, _ = rest.partition(".")
    if not dot or len(token) > LONGEST_TOKEN:
        return None
    try:
        of_head = msgspec.json.decode(_unpacked(head), type=_Head)
        of_body = msgspec.json.decode(_unpacked(body), type=_Body)
    except (ValueError, RecursionError, binascii.Error):
        return None
    return Peeked(alg=of_head.alg, kid=of_head.kid, iss=of_body.iss, typ=of_body.typ)


def read_keys(published: Mapping[str, Any]) -> dict[str, Key]:
    """Returns the keys of a JWK set that sign, by their ids; others are of no use here."""
    keys: dict[str, Key] = {}
    for said in published.get("keys", ()):
        kind = _KINDS.get(said.get("kty", ""))
        if kind is None or said.get("use", "sig") != "sig" or not isinstance(said.get("kid"), str):
            continue
        try:
            keys[said["kid"]] = kind.import_key({**said})
        except (JoseError, ValueError, KeyError, TypeError):
            continue  # one key that is none does not spoil the others
    return keys


def verify(token: str, key: Key, at: datetime, *, issuer: str, audience: str) -> dict[str, Any]:
    """Returns what an access token says, if the key signed it for this hub and it is good now."""
    registry = jwt.JWTClaimsRegistry(
        now=int(at.timestamp()),
        leeway=_LEEWAY,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": audience},
        sub={"essential": True},
        exp={"essential": True},
    )
    try:
        decoded = jwt.decode(token, key, algorithms=[*ALGORITHMS])
        registry.validate(decoded.claims)
    except ExpiredTokenError as error:
        raise CredentialsExpired("the token has expired: get a new one from the realm") from error
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise Unauthenticated(f"the token is not one for this hub: {_why(error)}") from error
    if decoded.claims.get("typ") != "Bearer" and decoded.header.get("typ") not in _ACCESS:
        raise Unauthenticated("the token is no access token, and no offline token")
    if "cnf" in decoded.claims:
        raise Unauthenticated("the token is bound to a key of its bearer: get one that is not")
    return decoded.claims


def _why(error: Exception) -> str:
    """Tells which claim is wrong; whose signature it is not, is nobody's business."""
    claim = getattr(error, "claim", "")
    return f"its claim {claim} does not fit" if claim else "its signature is not the realm's"


def _unpacked(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)

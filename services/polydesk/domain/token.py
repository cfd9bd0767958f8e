"""Bearer tokens: JWTs signed by the hub (HS256), good for a day unless they are revoked."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Final

import msgspec
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import OctKey

from polydesk.domain.errors import CredentialsExpired, Unauthenticated
from polydesk.domain.identity import Account

LIFETIME: Final = timedelta(days=1)
_ISSUER: Final = "polydesk"
_ALGORITHM: Final = "HS256"


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says: whose it is, and the account's token epoch when it was issued."""

    account: int
    epoch: int
    expires_at: float


class Tokens:
    """Signs tokens and reads them."""

    def __init__(self, key: bytes) -> None:
        self._key = OctKey.import_key(key)

    def issue(self, account: Account, at: datetime) -> str:
        """Returns a new token of an account."""
        claims: dict[str, str | int] = {
            "iss": _ISSUER,
            "sub": str(account.id),
            "epoch": account.token_epoch,
            "iat": int(at.timestamp()),
            "exp": int((at + LIFETIME).timestamp()),
            "jti": secrets.token_hex(16),
        }
        return jwt.encode({"alg": _ALGORITHM}, claims, self._key)

    def read(self, token: str, at: datetime) -> Claims:
        """Returns what a token says, if the hub signed it and it has not ended."""
        registry = jwt.JWTClaimsRegistry(
            now=int(at.timestamp()),
            iss={"essential": True, "value": _ISSUER},
            sub={"essential": True},
            exp={"essential": True},
        )
        try:
            claims = jwt.decode(token, self._key, algorithms=[_ALGORITHM]).claims
            registry.validate(claims)
            return Claims(
                account=int(claims["sub"]),
                epoch=int(claims["epoch"]),
                expires_at=float(claims["exp"]),
            )
        except ExpiredTokenError as error:
            raise CredentialsExpired("the token has expired: get a new one") from error
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise Unauthenticated("the token is none of this hub's") from error

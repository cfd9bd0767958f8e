"""Bearer tokens: JWTs signed by the hub (HS256), good for a day unless they are revoked.

Where a user logs in through a client, as OAuth has it, the client gets two: one that is good for
two hours, and one with which it gets the next two. Only the issuer tells them apart, so that no
check can be forgotten: neither is ever taken for the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import msgspec
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import OctKey

from polydesk.domain.errors import CredentialsExpired, Unauthenticated
from polydesk.domain.identity import Account

LIFETIME: Final = timedelta(days=1)
ACCESS_LIFETIME: Final = timedelta(hours=2)
REFRESH_LIFETIME: Final = timedelta(days=30)
_ISSUER: Final = "polydesk"
_REFRESHING: Final = "polydesk/refresh"
_ALGORITHM: Final = "HS256"


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says: whose it is, and the account's token epoch when it was issued.

    So, too, of the client that a user came through; `client` is 0 where there was none.
    """

    account: int
    epoch: int
    expires_at: float
    client: int = 0
    client_epoch: int = 0


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens that a client gets for a user; `id` is that of the access token."""

    access_token: str
    refresh_token: str
    id: str


class Tokens:
    """Signs tokens and reads them."""

    def __init__(self, key: bytes) -> None:
        self._key = OctKey.import_key(key)

    def issue(self, account: Account, at: datetime) -> str:
        """Returns a new token of an account."""
        claims = _claims(account, at, lifetime=LIFETIME)
        return self._sign({"iss": _ISSUER, "jti": uuid4().hex} | claims)

    def issue_pair(self, user: Account, client: Account, at: datetime, *, scope: str) -> Pair:
        """Returns new tokens of a user for a client; `scope` is what they tell it of itself."""
        id_ = str(uuid4())
        told = {
            "grant_type": "password",
            "user_name": user.login,
            "scope": [scope],
            "authorities": ["USER"],
            "client_id": client.login,
            "client": client.id,
            "client_epoch": client.token_epoch,
        }
        access = told | _claims(user, at, lifetime=ACCESS_LIFETIME)
        refresh = told | _claims(user, at, lifetime=REFRESH_LIFETIME)
        return Pair(
            access_token=self._sign({"iss": _ISSUER, "jti": id_} | access),
            refresh_token=self._sign(
                {"iss": _REFRESHING, "jti": str(uuid4()), "ati": id_} | refresh
            ),
            id=id_,
        )

    def read(self, token: str, at: datetime) -> Claims:
        """Returns what a token says, if the hub signed it and it has not ended."""
        return self._read(token, at, issuer=_ISSUER)

    def read_refresh(self, token: str, at: datetime) -> Claims:
        """Returns what a token says that is good for getting new ones, and for nothing else."""
        return self._read(token, at, issuer=_REFRESHING)

    def _sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": _ALGORITHM}, claims, self._key)

    def _read(self, token: str, at: datetime, *, issuer: str) -> Claims:
        registry = jwt.JWTClaimsRegistry(
            now=int(at.timestamp()),
            iss={"essential": True, "value": issuer},
            sub={"essential": True},
            exp={"essential": True},
        )
        try:
            claims = jwt.decode(token, self._key, algorithms=[_ALGORITHM]).claims
            registry.validate(claims)
            return _read_claims(claims)
        except ExpiredTokenError as error:
            raise CredentialsExpired("the token has expired: get a new one") from error
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise Unauthenticated("the token is none of this hub's") from error


def _claims(account: Account, at: datetime, *, lifetime: timedelta) -> dict[str, Any]:
    return {
        "sub": str(account.id),
        "epoch": account.token_epoch,
        "iat": int(at.timestamp()),
        "exp": int((at + lifetime).timestamp()),
    }


def _read_claims(claims: Mapping[str, Any]) -> Claims:
    return Claims(
        account=int(claims["sub"]),
        epoch=int(claims["epoch"]),
        expires_at=float(claims["exp"]),
        client=int(claims.get("client", 0)),
        client_epoch=int(claims.get("client_epoch", 0)),
    )

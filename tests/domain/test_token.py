"""Tokens: what they tell, and that neither of a pair is taken for the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from polydesk.domain.errors import CredentialsExpired, Unauthenticated
from polydesk.domain.identity import Account, AccountKind
from polydesk.domain.token import Pair, Tokens

NOW = datetime(2026, 1, 31, tzinfo=UTC)
KEY = b"k" * 32
TOKENS = Tokens(KEY)


def account(id_: int, kind: AccountKind, login: str) -> Account:
    return Account(id=id_, kind=kind, login=login, name="", secret_hash="", token_epoch=id_ + 10)


TIM = account(1, AccountKind.USER, "tim@acme.com")
APP = account(2, AccountKind.CLIENT, "main-web-app-client")


def pair() -> Pair:
    return TOKENS.issue_pair(TIM, APP, NOW, scope="main-web-app-scope")


def claims(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, OctKey.import_key(KEY), algorithms=["HS256"]).claims)


def test_a_pair_tells_what_the_vendors_tokens_tell() -> None:
    issued = pair()
    access, refresh = claims(issued.access_token), claims(issued.refresh_token)

    common = {
        "grant_type": "password",
        "user_name": "tim@acme.com",
        "scope": ["main-web-app-scope"],
        "authorities": ["USER"],
        "client_id": "main-web-app-client",
    }
    assert access.items() >= (common | {"jti": issued.id}).items()
    assert refresh.items() >= (common | {"ati": issued.id}).items()
    assert refresh["jti"] != issued.id
    assert refresh["exp"] - access["exp"] == 2_584_800  # as in the vendor's own sample


def test_each_of_a_pair_is_read_for_what_it_is() -> None:
    issued = pair()

    access = TOKENS.read(issued.access_token, NOW)
    refresh = TOKENS.read_refresh(issued.refresh_token, NOW)

    for read in (access, refresh):
        assert (read.account, read.epoch, read.client, read.client_epoch) == (1, 11, 2, 12)
    with pytest.raises(Unauthenticated):
        TOKENS.read(issued.refresh_token, NOW)
    with pytest.raises(Unauthenticated):
        TOKENS.read_refresh(issued.access_token, NOW)
    with pytest.raises(Unauthenticated):
        TOKENS.read_refresh(TOKENS.issue(TIM, NOW), NOW)


def test_each_of_a_pair_ends_in_its_time() -> None:
    issued = pair()

    TOKENS.read(issued.access_token, NOW + timedelta(seconds=7_199))
    TOKENS.read_refresh(issued.refresh_token, NOW + timedelta(days=30, seconds=-1))
    with pytest.raises(CredentialsExpired):
        TOKENS.read(issued.access_token, NOW + timedelta(seconds=7_201))
    with pytest.raises(CredentialsExpired):
        TOKENS.read_refresh(issued.refresh_token, NOW + timedelta(days=30, seconds=1))


def test_a_token_that_another_key_signed_is_refused() -> None:
    other = Tokens(b"o" * 32).issue_pair(TIM, APP, NOW, scope="s")

    with pytest.raises(Unauthenticated):
        TOKENS.read(other.access_token, NOW)
    with pytest.raises(Unauthenticated):
        TOKENS.read_refresh(other.refresh_token, NOW)

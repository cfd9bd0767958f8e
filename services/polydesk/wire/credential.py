"""What a caller shows: the Authorization header in one of its forms, or a key in the body."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Final

from polydesk.domain.errors import CredentialsMissing, Unauthenticated
from polydesk.domain.gatekeeper import ApiKey, Basic, Bearer, Credential
from polydesk.wire.form import parse_json

# What a JWT has between its three parts.
_DOTS: Final = 2


def read_bearer(header: str) -> Bearer:
    """Reads an Authorization header that has to be Bearer; whatever else it is counts for none."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != "bearer" or not rest.strip():
        raise CredentialsMissing("no bearer token came: send Bearer in Authorization")
    return Bearer(rest.strip())


def read_credential(header: str) -> Credential:
    """Reads an Authorization header: Basic, Bearer, Apikey, rest_api_key=, or a token alone."""
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
        case token if token.count(".") == _DOTS and not value:
            return Bearer(scheme)
    raise Unauthenticated("the Authorization header is neither Basic nor Bearer nor an API key")


def read_key(body: bytes, places: Sequence[str]) -> ApiKey:
    """Reads the API key that stands in one of some places of a JSON body, `connection.key`."""
    said = parse_json(body, dict[str, Any])
    for place in places:
        found: Any = said
        for name in place.split("."):
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, str) and found.strip():
            return ApiKey(found.strip())
    raise CredentialsMissing(
        f"no credentials came: send an API key as {places[0]}, or the header Authorization"
    )


def _read_basic(value: str) -> Basic:
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Unauthenticated("the Basic credentials are not Base64 of user:password") from error
    login, colon, secret = text.partition(":")
    if not colon:
        raise Unauthenticated("the Basic credentials are not Base64 of user:password")
    return Basic(login, secret)

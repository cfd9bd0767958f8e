"""The keys of the vault: the first of a ring seals, all of them open.

Sealing is AES-256-GCM under a random nonce, and about a place: what was sealed about one place
opens about no other. The id of the key goes with what is sealed, so that keys can be changed.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
from collections.abc import Iterable, Mapping
from typing import Final, Self

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from polydesk.domain.errors import Damaged, NotConfigured

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_DIGESTS: Final = b"polydesk digests"


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """What a key made of a text: the nonce, then the ciphertext with its tag."""

    key: str
    box: bytes


class KeyRing:
    """Keys by their ids; nothing here prints a key, nor what it seals."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = dict(keys)
        self.first = next(iter(self._keys))

    @classmethod
    def read(cls, lines: Iterable[str], *, source: str) -> Self:
        """Reads keys, each `id:base64`; `source` is where an error says that they come from."""
        keys: dict[str, bytes] = {}
        for number, line in enumerate(lines, start=1):
            id_, colon, text = line.strip().partition(":")
            key = _bytes(text)
            if not colon or not _ID.fullmatch(id_) or len(key) != _KEY_BYTES:
                raise NotConfigured(
                    f"key {number} of {source} is not of the form id:base64-of-32-bytes,"
                    " which polydesk secret key prints"
                )
            if id_ in keys:
                raise NotConfigured(f"key {number} of {source} has the id of another: {id_}")
            keys[id_] = key
        if not keys:
            raise NotConfigured(f"{source} holds no key: polydesk secret key prints one")
        return cls(keys)

    def __contains__(self, id_: str) -> bool:
        return id_ in self._keys

    @property
    def ids(self) -> tuple[str, ...]:
        """Returns the ids of the keys, the first one first."""
        return tuple(self._keys)

    def seal(self, text: str, *, about: bytes) -> Sealed:
        """Seals a text under the first key."""
        nonce = os.urandom(_NONCE_BYTES)
        box = AESGCM(self._keys[self.first]).encrypt(nonce, text.encode(), about)
        return Sealed(key=self.first, box=nonce + box)

    def open(self, sealed: Sealed, *, about: bytes) -> str:
        """Returns the text, if it was sealed about this place and nobody has touched it."""
        key = self._keys.get(sealed.key)
        if key is None:
            raise NotConfigured(
                f"a secret was sealed with the key {sealed.key}, which the hub does not have:"
                " give it back to the hub's keys",
                key=sealed.key,
            )
        nonce, box = sealed.box[:_NONCE_BYTES], sealed.box[_NONCE_BYTES:]
        try:
            return AESGCM(key).decrypt(nonce, box, about).decode()
        except (InvalidTag, ValueError) as error:
            raise Damaged("the secret cannot be opened") from error

    def digest(self, said: bytes) -> bytes:
        """Returns a digest that nobody can guess what was said by, who has not the first key."""
        key = hmac.digest(self._keys[self.first], _DIGESTS, "sha256")
        return hmac.digest(key, said, "sha256")


def new_line() -> str:
    """Returns a fresh key as a ring is written: `id:base64`."""
    key = base64.b64encode(os.urandom(_KEY_BYTES)).decode()
    return f"k{os.urandom(4).hex()}:{key}"


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""

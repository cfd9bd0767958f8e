"""Pushes batches of tickets to a hub, over its REST API, until each is acknowledged."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections.abc import Sequence
from typing import Any, Final, Self

import aiohttp

from polydesk.cli.failure import Failure

Ticket = dict[str, str]

_PATIENCE: Final = 8
_LONGEST_PAUSE: Final = 30.0
_LATER: Final = frozenset({408, 429, 502, 503, 504})
_REFUSED: Final = frozenset({400, 413, 422})
_TIMEOUT: Final = aiohttp.ClientTimeout(total=60, connect=10)


class Refused(Exception):
    """The hub does not take the tickets, for a reason that lies in them."""


class Pusher:
    """A client of `POST /v2/incident/orgentityid/{org}`.

    A key made of what is pushed goes with each batch, so that a repeated push happens once.
    """

    def __init__(self, url: str, *, org: int, user: str, password: str) -> None:
        self._url = f"{url.rstrip('/')}/v2/incident/orgentityid/{org}"
        self._headers = {
            "authorization": aiohttp.encode_basic_auth(user, password, "utf-8"),
            "content-type": "application/json",
        }
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=_TIMEOUT)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()

    async def push(self, tickets: Sequence[Ticket], *, position: str) -> None:
        """Returns when the hub has all tickets. Raises Refused."""
        body = json.dumps(tickets, ensure_ascii=False, separators=(",", ":")).encode()
        key = hashlib.sha256(position.encode() + b"\0" + body).hexdigest()
        for attempt in range(_PATIENCE):
            pause, why = await self._try(body, key)
            if not why:
                return
            if attempt < _PATIENCE - 1:
                await asyncio.sleep(pause or _backoff(attempt))
        raise Failure(f"{self._url} does not take the tickets: {why}, {_PATIENCE} times")

    async def _try(self, body: bytes, key: str) -> tuple[float, str]:
        if self._session is None:
            raise RuntimeError("the pusher is not entered")
        try:
            async with self._session.post(
                self._url, data=body, headers={"idempotency-key": key}, allow_redirects=False
            ) as answer:
                return self._judge(answer, await answer.read())
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
            return 0, str(error) or "no answer in time"
        except aiohttp.ClientError as error:
            raise Failure(f"{self._url} cannot be used: {error}") from error

    def _judge(self, answer: aiohttp.ClientResponse, body: bytes) -> tuple[float, str]:
        if answer.status == 200:  # noqa: PLR2004 - HTTP
            return 0, ""
        why = f"HTTP {answer.status}, {_message(body)}"
        if answer.status in _LATER:
            return _retry_after(answer), why
        if answer.status in _REFUSED:
            raise Refused(_message(body))
        raise Failure(f"{self._url} refuses: {why}")


def _backoff(attempt: int) -> float:
    return float(min(0.5 * 2**attempt, _LONGEST_PAUSE) * random.uniform(0.75, 1.25))  # noqa: S311 - no secret


def _retry_after(answer: aiohttp.ClientResponse) -> float:
    text = answer.headers.get("retry-after", "")
    return min(float(text), _LONGEST_PAUSE) if text.isdecimal() else 0.0


def _message(body: bytes) -> str:
    try:
        said: Any = json.loads(body)
        return str(said.get("Message") or said.get("message") or said)
    except (ValueError, AttributeError):
        return body.decode(errors="replace")[:200] or "without a word"

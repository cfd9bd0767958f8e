"""A documented call and its answer, as every dialect's tests and `make demo` play them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

PLACEHOLDERS: Final = {"<text>": ".+", "<time>": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}"}


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A documented call as it goes on the wire, and its answer.

    `<text>` in the answer stands for any text, `<time>` for any date, `<id>` for any number; bytes
    are those of a file. `authorization` goes before the demo user's credentials.
    """

    id: str
    method: str
    path: str
    answer: dict[str, Any] | bytes
    body: str | bytes = ""
    content_type: str = "application/json"
    note: str = ""
    authorization: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """Returns what goes with it."""
        headers = {"Content-Type": self.content_type} if self.body else {}
        return headers | ({"Authorization": self.authorization} if self.authorization else {})


def is_answered(sample: Sample, status: int, body: bytes) -> bool:
    """Tells whether a sample was answered as documented."""
    if status != HTTPStatus.OK:
        return False
    if isinstance(sample.answer, bytes):
        return body == sample.answer
    return fits(json.loads(body), sample.answer)


def fits(actual: Any, expected: Any) -> bool:
    """Tells whether an answer is as expected, the order of its members included."""
    if isinstance(expected, dict):
        return (
            isinstance(actual, dict)
            and list(actual) == list(expected)
            and all(fits(actual[name], value) for name, value in expected.items())
        )
    if isinstance(expected, list):
        return (
            isinstance(actual, list)
            and len(actual) == len(expected)
            and all(map(fits, actual, expected))
        )
    if expected == "<id>":
        return type(actual) is int and actual > 0
    if isinstance(expected, str) and expected in PLACEHOLDERS:
        return isinstance(actual, str) and bool(re.fullmatch(PLACEHOLDERS[expected], actual))
    return bool(actual == expected) and type(actual) is type(expected)

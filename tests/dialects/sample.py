"""A documented call and its answer, as every dialect's tests and `make demo` play them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from tests.stack import Answer, Rest

PLACEHOLDERS: Final = {
    "<text>": ".+",
    "<time>": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}",
    "<iso time>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "<number>": r"\d+",
    "<32 hex>": "[0-9a-f]{32}",
}
# The demo's API user, by the form that the iAutomate guide prints.
GRANT: Final = "grant_type=password&username=APIuser%40hcl.com&password=User+password"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A documented call as it goes on the wire, and its answer.

    `<text>` in the answer stands for any text, `<time>` for any date, `<id>` for any number, and so
    on; a list that ends with `...` may go on; bytes are those of a file. Of `http` one is right.
    `authorization` goes before the demo user's credentials, and a token where it is `bearer`; with
    `bare` none of them goes along.
    """

    id: str
    method: str
    path: str
    answer: dict[str, Any] | bytes
    body: str | bytes = ""
    content_type: str = "application/json"
    note: str = ""
    authorization: str = ""
    http: tuple[int, ...] = (200,)
    bearer: bool = False
    bare: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """Returns what goes with it."""
        headers = {"Content-Type": self.content_type} if self.body else {}
        shown = {"Authorization": self.authorization} if self.authorization or self.bare else {}
        return headers | shown


async def play(rest: Rest, sample: Sample, **headers: str) -> Answer:
    """Sends a sample as it is printed."""
    sent = sample.headers
    if sample.bearer:
        sent |= {"Authorization": f"Bearer {await token_of(rest)}"}
    return await rest.request(
        sample.method, sample.path, data=sample.body or None, headers=sent | headers
    )


async def token_of(rest: Rest, grant: str = GRANT) -> str:
    """Returns a bearer token of the demo's API user, or of whoever the form names."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    issued = await rest.request("POST", "/token", data=grant, headers=form)
    return str(issued.json()["access_token"])


def is_answered(sample: Sample, status: int, body: bytes) -> bool:
    """Tells whether a sample was answered as documented."""
    if status not in sample.http:
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
        begun = expected[:-1] if expected[-1:] == [...] else expected
        return (
            isinstance(actual, list)
            and (len(actual) == len(expected) or begun is not expected)
            and len(actual) >= len(begun)
            and all(map(fits, actual, begun))
        )
    if expected == "<id>":
        return type(actual) is int and actual > 0
    if isinstance(expected, str) and expected in PLACEHOLDERS:
        return isinstance(actual, str) and bool(re.fullmatch(PLACEHOLDERS[expected], actual))
    return bool(actual == expected) and type(actual) is type(expected)

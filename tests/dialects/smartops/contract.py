"""What the SmartOps contract prints (seed 003), and a client that speaks it."""

from __future__ import annotations

import json
from itertools import count
from typing import Any, Final

from tests.stack import Answer, Rest

CREATE: Final = "/smartops/itsm/v1/ticket/create"
UPDATE: Final = "/smartops/itsm/v1/ticket/update"
TICKET: Final = "/smartops/itsm/v1/ticket"
FETCH: Final = "/smartops/itsm/v1/ticket/fetch"
# "Fields that can come up in ticketFields", in their order.
TEXTS: Final = (
    "ticketNumber",
    "ticketStatus",
    "ticketPriority",
    "ticketBusinessDuration",
    "ticketBusinessTimeLeft",
    "sysId",
    "assignedTo",
    "assignedGroup",
    "shortDescription",
    "longDescription",
    "category",
    "subCategory",
    "callerId",
    "urgency",
    "ticketSeverity",
)
NOTES: Final = ("comments", "workNotes", "closureNotes")
TIMES: Final = ("createdTime", "updatedTime", "resolvedTime")
PEOPLE: Final = ("createdBy", "updatedBy", "resolvedBy", "closedBy")
FIELDS: Final = (*TEXTS, *NOTES, *TIMES, *PEOPLE)
TIME: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}"
# Of the demo.
NUMBER: Final = "INC0030031"
SYS_ID: Final = "5f0a1c3e9b7d4e62a8c4d1f00b3c0031"
NEW: Final = {"shortDescription": "disk full"}
# "key value pairs ... values are base64 encoded".
SECRETS: Final = {
    "url": "aHR0cDovLzEyNy4wLjAuMTo5L25ldmVy",
    "password": "bXVjaC10b28tc2VjcmV0",
    "itsmVersion": "Utah",
}
_numbers = count(1)


def refused(status: int, message: str = "<text>") -> dict[str, Any]:
    """The envelope of what is refused."""
    return {"statusCode": str(status), "statusMessage": message, "ticketDetails": {}}


def answered(message: str = "<text>", **details: Any) -> dict[str, Any]:
    """The envelope of what is not."""
    return {"statusCode": "200", "statusMessage": message, "ticketDetails": details}


def new_number() -> str:
    """A number that no ticket has."""
    return f"SMO{next(_numbers):07}"


class Smart:
    """A client of the dialect, with the credentials it is given."""

    def __init__(self, rest: Rest, **headers: str) -> None:
        self.rest = rest
        self._headers = {"Content-Type": "application/json", **headers}

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Sends JSON, or a text as it is."""
        data = body if isinstance(body, str | bytes | None) else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.rest.request(method, path, data=data, headers=self._headers | named)

    async def create(self, said: dict[str, Any], *names: str, offset: str = "") -> dict[str, Any]:
        """Records a ticket and returns what was asked for of it."""
        return await self._done(
            "POST", CREATE, {"ticketJSON": said, "ticketFields": names, **_at(offset)}
        )

    async def update(
        self, sys_id: str, said: dict[str, Any], *names: str, offset: str = ""
    ) -> dict[str, Any]:
        """Changes a ticket."""
        body = {"sysId": sys_id, "ticketJSON": said, "ticketFields": names, **_at(offset)}
        return await self._done("POST", UPDATE, body)

    async def fetch(self, number: str, *names: str) -> dict[str, Any]:
        """Reads a ticket, by a GET with a body."""
        return await self._done("GET", TICKET, {"ticketNumber": number, "ticketFields": names})

    async def made(self, **said: Any) -> tuple[str, str]:
        """Records a ticket and returns its number and its sysId."""
        details = await self.create({**NEW, **said}, "ticketNumber", "sysId")
        return details["ticketNumber"], details["sysId"]

    async def _done(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self.ask(method, path, body)
        assert (answer.status, answer.json()["statusCode"]) == (200, "200"), answer
        details: dict[str, Any] = answer.json()["ticketDetails"]
        return details


def _at(offset: str) -> dict[str, str]:
    return {"itsmTimeZoneOffset": offset} if offset else {}

"""What the ServiceOps guide prints (seed 001), and a client that speaks it."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from tests.stack import Answer, Rest


def basic(login: str, secret: str) -> str:
    """The value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{login}:{secret}".encode()).decode()


# The seed's own: bWFpbi13ZWItYXBwLWNsaWVudDptYWluLXdlYi1hcHAtc2VjcmV0.
CLIENT: Final = basic("main-web-app-client", "main-web-app-secret")
TIM: Final = basic("tim@acme.com", "123")
BOUNDARY: Final = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
MULTIPART: Final = f"multipart/form-data; boundary={BOUNDARY}"
FORM: Final = "application/x-www-form-urlencoded"
FILE: Final = "simple_add_your_logo_rubber_stamp-r4b9fb34b28254f4ebf7f8bc25bff8fb4_6ogxj_307.jpg"
LOGIN: Final = (
    ("username", "tim@acme.com", ""),
    ("password", "123", ""),
    ("grant_type", "password", ""),
)
ISSUED: Final = {
    "access_token": "<text>",
    "token_type": "bearer",
    "refresh_token": "<text>",
    "expires_in": 7199,
    "scope": "main-web-app-scope",
    "jti": "<text>",
}
DONE: Final = {"returnCode": "SUCCESS", "status": 0, "userMessage": None, "id": "<id>"}
NEW: Final = {
    "tags": ["mouse"],
    "subject": "Need a new keyboard",
    "description": "Need a wireless keyboard",
    "requesterEmail": "tim@acme.com",
    "requesterName": "Tim",
    "locationName": "Ahmedabad",
}
FIRST: Final[dict[str, Any]] = {
    "requesterEmail": "tim@acme.com",
    "requesterName": "Tim",
    "ccEmailSet": [],
    "subject": "Need a new Mouse",
    "description": "Need a wireless mouse",
    "categoryName": "Service Request",
    "status": "Open",
    "impact": "LOW",
    "priority": "LOW",
    "urgency": "LOW",
    "locationName": None,
    "tags": ["mouse"],
    "spam": False,
    "fileAttachments": None,
    "customFieldValueDetails": {},
}


def wrong(code: str, status: int, message: str = "<text>") -> dict[str, Any]:
    """The envelope of what is refused."""
    return {"returnCode": code, "status": status, "userMessage": message, "id": 0}


def denied(error: str, description: str = "<text>") -> dict[str, Any]:
    """The envelope of who is refused."""
    return {"error": error, "error_description": description}


def form(*parts: tuple[str, str | bytes, str], boundary: str = BOUNDARY) -> bytes:
    """A multipart form: names, values, and the names of files where they are some."""
    body = b""
    for name, value, file_name in parts:
        said = f'form-data; name="{name}"' + (f'; filename="{file_name}"' if file_name else "")
        data = value.encode() if isinstance(value, str) else value
        body += f"--{boundary}\r\nContent-Disposition: {said}\r\n\r\n".encode() + data + b"\r\n"
    return body + f"--{boundary}--\r\n".encode()


class Ops:
    """A client of the dialect, as Tim."""

    def __init__(self, rest: Rest) -> None:
        self.rest = rest

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Sends JSON, or bytes as they are."""
        data = body if isinstance(body, bytes | None) else json.dumps(body)
        sent = {"Authorization": TIM, "Content-Type": "application/json" if data else ""}
        return await self.rest.request(method, path, data=data, headers=sent | headers)

    async def create(self, **said: Any) -> int:
        """Records an incident and returns its id."""
        answer = await self.call("POST", "/api/v1/incident", NEW | said)
        assert answer.status == 200, answer
        id_: int = answer.json()["id"]
        return id_

    async def update(self, id_: int, **said: Any) -> None:
        """Changes an incident."""
        answer = await self.call("POST", f"/api/v1/incident/{id_}", said)
        assert answer.status == 200, answer
        assert answer.json() == DONE | {"id": id_}

    async def read(self, id_: int) -> dict[str, Any]:
        """Reads an incident."""
        answer = await self.call("GET", f"/api/v1/incident/{id_}")
        assert answer.status == 200, answer
        read: dict[str, Any] = answer.json()
        return read

    async def upload(self, name: str, data: bytes) -> str:
        """Uploads a file and returns its reference."""
        answer = await self.post_file(name, data)
        assert answer.status == 200, answer
        assert answer.json()["realName"] == name
        reference: str = answer.json()["refFileName"]
        return reference

    async def post_file(self, name: str, data: bytes) -> Answer:
        """Uploads a file."""
        body = form(("file", data, name))
        return await self.call("POST", "/api/oprfile", body, **{"Content-Type": MULTIPART})

    async def token(self, body: bytes | None = None, **headers: str) -> Answer:
        """Asks for a token."""
        usual = {"Authorization": CLIENT, "Content-Type": MULTIPART}
        return await self.rest.request(
            "POST", "/api/oauth/token", data=body or form(*LOGIN), headers=usual | headers
        )

    async def canonical(self, id_: int) -> dict[str, Any]:
        """Reads an incident through the hub's own API, as the demo user."""
        answer = await self.rest.request("GET", f"/desk/v1/incidents/{id_}")
        assert answer.status == 200, answer
        read: dict[str, Any] = answer.json()
        return read

    async def change(self, id_: int, mask: str, **said: Any) -> None:
        """Changes an incident through the hub's own API."""
        answer = await self.rest.request(
            "PATCH",
            f"/desk/v1/incidents/{id_}?update_mask={mask}",
            data=json.dumps(said),
            headers={"Content-Type": "application/json"},
        )
        assert answer.status == 200, answer

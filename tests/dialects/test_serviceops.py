"""Motadata ServiceOps: every documented call through a real Envoy, and what is refused."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

import pytest

from tests.dialects.sample import Sample, is_answered


def basic(login: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{login}:{secret}".encode()).decode()


# The seed's own: bWFpbi13ZWItYXBwLWNsaWVudDptYWluLXdlYi1hcHAtc2VjcmV0.
CLIENT: Final = basic("main-web-app-client", "main-web-app-secret")
TIM: Final = basic("tim@acme.com", "123")
BOUNDARY: Final = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
MULTIPART: Final = f"multipart/form-data; boundary={BOUNDARY}"
FORM: Final = "application/x-www-form-urlencoded"
FILE: Final = "simple_add_your_logo_rubber_stamp-r4b9fb34b28254f4ebf7f8bc25bff8fb4_6ogxj_307.jpg"
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


def form(*parts: tuple[str, str | bytes, str], boundary: str = BOUNDARY) -> bytes:
    """A multipart form: names, values, and the names of files where they are some."""
    body = b""
    for name, value, file_name in parts:
        said = f'form-data; name="{name}"' + (f'; filename="{file_name}"' if file_name else "")
        data = value.encode() if isinstance(value, str) else value
        body += f"--{boundary}\r\nContent-Disposition: {said}\r\n\r\n".encode() + data + b"\r\n"
    return body + f"--{boundary}--\r\n".encode()


LOGIN: Final = (
    ("username", "tim@acme.com", ""),
    ("password", "123", ""),
    ("grant_type", "password", ""),
)

# Every documented call, on what the demo has. Written from the guide, seed 001.
SAMPLES: Final = (
    Sample(
        id="M01",
        note="as printed",
        method="POST",
        path="/api/oauth/token",
        body=form(*LOGIN),
        content_type=MULTIPART,
        authorization=CLIENT,
        answer=ISSUED,
    ),
    Sample(
        id="M01",
        note="urlencoded",
        method="POST",
        path="/api/oauth/token",
        body="username=tim%40acme.com&password=123&grant_type=password",
        content_type=FORM,
        authorization=CLIENT,
        answer=ISSUED,
    ),
    *(
        Sample(
            id="M02",
            method="POST",
            path=path,
            body=json.dumps(NEW),
            authorization=TIM,
            answer=DONE,
        )
        for path in ("/api/v1/incident", "/api/incident")
    ),
    Sample(
        id="M03",
        method="POST",
        path="/api/oprfile",
        body=form(("file", b"\xff\xd8\xff\xe0", FILE)),
        content_type=MULTIPART,
        authorization=TIM,
        answer={"refFileName": "<text>", "realName": FILE, "link": None},
    ),
    *(
        Sample(
            id="M04",
            method="POST",
            path=path,
            body='{"status":"Resolved"}',
            authorization=TIM,
            answer=DONE | {"id": 501},
        )
        for path in ("/api/v1/incident/501", "/api/incident/501")
    ),
    *(
        Sample(id="M05", method="GET", path=path, authorization=TIM, answer=FIRST)
        for path in ("/api/v1/incident/1", "/api/incident/1")
    ),
    *(
        Sample(
            id="M06",
            note="the seed prints no answer",
            method="GET",
            path=f"/api/ususer/form/{module}",
            authorization=TIM,
            answer={
                "moduleName": module,
                "fields": [
                    {
                        "id": id_,
                        "name": name,
                        "label": label,
                        "type": 1,
                        "typeName": "STRING",
                        "required": False,
                        "options": [],
                    }
                    for id_, name, label in (
                        (1, "stage", "Stage"),
                        (35, "office_building", "Building"),
                    )
                ],
            },
        )
        for module in ("incident", "request")
    ),
)


@pytest.mark.envoy
@pytest.mark.parametrize(
    "sample", SAMPLES, ids=lambda sample: f"{sample.id} {sample.path} {sample.note}".strip()
)
async def test_a_sample_is_answered_as_documented(rest: Any, sample: Sample) -> None:
    answer = await rest.request(
        sample.method, sample.path, data=sample.body or None, headers=sample.headers
    )

    assert is_answered(sample, answer.status, answer.body), answer

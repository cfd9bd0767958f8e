"""Motadata ServiceOps: every documented call through a real Envoy, and what is refused."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from tests.dialects.sample import Sample, is_answered
from tests.dialects.serviceops.guide import (
    CLIENT,
    DONE,
    FILE,
    FIRST,
    FORM,
    ISSUED,
    LOGIN,
    MULTIPART,
    NEW,
    TIM,
    form,
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

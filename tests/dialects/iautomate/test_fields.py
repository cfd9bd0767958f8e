"""Orgs, numbers, grants; and errors in the envelopes of their routes."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote_plus

import pytest

from polydesk.api.iautomate.v1 import iautomate_pb2 as pb
from polydesk.dialects import iautomate
from polydesk.dialects.iautomate.field import org_of, read_numbers
from polydesk.dialects.iautomate.servicer import read_grant
from polydesk.dialects.iautomate.ticket import EXECUTIONS
from polydesk.domain import errors
from polydesk.domain.errors import Invalid, NotFound, PolydeskError
from polydesk.domain.ticket import Execution
from tests.dialects.iautomate.guide import FORM


@pytest.mark.parametrize("text", ["", "x", "-1", "+1", "1.0", " 1", "٣", "9" * 19, "1" * 70_000])
def test_an_org_that_is_no_number_is_unknown(text: str) -> None:
    with pytest.raises(NotFound, match="there is no org"):
        org_of(text)


def test_an_org_is_a_number() -> None:
    assert org_of("119") == 119


def test_numbers_are_asked_once_and_in_order() -> None:
    assert read_numbers(" B,A ,,B, C") == ["B", "A", "C"]


def test_a_number_with_nul_is_refused() -> None:
    with pytest.raises(Invalid, match="NUL"):
        read_numbers("A,\0")


@pytest.mark.parametrize(
    ("body", "oauth"),
    [
        (b"", "invalid_request"),
        (b"username=a&password=b", "invalid_request"),
        (b"grant_type=password&username=a", "invalid_request"),
        (b"grant_type=password&username=a&password=", "invalid_request"),
        (b"grant_type=password&username=a%00&password=b", "invalid_request"),
        (b"grant_type=password&username=a&username=b&password=b", "invalid_request"),
        (b"grant_type=client_credentials", "unsupported_grant_type"),
        (b"grant_type=refresh_token&username=a&password=b", "unsupported_grant_type"),
    ],
)
def test_an_unsound_grant_is_told_as_oauth_has_it(body: bytes, oauth: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_grant(FORM, body)

    refusal = iautomate.refuse(caught.value, "IssueToken")
    assert refusal.http == 400
    assert refusal.body == {"error": oauth, "error_description": caught.value.message}


def test_a_password_is_taken_as_it_is() -> None:
    body = "grant_type=password&username=ann%40x.org&password=" + quote_plus(" ä&=+% ")

    assert read_grant(FORM, body.encode()) == ("ann@x.org", " ä&=+% ")


# Refusals.

CODES: Final = {
    errors.Invalid: (400, 400),
    errors.Missing: (400, 400),
    errors.Unauthenticated: (401, 401),
    errors.CredentialsMissing: (401, 401),
    errors.CredentialsExpired: (401, 401),
    errors.Denied: (403, 403),
    errors.NotFound: (404, 404),
    errors.UnknownRoute: (404, 404),
    errors.WrongMethod: (405, 405),
    errors.Conflict: (409, 300),
    errors.Outdated: (409, 300),
    errors.Exists: (409, 300),
    errors.WrongState: (409, 300),
    errors.NotConfigured: (409, 300),
    errors.TooLarge: (413, 413),
    errors.Overloaded: (429, 429),
    errors.Internal: (500, 500),
    errors.Damaged: (500, 500),
    errors.Unavailable: (503, 503),
    errors.TimedOut: (504, 504),
}


@pytest.mark.parametrize(("kind", "codes"), CODES.items(), ids=[kind.__name__ for kind in CODES])
def test_each_error_has_the_envelope_of_its_route(
    kind: type[PolydeskError], codes: tuple[int, int]
) -> None:
    http, code = codes

    bodies = {rpc: iautomate.refuse(kind("why"), rpc) for rpc in ROUTES}

    v1 = {"statusCode": code, "status": "Fail", "message": "why", "result": None}
    v2 = {"Count": 0, "Result": [], "Status": "Fail", "Message": "why"}
    assert {refusal.http for rpc, refusal in bodies.items() if rpc != "IssueToken"} == {http}
    assert bodies["PushIncidentsV1"].body == bodies["GetIncidentsV1"].body == v1
    assert bodies["PushIncidentsV2"].body == {"Id": None, "Status": "Fail", "Message": "why"}
    assert bodies["GetIncidentsV2"].body == bodies["GetSecret"].body == v2
    assert bodies["UploadAttachment"].body == {
        "StatusCode": code,
        "Status": "Fail",
        "Message": "why",
    }
    assert bodies["GetIncidentStatus"].body == bodies["GetEventStatus"].body == v2
    assert list(bodies["GetIncidentsV2"].body) == list(v2)
    assert bodies["IssueToken"].body.keys() == {"error", "error_description"}


ROUTES: Final = [
    method.name for method in pb.DESCRIPTOR.services_by_name["IAutomateService"].methods
]


def test_wrong_credentials_are_an_invalid_grant() -> None:
    refusal = iautomate.refuse(errors.Unauthenticated("whatever"), "IssueToken")

    assert refusal.http == 400
    assert refusal.body == {
        "error": "invalid_grant",
        "error_description": "The user name or password is incorrect.",
    }


def test_every_error_of_the_desk_has_a_status() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]

    assert {kind for kind in kinds if issubclass(kind, PolydeskError)} == CODES.keys() | {
        PolydeskError
    }


def test_the_prefixes_speak_with_known_voices() -> None:
    assert set(iautomate.PREFIXES.values()) <= set(ROUTES)


def test_every_execution_has_its_text() -> None:
    assert EXECUTIONS.keys() == set(Execution)
    assert len(set(EXECUTIONS.values())) == len(Execution)

"""The calls of seed 000: the three spellings of each route, and what is sent and answered."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from tests.dialects.sample import Sample

WITH_FILE: Final = "855097"
WITH_NOTES: Final = "908859"
FILE_ID: Final = "1234"
FILE: Final = b"Invoice 17: one certificate, reprinted.\n"
TIME: Final = "<iso time>"

# Of each route: the verb, the version that the document has for it, the path of the overview, and
# that of the "URL" row behind `/qa1/{version}/ivanti/api/`.
ROUTES: Final = {
    "C01": ("POST", "v1", "create/incident", "incident"),
    "C02": ("GET", "v1", "categories", "categories"),
    "C03": ("POST", "v2", "events/incidents", "events/incident"),
    "C04": ("GET", "v2", "events/incidents/{id}", "incident/{id}"),
    "C05": ("POST", "v2", "events/incidents/{id}/comments", "events/incident/{id}/comments"),
    "C06": ("GET", "v2", "events/incidents/{id}/emails", "incident/{id}/emails"),
    "C07": (
        "GET",
        "v2",
        "events/incidents/{id}/emails/attachments/{file}",
        "events/incident/{id}/emails/attachments/{file}",
    ),
    "C08": ("PATCH", "v2", "incidents/{id}", "incidents/{id}"),
    "C09": ("POST", "v2", "incidents/{id}/attachments", "events/incident/{id}/attachments"),
}
FORM: Final = "multipart/form-data; boundary=xyz"

# The table of errors: HTTP status and message of each code; 70400 has two messages.
TABLE: Final = {
    "60006": (
        500,
        (
            "Message Not Processed. There is some technical error while processing request. Please"
            " report this to Support team."
        ),
    ),
    "70401": (
        401,
        "Message Not Processed: Invalid Access token. Please provide valid access token.",
    ),
    "70402": (
        401,
        "Message Not Processed: Missing Access token. Please provide valid access token.",
    ),
    "70405": (
        401,
        "Message Not Processed: Access token expired. Please try again with valid token.",
    ),
    "70403": (
        403,
        (
            "Message Not Processed: Not allowed to access requested resource. Please contact"
            " support for the access."
        ),
    ),
    "70404": (404, "Message Not Processed: Requested resource is not found."),
    "70503": (
        503,
        "Message Not Processed: One or more back-end is down. Please try again later.",
    ),
    "70504": (504, "Message Not Processed: Back-end timed out. Please try again later."),
    "ISM_5000": (400, "Message is Internal server error. If Attachment file is corrupt."),
}
NO_CUSTOMER: Final = (
    "Either customer Email or customer Network Username should be present in the JSON request."
)
NO_PAIR: Final = (
    "To attach file send both attachment File Name and attachment File Data (Base64Encoded) in the"
    " request."
)


def spellings(route: str, *, id_: str = WITH_FILE, versions: tuple[str, ...] = ()) -> list[str]:
    """Returns the documented spellings of a route, in the document's version unless told else."""
    _, version, overview, sandbox = ROUTES[route]
    filled = {"id": id_, "file": FILE_ID}
    return [
        path.format(**filled)
        for each in versions or (version,)
        for path in (
            f"/{each}/{overview}",
            f"/api/{each}/{overview}",
            f"/qa1/{each}/ivanti/api/{sandbox}",
        )
    ]


def path_of(route: str, *, id_: str = WITH_FILE) -> str:
    """Returns the path of the overview."""
    return spellings(route, id_=id_)[0]


def encoded(data: bytes) -> str:
    """Returns bytes in Base64."""
    return base64.b64encode(data).decode()


def pair(name: str = "error.log", data: bytes = b"It failed.\n") -> dict[str, str]:
    """Returns a file as JSON has it."""
    return {"attachmentFileName": name, "attachmentFileData": encoded(data)}


def created(**said: Any) -> dict[str, Any]:
    """Returns the request of C01."""
    return {
        "customerEmail": "customer@example.com",
        "subject": "How do I reset my password?",
        "description": "I have forgotten it.",
        "category": "How-To",
        "urgency": "Medium",
        "impact": "Low",
    } | said


def raised(key: str = "5001", **said: Any) -> dict[str, Any]:
    """Returns the request of C03."""
    return {
        "zendeskTicketId": key,
        "requesterEmail": "customer@example.com",
        "subject": "My certificate is wrong",
        "description": "The name is misspelt.",
        "priority": "urgent",
        "tags": ["certificate"],
    } | said


def commented(**said: Any) -> dict[str, Any]:
    """Returns the request of C05."""
    return {"subject": "Called back", "noteBody": "It works again.", "source": "Zendesk"} | said


def form(name: str = "scan.pdf", data: bytes = b"%PDF-1.7", kind: str = "application/pdf") -> bytes:
    """Returns a form with one file."""
    head = f'--xyz\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    return head.encode() + f"Content-Type: {kind}\r\n\r\n".encode() + data + b"\r\n--xyz--\r\n"


NOTE: Final = {
    "noteId": "<number>",
    "subject": "<text>",
    "noteBody": "<text>",
    "source": "Phone",
    "category": "Memo",
    "createdBy": "<text>",
    "createdDateTime": TIME,
}


def email(**said: Any) -> dict[str, Any]:
    """Returns an e-mail as C06 has it."""
    return {
        "emailId": "<number>",
        "from": "customer@example.com",
        "to": ["servicedesk@example.com"],
        "subject": "<text>",
        "body": "<text>",
        "sentDateTime": "2024-01-31T10:41:12.123Z",
        "attachments": [],
    } | said


INVOICE: Final = {
    "attachmentId": FILE_ID,
    "fileName": "invoice.txt",
    "contentType": "text/plain",
    "size": len(FILE),
}
CREATED: Final = {
    "incidentId": "<number>",
    "recId": "<32 hex>",
    "status": "Logged",
    "message": "Incident created successfully",
}
BODIES: Final[dict[str, tuple[str | bytes, str]]] = {
    "C01": (json.dumps(created(**pair())), "application/json"),
    "C03": (json.dumps(raised()), "application/json"),
    "C05": (json.dumps(commented(**pair())), "application/json"),
    "C08": (json.dumps({"zendeskTicketId": "35437"}), "application/json"),
    "C09": (form(), FORM),
}
ANSWERS: Final[dict[str, Any]] = {
    "C01": CREATED,
    "C02": {
        "categories": [
            {"recId": "<32 hex>", "name": "How-To", "service": "Service Desk"},
            ...,
        ]
    },
    "C03": {"incidentId": "<number>", "zendeskTicketId": "5001", "status": "Logged"},
    "C04": {
        "incidentId": WITH_NOTES,
        "recId": "<32 hex>",
        "subject": "The candidate portal is slow",
        "description": "<text>",
        "status": "Logged",
        "category": "How-To",
        "customerEmail": "customer@example.com",
        "zendeskTicketId": "35437",
        "createdDateTime": "2024-01-31T10:11:12.123Z",
        "lastModDateTime": TIME,
        "notes": [NOTE, NOTE, ...],
    },
    "C05": {
        "incidentId": WITH_FILE,
        "noteId": "<number>",
        "message": "Note added successfully",
    },
    "C06": {"incidentId": WITH_NOTES, "emails": [email(), email(), ...]},
    "C07": FILE,
    "C08": {
        "incidentId": WITH_NOTES,
        "zendeskTicketId": "35437",
        "message": "Incident linked successfully",
    },
    "C09": {"incidentId": WITH_FILE, "attachmentId": "<number>", "fileName": "scan.pdf"},
}
HTTP: Final = {"C01": (201,), "C03": (201, 200), "C05": (201,), "C09": (201,)}
# The ids in the sample URLs.
IDS: Final = {"C04": WITH_NOTES, "C06": WITH_NOTES, "C08": WITH_NOTES}


def sample(route: str, path: str, **said: Any) -> Sample:
    """Returns the call of a route under one of its paths."""
    body, content_type = BODIES.get(route, ("", "application/json"))
    usual: dict[str, Any] = {
        "id": route,
        "note": path,
        "method": ROUTES[route][0],
        "path": path,
        "body": body,
        "content_type": content_type,
        "answer": ANSWERS[route],
        "http": HTTP.get(route, (200,)),
        "bearer": True,
    }
    return Sample(**(usual | said))


# Every documented call under all its spellings, and the same in the other version.
SAMPLES: Final = tuple(
    sample(route, path)
    for route in ROUTES
    for path in spellings(route, id_=IDS.get(route, WITH_FILE), versions=("v1", "v2"))
)

"""The table of errors, verbatim."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from polydesk import wire
from polydesk.domain import errors
from polydesk.domain.errors import PolydeskError

# The fields of files: what is wrong with these makes the file a corrupt one.
DATA: Final = "attachmentFileData"
FORM: Final = "file"
# The two texts of 70400.
NO_CUSTOMER: Final = (
    "Either customer Email or customer Network Username should be present in the JSON request."
)
NO_PAIR: Final = (
    "To attach file send both attachment File Name and attachment File Data (Base64Encoded)"
    " in the request."
)


class Fault(msgspec.Struct, frozen=True):
    """A row of the table of errors; one without a message tells what to mend in our words."""

    http: int
    code: str
    message: str = ""


FAULTS: Final[Mapping[type[PolydeskError], Fault]] = {
    errors.PolydeskError: Fault(
        500,
        "60006",
        "Message Not Processed. There is some technical error while processing request."
        " Please report this to Support team.",
    ),
    errors.Unauthenticated: Fault(
        401,
        "70401",
        "Message Not Processed: Invalid Access token. Please provide valid access token.",
    ),
    errors.CredentialsMissing: Fault(
        401,
        "70402",
        "Message Not Processed: Missing Access token. Please provide valid access token.",
    ),
    errors.CredentialsExpired: Fault(
        401,
        "70405",
        "Message Not Processed: Access token expired. Please try again with valid token.",
    ),
    errors.Denied: Fault(
        403,
        "70403",
        "Message Not Processed: Not allowed to access requested resource."
        " Please contact support for the access.",
    ),
    errors.NotFound: Fault(404, "70404", "Message Not Processed: Requested resource is not found."),
    errors.WrongMethod: Fault(
        405, "70404", "Message Not Processed: Requested resource is not found."
    ),
    errors.Unavailable: Fault(
        503,
        "70503",
        "Message Not Processed: One or more back-end is down. Please try again later.",
    ),
    errors.Overloaded: Fault(
        429,
        "70503",
        "Message Not Processed: One or more back-end is down. Please try again later.",
    ),
    errors.TimedOut: Fault(
        504, "70504", "Message Not Processed: Back-end timed out. Please try again later."
    ),
    errors.Invalid: Fault(400, "70400"),
    errors.Conflict: Fault(409, "70400"),
    errors.Exists: Fault(409, "70400"),
    errors.WrongState: Fault(409, "70400"),
    errors.Outdated: Fault(412, "70400"),
    errors.TooLarge: Fault(413, "70400"),
}
CORRUPT: Final = Fault(
    400, "ISM_5000", "Message is Internal server error. If Attachment file is corrupt."
)


def refuse(error: PolydeskError, _: str) -> wire.Refusal:
    """Words an error as the table has it."""
    fault = next(FAULTS[kind] for kind in type(error).__mro__ if kind in FAULTS)
    if getattr(error, "field", "") in (DATA, FORM):
        fault = CORRUPT
    body = {
        "errorCode": fault.code,
        "errorMessage": fault.message or error.message,
        "transactionId": wire.Blank.REQUEST_ID,
        "timestamp": wire.Blank.TIME,
    }
    headers: dict[str, str | wire.Blank] = {wire.TRANSACTION: wire.Blank.REQUEST_ID}
    if isinstance(error, errors.Unauthenticated):
        headers["www-authenticate"] = "Bearer"
    return wire.Refusal(http=fault.http, body=body, headers=headers)

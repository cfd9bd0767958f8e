"""E-mails as notes: a message of RFC 5322, however odd it is, becomes what NoteService takes."""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any, Final

from polydesk.api.v1.note_pb2 import Note
from polydesk.client.markup import text_of

LONGEST_SUBJECT: Final = 1_000
LONGEST_BODY: Final = 65_536
LONGEST_NAME: Final = 255
LONGEST_ID: Final = 1_000
MOST_RECIPIENTS: Final = 100
UNKNOWN_TYPE: Final = "application/octet-stream"
# What the email package raises over headers and parts that are none.
ODD: Final = (ValueError, LookupError, TypeError, AttributeError, AssertionError, OverflowError)
_HEADERS: Final = ("from", "to", "subject", "date", "message-id")
_CONTENT_TYPE: Final = re.compile(r"[\w!#$%&'*+.^`|~-]+/[\w!#$%&'*+.^`|~-]+", re.ASCII)
_UNSEEN: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")


class NoEmail(ValueError):
    """The bytes are no e-mail."""


def read_email(data: bytes) -> Note:
    """Returns the note that an e-mail becomes, with the files in it.

    Its text is the plain one or, where there is none, that of the HTML. A text that is too long for
    a note is cut, and comes whole as a file; of recipients, the first 100 are kept.
    """
    try:
        message = message_from_bytes(data, policy=policy.default)
        parts = list(_leaves(message))
    except RecursionError as error:
        raise NoEmail("the e-mail is nested too deeply") from error
    if not any(_header(message, name) for name in _HEADERS):
        raise NoEmail("it is no e-mail: it has none of From, To, Subject, Date and Message-ID")
    sender = next(iter(_addresses(message, "from")), "")
    note = Note(
        kind=Note.KIND_EMAIL,
        subject=_header(message, "subject")[:LONGEST_SUBJECT],
        author=sender,
        source="Email",
        email=Note.Email(
            sender=sender,
            recipients=[*_addresses(message, "to"), *_addresses(message, "cc")][:MOST_RECIPIENTS],
            message_id=_header(message, "message-id")[:LONGEST_ID],
        ),
    )
    _date(note, _header(message, "date"))
    _fill(note, parts)
    return note


def _fill(note: Note, parts: list[EmailMessage]) -> None:
    """Adds the text and the files."""
    texts = {"text/plain": "", "text/html": ""}
    for index, part in enumerate(parts, start=1):
        kind = _type_of(part)
        if kind in texts and not _is_file(part):
            texts[kind] += ("\n\n" if texts[kind] else "") + _text(part)
        else:
            note.files.add(file_name=_file_name(part, index), content_type=kind, data=_bytes(part))
    body = texts["text/plain"].strip() or text_of(texts["text/html"])
    if len(body) > LONGEST_BODY:
        note.files.add(file_name="message.txt", content_type="text/plain", data=body.encode())
        body = f"{body[: LONGEST_BODY - 1]}…"
    note.body = body
    if not note.subject and not body:
        note.subject = "(no subject)"


def _leaves(message: Any, *, is_whole: bool = True) -> Iterator[Any]:
    """Yields the parts that have no parts; an e-mail that is attached to another is one."""
    attached = not is_whole and _type_of(message) == "message/rfc822"
    if attached or not message.is_multipart():
        yield message
        return
    for part in message.get_payload():
        yield from _leaves(part, is_whole=False)


def _header(message: Any, name: str) -> str:
    """Returns a header in one line, as it stands there where it cannot be read."""
    try:
        said = str(message[name] or "")
    except ODD:
        said = next((str(raw) for key, raw in message.raw_items() if key.lower() == name), "")
    return " ".join(_clean(said).split())


def _addresses(message: Any, name: str) -> list[str]:
    said = _header(message, name)
    try:
        found = [address for _, address in getaddresses([said]) if address]
    except ODD:
        found = []
    return [address[:LONGEST_NAME] for address in found or [said] if address]


def _date(note: Note, said: str) -> None:
    try:
        date = parsedate_to_datetime(said)
        # "-0000" is a time in UTC of which nobody says where it was.
        note.note_time.FromDatetime(date if date.tzinfo else date.replace(tzinfo=UTC))
    except ODD:
        note.ClearField("note_time")


def _type_of(part: Any) -> str:
    try:
        kind = str(part.get_content_type())
    except ODD:
        return UNKNOWN_TYPE
    return kind if _CONTENT_TYPE.fullmatch(kind) and len(kind) <= LONGEST_NAME else UNKNOWN_TYPE


def _is_file(part: Any) -> bool:
    try:
        return part.get_content_disposition() == "attachment" or bool(part.get_filename())
    except ODD:
        return False


def _bytes(part: Any) -> bytes:
    try:
        if part.is_multipart():
            return b"\n".join(each.as_bytes(policy=policy.compat32) for each in part.get_payload())
        return bytes(part.get_payload(decode=True) or b"")
    except ODD:
        return b""


def _text(part: Any) -> str:
    data = _bytes(part)
    try:
        text = data.decode(part.get_content_charset() or "utf-8", errors="replace")
    except ODD:
        text = data.decode(errors="replace")
    return _clean(text).replace("\r\n", "\n")


def _file_name(part: Any, index: int) -> str:
    """Returns the name of a file: its last part, without what nobody sees."""
    try:
        said = _clean(part.get_filename() or "")
    except ODD:
        said = ""
    plain = re.split(r"[/\\]", said)[-1].strip()
    name = "".join(each for each in plain if unicodedata.category(each) not in _UNSEEN).strip()
    if name in ("", ".", ".."):
        kind = _type_of(part)
        extension = ".eml" if kind == "message/rfc822" else mimetypes.guess_extension(kind)
        return f"part-{index}{extension or ''}"
    stem, dot, extension = name.rpartition(".")
    if len(name) > LONGEST_NAME and stem and len(extension) < LONGEST_NAME // 2:
        return f"{stem[: LONGEST_NAME - len(extension) - 1]}{dot}{extension}"
    return name[:LONGEST_NAME]


def _clean(text: str) -> str:
    """Returns a text that UTF-8 and the hub can hold."""
    return text.encode(errors="replace").decode().replace("\0", "")

"""E-mails become notes, however odd they are."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from polydesk.api.v1.note_pb2 import Note
from polydesk.client.mail import NoEmail, read_email
from polydesk.client.markup import text_of
from polydesk.domain.attachment import AttachmentDraft
from polydesk.rpc.note import to_files, to_note


def lines(*said: str) -> bytes:
    return "\r\n".join((*said, "")).encode()


PLAIN = lines(
    "Return-Path: <ann@example.com>",
    "Received: from mail.example.com by mx.example.net; Wed, 31 Jan 2024 11:11:13 +0100",
    "From: Ann Example <ann@example.com>",
    "To: Service Desk <desk@example.net>, bob@example.net",
    "Cc: carol@example.net",
    "Subject: printer on",
    " fire",
    "Date: Wed, 31 Jan 2024 11:11:12 +0100",
    "Message-ID: <1@example.com>",
    "Content-Type: text/plain; charset=utf-8",
    "",
    "It smokes.",
    "",
    "Ann",
)
NESTED = lines(
    "From: =?iso-8859-1?q?J=FCrgen?= <j@example.com>",
    "To: desk@example.net",
    "Subject: =?utf-8?b?UmVjaG51bmcgw7xiZXIgMTcg4oKs?=",
    "Date: Wed, 31 Jan 2024 10:11:12 -0000",
    'Content-Type: multipart/mixed; boundary="a"',
    "",
    "This is a message in several parts.",
    "--a",
    'Content-Type: multipart/related; boundary="b"',
    "",
    "--b",
    'Content-Type: multipart/alternative; boundary="c"',
    "",
    "--c",
    "Content-Type: text/plain; charset=iso-8859-1",
    "Content-Transfer-Encoding: quoted-printable",
    "",
    "Gr=FC=DFe",
    "--c",
    "Content-Type: text/html; charset=utf-8",
    "",
    "<p>Something else</p>",
    "--c--",
    "--b",
    "Content-Type: image/png",
    "Content-ID: <logo>",
    "Content-Transfer-Encoding: base64",
    "",
    base64.b64encode(b"\x89PNG").decode(),
    "--b--",
    "--a",
    "Content-Type: application/pdf; name*=utf-8''Rechnung%20%C3%BC.pdf",
    "Content-Disposition: attachment; filename*=utf-8''Rechnung%20%C3%BC.pdf",
    "Content-Transfer-Encoding: base64",
    "",
    base64.b64encode(b"%PDF-1.7").decode(),
    "--a",
    "Content-Type: message/rfc822",
    "",
    "From: bob@example.com",
    "Subject: before",
    "",
    "what was said before",
    "--a--",
)


def test_a_plain_message_is_a_note() -> None:
    note = read_email(PLAIN)

    assert note.kind == Note.KIND_EMAIL
    assert (note.subject, note.body) == ("printer on fire", "It smokes.\n\nAnn")
    assert note.email.sender == note.author == "ann@example.com"
    assert list(note.email.recipients) == [
        "desk@example.net",
        "bob@example.net",
        "carol@example.net",
    ]
    assert note.email.message_id == "<1@example.com>"
    assert note.note_time.ToDatetime(UTC) == datetime(2024, 1, 31, 10, 11, 12, tzinfo=UTC)
    assert not note.files


def test_what_is_nested_is_found() -> None:
    note = read_email(NESTED)

    assert note.subject == "Rechnung über 17 €"
    assert note.body == "Grüße"
    assert note.note_time.ToDatetime(UTC) == datetime(2024, 1, 31, 10, 11, 12, tzinfo=UTC)
    assert [(file.file_name, file.content_type) for file in note.files] == [
        ("part-3.png", "image/png"),
        ("Rechnung ü.pdf", "application/pdf"),
        ("part-5.eml", "message/rfc822"),
    ]
    assert [file.data for file in note.files][:2] == [b"\x89PNG", b"%PDF-1.7"]
    assert b"what was said before" in note.files[2].data


def test_html_alone_becomes_text() -> None:
    note = read_email(
        lines(
            "From: a@b",
            "Content-Type: text/html; charset=windows-1252",
            "",
            "<html><head><title>no</title><style>p {}</style></head><body><h1>Hello</h1>",
            "<p>It&#39;s   on <b>fire</b>.<br>Really &amp; truly.</p><ul><li>one<li>two</ul>",
            "<script>alert(1)</script></body></html>",
        )
    )

    assert note.body == "Hello\n\nIt's on fire.\nReally & truly.\n\none\ntwo"
    assert not note.files


@pytest.mark.parametrize(
    "date", ["", "Date: ", "Date: yesterday", "Date: Wed, 99 Jan 2024 10:11:12 +9999", "Date: 0"]
)
def test_a_message_without_a_date_has_none(date: str) -> None:
    note = read_email(lines("From: a@b", *([date] if date else []), "", "x"))

    assert not note.HasField("note_time")


@pytest.mark.parametrize(
    ("charset", "data", "text"),
    [
        ("koi8-r", "Привет".encode("koi8-r"), "Привет"),
        ("gb2312", "你好".encode("gb2312"), "你好"),
        ("x-unknown", "grüße".encode(), "grüße"),
        ("utf-8", b"gr\xfc\xdfe", "gr��e"),
        ("", b"plain", "plain"),
        ("us-ascii", "é".encode(), "��"),
        ("utf-7", b"+AGEAYg-", "ab"),
        ("rot13", b"abc", "abc"),
        ("idna", b"xn--\xff", "xn--�"),
    ],
)
def test_any_charset_becomes_text(charset: str, data: bytes, text: str) -> None:
    head = f"From: a@b\r\nContent-Type: text/plain; charset={charset}\r\n\r\n"

    assert read_email(head.encode() + data).body == text


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Temp\\evil.exe", "evil.exe"),
        ("a\u202etxt.exe", "atxt.exe"),
        ("..", "part-2"),
        ("", "part-2"),
        ("a\tb.txt", "ab.txt"),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
        ("x" * 300, "x" * 255),
    ],
)
def test_a_hostile_name_is_made_a_plain_one(said: str, name: str) -> None:
    message = EmailMessage()
    message["From"] = "a@b"
    message.set_content("see")
    message.add_attachment(b"data", maintype="application", subtype="x-odd", filename=said)

    (file,) = read_email(message.as_bytes()).files

    assert file.file_name == name
    AttachmentDraft(file_name=file.file_name, content_type=file.content_type)


def test_a_text_that_is_too_long_comes_whole_as_a_file() -> None:
    text = "ä" * 70_000

    note = read_email(b"From: a@b\r\n\r\n" + text.encode())

    assert (len(note.body), note.body[-1]) == (65_536, "…")
    assert [(file.file_name, file.data.decode()) for file in note.files] == [("message.txt", text)]


def test_a_message_that_says_nothing_has_a_subject() -> None:
    assert read_email(b"From: a@b\r\n\r\n").subject == "(no subject)"


def test_of_many_recipients_the_first_are_kept() -> None:
    to = ", ".join(f"{number}@example.com" for number in range(150))

    assert len(read_email(f"From: a@b\r\nTo: {to}\r\n\r\nx".encode()).email.recipients) == 100


@pytest.mark.parametrize("data", [b"", b"hello", b"\0" * 100, b"%PDF-1.7\n\nx", b"X-Odd: 1\n\nx"])
def test_what_is_no_email_is_refused(data: bytes) -> None:
    with pytest.raises(NoEmail, match="no e-mail"):
        read_email(data)


def test_what_is_nested_too_deeply_is_refused_or_read() -> None:
    deep = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (level, level)
        for level in range(2_000)
    )

    with pytest.raises(NoEmail, match="nested"):
        read_email(b"From: a@b\r\n" + deep + b"\r\nx")


HEADER = st.sampled_from(
    ["From", "To", "Cc", "Subject", "Date", "Message-ID", "Content-Type", "Content-Disposition"]
)
VALUE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "=?utf-8?b?====?=",
            "=?x?q?=FF?=",
            "multipart/mixed",
            'multipart/mixed; boundary="b"',
            "text/plain; charset=x-odd",
            "text/html",
            "attachment; filename*0*=x''%FF; filename*1=%",
            'attachment; filename="\u202e/.."',
            "<@>, ;:,, <a@b",
            "message/rfc822",
        ]
    ),
)


@given(
    headers=st.lists(st.tuples(HEADER, VALUE), max_size=8),
    body=st.one_of(st.binary(max_size=300), st.just(b"--b\r\n\r\nx\r\n--b\r\n\xff\r\n--b--")),
)
@example(headers=[("Content-Type", "text/plain; charset*=''%00")], body=b"x")
@example(headers=[("To", "@,")], body=b"")
def test_no_message_is_a_crash_and_what_comes_is_taken(
    headers: list[tuple[str, str]], body: bytes
) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)

    note = read_email(b"From: ann@example.com\r\n" + head.encode(errors="replace") + b"\r\n" + body)

    to_note(note)
    to_files(note.files)
    assert Note.FromString(note.SerializeToString()) == note


@given(st.text())
@example("<![x")
@example("</title><p>x")
@example("<style>never ended")
def test_no_page_is_a_crash(html: str) -> None:
    text = text_of(html)

    assert text == text.strip()

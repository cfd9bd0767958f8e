"""Rows of JSONL, the file that they grow into, and the tables that people see."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from polydesk.api.v1.ticket_pb2 import Ticket
from polydesk.cli.listing import show_rows
from polydesk.cli.part import Part
from polydesk.cli.row import LEFT_OUT, Unreadable, read_row, write_row


def stop(part: Part, tickets: Sequence[Ticket]) -> None:
    """Writes a page, as an export that is stopped before the next one."""
    with suppress(KeyboardInterrupt), part:
        part.add(tickets, "page 2")
        raise KeyboardInterrupt


def test_an_export_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    one, two, three = (Ticket(number=number, summary="s") for number in "123")
    stop(Part(file, "key", resume=True), [one, two])
    with file.with_name("out.jsonl.part").open("ab") as part_file:
        part_file.write(b"half a li")

    with Part(file, "key", resume=True) as part:
        token, before = part.token, part.rows
        part.add([three], "")

    assert (token, before, part.rows) == ("page 2", 2, 3)
    assert file.read_bytes() == b"".join(map(write_row, (one, two, three)))
    assert part.digest == hashlib.sha256(file.read_bytes()).hexdigest()
    assert [each.name for each in tmp_path.iterdir()] == ["out.jsonl"]


@pytest.mark.parametrize("key", ["key", "other"])
def test_an_export_of_something_else_begins_anew(tmp_path: Path, key: str) -> None:
    file = tmp_path / "out.jsonl"
    stop(Part(file, "key", resume=True), [Ticket(number="1")])

    with Part(file, key, resume=True) as part:
        assert part.token == ("page 2" if key == "key" else "")
        assert part.rows == (1 if key == "key" else 0)


def test_a_row_holds_what_a_ticket_says_by_itself() -> None:
    ticket = Ticket(
        name="tickets/1", org="orgs/1", etag="1", number="A", summary="s", kind=Ticket.KIND_EVENT
    )
    ticket.create_time.GetCurrentTime()

    line = write_row(ticket)

    assert line == b'{"kind":"KIND_EVENT","number":"A","summary":"s"}\n'
    assert read_row(line) == Ticket(number="A", summary="s", kind=Ticket.KIND_EVENT)
    assert read_row(b'{"name": "tickets/1", "etag": "7", "number": "A"}') == Ticket(number="A")
    assert set(LEFT_OUT) == {
        "name", "org", "etag", "execution_status",
        "create_time", "update_time", "close_time", "delete_time",
    }  # fmt: skip


@pytest.mark.parametrize("line", [b"", b"\xff", b"1", b"null", b'{"number": 1}', b"[" * 99_999])
def test_a_line_that_is_no_ticket_is_unreadable(line: bytes) -> None:
    with pytest.raises(Unreadable):
        read_row(line)


def test_a_table_is_drawn_in_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    show_rows([{"name": "tickets/1", "summary": "[red]s"}], none="none")

    out = capsys.readouterr().out
    assert "━" in out or "─" in out
    assert "[red]s" in out

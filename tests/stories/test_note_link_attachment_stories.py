"""The stories of what hangs on a ticket: its journal, its links to elsewhere, its files."""

from __future__ import annotations

import hashlib

import pytest

from .way import Refused, Way

pytestmark = pytest.mark.envoy


@pytest.fixture
async def ticket(way: Way, org: str) -> str:
    """A ticket to hang things on."""
    incident = {"summary": "printer on fire"}
    made = await way.call("IncidentService.CreateIncident", {"parent": org, "incident": incident})
    return str(made["name"]).replace("incidents", "tickets")


async def test_a_journal_is_written_and_read_by_kind(way: Way, ticket: str) -> None:
    for kind in ("KIND_COMMENT", "KIND_WORK_NOTE", "KIND_CLOSURE_NOTE"):
        note = {"kind": kind, "subject": kind.lower(), "body": "It smokes.", "author": "ann"}
        await way.call("NoteService.CreateNote", {"parent": ticket, "note": note})
    email = {"sender": "bob@example.com", "recipients": ["desk@example.com"], "messageId": "<1>"}
    mailed = await way.call(
        "NoteService.CreateNote",
        {"parent": ticket, "note": {"kind": "KIND_EMAIL", "body": "Help!", "email": email}},
    )

    first = await way.call("NoteService.ListNotes", {"parent": ticket, "pageSize": 3})
    second = await way.call(
        "NoteService.ListNotes",
        {"parent": ticket, "pageSize": 3, "pageToken": first["nextPageToken"]},
    )
    staff = await way.call(
        "NoteService.ListNotes", {"parent": ticket, "kinds": ["KIND_WORK_NOTE", "KIND_EMAIL"]}
    )
    with pytest.raises(Refused) as empty:
        await way.call(
            "NoteService.CreateNote", {"parent": ticket, "note": {"kind": "KIND_COMMENT"}}
        )

    assert [note["subject"] for note in first["notes"]] == [
        "kind_comment",
        "kind_work_note",
        "kind_closure_note",
    ]
    assert second["notes"] == [mailed]
    assert await way.call("NoteService.GetNote", {"name": mailed["name"]}) == mailed
    assert mailed["email"] == email
    assert [note["kind"] for note in staff["notes"]] == ["KIND_WORK_NOTE", "KIND_EMAIL"]
    assert empty.value.code == "INVALID_ARGUMENT"


async def test_a_link_is_found_from_both_ends_until_it_is_cut(
    way: Way, org: str, ticket: str
) -> None:
    said = {"system": "zendesk", "key": "4711", "url": "https://example.com/4711"}
    asked = {"parent": org, "system": "zendesk", "key": "4711"}

    link = await way.call("LinkService.CreateLink", {"parent": ticket, "link": said})
    with pytest.raises(Refused) as twice:
        await way.call("LinkService.CreateLink", {"parent": ticket, "link": said})
    here = await way.call("LinkService.ListLinks", {"parent": ticket})
    there = await way.call("LinkService.LookupLinks", asked)
    await way.call("LinkService.DeleteLink", {"name": link["name"]})
    after = await way.call("LinkService.LookupLinks", asked)

    assert here["links"] == [link]
    assert [found["ticket"]["name"] for found in there["results"]] == [ticket]
    assert twice.value.code == "ALREADY_EXISTS"
    assert after["results"] == []


async def test_a_file_goes_up_and_comes_down_the_same(way: Way, ticket: str) -> None:
    data = "Änderung\n".encode() * 20_000

    attached = await way.upload(ticket, "error log.txt", data)
    again = await way.upload(ticket, "copy.txt", data)
    listed = await way.call("AttachmentService.ListAttachments", {"parent": ticket})
    came = await way.download(attached["name"])
    await way.call("AttachmentService.DeleteAttachment", {"name": attached["name"]})
    still = await way.download(again["name"])

    assert attached["fileName"] == "error log.txt"
    assert attached["sha256"] == again["sha256"] == hashlib.sha256(data).hexdigest()
    assert listed["attachments"] == [attached, again]
    assert came == still == data
    with pytest.raises(Refused) as gone:
        await way.call("AttachmentService.GetAttachment", {"name": attached["name"]})
    assert gone.value.code == "NOT_FOUND"

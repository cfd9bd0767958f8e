"""Notes by gRPC and by REST."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2, status_pb2

from polydesk.api.v1 import incident_pb2, note_pb2, ticket_pb2
from polydesk.api.v1.note_pb2_grpc import NoteServiceStub

if TYPE_CHECKING:
    from tests.conftest import Native
    from tests.stack import Rest

Note = note_pb2.Note
Ticket = ticket_pb2.Ticket
NOWHERE = "tickets/2147483647"


async def make(native: Native, org: int = 1) -> Ticket:
    """Makes an incident, whose name is then that of a ticket."""
    request = incident_pb2.CreateIncidentRequest(
        parent=f"orgs/{org}", incident=Ticket(summary="printer on fire")
    )
    made = await native.incidents.CreateIncident(request, metadata=native.headers())
    return await ticket(native, made.name.replace("incidents", "tickets"))


async def ticket(native: Native, name: str) -> Ticket:
    return await native.tickets.GetTicket(
        ticket_pb2.GetTicketRequest(name=name), metadata=native.headers()
    )


async def add(native: Native, parent: str, **said: Any) -> Note:
    headers = said.pop("headers", {})
    usual: dict[str, Any] = {"kind": Note.KIND_COMMENT, "body": "it burns"}
    request = note_pb2.CreateNoteRequest(parent=parent, note=Note(**(usual | said)))
    return await NoteServiceStub(native.channel).CreateNote(
        request, metadata=native.headers(**headers)
    )


async def get(native: Native, name: str, **headers: str) -> Note:
    return await NoteServiceStub(native.channel).GetNote(
        note_pb2.GetNoteRequest(name=name), metadata=native.headers(**headers)
    )


async def page(native: Native, parent: str, **asked: Any) -> note_pb2.ListNotesResponse:
    headers = asked.pop("headers", {})
    return await NoteServiceStub(native.channel).ListNotes(
        note_pb2.ListNotesRequest(parent=parent, **asked), metadata=native.headers(**headers)
    )


async def bodies(native: Native, parent: str, **asked: Any) -> list[str]:
    return [note.body for note in (await page(native, parent, **asked)).notes]


async def changes(native: Native, name: str) -> list[ticket_pb2.TicketChange]:
    listed = await native.tickets.ListTicketChanges(
        ticket_pb2.ListTicketChangesRequest(parent=name), metadata=native.headers()
    )
    return list(listed.changes)


def violation_of(error: grpc.aio.AioRpcError) -> str:
    """Returns the field that an error names."""
    status = status_pb2.Status.FromString(
        dict(error.trailing_metadata() or ())["grpc-status-details-bin"]
    )
    bad = error_details_pb2.BadRequest()
    assert any(detail.Unpack(bad) for detail in status.details)
    return str(bad.field_violations[0].field)


def token_of(*values: object) -> str:
    """Returns a token of a caller's own making."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


async def test_a_note_is_added_read_and_listed(native: Native) -> None:
    made = await make(native)
    said: dict[str, Any] = {
        "kind": Note.KIND_WORK_NOTE,
        "subject": "called back",
        "body": "smoke, no flames ✓",
        "author": "Ann Example",
        "source": "Phone/Fax",
        "category": "Called Customer",
        "note_time": Timestamp(seconds=1_700_000_000, nanos=123_456_000),
    }

    note = await add(native, made.name, **said)

    assert note.name.startswith(f"{made.name}/notes/")
    assert note.via == "desk"
    assert note.create_time.seconds > note.note_time.seconds
    assert {name: getattr(note, name) for name in said} == said
    assert await get(native, note.name) == note
    assert list((await page(native, made.name)).notes) == [note]


async def test_what_is_left_out_of_a_note_is_who_calls_and_now(native: Native) -> None:
    made = await make(native)

    note = await add(native, made.name)

    assert note.author == "demo@example.com"
    assert note.note_time == note.create_time
    assert not note.HasField("email")


async def test_an_email_keeps_its_headers(native: Native) -> None:
    made = await make(native)
    email = Note.Email(
        sender="bob@example.org", recipients=["desk@example.org", "x@y"], message_id="<1@z>"
    )

    note = await add(native, made.name, kind=Note.KIND_EMAIL, email=email)

    assert (await get(native, note.name)).email == email


async def test_notes_come_in_the_order_in_which_they_were_added(native: Native) -> None:
    made, other = await make(native), await make(native)
    for index in range(4):
        await add(native, made.name, body=f"n{index}", note_time=Timestamp(seconds=100 - index))
        await add(native, other.name, body="elsewhere")

    assert await bodies(native, made.name) == ["n0", "n1", "n2", "n3"]


async def test_a_list_holds_the_kinds_asked_for(native: Native) -> None:
    made = await make(native)
    for kind in Note.Kind.values()[1:]:
        await add(native, made.name, kind=kind, body=Note.Kind.Name(kind))

    asked = [Note.KIND_EMAIL, Note.KIND_WORK_NOTE]

    assert await bodies(native, made.name, kinds=asked) == ["KIND_WORK_NOTE", "KIND_EMAIL"]
    assert len(await bodies(native, made.name)) == 4


async def test_pages_hold_each_note_once_while_others_write(native: Native) -> None:
    made = await make(native)
    for index in range(7):
        await add(native, made.name, body=f"n{index}")

    read, token = [], ""
    for size in (3, 2, 2):
        answer = await page(native, made.name, page_size=size, page_token=token)
        read += [note.body for note in answer.notes]
        token = answer.next_page_token
        assert token
        await add(native, made.name, body=f"late {size}")
    rest = await page(native, made.name, page_token=token)

    assert read == [f"n{index}" for index in range(7)]
    assert [note.body for note in rest.notes] == ["late 3", "late 2", "late 2"]
    assert rest.next_page_token == ""


async def test_a_page_holds_at_most_a_hundred(native: Native) -> None:
    made = await make(native)
    await asyncio.gather(*(add(native, made.name) for _ in range(101)))

    answer = await page(native, made.name, page_size=5_000)

    assert len(answer.notes) == 100
    assert answer.next_page_token


async def test_a_token_of_another_list_is_refused(native: Native) -> None:
    made, other = await make(native), await make(native)
    for _ in range(2):
        await add(native, made.name)
    token = (await page(native, made.name, page_size=1)).next_page_token

    for asked in (
        {"parent": other.name, "page_token": token},
        {"parent": made.name, "page_token": token, "kinds": [Note.KIND_EMAIL]},
        {"parent": made.name, "page_token": "MTI"},
        {"parent": made.name, "page_token": "?"},
        {"parent": made.name, "page_token": "é"},
        {"parent": made.name, "page_token": token_of("x", 10**30)},
        {"parent": made.name, "page_size": -1},
    ):
        with pytest.raises(grpc.aio.AioRpcError, match="page_") as caught:
            await page(native, **asked)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_note_is_told_by_the_history_and_marks_its_ticket(native: Native) -> None:
    made = await make(native)

    note = await add(native, made.name, kind=Note.KIND_CLOSURE_NOTE, body="put out")

    marked = await ticket(native, made.name)
    [_, change] = await changes(native, made.name)
    [field] = change.fields
    assert (marked.etag, made.etag) == ("2", "1")
    assert marked.update_time == note.create_time == change.change_time
    assert marked.modify_time == made.modify_time
    assert (change.action, change.actor, change.via) == ("note", "demo@example.com", "desk")
    assert (field.field, field.old_json) == ("note", "")
    told = json.loads(field.new_json)
    assert (told["kind"], told["body"]) == ("CLOSURE_NOTE", "put out")
    assert note.name == f"{made.name}/notes/{change.sequence}"


async def test_a_watcher_is_told_of_a_note(native: Native) -> None:
    made = await make(native, org=5)
    watch = ticket_pb2.WatchTicketsRequest(parent="orgs/5", cursor="0")
    heard = native.tickets.WatchTickets(watch, metadata=native.headers(), timeout=60)

    note = await add(native, made.name)

    async for answer in heard:
        if answer.changed.change.action == "note":
            break
    told = answer.changed
    assert note.name == f"{made.name}/notes/{told.change.sequence}"
    assert (told.ticket.name, told.ticket.etag) == (made.name, "2")


async def test_a_key_makes_a_note_be_added_once(native: Native) -> None:
    made = await make(native)
    key = {"idempotency-key": "note-1"}

    first = await add(native, made.name, headers=key)
    second = await add(native, made.name, headers=key)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await add(native, made.name, body="another", headers=key)

    assert first == second
    assert caught.value.code() is grpc.StatusCode.ABORTED
    assert len((await page(native, made.name)).notes) == 1


async def test_a_note_for_another_state_of_the_ticket_is_refused(native: Native) -> None:
    made = await make(native)
    guard = {"if-match": made.etag}
    await add(native, made.name, headers=guard)

    with pytest.raises(grpc.aio.AioRpcError, match="was changed meanwhile") as caught:
        await add(native, made.name, headers=guard)

    assert caught.value.code() is grpc.StatusCode.ABORTED
    assert len((await page(native, made.name)).notes) == 1


async def test_foreign_missing_and_deleted_tickets_answer_alike(native: Native) -> None:
    foreign, deleted = await make(native, org=7), await make(native)
    notes = [await add(native, foreign.name), await add(native, deleted.name)]
    await native.incidents.DeleteIncident(
        incident_pb2.DeleteIncidentRequest(name=deleted.name.replace("tickets", "incidents")),
        metadata=native.headers(),
    )
    await native.registry.add_user("eve@example.com", "secret", name="Eve", roles={1: native.agent})
    eve = {"login": "eve@example.com", "secret": "secret"}
    names = {
        foreign.name: notes[0].name,
        deleted.name: notes[1].name,
        NOWHERE: f"{NOWHERE}/notes/1",
    }

    for parent, name in names.items():
        for call in (
            add(native, parent, headers=eve),
            page(native, parent, headers=eve),
            get(native, name, **eve),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND
            assert caught.value.details() == f"there is no ticket {parent.partition('/')[2]}"


async def test_a_note_is_found_under_its_own_ticket_alone(native: Native) -> None:
    made, other = await make(native), await make(native)
    note = await add(native, made.name)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await get(native, note.name.replace(made.name, other.name))

    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_reader_reads_and_adds_nothing(native: Native) -> None:
    made = await make(native)
    note = await add(native, made.name)
    await native.registry.add_user(
        "ruth@example.com", "secret", name="Ruth", roles={1: native.reader}
    )
    ruth = {"login": "ruth@example.com", "secret": "secret"}

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await add(native, made.name, headers=ruth)

    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert await get(native, note.name, **ruth) == note


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"kind": 0}, "note.kind"),
        ({"kind": 99}, "note.kind"),
        ({"body": ""}, "note.body"),
        ({"subject": "x" * 1_001}, "note.subject"),
        ({"body": "x" * 65_537}, "note.body"),
        ({"author": "x" * 256}, "note.author"),
        ({"source": "x" * 256}, "note.source"),
        ({"category": "x" * 256}, "note.category"),
        ({"subject": "a\0"}, "note.subject"),
        ({"body": "a\0"}, "note.body"),
        ({"author": "a\0"}, "note.author"),
        ({"note_time": Timestamp(seconds=-(10**11))}, "note.note_time"),
        ({"email": Note.Email(sender="a@b")}, "note.email"),
        ({"email": Note.Email(sender="x" * 256)}, "note.email.sender"),
        ({"email": Note.Email(recipients=["a"] * 101)}, "note.email.recipients"),
        ({"email": Note.Email(recipients=["a", ""])}, "note.email.recipients[1]"),
        ({"email": Note.Email(recipients=["a\0"])}, "note.email.recipients[0]"),
        ({"email": Note.Email(message_id="x" * 1_001)}, "note.email.message_id"),
    ],
)
async def test_a_bad_note_says_what_to_mend_and_changes_nothing(
    native: Native, said: dict[str, Any], field: str
) -> None:
    made = await make(native)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await add(native, made.name, **said)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violation_of(caught.value) == field
    assert await ticket(native, made.name) == made
    assert await bodies(native, made.name) == []


async def test_the_longest_note_is_taken(native: Native) -> None:
    made = await make(native)
    email = Note.Email(sender="x" * 255, recipients=["🔥" * 255] * 100, message_id="x" * 1_000)

    note = await add(
        native,
        made.name,
        kind=Note.KIND_EMAIL,
        subject="🔥" * 1_000,
        body="🔥" * 65_536,
        email=email,
    )

    assert await get(native, note.name) == note
    assert len(note.body) == 65_536


@pytest.mark.parametrize(
    "name", ["", "tickets/1", "tickets/1/notes/", "tickets/1/notes/x", "notes/1", "a/1/notes/1"]
)
async def test_a_name_of_another_form_is_refused(native: Native, name: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await get(native, name)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.envoy
async def test_the_same_over_rest(rest: Rest) -> None:
    incident = await rest.request("POST", "/desk/v1/orgs/1/incidents", json={"summary": "on fire"})
    path = f"/desk/v1/{incident.json()['name'].replace('incidents', 'tickets')}/notes"
    said = {
        "kind": "KIND_EMAIL",
        "subject": "Re: fire",
        "noteTime": "2026-01-31T10:11:12.123456Z",
        "email": {"sender": "b@example.org", "recipients": ["x@example.org"], "messageId": "<1@z>"},
    }

    made = await rest.request("POST", path, json=said)
    await rest.request("POST", path, json={"kind": "KIND_COMMENT", "body": "thanks"})
    got = await rest.request("GET", f"/desk/v1/{made.json()['name']}")
    first = await rest.request("GET", f"{path}?pageSize=1")
    second = await rest.request("GET", f"{path}?pageToken={first.json()['nextPageToken']}")
    emails = await rest.request("GET", f"{path}?kinds=KIND_EMAIL")
    refused = await rest.request("POST", path, json={"body": "of no kind"})
    gone = await rest.request("GET", f"{path}/2147483647")

    assert made.status == 200
    assert {name: made.json()[name] for name in said} == said
    assert got.json() == made.json()
    assert first.json()["notes"] == emails.json()["notes"] == [made.json()]
    assert [note["body"] for note in second.json()["notes"]] == ["thanks"]
    assert (refused.status, refused.json()["message"]) == (400, "kind is required")
    assert gone.status == 404

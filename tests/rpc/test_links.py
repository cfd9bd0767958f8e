"""Links to other systems by gRPC and by REST."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from google.rpc import error_details_pb2, status_pb2

from polydesk.api.v1 import incident_pb2, link_pb2, ticket_pb2
from polydesk.api.v1.link_pb2_grpc import LinkServiceStub

if TYPE_CHECKING:
    from tests.conftest import Native
    from tests.stack import Rest

Link = link_pb2.Link
Ticket = ticket_pb2.Ticket
NOWHERE = "tickets/2147483647"
EVE = {"login": "eve@example.com", "secret": "secret"}


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


async def add(native: Native, parent: str, **said: Any) -> Link:
    headers = said.pop("headers", {})
    request = link_pb2.CreateLinkRequest(
        parent=parent, link=Link(**({"system": "zendesk", "key": "4711"} | said))
    )
    return await LinkServiceStub(native.channel).CreateLink(
        request, metadata=native.headers(**headers)
    )


async def get(native: Native, name: str, **headers: str) -> Link:
    return await LinkServiceStub(native.channel).GetLink(
        link_pb2.GetLinkRequest(name=name), metadata=native.headers(**headers)
    )


async def remove(native: Native, name: str, **headers: str) -> Link:
    return await LinkServiceStub(native.channel).DeleteLink(
        link_pb2.DeleteLinkRequest(name=name), metadata=native.headers(**headers)
    )


async def page(native: Native, parent: str, **asked: Any) -> link_pb2.ListLinksResponse:
    headers = asked.pop("headers", {})
    return await LinkServiceStub(native.channel).ListLinks(
        link_pb2.ListLinksRequest(parent=parent, **asked), metadata=native.headers(**headers)
    )


async def find(native: Native, org: int = 1, **asked: Any) -> link_pb2.LookupLinksResponse:
    headers = asked.pop("headers", {})
    request = link_pb2.LookupLinksRequest(
        parent=f"orgs/{org}", **({"system": "zendesk", "key": "4711"} | asked)
    )
    return await LinkServiceStub(native.channel).LookupLinks(
        request, metadata=native.headers(**headers)
    )


async def found(native: Native, org: int = 1, **asked: Any) -> list[str]:
    return [result.ticket.name for result in (await find(native, org, **asked)).results]


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


async def test_a_link_is_found_from_both_ends(native: Native) -> None:
    made = await make(native)

    link = await add(native, made.name, url="https://example.zendesk.com/agent/tickets/4711")

    linked = await ticket(native, made.name)
    assert link.name.startswith(f"{made.name}/links/")
    assert (link.system, link.key, link.creator) == ("zendesk", "4711", "demo@example.com")
    assert await get(native, link.name) == link
    assert list((await page(native, made.name)).links) == [link]
    [result] = (await find(native)).results
    assert (result.link, result.ticket) == (link, linked)


async def test_a_key_of_another_system_or_org_is_another_one(native: Native) -> None:
    made, foreign = await make(native), await make(native, org=7)
    await add(native, made.name)
    await add(native, made.name, key="4712")
    await add(native, made.name, system="jira")
    await add(native, foreign.name)

    assert await found(native) == [made.name]
    assert await found(native, 7) == [foreign.name]
    assert await found(native, key="471") == []
    assert len((await page(native, made.name)).links) == 3


async def test_a_link_that_is_there_already_is_refused(native: Native) -> None:
    made = await make(native)
    await add(native, made.name)
    before = await ticket(native, made.name)

    with pytest.raises(grpc.aio.AioRpcError, match="is linked to zendesk 4711 already") as caught:
        await add(native, made.name, url="https://elsewhere")

    assert caught.value.code() is grpc.StatusCode.ALREADY_EXISTS
    assert await ticket(native, made.name) == before


async def test_a_link_that_was_taken_away_is_found_from_neither_end(native: Native) -> None:
    made = await make(native)
    link = await add(native, made.name)

    removed = await remove(native, link.name)

    assert removed == link
    assert list((await page(native, made.name)).links) == []
    assert await found(native) == []
    for call in (get(native, link.name), remove(native, link.name)):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    again = await add(native, made.name)
    assert again.name != link.name


async def test_a_deleted_ticket_is_not_looked_up(native: Native) -> None:
    gone, stays = await make(native), await make(native)
    for made in (gone, stays):
        await add(native, made.name)
    await native.incidents.DeleteIncident(
        incident_pb2.DeleteIncidentRequest(name=gone.name.replace("tickets", "incidents")),
        metadata=native.headers(),
    )

    assert await found(native) == [stays.name]


async def test_pages_hold_each_one_once_while_others_write(native: Native) -> None:
    tickets = [await make(native) for _ in range(5)]
    for made in reversed(tickets):
        await add(native, made.name)

    read, token = [], ""
    for _ in range(2):
        answer = await find(native, page_size=2, page_token=token)
        read += [result.ticket.name for result in answer.results]
        token = answer.next_page_token
        await add(native, (await make(native)).name)
        await remove(native, answer.results[0].link.name)
    rest = await find(native, page_token=token)

    assert read == [made.name for made in tickets[:4]]
    assert rest.results[0].ticket.name == tickets[4].name
    assert len(rest.results) == 3
    assert rest.next_page_token == ""


async def test_the_links_of_a_ticket_come_in_pages(native: Native) -> None:
    made = await make(native)
    for key in ("c", "a", "b"):
        await add(native, made.name, key=key)

    first = await page(native, made.name, page_size=2)
    second = await page(native, made.name, page_size=2, page_token=first.next_page_token)

    assert [link.key for link in first.links] == ["c", "a"]
    assert [link.key for link in second.links] == ["b"]
    assert second.next_page_token == ""
    with pytest.raises(grpc.aio.AioRpcError, match="belongs to another list"):
        await find(native, page_token=first.next_page_token)


async def test_links_are_told_by_the_history_and_mark_their_ticket(native: Native) -> None:
    made = await make(native)

    link = await add(native, made.name)
    linked = await ticket(native, made.name)
    await remove(native, link.name)

    unlinked = await ticket(native, made.name)
    [_, tied, cut] = await changes(native, made.name)
    assert [made.etag, linked.etag, unlinked.etag] == ["1", "2", "3"]
    assert linked.update_time == link.create_time == tied.change_time
    assert unlinked.update_time == cut.change_time
    assert unlinked.modify_time == made.modify_time
    assert (tied.action, cut.action) == ("link", "unlink")
    assert [field.field for change in (tied, cut) for field in change.fields] == ["link", "link"]
    assert (tied.fields[0].old_json, cut.fields[0].new_json) == ("", "null")
    assert json.loads(tied.fields[0].new_json)["key"] == "4711"
    assert cut.fields[0].old_json == tied.fields[0].new_json


async def test_a_key_makes_each_write_happen_once(native: Native) -> None:
    made = await make(native)
    tie, cut = {"idempotency-key": "tie"}, {"idempotency-key": "cut"}

    links = [await add(native, made.name, headers=tie) for _ in range(2)]
    removed = [await remove(native, links[0].name, **cut) for _ in range(2)]

    assert links[0] == links[1] == removed[0] == removed[1]
    assert len(await changes(native, made.name)) == 3


async def test_a_write_for_another_state_of_the_ticket_is_refused(native: Native) -> None:
    made = await make(native)
    guard = {"if-match": made.etag}
    link = await add(native, made.name, headers=guard)

    for call in (
        add(native, made.name, key="4712", headers=guard),
        remove(native, link.name, **guard),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.ABORTED
    assert list((await page(native, made.name)).links) == [link]


async def test_foreign_missing_and_deleted_tickets_answer_alike(native: Native) -> None:
    foreign, deleted = await make(native, org=7), await make(native)
    links = [await add(native, foreign.name), await add(native, deleted.name)]
    await native.incidents.DeleteIncident(
        incident_pb2.DeleteIncidentRequest(name=deleted.name.replace("tickets", "incidents")),
        metadata=native.headers(),
    )
    await native.registry.add_user("eve@example.com", "secret", name="Eve", roles={1: native.agent})
    names = {
        foreign.name: links[0].name,
        deleted.name: links[1].name,
        NOWHERE: f"{NOWHERE}/links/1",
    }

    for parent, name in names.items():
        for call in (
            add(native, parent, key="1", headers=EVE),
            page(native, parent, headers=EVE),
            get(native, name, **EVE),
            remove(native, name, **EVE),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND
            assert caught.value.details() == f"there is no ticket {parent.partition('/')[2]}"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await find(native, 7, headers=EVE)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_reader_looks_up_and_writes_nothing(native: Native) -> None:
    made = await make(native)
    link = await add(native, made.name)
    await native.registry.add_user(
        "ruth@example.com", "secret", name="Ruth", roles={1: native.reader}
    )
    ruth = {"login": "ruth@example.com", "secret": "secret"}

    for call in (add(native, made.name, key="1", headers=ruth), remove(native, link.name, **ruth)):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert await found(native, headers=ruth) == [made.name]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"system": ""}, "link.system"),
        ({"system": "Zendesk"}, "link.system"),
        ({"system": "7up"}, "link.system"),
        ({"system": "z" * 64}, "link.system"),
        ({"system": "a\0"}, "link.system"),
        ({"system": "zendesk\n"}, "link.system"),
        ({"key": ""}, "link.key"),
        ({"key": "x" * 256}, "link.key"),
        ({"key": "a\0"}, "link.key"),
        ({"url": "javascript:alert(1)"}, "link.url"),
        ({"url": "https://a b"}, "link.url"),
        ({"url": "https://a\0"}, "link.url"),
        ({"url": "https://a\n"}, "link.url"),
        ({"url": "https://" + "x" * 2_041}, "link.url"),
    ],
)
async def test_a_bad_link_says_what_to_mend_and_changes_nothing(
    native: Native, said: dict[str, Any], field: str
) -> None:
    made = await make(native)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await add(native, made.name, **said)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violation_of(caught.value) == field
    assert await ticket(native, made.name) == made


async def test_a_look_up_of_what_no_link_can_be_is_refused(native: Native) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await find(native, system="Zendesk")

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violation_of(caught.value) == "system"


async def test_the_longest_link_is_taken_and_found(native: Native) -> None:
    made = await make(native)
    said = {"system": "z" * 63, "key": "🔥" * 255, "url": "HTTPS://" + "🔥" * 2_040}

    await add(native, made.name, **said)

    assert await found(native, system=said["system"], key=said["key"]) == [made.name]


@pytest.mark.envoy
async def test_the_same_over_rest(rest: Rest) -> None:
    incident = await rest.request("POST", "/desk/v1/orgs/1/incidents", json={"summary": "on fire"})
    name = incident.json()["name"].replace("incidents", "tickets")
    path = f"/desk/v1/{name}/links"
    lookup = "/desk/v1/orgs/1/links:lookup?system=zendesk&key=47%2F11%20%3F"
    said = {"system": "zendesk", "key": "47/11 ?", "url": "https://example.zendesk.com/4711"}

    made = await rest.request("POST", path, json=said)
    again = await rest.request("POST", path, json=said)
    got = await rest.request("GET", f"/desk/v1/{made.json()['name']}")
    listed = await rest.request("GET", path)
    found = await rest.request("GET", lookup)
    removed = await rest.request("DELETE", f"/desk/v1/{made.json()['name']}")
    gone = await rest.request("GET", lookup)

    assert {name: made.json()[name] for name in said} == said
    assert again.status == 409
    assert got.json() == removed.json() == made.json()
    assert listed.json()["links"] == [made.json()]
    assert [(r["link"], r["ticket"]["name"]) for r in found.json()["results"]] == [
        (made.json(), name)
    ]
    assert gone.json().get("results", []) == []

"""The links to Zendesk: one incident for one ticket there, whoever comes first."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from tests.dialects.ivanti_xapi.document import pair, path_of, raised
from tests.dialects.sample import token_of
from tests.stack import Rest, Stack
from tests.stories.way import RestWay

from .conftest import Api
from .test_refusals import told

pytestmark = pytest.mark.envoy


async def tie(api: Api, id_: str, key: str) -> Any:
    return await api.ask("PATCH", path_of("C08", id_=id_), {"zendeskTicketId": key})


async def test_the_same_ticket_again_is_answered_with_its_incident(
    api: Api, desk: RestWay, key: str
) -> None:
    first = await api.send("POST", path_of("C03"), raised(key, **pair()))
    other = raised(f" {key} ", subject="other", **pair("b.txt", b"other"))

    again = await api.send("POST", path_of("C03"), other, http=200)

    assert (
        again
        == first
        == {"incidentId": first["incidentId"], "zendeskTicketId": key} | {"status": "Logged"}
    )
    ticket = f"tickets/{first['incidentId']}"
    files = await desk.call("AttachmentService.ListAttachments", {"parent": ticket})
    assert [file["fileName"] for file in files["attachments"]] == ["error.log"]
    read = await api.get(path_of("C04", id_=first["incidentId"]))
    assert read["subject"] == "My certificate is wrong"


async def test_an_incident_that_was_deleted_is_made_anew(api: Api, desk: RestWay, key: str) -> None:
    first = await api.send("POST", path_of("C03"), raised(key))
    await desk.call("IncidentService.DeleteIncident", {"name": f"incidents/{first['incidentId']}"})

    again = await api.send("POST", path_of("C03"), raised(key))

    assert again["incidentId"] != first["incidentId"]


async def test_its_status_is_that_of_now(api: Api, desk: RestWay, key: str) -> None:
    first = await api.send("POST", path_of("C03"), raised(key))
    name = f"incidents/{first['incidentId']}"
    await desk.call("IncidentService.ResolveIncident", {"name": name, "resolution": "Reprinted."})

    again = await api.send("POST", path_of("C03"), raised(key), http=200)

    assert again == first | {"status": "Resolved"}


async def test_of_many_at_once_one_makes_the_incident(stack: Stack) -> None:
    async with aiohttp.ClientSession() as session:
        rest = Rest(session, stack.port)
        api = Api(rest, await token_of(rest))
        answers = await asyncio.gather(
            *(
                api.ask("POST", path_of("C03"), raised("99", subject=f"{n}", **pair(f"{n}.txt")))
                for n in range(24)
            )
        )
        id_ = answers[0].json()["incidentId"]
        desk = RestWay(session, stack.port)
        files = await desk.call("AttachmentService.ListAttachments", {"parent": f"tickets/{id_}"})
        found = await desk.call(
            "LinkService.LookupLinks", {"parent": "orgs/1", "system": "zendesk", "key": "99"}
        )

    assert sorted(answer.status for answer in answers) == [200] * 23 + [201]
    assert {answer.json()["incidentId"] for answer in answers} == {id_}
    assert len(files["attachments"]) == 1
    assert len(found["results"]) == 1


async def test_an_incident_is_linked_and_read_from_both_ends(
    api: Api, desk: RestWay, key: str
) -> None:
    id_ = await api.incident()
    body = {"zendeskTicketId": key, "zendeskTicketUrl": f"https://example.com/{key}"}

    linked = await api.send("PATCH", path_of("C08", id_=id_), body, http=200)
    again = await api.send("PATCH", path_of("C08", id_=id_), body, http=200)
    there = await desk.call(
        "LinkService.LookupLinks", {"parent": "orgs/1", "system": "zendesk", "key": key}
    )

    assert linked == again
    (found,) = there["results"]
    assert (found["ticket"]["name"], found["link"]["url"]) == (
        f"tickets/{id_}",
        f"https://example.com/{key}",
    )
    assert (await api.get(path_of("C04", id_=id_)))["zendeskTicketId"] == key
    raised_again = await api.send("POST", path_of("C03"), raised(key), http=200)
    assert raised_again["incidentId"] == id_


async def test_a_ticket_that_another_incident_has_is_refused(api: Api, key: str) -> None:
    first, second = await api.incident(), await api.incident()
    await tie(api, first, key)

    answer = await tie(api, second, key)

    told(answer, "70400", f"zendesk {key} is linked to INC", http=409)
    assert (await api.get(path_of("C04", id_=second)))["zendeskTicketId"] == ""


async def test_of_many_incidents_at_once_one_gets_the_ticket(api: Api, key: str) -> None:
    ids = [await api.incident() for _ in range(6)]

    answers = await asyncio.gather(*(tie(api, id_, key) for id_ in ids))

    assert sorted(answer.status for answer in answers) == [200] + [409] * 5


async def test_the_newest_link_is_the_one_that_is_told(api: Api, desk: RestWay, key: str) -> None:
    id_ = await api.incident()
    await tie(api, id_, key)
    await tie(api, id_, f"{key}-2")
    other = {"system": "jira", "key": "X-1"}
    await desk.call("LinkService.CreateLink", {"parent": f"tickets/{id_}", "link": other})

    assert (await api.get(path_of("C04", id_=id_)))["zendeskTicketId"] == f"{key}-2"


async def test_a_link_that_was_made_elsewhere_counts(api: Api, desk: RestWay, key: str) -> None:
    id_ = await api.incident()
    link = {"system": "zendesk", "key": key}
    await desk.call("LinkService.CreateLink", {"parent": f"tickets/{id_}", "link": link})

    again = await api.send("POST", path_of("C03"), raised(key), http=200)

    assert again["incidentId"] == id_

"""What other clients of Ivanti ask for: related objects, actions, files, the search, a log-in."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.dialects.ivanti_sm.page import KEY, NOTE, ROOTS, refused
from tests.dialects.sample import fits
from tests.dialects.serviceops.guide import MULTIPART, form
from tests.stack import Answer

from .conftest import Ism

pytestmark = pytest.mark.envoy

PREFIXES = ("/HEAT/api", "/api")
DATA = b"%PDF-1.7 a scan"


async def send(ism: Ism, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    sent = {"Authorization": KEY} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return await ism.rest.request(method, path, data=body, headers=sent)


async def upload(ism: Ism, prefix: str, *parts: tuple[str, str | bytes, str]) -> Answer:
    return await send(
        ism, "POST", f"{prefix}/rest/Attachment", form(*parts), Content_Type=MULTIPART
    )


async def test_the_notes_of_an_incident_are_related_to_it(ism: Ism) -> None:
    made = await ism.create()
    for subject in ("first", "second"):
        said = NOTE | {"ParentLink_RecID": made["RecId"], "Subject": subject}
        await ism.ask("POST", "journal__Notess", said)

    for relation in ("IncidentContainsJournalNotes", "incidentcontainsjournal"):
        path = f"incidents('{made['RecId']}')/{relation}"
        listed = await ism.get(path)
        last = await ism.get(path, orderby="Subject desc", top="1", select="Subject")
        found = await ism.get(path, filter_="Subject eq 'first'", search="MEMO")
        assert [note["Subject"] for note in listed["value"]] == ["first", "second"]
        assert listed["@odata.context"].endswith("$metadata#journal__notess")
        assert (last["value"], last["@odata.count"]) == ([{"Subject": "second"}], 2)
        assert found["@odata.count"] == 1


@pytest.mark.parametrize("root", ROOTS)
async def test_an_incident_is_closed_by_a_quick_action(ism: Ism, root: str) -> None:
    made = await ism.create()
    path = f"{root}/incidents('{made['RecId']}')/close_incident"

    closed = await send(ism, "POST", path)
    again = await send(ism, "POST", path, "{}")

    assert closed.status == again.status == 200
    assert (closed.json()["Status"], closed.json()["IsInFinalState"]) == ("Closed", True)
    assert closed.json()["ClosedBy"] == "demo-client"
    assert again.json() == closed.json()


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_a_file_is_attached_listed_downloaded_and_deleted(ism: Ism, prefix: str) -> None:
    made = await ism.create()
    uploaded = await upload(
        ism,
        prefix,
        ("ObjectID", made["RecId"], ""),
        ("ObjectType", "incident#", ""),
        ("file", DATA, "scan.pdf"),
    )
    [answer] = uploaded.json()
    path = f"{prefix}/rest/Attachment?ID={answer['Message']}"
    listed = await ism.get(f"incidents('{made['RecId']}')/IncidentContainsAttachment")
    read = await send(ism, "GET", path)
    deleted = await send(ism, "DELETE", path)
    gone = await send(ism, "GET", path)

    assert uploaded.status == 200
    assert answer == {"FileName": "scan.pdf", "IsUploaded": True, "Message": answer["Message"]}
    [file] = listed["value"]
    assert (file["ATTACHNAME"], file["ATTACHSIZE"], file["RecId"]) == (
        "scan.pdf",
        len(DATA),
        answer["Message"],
    )
    assert (read.status, read.body) == (200, DATA)
    assert (deleted.status, deleted.body) == (204, b"")
    assert gone.status == 400
    assert fits(gone.json(), refused(400))


async def test_a_wrong_upload_says_what_is_wrong(ism: Ism) -> None:
    file = ("file", DATA, "scan.pdf")
    rec_id = ("ObjectID", (await ism.create())["RecId"], "")
    for parts, message in (
        ((file,), "ObjectID is required, before the file"),
        ((file, rec_id), "ObjectID is required, before the file"),
        ((("ObjectID", "A" * 32, ""), file), "there is no incident"),
        ((rec_id, ("ObjectType", "change#", ""), file), "it can be incident#"),
        ((rec_id,), "the form has no file in it"),
    ):
        answer = await upload(ism, "/api", *parts)
        assert answer.status == 400, answer
        assert fits(answer.json(), refused(400))
        assert message in answer.json()["message"][0]
    for id_ in ("", "x", "0" * 32, "F" * 32, f"{1:016X}{2**62:016X}"):
        answer = await send(ism, "GET", f"/api/rest/Attachment?ID={id_}")
        assert answer.status == 400, answer
        assert fits(answer.json(), refused(400))


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_words_are_sought_in_full_text(ism: Ism, prefix: str) -> None:
    number = (await ism.create())["IncidentNumber"]
    word = f"fulltext{number}"
    made = [await ism.create(Subject=f"{word} {n}") for n in range(3)]
    path = f"{prefix}/rest/search/fulltext"

    found = await send(
        ism, "POST", path, f'{{"Text":"{word}","ObjectType":"Incident","Top":2,"Skip":1}}'
    )

    assert found.status == 200, found
    assert found.json() == {
        "data": [
            {name: each[name] for name in ("IncidentNumber", "Subject", "RecId")}
            for each in made[1:]
        ],
        "metaData": [
            {"FieldRef": "IncidentNumber", "DisplayName": "Incident ID", "DataType": 6},
            {"FieldRef": "Subject", "DisplayName": "Summary", "DataType": 1},
            {"FieldRef": "RecId", "DisplayName": "RecId", "DataType": 4},
        ],
        "totalRows": 3,
        "keyRef": "RecId",
        "searchText": word,
    }
    for body, message in (
        ('{"ObjectType":"Incident"}', "Search keyword cannot be blank"),
        ('{"Text":" ","ObjectType":"Incident"}', "Search keyword cannot be blank"),
        ('{"Text":"a","ObjectType":"Change"}', "it can be Incident"),
        ('{"Text":"a"}', "it can be Incident"),
        ('{"Text":"a","ObjectType":"Incident","Top":"x"}', "Top is a number"),
        ('{"Text":"a","ObjectType":"Incident","Skip":-1}', "Skip is a number"),
        ('{"Text":5}', "Text is a text"),
        ("[]", "not JSON as documented"),
    ):
        answer = await send(ism, "POST", path, body)
        assert answer.status == 400, answer
        assert message in answer.json()["message"][0]


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_a_user_logs_in_and_calls_with_what_is_answered(ism: Ism, prefix: str) -> None:
    path = f"{prefix}/rest/authentication/login"
    said = '"tenant":"desk.example.com","username":"demo@example.com","role":"Admin"'

    answer = await send(ism, "POST", path, f'{{{said},"password":"demo"}}', Authorization="")
    token = answer.json()
    wrong = await send(ism, "POST", path, f'{{{said},"password":"no"}}', Authorization="")
    none = await send(ism, "POST", path, "{}", Authorization="")

    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    for authorization in (token, f"Bearer {token}"):
        listed = await ism.ask("GET", "employees", Authorization=authorization)
        assert listed.status == 200
    spoilt = await ism.ask("GET", "employees", Authorization=f"{token}x")
    assert spoilt.status == 401
    for refusal in (wrong, none):
        assert refusal.status == 400
        assert fits(refusal.json(), refused(400))


async def test_the_sets_are_described(ism: Ism) -> None:
    documents = [await send(ism, "GET", f"{prefix}/odata/$metadata") for prefix in PREFIXES]
    made = await ism.create()

    root = ET.fromstring(documents[0].body)  # noqa: S314 - our own
    schema = "{http://docs.oasis-open.org/odata/ns/edm}"
    sets = [each.get("Name") for each in root.iter(f"{schema}EntitySet")]
    incident = next(root.iter(f"{schema}EntityType"))
    fields = {each.get("Name"): each.get("Type") for each in incident.iter(f"{schema}Property")}
    assert documents[0].body == documents[1].body
    assert documents[0].headers["content-type"] == "application/xml"
    assert sets == ["incidents", "employees", "journal__Notess", "categories"]
    assert fields.keys() >= made.keys() - {"@odata.context"}
    assert (fields["IncidentNumber"], fields["IsVIP"]) == ("Edm.Int32", "Edm.Boolean")
    assert fields["LastModDateTime"] == "Edm.DateTimeOffset"


async def test_categories_are_those_of_the_catalog(ism: Ism) -> None:
    listed = await ism.get("Categories", filter_="Name eq 'How-To'")
    [how_to] = listed["value"]
    one = await ism.get(f"categories('{how_to['RecId']}')")

    assert (how_to["Name"], how_to["Service"]) == ("How-To", "Service Desk")
    assert one == {"@odata.context": one["@odata.context"], **how_to}


async def test_null_is_written_as_older_clients_do(ism: Ism) -> None:
    made = await ism.create(Owner=None)
    number = made["IncidentNumber"]

    assert await ism.numbers(filter_=f"Owner eq '$NULL' and IncidentNumber eq {number}") == [number]
    assert await ism.numbers(filter_=f"Owner ne '$NULL' and IncidentNumber eq {number}") == []

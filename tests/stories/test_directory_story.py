"""The story of an org's directory: people and locations are added, changed, listed, taken out."""

from __future__ import annotations

import pytest

from .way import Json, Refused, Way

pytestmark = pytest.mark.envoy


async def do(way: Way, method: str, **request: object) -> Json:
    return await way.call(f"DirectoryService.{method}", request)


async def test_people_come_change_and_go(way: Way, org: str) -> None:
    said = {"email": "Tim@acme.com", "displayName": "Tim", "login": "tim", "team": "Desk"}
    tim = await do(way, "CreatePerson", parent=org, person=said)
    with pytest.raises(Refused) as twice:
        await do(way, "CreatePerson", parent=org, person={"email": "tim@ACME.com"})
    ann = await do(
        way, "CreatePerson", parent=org, person={"email": "ann@acme.com", "sysId": "0" * 32}
    )
    with pytest.raises(Refused) as taken:
        await do(
            way,
            "UpdatePerson",
            person={"name": ann["name"], "email": "TIM@acme.com"},
            updateMask="email",
        )
    moved = await do(
        way, "UpdatePerson", person={"name": tim["name"], "team": "Field"}, updateMask="team"
    )
    first = await do(way, "ListPeople", parent=org, pageSize=1)
    second = await do(way, "ListPeople", parent=org, pageSize=1, pageToken=first["nextPageToken"])
    gone = await do(way, "DeletePerson", name=ann["name"])
    again = await do(way, "CreatePerson", parent=org, person={"email": "ann@acme.com"})

    assert len(tim["sysId"]) == 32
    assert ann["sysId"] == "0" * 32
    assert twice.value.code == taken.value.code == "ALREADY_EXISTS"
    assert moved == tim | {"team": "Field", "updateTime": moved["updateTime"]}
    assert [*first["people"], *second["people"]] == [moved, ann]
    assert second["nextPageToken"] == ""
    assert gone == ann
    assert again["name"] != ann["name"]
    assert await do(way, "GetPerson", name=again["name"]) == again


async def test_locations_come_change_and_go(way: Way, org: str) -> None:
    made = await do(way, "CreateLocation", parent=org, location={"displayName": "Ahmedabad"})
    with pytest.raises(Refused) as twice:
        await do(way, "CreateLocation", parent=org, location={"displayName": "AHMEDABAD"})
    renamed = await do(
        way, "UpdateLocation", location={"name": made["name"], "displayName": "Pune"}
    )
    listed = await do(way, "ListLocations", parent=org)
    got = await do(way, "GetLocation", name=made["name"])
    await do(way, "DeleteLocation", name=made["name"])
    with pytest.raises(Refused) as missing:
        await do(way, "GetLocation", name=made["name"])

    assert twice.value.message == f"org {org[5:]} has a location ahmedabad already"
    assert listed["locations"] == [renamed]
    assert (got["displayName"], got["createTime"]) == ("Pune", made["createTime"])
    assert missing.value.code == "NOT_FOUND"


@pytest.mark.parametrize(
    ("person", "message"),
    [
        ({}, "person.email is required"),
        ({"email": "tim"}, "person.email is no e-mail address such as ann@example.com"),
        ({"email": "a b@c"}, "person.email is no e-mail address such as ann@example.com"),
        (
            {"email": "a@b", "displayName": "x" * 256},
            "person.display_name has 256 characters, at most 255 are taken",
        ),
        (
            {"email": "a@b", "sysId": "F" * 32},
            "person.sys_id is not 32 hexadecimal digits in lower case",
        ),
    ],
)
async def test_what_can_be_no_person_is_refused(
    way: Way, org: str, person: Json, message: str
) -> None:
    with pytest.raises(Refused) as caught:
        await do(way, "CreatePerson", parent=org, person=person)

    assert (caught.value.code, caught.value.message) == ("INVALID_ARGUMENT", message)


async def test_an_org_that_is_not_there_has_no_directory(way: Way) -> None:
    for method, said in (
        ("CreatePerson", {"person": {"email": "a@b"}}),
        ("CreateLocation", {"location": {"displayName": "x"}}),
        ("ListPeople", {}),
        ("ListLocations", {}),
    ):
        with pytest.raises(Refused) as caught:
            await do(way, method, parent="orgs/999999", **said)
        assert (caught.value.code, caught.value.message) == ("NOT_FOUND", "there is no org 999999")


async def test_a_mask_names_what_can_be_changed(way: Way, org: str) -> None:
    made = await do(way, "CreatePerson", parent=org, person={"email": "a@b"})

    with pytest.raises(Refused) as caught:
        await do(way, "UpdatePerson", person={"name": made["name"]}, updateMask="sysId")

    assert "these can: email, display_name, login, team" in caught.value.message

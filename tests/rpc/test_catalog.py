"""Catalogs of orgs, and the custom fields of tickets, by gRPC and by REST."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from polydesk.api.v1 import catalog_pb2 as pb
from polydesk.api.v1 import incident_pb2, ticket_pb2
from polydesk.api.v1.catalog_pb2_grpc import CatalogServiceStub
from polydesk.domain.identity import Role

if TYPE_CHECKING:
    from tests.conftest import Native
    from tests.stack import Rest

Ticket = ticket_pb2.Ticket
Value = Ticket.CustomValue
Field = pb.CustomField
VALUES = {
    "building": Value(text="A"),
    "floor": Value(integer=3),
    "asset": Value(integer=2**63 - 1),
    "rate": Value(number=7.0),
    "vip": Value(boolean=False),
    "rooms": Value(integers=Value.Integers(values=[1, 2])),
    "owners": Value(texts=Value.Texts(values=["ann", "bob"])),
}
TYPES = {
    "building": Field.TYPE_TEXT,
    "floor": Field.TYPE_INTEGER,
    "asset": Field.TYPE_LONG,
    "rate": Field.TYPE_NUMBER,
    "vip": Field.TYPE_BOOLEAN,
    "rooms": Field.TYPE_INTEGER_LIST,
    "owners": Field.TYPE_TEXT_LIST,
}


async def call(native: Native, method: str, request: Any, **headers: str) -> Any:
    stub = CatalogServiceStub(native.channel)
    return await getattr(stub, method)(request, metadata=native.headers(**headers))


async def add_field(native: Native, key: str, **said: Any) -> Field:
    usual: dict[str, Any] = {"key": key, "type": Field.TYPE_TEXT}
    request = pb.CreateCustomFieldRequest(parent="orgs/7", custom_field=Field(**(usual | said)))
    added: Field = await call(native, "CreateCustomField", request)
    return added


async def add_category(native: Native, title: str, **said: Any) -> pb.Category:
    request = pb.CreateCategoryRequest(parent="orgs/7", category=pb.Category(title=title, **said))
    added: pb.Category = await call(native, "CreateCategory", request)
    return added


async def make(native: Native, **said: Any) -> Ticket:
    request = incident_pb2.CreateIncidentRequest(
        parent="orgs/7", incident=Ticket(summary="on fire", **said)
    )
    made: Ticket = await native.incidents.CreateIncident(request, metadata=native.headers())
    return made


async def update(native: Native, mask: str, **said: Any) -> Ticket:
    request = incident_pb2.UpdateIncidentRequest(
        incident=Ticket(**said), update_mask=FieldMask(paths=mask.split(",") if mask else [])
    )
    done: Ticket = await native.incidents.UpdateIncident(request, metadata=native.headers())
    return done


@pytest.fixture
async def fields(native: Native) -> None:
    for key, type_ in TYPES.items():
        await add_field(native, key, type=type_)


async def test_categories_are_kept_changed_and_listed_by_the_page(native: Native) -> None:
    hardware = await add_category(native, "Hardware", service="Service Desk")
    printer = await add_category(native, "Printer", parent_category=hardware.name)

    renamed = await call(
        native,
        "UpdateCategory",
        pb.UpdateCategoryRequest(
            category=pb.Category(name=printer.name, title="Printers"),
            update_mask=FieldMask(paths=["title"]),
        ),
    )
    got = await call(native, "GetCategory", pb.GetCategoryRequest(name=printer.name))
    first = await call(
        native, "ListCategories", pb.ListCategoriesRequest(parent="orgs/7", page_size=1)
    )
    second = await call(
        native,
        "ListCategories",
        pb.ListCategoriesRequest(parent="orgs/7", page_size=1, page_token=first.next_page_token),
    )

    assert got == renamed
    assert (got.title, got.parent_category) == ("Printers", hardware.name)
    assert [*first.categories, *second.categories] == [hardware, renamed]
    assert second.next_page_token == ""


async def test_a_category_is_deleted_from_below(native: Native) -> None:
    hardware = await add_category(native, "Hardware")
    printer = await add_category(native, "Printer", parent_category=hardware.name)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(native, "DeleteCategory", pb.DeleteCategoryRequest(name=hardware.name))
    gone = await call(native, "DeleteCategory", pb.DeleteCategoryRequest(name=printer.name))
    await call(native, "DeleteCategory", pb.DeleteCategoryRequest(name=hardware.name))

    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert gone == printer
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(native, "GetCategory", pb.GetCategoryRequest(name=printer.name))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_only_operators_change_a_catalog_and_only_the_org_reads_it(native: Native) -> None:
    await native.registry.add_user("ann@x.org", "s3cret", roles={7: Role.AGENT})
    ann = {"login": "ann@x.org", "secret": "s3cret"}
    category = await add_category(native, "Hardware")
    asked = pb.CreateCategoryRequest(parent="orgs/7", category=pb.Category(title="x"))

    listed = await call(native, "ListCategories", pb.ListCategoriesRequest(parent="orgs/7"), **ann)
    with pytest.raises(grpc.aio.AioRpcError) as denied:
        await call(native, "CreateCategory", asked, **ann)
    with pytest.raises(grpc.aio.AioRpcError) as foreign:
        await call(native, "ListCategories", pb.ListCategoriesRequest(parent="orgs/5"), **ann)

    assert list(listed.categories) == [category]
    assert denied.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert foreign.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.usefixtures("fields")
async def test_custom_fields_of_every_type_are_kept_as_they_were_given(native: Native) -> None:
    made = await make(native, custom_fields=VALUES)

    got = await native.incidents.GetIncident(
        incident_pb2.GetIncidentRequest(name=made.name), metadata=native.headers()
    )
    masked = await native.incidents.GetIncident(
        incident_pb2.GetIncidentRequest(
            name=made.name, read_mask=FieldMask(paths=["custom_fields"])
        ),
        metadata=native.headers(),
    )

    assert dict(got.custom_fields) == VALUES
    assert masked == Ticket(custom_fields=VALUES)


@pytest.mark.usefixtures("fields")
async def test_an_update_changes_the_keys_it_names(native: Native) -> None:
    made = await make(native, custom_fields=VALUES)

    updated = await update(
        native,
        "custom_fields",
        name=made.name,
        custom_fields={"building": Value(text="B"), "vip": Value()},
    )

    assert updated.custom_fields["building"] == Value(text="B")
    assert set(updated.custom_fields) == VALUES.keys() - {"vip"}
    assert updated.etag == "2"


@pytest.mark.usefixtures("fields")
async def test_an_update_that_says_what_is_there_changes_nothing(native: Native) -> None:
    made = await make(native, custom_fields=VALUES)

    updated = await update(native, "", name=made.name, custom_fields=VALUES)

    assert updated == made


@pytest.mark.usefixtures("fields")
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"floor": Value(text="3")}, "custom_fields.floor takes an integer of 32 bits"),
        ({"floor": Value(integer=2**31)}, "custom_fields.floor takes an integer of 32 bits"),
        ({"roof": Value(text="3")}, "the org has no custom field roof"),
    ],
)
async def test_a_value_that_does_not_fit_changes_nothing(
    native: Native, values: dict[str, Value], words: str
) -> None:
    made = await make(native, custom_fields=VALUES)

    for refused in (
        update(native, "", name=made.name, summary="changed", custom_fields=values),
        make(native, custom_fields=values),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await refused
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert words in (caught.value.details() or "")

    got = await native.incidents.GetIncident(
        incident_pb2.GetIncidentRequest(name=made.name), metadata=native.headers()
    )
    assert got == made


async def test_a_required_field_is_asked_of_new_incidents_alone(native: Native) -> None:
    old = await make(native)
    await add_field(native, "building", required=True, options=["A", "B"])

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await make(native)
    moved = await update(native, "", name=old.name, assignee="ann")
    pushed = await native.tickets.SaveTickets(
        ticket_pb2.SaveTicketsRequest(
            parent="orgs/7",
            tickets=[Ticket(kind=Ticket.KIND_INCIDENT, number="P1", summary="pushed")],
        ),
        metadata=native.headers(),
    )

    assert "custom_fields.building is required" in (caught.value.details() or "")
    assert moved.assignee == "ann"
    assert pushed.results[0].outcome == ticket_pb2.SaveTicketsResponse.OUTCOME_CREATED


async def test_a_deleted_field_stays_with_the_tickets_that_have_it(native: Native) -> None:
    field = await add_field(native, "building")
    made = await make(native, custom_fields={"building": Value(text="A")})
    await call(native, "DeleteCustomField", pb.DeleteCustomFieldRequest(name=field.name))

    moved = await update(native, "", name=made.name, assignee="ann")

    assert moved.custom_fields["building"] == Value(text="A")


async def test_the_history_tells_what_became_of_custom_fields(native: Native) -> None:
    await add_field(native, "building")
    made = await make(native, custom_fields={"building": Value(text="A")})
    await update(native, "", name=made.name, custom_fields={"building": Value(text="B")})

    told = await native.tickets.ListTicketChanges(
        ticket_pb2.ListTicketChangesRequest(parent=made.name.replace("incidents", "tickets")),
        metadata=native.headers(),
    )

    [changed] = [each for each in told.changes[-1].fields if each.field == "custom_fields"]
    assert (changed.old_json, changed.new_json) == ('{"building":"A"}', '{"building":"B"}')


@pytest.mark.envoy
async def test_rest_speaks_of_catalogs_and_custom_fields(rest: Rest) -> None:
    async def send(method: str, path: str, **body: Any) -> Any:
        answer = await rest.request(
            method, f"/desk/v1/{path}", data=json.dumps(body) if body else None
        )
        assert answer.status == 200, answer.body
        return answer.json()

    field = await send(
        "POST",
        "orgs/7/customFields?customFieldId=35",
        key="asset",
        label="Asset",
        type="TYPE_LONG",
    )
    category = await send("POST", "orgs/7/categories", title="Hardware")
    made = await send(
        "POST", "orgs/7/incidents", summary="s", customFields={"asset": {"integer": "42"}}
    )
    patched = await send(
        "PATCH", f"{made['name']}?updateMask=customFields", customFields={"asset": {"integer": 43}}
    )
    listed = await send("GET", "orgs/7/customFields")
    renamed = await send("PATCH", category["name"], title="Hard")
    gone = await send("DELETE", field["name"])

    assert field == {
        "name": "orgs/7/customFields/35",
        "key": "asset",
        "label": "Asset",
        "type": "TYPE_LONG",
        "required": False,
        "options": [],
    }
    assert listed["customFields"][-1] == field
    assert made["customFields"] == {"asset": {"integer": "42"}}
    assert patched["customFields"] == {"asset": {"integer": "43"}}
    assert renamed["title"] == "Hard"
    assert gone == field

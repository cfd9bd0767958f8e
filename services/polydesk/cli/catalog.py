"""`polydesk category` and `polydesk field`: the words in which an org classifies its tickets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from polydesk.cli.connection import connected
from polydesk.cli.listing import Row, show_json, show_rows
from polydesk.cli.message import choose, word
from polydesk.cli.options import AsJson
from polydesk.cli.ticket import Org

if TYPE_CHECKING:
    from polydesk.client import Client
    from polydesk.client.messages import catalog_pb2

category = typer.Typer(help="Categories of an org.", no_args_is_help=True)
field = typer.Typer(help="Custom fields of an org's tickets.", no_args_is_help=True)

Id = Annotated[int, typer.Argument(metavar="ID", min=1)]
Chosen = Annotated[int, typer.Option("--id", min=0, help="Else the hub gives the next one.")]


@category.command("add")
@connected
async def add_category(  # noqa: PLR0913 - each is an option
    client: Client,
    org: Org,
    title: str,
    *,
    above: Annotated[int, typer.Option(min=0, help="The id of the category it is below.")] = 0,
    service: Annotated[str, typer.Option(help="The service it belongs to.")] = "",
    chosen: Chosen = 0,
    as_json: AsJson = False,
) -> None:
    """Adds a category and prints it."""
    from polydesk.client.messages import catalog_pb2  # noqa: PLC0415 - keeps --help quick

    parent = f"orgs/{org}/categories/{above}" if above else ""
    said = catalog_pb2.Category(title=title, parent_category=parent, service=service)
    request = catalog_pb2.CreateCategoryRequest(
        parent=f"orgs/{org}", category=said, category_id=chosen
    )
    _show([await client.catalogs.CreateCategory(request)], _category_row, as_json=as_json)


@category.command("list")
@connected
async def list_categories(client: Client, org: Org, *, as_json: AsJson = False) -> None:
    """Lists the categories of an org."""
    from polydesk.client import pages  # noqa: PLC0415 - keeps --help quick
    from polydesk.client.messages import catalog_pb2  # noqa: PLC0415 - the same

    request = catalog_pb2.ListCategoriesRequest(parent=f"orgs/{org}", page_size=1_000)
    found = [
        each
        async for page in pages(client.catalogs.ListCategories, request)
        for each in page.categories
    ]
    _show(found, _category_row, as_json=as_json)


@category.command("remove")
@connected
async def remove_category(client: Client, org: Org, id_: Id) -> None:
    """Removes a category; tickets keep the words they have."""
    from polydesk.client.messages import catalog_pb2  # noqa: PLC0415 - keeps --help quick

    name = f"orgs/{org}/categories/{id_}"
    await client.catalogs.DeleteCategory(catalog_pb2.DeleteCategoryRequest(name=name))


@field.command("add")
@connected
async def add_field(  # noqa: PLR0913 - each is an option
    client: Client,
    org: Org,
    key: str,
    type_: Annotated[
        str, typer.Argument(metavar="TYPE", help="text, long-text, integer, number, boolean, …")
    ],
    *,
    label: Annotated[str, typer.Option(help="What people read.")] = "",
    required: Annotated[bool, typer.Option("--required", help="New incidents need it.")] = False,
    options: Annotated[
        list[str] | None, typer.Option("--option", help="A text it takes; may be repeated.")
    ] = None,
    chosen: Chosen = 0,
    as_json: AsJson = False,
) -> None:
    """Adds a custom field and prints it."""
    from polydesk.client.messages import catalog_pb2  # noqa: PLC0415 - keeps --help quick

    said = catalog_pb2.CustomField(
        key=key,
        type=choose(catalog_pb2.CustomField, "type", type_),
        label=label,
        required=required,
        options=options or [],
    )
    request = catalog_pb2.CreateCustomFieldRequest(
        parent=f"orgs/{org}", custom_field=said, custom_field_id=chosen
    )
    _show([await client.catalogs.CreateCustomField(request)], _field_row, as_json=as_json)


@field.command("list")
@connected
async def list_fields(client: Client, org: Org, *, as_json: AsJson = False) -> None:
    """Lists the custom fields of an org."""
    from polydesk.client import pages  # noqa: PLC0415 - keeps --help quick
    from polydesk.client.messages import catalog_pb2  # noqa: PLC0415 - the same

    request = catalog_pb2.ListCustomFieldsRequest(parent=f"orgs/{org}", page_size=1_000)
    found = [
        each
        async for page in pages(client.catalogs.ListCustomFields, request)
        for each in page.custom_fields
    ]
    _show(found, _field_row, as_json=as_json)


@field.command("remove")
@connected
async def remove_field(client: Client, org: Org, id_: Id) -> None:
    """Removes a custom field; tickets keep what they hold."""
    from polydesk.client.messages import catalog_pb2  # noqa: PLC0415 - keeps --help quick

    name = f"orgs/{org}/customFields/{id_}"
    await client.catalogs.DeleteCustomField(catalog_pb2.DeleteCustomFieldRequest(name=name))


def _show(found: list[Any], row: Any, *, as_json: bool) -> None:
    if as_json:
        for each in found:
            show_json(each)
    else:
        show_rows([row(each) for each in found], none="there is none")


def _category_row(found: catalog_pb2.Category) -> Row:
    return {
        "id": _id(found.name),
        "title": found.title,
        "below": _id(found.parent_category),
        "service": found.service,
    }


def _field_row(found: catalog_pb2.CustomField) -> Row:
    return {
        "id": _id(found.name),
        "key": found.key,
        "label": found.label,
        "type": word(found, "type"),
        "required": "yes" if found.required else "",
        "options": ", ".join(found.options),
    }


def _id(name: str) -> str:
    return name.rpartition("/")[2]

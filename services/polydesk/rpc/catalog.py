"""The canonical service of catalogs: categories and custom fields of orgs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import grpc.aio
from google.protobuf.field_mask_pb2 import FieldMask
from msgspec.structs import replace

from polydesk.api.v1 import catalog_pb2 as pb
from polydesk.api.v1 import catalog_pb2_grpc
from polydesk.domain.catalog import page
from polydesk.domain.category import Category
from polydesk.domain.custom_field import CustomField, FieldType
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid
from polydesk.domain.query import page_size
from polydesk.rpc.name import child_of, org_of
from polydesk.wire import caller_of

Context = grpc.aio.ServicerContext[Any, Any]

_CATEGORY: Final = ("title", "parent_category", "service")
_FIELD: Final = ("label", "required", "options")
_TYPES: Final = {pb.CustomField.Type.Value(f"TYPE_{type_.name}"): type_ for type_ in FieldType}
_TYPE_NUMBERS: Final[dict[FieldType, Any]] = {type_: number for number, type_ in _TYPES.items()}


class CatalogServicer(catalog_pb2_grpc.CatalogServiceServicer):
    """Serves catalogs."""

    def __init__(self, desk: Desk) -> None:
        self._catalogs = desk.catalogs

    async def CreateCategory(self, request: pb.CreateCategoryRequest, _: Context) -> pb.Category:
        """Adds a category."""
        org, said = org_of(request.parent), request.category
        category = Category(
            id=request.category_id, title=said.title, above=_above(org, said), service=said.service
        )
        catalog = await self._catalogs.change(
            caller_of(), org, lambda old: old.with_new_category(category)
        )
        return from_category(org, catalog.category(category.id or catalog.newest_category))

    async def GetCategory(self, request: pb.GetCategoryRequest, _: Context) -> pb.Category:
        """Returns one category."""
        org, id_ = child_of(request.name, "orgs", "categories")
        return from_category(org, (await self._catalogs.get(caller_of(), org)).category(id_))

    async def ListCategories(
        self, request: pb.ListCategoriesRequest, _: Context
    ) -> pb.ListCategoriesResponse:
        """Returns a page of categories."""
        org = org_of(request.parent)
        found = page(
            (await self._catalogs.get(caller_of(), org)).categories,
            asked=["categories", org],
            limit=page_size(request.page_size),
            token=request.page_token,
        )
        return pb.ListCategoriesResponse(
            categories=[from_category(org, each) for each in found.items],
            next_page_token=found.next_token,
        )

    async def UpdateCategory(self, request: pb.UpdateCategoryRequest, _: Context) -> pb.Category:
        """Changes a category."""
        said = request.category
        org, id_ = child_of(said.name, "orgs", "categories")
        values = {"title": said.title, "above": _above(org, said), "service": said.service}
        named = _masked(request.update_mask, _CATEGORY)
        fields = {name.replace("parent_category", "above") for name in named}
        changes = {name: value for name, value in values.items() if name in fields}
        catalog = await self._catalogs.change(
            caller_of(),
            org,
            lambda old: old.with_category(replace(old.category(id_), **changes)),
        )
        return from_category(org, catalog.category(id_))

    async def DeleteCategory(self, request: pb.DeleteCategoryRequest, _: Context) -> pb.Category:
        """Deletes a category."""
        org, id_ = child_of(request.name, "orgs", "categories")
        before = await self._catalogs.remove(
            caller_of(), org, lambda old: old.without_category(id_)
        )
        return from_category(org, before.category(id_))

    async def CreateCustomField(
        self, request: pb.CreateCustomFieldRequest, _: Context
    ) -> pb.CustomField:
        """Adds a custom field."""
        org, said = org_of(request.parent), request.custom_field
        field = CustomField(
            id=request.custom_field_id,
            key=said.key,
            type=_type(said.type),
            label=said.label,
            required=said.required,
            options=tuple(said.options),
        )
        catalog = await self._catalogs.change(
            caller_of(), org, lambda old: old.with_new_field(field)
        )
        return from_field(org, catalog.field(field.id or catalog.newest_field))

    async def GetCustomField(self, request: pb.GetCustomFieldRequest, _: Context) -> pb.CustomField:
        """Returns one custom field."""
        org, id_ = child_of(request.name, "orgs", "customFields")
        return from_field(org, (await self._catalogs.get(caller_of(), org)).field(id_))

    async def ListCustomFields(
        self, request: pb.ListCustomFieldsRequest, _: Context
    ) -> pb.ListCustomFieldsResponse:
        """Returns a page of custom fields."""
        org = org_of(request.parent)
        found = page(
            (await self._catalogs.get(caller_of(), org)).fields,
            asked=["customFields", org],
            limit=page_size(request.page_size),
            token=request.page_token,
        )
        return pb.ListCustomFieldsResponse(
            custom_fields=[from_field(org, each) for each in found.items],
            next_page_token=found.next_token,
        )

    async def UpdateCustomField(
        self, request: pb.UpdateCustomFieldRequest, _: Context
    ) -> pb.CustomField:
        """Changes a custom field."""
        said = request.custom_field
        org, id_ = child_of(said.name, "orgs", "customFields")
        values: dict[str, Any] = {
            "label": said.label,
            "required": said.required,
            "options": tuple(said.options),
        }
        changes = {name: values[name] for name in _masked(request.update_mask, _FIELD)}
        catalog = await self._catalogs.change(
            caller_of(), org, lambda old: old.with_field(replace(old.field(id_), **changes))
        )
        return from_field(org, catalog.field(id_))

    async def DeleteCustomField(
        self, request: pb.DeleteCustomFieldRequest, _: Context
    ) -> pb.CustomField:
        """Deletes a custom field."""
        org, id_ = child_of(request.name, "orgs", "customFields")
        before = await self._catalogs.remove(caller_of(), org, lambda old: old.without_field(id_))
        return from_field(org, before.field(id_))


def from_category(org: int, category: Category) -> pb.Category:
    """Writes a category."""
    above = f"orgs/{org}/categories/{category.above}" if category.above else ""
    return pb.Category(
        name=f"orgs/{org}/categories/{category.id}",
        title=category.title,
        parent_category=above,
        service=category.service,
    )


def from_field(org: int, field: CustomField) -> pb.CustomField:
    """Writes a custom field."""
    return pb.CustomField(
        name=f"orgs/{org}/customFields/{field.id}",
        key=field.key,
        label=field.label or field.key,
        type=_TYPE_NUMBERS[field.type],
        required=field.required,
        options=field.options,
    )


def _above(org: int, said: pb.Category) -> int:
    if not said.parent_category:
        return 0
    field = "category.parent_category"
    its_org, id_ = child_of(said.parent_category, "orgs", "categories", field=field)
    if its_org != org:
        raise Invalid("a category and the one above it are of one org", field=field)
    return id_


def _type(number: int) -> FieldType:
    if number not in _TYPES:
        raise Invalid(f"custom_field.type cannot be {number}", field="custom_field.type")
    return _TYPES[number]


def _masked(mask: FieldMask, known: Sequence[str]) -> Sequence[str]:
    if unknown := set(mask.paths) - set(known):
        raise Invalid(
            f"update_mask: {min(unknown)} cannot be changed; these can: {', '.join(known)}",
            field="update_mask",
        )
    return mask.paths or known

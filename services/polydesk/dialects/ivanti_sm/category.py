"""Categories of the org's catalog, as they are answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from polydesk.dialects.ivanti_sm import term
from polydesk.dialects.ivanti_sm.filter import Field
from polydesk.domain.category import Category

FIELDS: Final = ("Name", "ParentLink_RecID", "RecId", "Service")
FILTERS: Final[Mapping[str, Field]] = {name: term.text(name) for name in FIELDS}


def from_category(category: Category) -> dict[str, Any]:
    """Writes a category."""
    values = {
        "Name": category.title,
        "ParentLink_RecID": f"{category.above:032X}" if category.above else "",
        "RecId": f"{category.id:032X}",
        "Service": category.service,
    }
    return {name: value for name, value in values.items() if value}
